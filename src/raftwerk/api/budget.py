"""Memory for bodies that are coming in, shared by all connections.

A thousand clients that each send a large body slowly would hold a thousand bodies. So
what a body has beyond a small part that is free is counted, over all connections, and
who goes beyond the sum is refused at once. The free part keeps small requests going
while large ones are refused; what it may amount to is bounded by the connections.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from raftwerk.errors import QueueFull

__all__ = ["INTAKE", "Budget", "Share"]

INTAKE_BYTES_MAX: Final = 64 * 1024 * 1024
"""Of bodies that are coming in, beyond what each may have for free."""

FREE_BYTES: Final = 64 * 1024
"""What each body may have that is not counted."""


class Share:
    """What one body takes.

    Parameters
    ----------
    budget : Budget
        Of which.
    """

    __slots__ = ("_budget", "_taken_bytes")

    def __init__(self, budget: "Budget") -> None:
        self._budget = budget
        self._taken_bytes = 0

    def grow(self, size_bytes: int) -> None:
        """Take as much as a body of this size needs.

        Parameters
        ----------
        size_bytes : int
            What it has until now; never less than before.

        Raises
        ------
        QueueFull
            If there is not so much left; it keeps what it has.
        """
        wanted = max(size_bytes - self._budget.free_bytes, 0)
        self._budget.take(wanted - self._taken_bytes)
        self._taken_bytes = wanted

    def end(self) -> None:
        """Give all of it back."""
        self._budget.give_back(self._taken_bytes)
        self._taken_bytes = 0


class Budget:
    """A bound for what many may take together.

    Parameters
    ----------
    bytes_max : int
        The bound.
    free_bytes : int
        What each may have that is not counted.

    Attributes
    ----------
    free_bytes : int
        As given.
    taken_bytes : int
        What is taken now.

    Examples
    --------
    >>> budget = Budget(100, free_bytes=10)
    >>> with budget.share() as share:
    ...     share.grow(60)
    ...     print(budget.taken_bytes)
    50
    >>> budget.taken_bytes
    0
    """

    def __init__(self, bytes_max: int, *, free_bytes: int = 0) -> None:
        self._bytes_max = bytes_max
        self.free_bytes = free_bytes
        self.taken_bytes = 0

    @contextmanager
    def share(self) -> Iterator[Share]:
        """Have a share, as long as the context is open.

        Yields
        ------
        Share
            Nothing is taken yet.
        """
        share = Share(self)
        try:
            yield share
        finally:
            share.end()

    def take(self, size_bytes: int) -> None:
        """Take some.

        Parameters
        ----------
        size_bytes : int
            How much.

        Raises
        ------
        QueueFull
            If there is not so much left; nothing is taken.
        """
        if self.taken_bytes + size_bytes > self._bytes_max:
            raise QueueFull(
                f"{self.taken_bytes} bytes of bodies are coming in already, of"
                f" {self._bytes_max} that may; try again later"
            )
        self.taken_bytes += size_bytes

    def give_back(self, size_bytes: int) -> None:
        """Give some back.

        Parameters
        ----------
        size_bytes : int
            How much.
        """
        self.taken_bytes -= size_bytes


INTAKE: Final = Budget(INTAKE_BYTES_MAX, free_bytes=FREE_BYTES)
"""One for the process, for its memory is one."""
