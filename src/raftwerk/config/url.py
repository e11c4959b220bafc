"""Addresses as etcd writes them."""

import ipaddress
import re
from typing import Final

import msgspec

from raftwerk.config.form import PORT_MAX, bad_setting

__all__ = ["Url"]

URL_FORM: Final = re.compile(
    r"http://(?:\[(?P<ipv6>[0-9a-f:.]+)\]|(?P<name>[a-z0-9._-]+)):(?P<port>[0-9]{1,5})",
    re.ASCII | re.IGNORECASE,
)


class Url(msgspec.Struct, frozen=True, order=True):
    """An address as etcd writes it, ``http://HOST:PORT``, and no more than that."""

    host: str
    port: int

    @classmethod
    def parse(cls, setting: str, text: str) -> "Url":
        """Read one URL.

        Parameters
        ----------
        setting : str
            The setting it stands in, for the message.
        text : str
            The URL; an IPv6 address stands in brackets.

        Returns
        -------
        Url
            The same address, in the one form that equal addresses share.

        Raises
        ------
        ConfigError
            If it is not of the form ``http://HOST:PORT``.

        Examples
        --------
        >>> Url.parse("listen-peer-urls", "http://[::1]:2380").host_port
        '[::1]:2380'
        """
        found = URL_FORM.fullmatch(text)
        try:
            if found is None:
                raise ValueError
            ipv6, name, port = found["ipv6"], found["name"], int(found["port"])
            host = name.lower() if name else str(ipaddress.IPv6Address(ipv6))
            if not 1 <= port <= PORT_MAX:
                raise ValueError
        except ValueError:
            raise bad_setting(setting, text, "of the form http://HOST:PORT") from None
        return cls(host=host, port=port)

    @property
    def host_port(self) -> str:
        """The address without the scheme; an IPv6 address is in brackets."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    def __str__(self) -> str:
        """Return the URL in the form that `parse` reads.

        Returns
        -------
        str
            Equal addresses give equal texts.
        """
        return f"http://{self.host_port}"
