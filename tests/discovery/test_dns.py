"""Names are looked up with the real resolver, at a real server."""

import asyncio
import re
import socket
from collections.abc import Iterator

import pytest

from raftwerk.config import Url
from raftwerk.discovery.dns import DnsAddresses, DnsServices, Resolver
from raftwerk.discovery.static import StaticNames
from raftwerk.errors import ConfigError, NamesUnknown
from tests.discovery.dns_server import DnsServer

pytestmark = pytest.mark.e2e


@pytest.fixture(name="server")
def _server() -> Iterator[DnsServer]:
    with DnsServer() as server:
        yield server


def addresses(server: DnsServer, name: str = "node") -> tuple[Url, ...]:
    names = DnsAddresses(Resolver([server.address]), name, 2380)
    return asyncio.run(names.look_up())


def test_all_addresses_of_a_name_are_found_in_order(server: DnsServer) -> None:
    server.records["node", "A"] = ["127.0.0.3", "127.0.0.2"]
    assert addresses(server) == (Url("127.0.0.2", 2380), Url("127.0.0.3", 2380))


def test_one_kind_of_address_counts(server: DnsServer) -> None:
    server.records["node", "AAAA"] = ["::1"]
    assert addresses(server) == (Url("::1", 2380),)
    server.records["node", "A"] = ["127.0.0.2"]
    assert addresses(server) == (Url("127.0.0.2", 2380),)


def test_a_name_that_is_not_known_has_no_address(server: DnsServer) -> None:
    assert addresses(server) == ()
    server.records["node", "TXT"] = ["known, and without an address"]
    assert addresses(server) == ()


def test_a_server_that_fails_is_told(server: DnsServer) -> None:
    server.is_broken = True
    with pytest.raises(NamesUnknown, match="node can't be looked up"):
        addresses(server)


def test_a_server_that_is_silent_is_told_in_the_same_words_each_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The log has a line whenever they are others."""
    monkeypatch.setattr("raftwerk.discovery.dns.ANSWER_SECONDS", 0.5)

    async def silence() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as deaf:
            deaf.bind(("127.0.0.1", 0))
            resolver = Resolver([f"127.0.0.1:{deaf.getsockname()[1]}"])
            await DnsAddresses(resolver, "node", 2380).look_up()

    with pytest.raises(NamesUnknown) as caught:
        asyncio.run(silence())
    assert re.fullmatch(
        r"node can't be looked up: no answer from 127\.0\.0\.1:\d+ within 0\.5 s",
        f"{caught.value}",
    )


def test_what_can_be_no_name_is_told(server: DnsServer) -> None:
    with pytest.raises(NamesUnknown, match="can't be looked up"):
        addresses(server, "a" * 64)


def test_services_lead_to_addresses_and_ports(server: DnsServer) -> None:
    server.records["_etcd-server._tcp.example.test", "SRV"] = [
        "0 0 2380 one.example.test.",
        "0 0 2381 two.example.test.",
        "0 0 0 .",
    ]
    server.records["one.example.test", "A"] = ["127.0.0.2"]
    server.records["two.example.test", "AAAA"] = ["::1"]
    names = DnsServices(Resolver([server.address]), "example.test")
    found = asyncio.run(names.look_up())
    assert found == (Url("127.0.0.2", 2380), Url("::1", 2381))


@pytest.mark.parametrize("server", ["nonsense", "name.example:53", "127.0.0.1:0"])
def test_a_server_that_is_no_address_is_refused(server: str) -> None:
    with pytest.raises(ConfigError, match="dns-servers|--dns-servers"):
        Resolver([server])


def test_a_list_is_what_was_told() -> None:
    names = StaticNames([Url("b", 1), Url("a", 2), Url("b", 1)])
    assert asyncio.run(names.look_up()) == (Url("a", 2), Url("b", 1))
