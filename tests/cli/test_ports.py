"""Ports that are free, taken, or on no machine of ours."""

import os
import socket

import pytest

from raftwerk.cli.ports import require_free
from raftwerk.config import Url
from raftwerk.errors import ConfigError

pytestmark = pytest.mark.e2e


def test_a_taken_port_is_named_with_who_has_it_and_the_way_out() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = Url("127.0.0.1", taken.getsockname()[1])
        with pytest.raises(ConfigError) as refused:
            require_free("the page's address", [url], way_out="; take another")
    message = str(refused.value)
    assert message.startswith(f"the page's address is {url}; port {url.port} is taken")
    assert message.endswith("; take another")
    if os.path.exists("/proc/net/tcp"):
        assert f"by process {os.getpid()} (" in message


def test_a_free_port_is_free_and_stays_so() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = Url("127.0.0.1", taken.getsockname()[1])
    require_free("the page's address", [url])
    require_free("the page's address", [url])


@pytest.mark.parametrize(
    ("host", "reason"),
    [
        ("192.0.2.1", "it can't be bound: "),
        ("nobody.invalid", "its host is not known here: "),
    ],
)
def test_an_address_that_is_not_ours_is_named(host: str, reason: str) -> None:
    with pytest.raises(ConfigError) as refused:
        require_free("listen-peer-urls", [Url(host, 2380)])
    assert str(refused.value).startswith(f"listen-peer-urls is http://{host}:2380; ")
    assert reason in str(refused.value)
