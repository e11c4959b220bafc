"""Where a member listens: ``host:port``, with an IPv6 address in brackets."""

import re
from collections.abc import Mapping
from typing import Final

import msgspec

from raftwerk.errors import ConfigError
from raftwerk.transport.protocol import Identity
from raftwerk.types import NodeId

__all__ = ["Address", "others_in"]

_FORM: Final = re.compile(
    r"(?:\[(?P<ipv6>[0-9a-fA-F:.]+(?:%[0-9A-Za-z_.-]+)?)\]|(?P<name>[0-9A-Za-z._-]*))"
    r":(?P<port>[0-9]{1,5})",
    re.ASCII,
)
_LABEL_MAX: Final = 63
"""Letters between two dots of a name (RFC 1035 §2.3.4)."""
_PORT_MAX: Final = 65_535


class Address(msgspec.Struct, frozen=True):
    """A host and a port."""

    host: str
    """A name or an address, without brackets; "" stands for every address we have."""
    port: int
    """0: any that is free, where we listen."""

    @classmethod
    def parse(cls, text: str) -> "Address":
        """Read an address.

        Parameters
        ----------
        text : str
            ``host:port``.

        Returns
        -------
        Address
            Host and port; the name has not been looked up.

        Raises
        ------
        ConfigError
            If the text has another form.

        Examples
        --------
        >>> Address.parse("[::1]:2380")
        Address(host='::1', port=2380)
        """
        found = _FORM.fullmatch(text)
        if found is not None:
            host, port = found["ipv6"] or found["name"], int(found["port"])
            is_name = all(len(label) <= _LABEL_MAX for label in host.split("."))
            if port <= _PORT_MAX and is_name and ".." not in host:
                return cls(host=host, port=port)
        raise ConfigError(
            f"{text!r} is no address; it must be HOST:PORT, with an IPv6 address in"
            f" brackets and a port from 0 to {_PORT_MAX}"
        )

    def __str__(self) -> str:
        """Return the form that `parse` reads.

        Returns
        -------
        str
            ``host:port``.
        """
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


def others_in(addresses: Mapping[NodeId, str], ours: Identity) -> dict[NodeId, str]:
    """Return the members but ourselves, if all have addresses that can be read.

    Nobody else is where we are: who stands there in the log was replaced by us, and we
    have not yet got to where it says so. To dial that would be to meet ourselves.

    Parameters
    ----------
    addresses : mapping of NodeId to str
        Each ``host:port``.
    ours : Identity
        Who we are.

    Returns
    -------
    dict of NodeId to str
        In the same order.

    Raises
    ------
    ConfigError
        If one is no address.
    """
    for address in addresses.values():
        Address.parse(address)
    return {
        node_id: address
        for node_id, address in addresses.items()
        if node_id != ours.node_id and address != ours.address
    }
