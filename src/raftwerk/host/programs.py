"""Programs of the user's that run beside us, behind a small protocol.

`real_programs` starts them on this machine; tests bring programs of their own making.
"""

from collections.abc import Callable, Mapping
from typing import Protocol

__all__ = ["Program", "Programs"]


class Program(Protocol):
    """A program that was started."""

    async def wait(self) -> int:
        """Return its exit code, once it has ended.

        Returns
        -------
        int
            As the system gives it; a signal's number, negated, if one ended it.
        """

    def end(self) -> None:
        """Ask it and all that it started to end, and see to it; returns at once."""


class Programs(Protocol):
    """The means to start programs."""

    async def start(
        self,
        path: str,
        environment: Mapping[str, str],
        output: Callable[[str], object],
    ) -> Program:
        """Start a program; cancelled, end what was started first.

        Parameters
        ----------
        path : str
            The executable file.
        environment : mapping
            Variables beside those that we have ourselves.
        output : callable
            Called in the loop with each line that it writes, without the line's end.

        Returns
        -------
        Program
            It runs.

        Raises
        ------
        OSError
            If the system can't start it.
        """
