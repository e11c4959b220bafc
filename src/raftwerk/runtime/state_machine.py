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
        """Apply a batch of commands and return one result for each, in order.

        `index` is the log index of the last of them. Results are given to whoever
        proposed the command on this member; elsewhere they are dropped.
        """

    def snapshot(self) -> Iterable[bytes]:
        """Return the state as chunks of a view that later batches don't change.

        The chunks are taken out of it beside the loop, in another thread.
        """

    def restore(self, chunks: Iterable[bytes]) -> None:
        """Become the state that `snapshot` returned."""
