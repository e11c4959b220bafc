"""What `raftwerk serve` accepts, and how it refuses the rest."""

import re
from typing import Any

import pytest

from raftwerk.config import InitialMember, ServeConfig, Url
from raftwerk.errors import ConfigError

OURS = Url("127.0.0.1", 2380)

REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"name": ""}, "name is ''; it must be 1 to 128 printable characters"),
    ({"name": "a,b"}, "name is a,b; it must be 1 to 128 printable characters"),
    ({"name": "a\nb"}, r"name is 'a\nb'; it must be 1 to 128 printable characters"),
    ({"data_dir": ""}, "data-dir is ''; it must be printable and not empty"),
    ({"listen_client_urls": ()}, "listen-client-urls is empty; it must be at least"),
    (
        {"listen_client_urls": (OURS,)},
        "listen-peer-urls is http://127.0.0.1:2380; it must be another address than",
    ),
    (
        {"initial_cluster_state": "old"},
        "initial-cluster-state is old; it must be one of new, existing",
    ),
    ({"log_level": "loud"}, "log-level is loud; it must be one of debug, info, warn"),
    ({"peer_secret": "schlüssel"}, "peer-secret is ***; it must be visible characters"),
    ({"peer_secret": "open sesame"}, "peer-secret is ***; it must be visible"),
    ({"peer_secret": "s3cret\n"}, "peer-secret is ***; it must be visible"),
    ({"snapshot_count": 0}, "snapshot-count is 0; it must be at least 1"),
    ({"heartbeat_interval_millis": 0}, "heartbeat-interval is 0; it must be at least"),
    (
        {"heartbeat_interval_millis": 76},
        "heartbeat-interval is 76; it must be at most half of election-timeout (150",
    ),
    (
        {"election_timeout_min_millis": 0, "election_timeout_max_millis": 0},
        "election-timeout is 0; it must be from 1 to 50000 (milliseconds)",
    ),
    (
        {"election_timeout_min_millis": 300, "election_timeout_max_millis": 200},
        "election-timeout-max is 200; it must be from election-timeout (300) to 100000",
    ),
    (
        {
            "initial_cluster": (
                InitialMember("default", (OURS,)),
                InitialMember("other", (OURS,)),
            )
        },
        "initial-cluster is default=http://127.0.0.1:2380,other=http://127.0.0.1:2380;"
        " it must be without repeated URLs",
    ),
]


NOT_OURS: list[tuple[dict[str, Any], str]] = [
    (
        {"name": "other"},
        "initial-cluster is default=http://127.0.0.1:2380; it must be a list with"
        " this node's name (other)",
    ),
    (
        {"initial_advertise_peer_urls": (Url("10.0.0.1", 2380),)},
        "initial-advertise-peer-urls is http://10.0.0.1:2380; it must be what"
        " initial-cluster says of default (http://127.0.0.1:2380)",
    ),
]


def test_defaults_are_one_node_on_this_machine() -> None:
    config = ServeConfig()
    assert [str(url) for url in config.listen_client_urls] == ["http://127.0.0.1:2379"]
    assert [str(url) for url in config.listen_peer_urls] == ["http://127.0.0.1:2380"]
    assert config.initial_peer_urls(config.name) == config.listen_peer_urls


@pytest.mark.parametrize(("settings", "message"), REFUSED)
def test_a_setting_that_cannot_work_is_named_with_its_value_and_what_is_allowed(
    settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError) as refused:
        ServeConfig(**settings)
    assert str(refused.value).startswith(message)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(("settings", "message"), NOT_OURS)
def test_a_first_cluster_must_be_the_nodes_own_only_at_its_first_start(
    settings: dict[str, Any], message: str
) -> None:
    config = ServeConfig(**settings)
    with pytest.raises(ConfigError, match=re.escape(message)):
        config.require_own_place()


def test_a_first_cluster_may_name_the_node_by_another_name() -> None:
    def is_same(url: Url, other: Url) -> bool:
        return url.port == other.port

    by_name = ServeConfig(initial_advertise_peer_urls=(Url("localhost", 2380),))
    by_name.require_own_place(is_same)
    for urls in (
        (Url("localhost", 2381),),
        (Url("localhost", 2380), Url("localhost", 2381)),
    ):
        with pytest.raises(ConfigError, match="must be what initial-cluster says"):
            ServeConfig(initial_advertise_peer_urls=urls).require_own_place(is_same)


def test_a_member_that_is_not_in_the_cluster_has_no_urls() -> None:
    assert ServeConfig().initial_peer_urls("nobody") == ()
