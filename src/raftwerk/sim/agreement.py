"""What all members together have agreed upon, and what the Raft paper says of that.

Each thing is looked at once, when it is new: an entry when it enters a log, a commit
when a member first shows it, a command when it is applied. Two logs never need to be
compared whole: if entries of one index and term are equal everywhere, and so are the
terms right before them, then by induction the logs are equal up to there (§5.3).
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import TypeAlias

from raftwerk.core.records import Entry, EntryKind, Snapshot
from raftwerk.core.roles import Role
from raftwerk.core.state import State
from raftwerk.runtime.answered import OfKey
from raftwerk.runtime.envelope import EnvelopeKind, content_of, kind_of
from raftwerk.runtime.once import decode_once
from raftwerk.sim.violation import Property, Violation
from raftwerk.types import LogIndex, NodeId, Term

__all__ = ["Agreement", "Seen"]

_READ_BYTES = 1 << 30


class Seen:
    """How far one member, in one life, was looked at.

    Parameters
    ----------
    node_id : NodeId
        Who.
    """

    __slots__ = ("applied_index", "commit_index", "node_id", "state")

    def __init__(self, node_id: NodeId) -> None:
        self.node_id = node_id
        self.state: State | None = None
        self.commit_index = LogIndex(0)
        self.applied_index = LogIndex(0)


class Agreement(ABC):
    """Everything that was ever agreed upon, whatever it is applied to.

    Parameters
    ----------
    first : Snapshot
        What the group began with.
    now : callable
        Returns the true time.

    Attributes
    ----------
    first : Snapshot
        The same.
    commit_index : LogIndex
        The highest index that any member showed as committed.
    applied_index : LogIndex
        The highest index of a command that any member has applied.
    commands : int
        How many commands were agreed upon.
    """

    def __init__(self, first: Snapshot, now: Callable[[], float]) -> None:
        self.first = first
        self._now = now
        self.commit_index = first.index
        self.applied_index = first.index
        self.commands = 0
        self._entries: list[Entry] = []
        self._leaders: dict[Term, NodeId] = {}
        self._commits: list[tuple[Term, LogIndex]] = [(first.term, first.index)]
        self._done: dict[tuple[object, ...], int] = {}
        """Where each command was done that is done once."""
        self._known: dict[tuple[int, int], tuple[Entry, Term]] = {}
        self._said: dict[int, _Said] = {}
        """What committed entries hold for the state machine: each is read once."""

    # ---- Fig. 3 -------------------------------------------------------------

    @property
    def elections(self) -> int:
        """How many leaders there were."""
        return len(self._leaders)

    def note_leader(self, seen: Seen, term: Term) -> None:
        """Check that a new leader is the only one of its term, and complete.

        Parameters
        ----------
        seen : Seen
            Of the member that says so.
        term : Term
            In which it leads.

        Raises
        ------
        Violation
            If it is not.
        """
        first = self._leaders.setdefault(term, seen.node_id)
        if first != seen.node_id:
            raise Violation(
                Property.ELECTION_SAFETY,
                f"members {first} and {seen.node_id} both lead term {term}",
            )
        state = seen.state
        if state is None or state.role is not Role.LEADER or state.term != term:
            return  # it was one, in a part of a turn
        # What was committed by leaders of older terms; a newer one may have led since.
        index = max(at for by, at in self._commits if by < term)
        log = state.log
        if index >= log.first_index and not log.matches(index, self.term(index)):
            raise Violation(
                Property.LEADER_COMPLETENESS,
                f"member {seen.node_id} leads term {term} without the committed entry"
                f" {index} of term {self.term(index)}; its log goes to"
                f" {log.last_index}, term {log.last_term}",
            )

    def note_append(
        self, seen: Seen, entries: Sequence[Entry], prev_term: Term, last_index: int
    ) -> None:
        """Check entries that a member is about to store.

        Parameters
        ----------
        seen : Seen
            Of the member.
        entries : sequence of Entry
            Not empty.
        prev_term : Term
            Of the entry right before them.
        last_index : int
            The end of its log by now.

        Raises
        ------
        Violation
            If another member has others there, or a leader overwrites its own log.
        """
        known = self._known
        state, first = seen.state, entries[0]
        if (
            first.index <= last_index
            and state is not None
            and state.role is Role.LEADER
            and first.term == state.term
        ):
            raise Violation(
                Property.LEADER_APPEND_ONLY,
                f"member {seen.node_id} leads term {state.term} and overwrites its own"
                f" entry {first.index} (its log went to {last_index})",
            )
        for entry in entries:
            key = (entry.index, entry.term)
            before = known.get(key)
            if before is None:
                known[key] = (entry, prev_term)
            elif before[1] != prev_term or before[0] != entry:
                raise Violation(
                    Property.LOG_MATCHING,
                    f"member {seen.node_id} has {_brief(entry)} after term {prev_term};"
                    f" another has {_brief(before[0])} after term {before[1]}",
                )
            prev_term = entry.term

    def look(self, seen: Seen) -> None:
        """Check what a member takes for committed, as far as that is new.

        Parameters
        ----------
        seen : Seen
            Of the member; called before anything leaves it.

        Raises
        ------
        Violation
            If it is not what all others take for committed.
        """
        state = seen.state
        if state is None:
            return
        commit_index = state.log.commit_index
        if commit_index <= seen.commit_index:
            return
        first = max(seen.commit_index + 1, int(state.log.first_index))
        seen.commit_index = commit_index
        if first > commit_index:
            return
        is_new = commit_index > self.commit_index
        for entry in state.log.read(
            LogIndex(first), LogIndex(commit_index + 1), _READ_BYTES
        ):
            self._note_commit(seen, entry)
        if is_new:
            self._commits.append((state.term, self.commit_index))

    def _note_commit(self, seen: Seen, entry: Entry) -> None:
        """Check one entry that counts as committed."""
        index = entry.index
        if index > self.commit_index:
            if index != self.commit_index + 1:
                raise Violation(
                    Property.STATE_MACHINE_SAFETY,
                    f"member {seen.node_id} takes {index} for committed; nobody showed"
                    f" anything behind {self.commit_index} before",
                )
            self._entries.append(entry)
            self.commit_index = index
            return
        if index <= self.first.index:
            return
        agreed = self._entry(index)
        if agreed is not entry and agreed != entry:
            raise Violation(
                Property.STATE_MACHINE_SAFETY,
                f"member {seen.node_id} takes {_brief(entry)} for committed; another"
                f" has taken {_brief(agreed)}",
            )

    def term(self, index: LogIndex) -> Term:
        """Return the term of a committed entry.

        Parameters
        ----------
        index : LogIndex
            Which.

        Returns
        -------
        Term
            As all members have it.
        """
        return self._entry(index).term if index > self.first.index else Term(1)

    def _entry(self, index: int) -> Entry:
        """Return a committed entry."""
        return self._entries[index - self.first.index - 1]

    # ---- effects ------------------------------------------------------------

    def note_commands(
        self,
        seen: Seen,
        index: LogIndex,
        commands: Sequence[bytes],
        results: Sequence[object],
    ) -> None:
        """Check what a member applied, and what came of it.

        Parameters
        ----------
        seen : Seen
            Of the member.
        index : LogIndex
            Of the last command.
        commands : sequence of bytes
            What it applied.
        results : sequence of object
            Of each.

        Raises
        ------
        Violation
            If the log has others, or another member had other results.
        """
        places = self.places(seen, index, commands)
        for at, command, result in zip(places, commands, results, strict=True):
            self._note_effect(seen, at, command, result)
        seen.applied_index = index

    def places(
        self, seen: Seen, index: LogIndex, commands: Sequence[bytes]
    ) -> list[LogIndex]:
        """Return where in the log the commands are that a member applies next.

        Parameters
        ----------
        seen : Seen
            Of the member.
        index : LogIndex
            Of the last command.
        commands : sequence of bytes
            What it applies.

        Returns
        -------
        list of LogIndex
            Of each.

        Raises
        ------
        Violation
            If the log has others.
        """
        self.look(seen)
        if index > self.commit_index:
            raise Violation(
                Property.STATE_MACHINE_SAFETY,
                f"member {seen.node_id} applies {index}; nothing behind"
                f" {self.commit_index} is committed",
            )
        found: list[LogIndex] = []
        for at in range(max(seen.applied_index, self.first.index) + 1, index + 1):
            content, once = self._said_at(at)
            if len(found) < len(commands) and commands[len(found)] == content:
                if once is not None:
                    self._note_once(seen, at, once)
                found.append(LogIndex(at))
        if len(found) != len(commands):
            raise Violation(
                Property.STATE_MACHINE_SAFETY,
                f"member {seen.node_id} applies {len(commands)} commands up to {index};"
                f" from {seen.applied_index + 1} on the log has {len(found)} of them",
            )
        return found

    def command_at(self, index: int) -> bytes | None:
        """Return what a committed entry holds for the state machine.

        Parameters
        ----------
        index : int
            Which.

        Returns
        -------
        bytes or None
            None if nothing.
        """
        return self._said_at(index)[0]

    def _said_at(self, index: int) -> "_Said":
        """Return what a committed entry holds, read when it is first asked for."""
        said = self._said.get(index)
        if said is None:
            entry = self._entry(index)
            content = _command_of(entry)
            said = content, None if content is None else _once_of(entry)
            self._said[index] = said
        return said

    def _note_once(self, seen: Seen, index: int, once: tuple[object, ...]) -> None:
        """Check that what is done once was not done by an earlier entry."""
        first = self._done.setdefault(once, index)
        if first != index:
            raise Violation(
                Property.ONCE,
                f"member {seen.node_id} does at entry {index} what was done at"
                f" {first}: {once}",
            )

    @abstractmethod
    def _note_effect(
        self, seen: Seen, index: int, command: bytes, result: object
    ) -> None:
        """Check one result; the first who shows one decides."""


_Said: TypeAlias = tuple[bytes | None, tuple[object, ...] | None]
"""What an entry holds for the state machine, and what makes it one that is done once;
None for nothing."""


def _command_of(entry: Entry) -> bytes | None:
    """Return what an entry holds for the state machine; None if nothing."""
    if entry.kind is not EntryKind.COMMAND or not entry.data:
        return None
    content = content_of(entry.data)
    match kind_of(entry.data):
        case EnvelopeKind.COMMAND:
            return content
        case EnvelopeKind.ONCE:
            return decode_once(content)[1]
    return None


def _once_of(entry: Entry) -> tuple[object, ...] | None:
    """Return what makes a command one that is done once; None if it is none."""
    if kind_of(entry.data) is not EnvelopeKind.ONCE:
        return None
    once, _ = decode_once(content_of(entry.data))
    if isinstance(once, OfKey):
        return ("key", once.key, once.step)
    return ("session", once.session, once.sequence)


def _brief(entry: Entry) -> str:
    """Name an entry."""
    return (
        f"entry {entry.index} of term {entry.term} ({entry.kind.name},"
        f" {entry.data[-40:]!r})"
    )
