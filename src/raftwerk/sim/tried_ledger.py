"""What a group agreed upon, and what each replica of a user's machine made of it.

Nobody knows the right answer of a machine that is not ours; but whoever applies equal
commands in equal order must come to equal answers and equal states. The first replica
that shows one decides, be it another machine or an earlier life of the same.
"""

from collections.abc import Callable
from hashlib import blake2b
from typing import Final

import msgspec

from raftwerk.core.records import Snapshot
from raftwerk.runtime.chain import plain
from raftwerk.sim.agreement import Agreement, Seen
from raftwerk.sim.violation import Property, Violation
from raftwerk.types import LogIndex

__all__ = ["TriedLedger", "shown"]

SHOWN_BYTES: Final = 2_000
"""How much of a state is kept, to be shown if another one differs."""

AROUND_BYTES: Final = 60
"""How much of it is shown around the first difference."""

SUSPECTS_MAX: Final = 3
"""How many commands are named that may have made the difference."""


class _Shown(msgspec.Struct, frozen=True):
    """A state that a replica had at some index."""

    digest: bytes
    beginning: bytes
    who: str


class TriedLedger(Agreement):
    """Everything that was agreed upon, and what replicas showed.

    Parameters
    ----------
    first : Snapshot
        What the group began with.
    now : callable
        Returns the true time.
    """

    def __init__(self, first: Snapshot, now: Callable[[], float]) -> None:
        super().__init__(first, now)
        self._results: dict[int, tuple[object, str]] = {}
        self._states: dict[int, _Shown] = {}
        self.names: dict[int, str] = {}

    def _note_effect(
        self, seen: Seen, index: int, command: bytes, result: object
    ) -> None:
        """Check one result; the first who shows one decides."""
        who = self.names.get(seen.node_id, str(seen.node_id))
        agreed = self._results.get(index)
        if agreed is None:
            self._results[index] = (result, who)
            self.applied_index = max(self.applied_index, LogIndex(index))
            self.commands += 1
        elif not _is_equal(agreed[0], result):
            raise Violation(
                Property.EFFECTS,
                f"entry {index}, command {shown(command)}:"
                f"\n{agreed[1]} answered {agreed[0]!r}\n{who} answered {result!r}",
            )

    def note_state(self, who: str, index: LogIndex, before: int, state: bytes) -> None:
        """Check the state of a replica.

        Parameters
        ----------
        who : str
            Which, in which life.
        index : LogIndex
            The last that it has applied.
        before : int
            The last at which its state was looked at; what came since is suspect.
        state : bytes
            Equal for equal states.

        Raises
        ------
        Violation
            If another had another state at this index.
        """
        digest = blake2b(state, digest_size=16).digest()
        agreed = self._states.setdefault(
            index, _Shown(digest, state[:SHOWN_BYTES], who)
        )
        if agreed.digest == digest:
            return
        one, other = _first_difference(agreed.beginning, state[:SHOWN_BYTES])
        raise Violation(
            Property.EFFECTS,
            f"states differ after entry {index}{self._suspects(before, index)}:"
            f"\n{agreed.who} has {one}\n{who} has {other}",
        )

    def command_words(self, index: int) -> str:
        """Return what an entry holds, for people.

        Parameters
        ----------
        index : int
            Of an entry.

        Returns
        -------
        str
            Empty, or with a comma before it.
        """
        return self._suspects(index - 1, index)

    def _suspects(self, before: int, index: int) -> str:
        """Name the commands between two indexes."""
        commands = [
            shown(command)
            for at in range(max(before, self.first.index) + 1, index + 1)
            if (command := self.command_at(at)) is not None
        ]
        if not commands:
            return ""
        named = ", ".join(commands[-SUSPECTS_MAX:])
        more = len(commands) - SUSPECTS_MAX
        words = "command" if len(commands) == 1 else "commands"
        return f", {words} {f'{more} more, ' if more > 0 else ''}{named}"


def shown(command: bytes) -> str:
    """Return a command for people.

    Parameters
    ----------
    command : bytes
        Any.

    Returns
    -------
    str
        Its beginning.
    """
    return repr(command[:80]) + ("..." if len(command) > 80 else "")


def _first_difference(one: bytes, other: bytes) -> tuple[str, str]:
    """Return both states for people, around where they begin to differ."""
    place = 0
    for place, (left, right) in enumerate(zip(one, other, strict=False)):
        if left != right:
            break
    begin = max(0, place - AROUND_BYTES)
    end = place + AROUND_BYTES

    def _part(state: bytes) -> str:
        """Return the part of one."""
        dots = ("..." if begin else "", "..." if end < len(state) else "")
        return f"{dots[0]}{state[begin:end]!r}{dots[1]}"

    return _part(one), _part(other)


def _is_equal(one: object, other: object) -> bool:
    """Tell whether two results say the same; what is no plain data, by its type."""
    if isinstance(one, Exception) and isinstance(other, Exception):
        return type(one) is type(other) and str(one) == str(other)
    return bool(one == other) or plain((one,)) == plain((other,))
