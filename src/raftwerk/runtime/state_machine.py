"""What a user of the library implements: the machine that the log is applied to."""

from collections.abc import Iterable, Sequence
from typing import Protocol

from raftwerk.types import LogIndex

__all__ = ["StateMachine"]


class StateMachine(Protocol):
    """A deterministic machine: equal commands in equal order give equal states.

    No clock, no randomness, no outside: what is needed of these travels in a command.
    """

    def apply(self, index: LogIndex, commands: Sequence[bytes]) -> Sequence[object]:
        """Apply a batch of commands.

        Parameters
        ----------
        index : LogIndex
            The log index of the last of them.
        commands : sequence of bytes
            As they were proposed, in the order of the log.

        Returns
        -------
        sequence of object
            One result for each, in order. They are given to whoever proposed the
            command on this member; elsewhere they are dropped. An exception among them
            is raised there. One that is raised here stops the member: what a command
            may do wrong is a result, equal on all members.
        """

    def snapshot(self) -> Iterable[bytes]:
        """Return the state as chunks of a view that later batches don't change.

        Returns
        -------
        iterable of bytes
            Drawn once, beside the loop, in another thread, while batches are applied.
        """

    def restore(self, chunks: Iterable[bytes]) -> None:
        """Become the state that `snapshot` returned.

        Called beside the loop, in another thread, while no batch is applied; but reads
        may go on. So build the new state apart, and put it in the place of the old one
        in one assignment, at the end.

        Parameters
        ----------
        chunks : iterable of bytes
            Drawn once.
        """
