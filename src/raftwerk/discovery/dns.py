"""Addresses by DNS: those of one name that all replicas share, or SRV records.

One address stands for one replica. So a name with both kinds of address counts by its
IPv4 addresses alone, and by IPv6 where it has no others: the same replica at two
addresses, one of them closed, would look like two.
"""

import ipaddress
from collections.abc import Sequence
from typing import Any, Final

import dns.asyncresolver
import dns.exception
import dns.nameserver
import dns.resolver

from raftwerk.config import Url, bad_setting
from raftwerk.errors import ConfigError, NamesUnknown

__all__ = ["DnsAddresses", "DnsServices", "Resolver"]

ANSWER_SECONDS: Final = 2.0
"""How long a look-up may take, all servers and tries together."""

TRY_SECONDS: Final = 0.5
"""How long one server may take until it is asked again, or another one."""

SERVICE: Final = "_etcd-server._tcp"
"""Whose SRV records name the peers: as in etcd, whose flag it is."""


class Resolver:
    """Asks for names, as this machine is told to or as we are.

    Parameters
    ----------
    servers : sequence of str
        ``HOST:PORT`` of each server, an IPv4 address or an IPv6 address in brackets;
        without any, those of the system.

    Raises
    ------
    ConfigError
        If one is no address, or the system has none.
    """

    def __init__(self, servers: Sequence[str] = ()) -> None:
        try:
            resolver = dns.asyncresolver.Resolver(configure=not servers)
            if servers:
                resolver.nameservers = [_server(text) for text in servers]
        except (dns.exception.DNSException, OSError, ValueError) as error:
            raise ConfigError(
                f"names can't be looked up: {error}; --dns-servers names whom to ask"
            ) from None
        resolver.timeout = TRY_SECONDS
        resolver.lifetime = ANSWER_SECONDS
        self._resolver = resolver
        self._asked = ", ".join(servers or map(str, resolver.nameservers))

    async def resolve(self, name: str, kind: str) -> list[Any]:
        """Return the records of one kind that a name has.

        Parameters
        ----------
        name : str
            As it was told; the system's search list completes it.
        kind : str
            ``A``, ``AAAA`` or ``SRV``.

        Returns
        -------
        list
            Of dnspython's records; empty if there are none, or no such name.

        Raises
        ------
        NamesUnknown
            If nobody answers, or in vain.
        """
        try:
            return list(await self._resolver.resolve(name, kind, search=True))
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return []
        except dns.resolver.LifetimeTimeout:
            # What it says itself has the time it took: never the same twice, so the
            # log would have a line for each try.
            raise NamesUnknown(
                f"{name} can't be looked up: no answer from {self._asked} within"
                f" {ANSWER_SECONDS:g} s"
            ) from None
        except (dns.exception.DNSException, OSError) as error:
            raise NamesUnknown(f"{name} can't be looked up: {error}") from None

    async def addresses(self, name: str, port: int) -> set[Url]:
        """Return the addresses of a name.

        Parameters
        ----------
        name : str
            Any.
        port : int
            Where they listen.

        Returns
        -------
        set of Url
            One for each IPv4 address, or if there is none, each IPv6 address.

        Raises
        ------
        NamesUnknown
            If nobody answers, or in vain.
        """
        for kind in ("A", "AAAA"):
            found = await self.resolve(name, kind)
            if found:
                return {Url(record.address, port) for record in found}
        return set()


class DnsAddresses:
    """`Names`: all addresses of one name, at one port.

    Parameters
    ----------
    resolver : Resolver
        Who is asked.
    name : str
        The name that all replicas share.
    port : int
        Where all of them listen to peers.
    """

    def __init__(self, resolver: Resolver, name: str, port: int) -> None:
        self._resolver = resolver
        self._name = name
        self._port = port

    async def look_up(self) -> tuple[Url, ...]:
        """Do as `Names.look_up` says."""
        return tuple(sorted(await self._resolver.addresses(self._name, self._port)))


class DnsServices:
    """`Names`: where the SRV records of a domain lead.

    Parameters
    ----------
    resolver : Resolver
        Who is asked.
    domain : str
        The domain.
    """

    def __init__(self, resolver: Resolver, domain: str) -> None:
        self._resolver = resolver
        self._name = f"{SERVICE}.{domain}"

    async def look_up(self) -> tuple[Url, ...]:
        """Do as `Names.look_up` says."""
        found: set[Url] = set()
        for record in await self._resolver.resolve(self._name, "SRV"):
            target = record.target.to_text()
            if target != ".":  # "the service is not available here" (RFC 2782)
                found |= await self._resolver.addresses(target, record.port)
        return tuple(sorted(found))


def _server(text: str) -> dns.nameserver.Nameserver:
    """Return a server as dnspython knows it."""
    url = Url.parse("dns-servers", f"http://{text}")
    try:
        ipaddress.ip_address(url.host)
    except ValueError:
        raise bad_setting("dns-servers", text, "an address, not a name") from None
    return dns.nameserver.Do53Nameserver(url.host, url.port)
