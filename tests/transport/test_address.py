"""Addresses of peers, as ``host:port``."""

import pytest

from raftwerk.errors import ConfigError
from raftwerk.transport.address import Address

GOOD = [
    ("127.0.0.1:2380", "127.0.0.1", 2380),
    ("node-1.example.org:80", "node-1.example.org", 80),
    ("localhost:0", "localhost", 0),
    ("[::1]:2380", "::1", 2380),
    ("[fe80::1%eth0]:65535", "fe80::1%eth0", 65535),
    (":2380", "", 2380),
]
BAD = [
    "",
    "127.0.0.1",
    "127.0.0.1:",
    "127.0.0.1:65536",
    "127.0.0.1:-1",
    "::1:2380",
    "http://127.0.0.1:2380",
    "a b:1",
    "a..b:1",
    "host:²",
    64 * "a" + ":1",
]


@pytest.mark.parametrize(("text", "host", "port"), GOOD)
def test_an_address_is_read_and_written_alike(text: str, host: str, port: int) -> None:
    address = Address.parse(text)
    assert address == Address(host=host, port=port)
    assert str(address) == text


@pytest.mark.parametrize("text", BAD)
def test_what_is_no_address_is_named(text: str) -> None:
    with pytest.raises(
        ConfigError, match="is no address; it must be HOST:PORT"
    ) as told:
        Address.parse(text)
    assert repr(text) in str(told.value)
