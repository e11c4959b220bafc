"""Addresses that were told: the twin of DNS, and all that joining by hand needs."""

from collections.abc import Iterable

from raftwerk.config import Url

__all__ = ["StaticNames"]


class StaticNames:
    """`Names` that never change by themselves.

    Parameters
    ----------
    urls : iterable of Url
        The addresses.

    Attributes
    ----------
    urls : tuple of Url
        What `look_up` returns from now on; a test may change it.
    """

    def __init__(self, urls: Iterable[Url]) -> None:
        self.urls = tuple(sorted(set(urls)))

    async def look_up(self) -> tuple[Url, ...]:
        """Do as `Names.look_up` says."""
        return self.urls
