"""Where others may be: a name that is looked up, or a list that was told."""

from typing import Protocol

from raftwerk.config import Url

__all__ = ["Names"]


class Names(Protocol):
    """A source of addresses; `dns` asks for them, `static` was told."""

    async def look_up(self) -> tuple[Url, ...]:
        """Return the addresses that there are now; it takes a bounded time.

        Returns
        -------
        tuple of Url
            Ascending, without repetition; empty if the name has none.

        Raises
        ------
        NamesUnknown
            If nobody could be asked.
        """
