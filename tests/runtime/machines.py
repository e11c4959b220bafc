"""State machines for tests."""

from collections.abc import Iterable, Sequence

import msgspec

from raftwerk.runtime import StateMachine
from raftwerk.types import LogIndex

__all__ = ["ListMachine"]


class ListMachine:
    """Keeps all commands in order; the result of each is how many there are then."""

    is_quick = True

    def __init__(self, chunk_commands: int = 3) -> None:
        self.commands: list[bytes] = []
        self.batches: list[int] = []
        self.restored = 0
        self.applied_index = LogIndex(0)
        self._chunk_commands = chunk_commands

    def apply(self, index: LogIndex, commands: Sequence[bytes]) -> Sequence[object]:
        self.applied_index = index
        before = len(self.commands)
        self.commands += commands
        self.batches.append(len(commands))
        return range(before + 1, before + 1 + len(commands))

    def snapshot(self) -> Iterable[bytes]:
        # The list only grows, so its present length is a view of it.
        return self._chunks(self.commands, len(self.commands))

    def _chunks(self, commands: list[bytes], length: int) -> Iterable[bytes]:
        for start in range(0, length, self._chunk_commands):
            stop = min(start + self._chunk_commands, length)
            yield msgspec.msgpack.encode(commands[start:stop])

    def restore(self, chunks: Iterable[bytes]) -> None:
        commands: list[bytes] = []
        for chunk in chunks:
            commands += msgspec.msgpack.decode(chunk, type=list[bytes])
        self.commands = commands
        self.restored += 1


def _is_machine(machine: ListMachine) -> StateMachine:
    """Have the type checker hold `ListMachine` against the protocol."""
    return machine
