"""Whether ports can be had, before processes are begun that need them."""

import errno
import socket
from collections.abc import Iterable

from raftwerk.config import Url
from raftwerk.errors import ConfigError
from raftwerk.transport.port_holder import holder_of

__all__ = ["require_free"]


def require_free(setting: str, urls: Iterable[Url], *, way_out: str = "") -> None:
    """Raise unless each address can be bound at this moment.

    Who binds it later may still find it taken; this is to tell all of it before
    anything was begun, and by whom.

    Parameters
    ----------
    setting : str
        The setting the addresses stand in, for the message.
    urls : iterable of Url
        The addresses.
    way_out : str
        What to do about it, if there is anything, to end the message with.

    Raises
    ------
    ConfigError
        If one can't be bound; the message names it, and who has it where known.
    """
    for url in urls:
        try:
            found = socket.getaddrinfo(
                url.host, url.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
            )
        except OSError as error:
            reason = f"its host is not known here: {error.strerror}"
            raise ConfigError(f"{setting} is {url}; {reason}{way_out}") from error
        for family, kind, protocol, _, address in found:
            with socket.socket(family, kind, protocol) as trial:
                # As servers do it: a port with mere remains of connections is free.
                trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    trial.bind(address)
                    trial.listen()
                except OSError as error:
                    reason = _explain(url, error)
                    raise ConfigError(
                        f"{setting} is {url}; {reason}{way_out}"
                    ) from error


def _explain(url: Url, error: OSError) -> str:
    """Say why an address can't be bound."""
    if error.errno != errno.EADDRINUSE:
        return f"it can't be bound: {error.strerror}"
    return f"port {url.port} is taken by {holder_of(url.port)}"
