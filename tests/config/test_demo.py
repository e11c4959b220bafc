"""What `raftwerk demo` accepts, and which ports it takes."""

from typing import Any

import pytest

from raftwerk.config import DemoConfig
from raftwerk.errors import ConfigError

REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"nodes": 0}, "nodes is 0; it must be from 1 to 7"),
    ({"nodes": 8}, "nodes is 8; it must be from 1 to 7"),
    ({"data_dir": ""}, "data-dir is ''; it must be not empty"),
    ({"base_port": 0}, "base-port is 0; it must be from 1 to 65530"),
    ({"base_port": 65_531}, "base-port is 65531; it must be from 1 to 65530"),
    ({"monitor_port": 0}, "monitor-port is 0; it must be from 1 to 65535"),
    (
        {"monitor_port": 22_380},
        "monitor-port is 22380; it must be none of the nodes' ports",
    ),
]


@pytest.mark.parametrize(("settings", "message"), REFUSED)
def test_a_setting_that_cannot_work_is_refused(
    settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError) as refused:
        DemoConfig(**settings)
    assert str(refused.value) == message


def test_three_nodes_have_the_ports_that_people_know() -> None:
    config = DemoConfig()
    assert config.names == ("n1", "n2", "n3")
    assert [url.port for url in config.client_urls] == [2379, 22379, 32379]
    assert [url.port for url in config.peer_urls] == [2380, 22380, 32380]


def test_a_base_port_makes_the_ports_follow_each_other() -> None:
    config = DemoConfig(nodes=2, base_port=4000)
    assert [url.port for url in config.client_urls] == [4000, 4002]
    assert [url.port for url in config.peer_urls] == [4001, 4003]


@pytest.mark.parametrize("nodes", range(1, 8))
@pytest.mark.parametrize("base_port", [None, 4000])
def test_no_port_is_given_twice(nodes: int, base_port: int | None) -> None:
    config = DemoConfig(nodes=nodes, base_port=base_port)
    ports = {url.port for url in (*config.client_urls, *config.peer_urls)}
    assert len(ports) == 2 * nodes
