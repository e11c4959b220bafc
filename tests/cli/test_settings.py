"""From texts to configuration: etcd's forms are read, what was not said follows."""

from collections.abc import Callable, Mapping

import pytest

from raftwerk.cli.settings import demo_config, monitor_config, serve_config
from raftwerk.config import DemoConfig, InitialMember, MonitorConfig, ServeConfig, Url
from raftwerk.errors import ConfigError


def test_without_any_text_all_is_as_usual() -> None:
    assert serve_config({}) == ServeConfig()
    assert monitor_config({}) == MonitorConfig()
    assert demo_config({}) == DemoConfig()


def test_a_command_line_of_etcd_is_understood() -> None:
    config = serve_config(
        {
            "name": "infra1",
            "data-dir": "/var/lib/infra1",
            "listen-client-urls": "http://10.0.0.1:2379,http://127.0.0.1:2379",
            "advertise-client-urls": "http://10.0.0.1:2379",
            "listen-peer-urls": "http://10.0.0.1:2380",
            "initial-advertise-peer-urls": "http://10.0.0.1:2380",
            "initial-cluster": (
                "infra0=http://10.0.0.0:2380,infra1=http://10.0.0.1:2380"
            ),
            "initial-cluster-state": "new",
            "initial-cluster-token": "blue",
            "heartbeat-interval": "100",
            "election-timeout": "1000",
            "snapshot-count": "5000",
            "log-level": "warn",
        }
    )
    assert config.listen_client_urls == (Url("10.0.0.1", 2379), Url("127.0.0.1", 2379))
    assert config.initial_cluster == (
        InitialMember("infra0", (Url("10.0.0.0", 2380),)),
        InitialMember("infra1", (Url("10.0.0.1", 2380),)),
    )
    assert config.heartbeat_interval_millis == 100
    assert config.election_timeout_min_millis == 1000
    assert config.election_timeout_max_millis == 2000
    assert config.snapshot_count == 5000


@pytest.mark.parametrize(
    ("heartbeat", "least"),
    [("20", 150), ("50", 150), ("75", 225), ("100", 300), ("150", 300)],
)
def test_an_election_timeout_that_is_not_said_follows_the_heartbeat(
    heartbeat: str, least: int
) -> None:
    config = serve_config({"heartbeat-interval": heartbeat})
    assert config.election_timeout_min_millis == least
    assert config.election_timeout_max_millis == 2 * least
    with pytest.raises(ConfigError, match="at most half of election-timeout"):
        serve_config({"heartbeat-interval": heartbeat, "election-timeout": "30"})


@pytest.mark.parametrize("heartbeat", ["151", "500"])
def test_a_slow_heartbeat_makes_no_election_slow_unawares(heartbeat: str) -> None:
    with pytest.raises(ConfigError, match=r"at most half of election-timeout \(300"):
        serve_config({"heartbeat-interval": heartbeat})
    both = {"heartbeat-interval": heartbeat, "election-timeout": "1500"}
    assert serve_config(both).election_timeout_min_millis == 1500


def test_the_data_directory_is_named_after_the_node() -> None:
    assert serve_config({"name": "n1"}).data_dir == "n1.raftwerk"


def test_a_node_without_a_cluster_is_one_of_its_own() -> None:
    config = serve_config({"name": "n1", "listen-peer-urls": "http://10.0.0.1:7000"})
    assert config.initial_cluster == (InitialMember("n1", (Url("10.0.0.1", 7000),)),)


@pytest.mark.parametrize(
    ("listened", "advertised"),
    [
        ("http://0.0.0.0:4000", Url("127.0.0.1", 4000)),
        ("http://[::]:4000", Url("::1", 4000)),
        ("http://10.1.1.1:4000", Url("10.1.1.1", 4000)),
    ],
)
def test_an_advertised_address_can_be_called(listened: str, advertised: Url) -> None:
    config = serve_config({"listen-client-urls": listened})
    assert config.advertise_client_urls == (advertised,)


def test_a_name_may_stand_before_each_of_its_urls() -> None:
    config = serve_config(
        {
            "name": "n1",
            "initial-cluster": "n1=http://a:1,n2=http://c:1,n1=http://b:1",
            "initial-advertise-peer-urls": "http://a:1,http://b:1",
        }
    )
    assert config.initial_peer_urls("n1") == (Url("a", 1), Url("b", 1))


def test_endpoints_may_be_written_as_for_etcdctl() -> None:
    config = monitor_config({"endpoints": "a:2379, http://b:2379/,http://a:2379"})
    assert config.endpoints == (Url("a", 2379), Url("b", 2379))


def test_a_demo_may_be_without_page() -> None:
    assert demo_config({}, with_monitor=False).monitor_port is None
    assert demo_config({"base-port": "4000"}).base_port == 4000


REFUSED = [
    (serve_config, "heartbeat-interval", "1.5", "a whole number"),
    (serve_config, "heartbeat-interval", "", "a whole number"),
    (serve_config, "snapshot-count", "\u0663", "a whole number"),
    (serve_config, "snapshot-count", "9" * 5000, "a whole number"),
    (serve_config, "snapshot-count", "-1", "at least 1"),
    (serve_config, "listen-peer-urls", "", "of the form http://HOST:PORT"),
    (serve_config, "listen-peer-urls", "http://a:1,", "of the form http://HOST:PORT"),
    (serve_config, "initial-cluster", "", "of the form NAME=URL,NAME=URL"),
    (serve_config, "initial-cluster", "n1", "of the form NAME=URL,NAME=URL"),
    (serve_config, "initial-cluster", "n1=", "of the form http://HOST:PORT"),
    (serve_config, "initial-cluster", "=http://a:1", "of the form NAME=URL,NAME=URL"),
    (monitor_config, "endpoints", "a", "of the form http://HOST:PORT"),
    (monitor_config, "endpoints", "", "of the form http://HOST:PORT"),
    (monitor_config, "port", "http", "a whole number"),
    (demo_config, "base-port", "x", "a whole number"),
    (demo_config, "nodes", "three", "a whole number"),
]


@pytest.mark.parametrize(("read", "setting", "text", "allowed"), REFUSED)
def test_a_text_that_is_no_value_is_named_in_one_line(
    read: Callable[[Mapping[str, str]], object], setting: str, text: str, allowed: str
) -> None:
    with pytest.raises(ConfigError) as refused:
        read({setting: text})
    message = str(refused.value)
    assert message.startswith(f"{setting} is ")
    assert message.endswith(f"; it must be {allowed}")
    assert message.isprintable()


@pytest.mark.parametrize(
    ("text", "record"),
    [("full", "full"), ("Shape", "shape"), ("true", "full"), ("off", "off")],
)
def test_recording_is_asked_for_in_words_or_as_a_switch(text: str, record: str) -> None:
    assert serve_config({"record": text}).flight.record == record
