"""Where a node is reached: what it was told, and what is wrong with that."""

import ipaddress
import socket
from collections.abc import Iterable, Sequence

from raftwerk.config import ServeConfig, Url

__all__ = ["hint_for", "is_same_place", "told_urls"]


def told_urls(config: ServeConfig) -> Sequence[Url]:
    """Return where this node is reached, as far as it was told.

    Who listens on every address, and was not told which of them to name, would name
    one that means another machine to everybody else.

    Parameters
    ----------
    config : ServeConfig
        What it was told.

    Returns
    -------
    sequence of Url
        Empty if that is to be found out.
    """
    told = config.initial_advertise_peer_urls
    is_any = any(_is_any(url) for url in config.listen_peer_urls)
    if is_any and all(_is_loopback(url) for url in told):
        return ()
    return told


def hint_for(listened: Iterable[Url], listed: Iterable[Url]) -> str:
    """Return what keeps others from reaching a node that nobody else can see.

    Parameters
    ----------
    listened : iterable of Url
        Where it answers its peers.
    listed : iterable of Url
        Where the others look for it.

    Returns
    -------
    str
        To stand behind what it waits for; empty if nothing is wrong.
    """
    if all(map(_is_loopback, listened)) and not all(map(_is_loopback, listed)):
        return (
            "; this node answers its peers on this machine alone: let it listen where"
            " the name leads, with --listen-peer-urls"
        )
    return ""


def is_same_place(url: Url, other: Url) -> bool:
    """Tell whether two URLs lead to one place, though they may be written differently.

    As etcd compares ``--initial-cluster`` with what a member advertises: by addresses,
    so that ``localhost`` is ``127.0.0.1``.

    Parameters
    ----------
    url : Url
        The one.
    other : Url
        The other.

    Returns
    -------
    bool
        False also where a name is not known and the texts differ.

    Examples
    --------
    >>> is_same_place(Url("localhost", 2380), Url("127.0.0.1", 2380))
    True
    """
    if url == other:
        return True
    return url.port == other.port and bool(_hosts(url) & _hosts(other))


def _hosts(url: Url) -> set[object]:
    """Return the addresses that a URL's host stands for; none if nobody knows it."""
    try:
        found = socket.getaddrinfo(url.host, url.port, type=socket.SOCK_STREAM)
    except OSError:
        return set()
    return {address[0] for *_, address in found}


def _is_any(url: Url) -> bool:
    """Tell whether a URL stands for all addresses of this machine."""
    try:
        return ipaddress.ip_address(url.host).is_unspecified
    except ValueError:
        return False


def _is_loopback(url: Url) -> bool:
    """Tell whether a URL leads nowhere but here."""
    try:
        return ipaddress.ip_address(url.host).is_loopback
    except ValueError:
        return url.host == "localhost"
