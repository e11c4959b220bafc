"""What all members together have shown, and the properties that span members.

Each thing is looked at once, when it is new: an entry when it enters a log, a commit
when a member first shows it, an effect when it is first applied. Two logs never need to
be compared whole: if entries of one index and term are equal everywhere, and so are the
terms right before them, then by induction the logs are equal up to there (§5.3).

A store of its own, which never forgets, is fed with the agreed commands. Its history is
what clients' answers are held against.
"""

from collections.abc import Callable, Sequence

from raftwerk.core.records import Entry, EntryKind, Snapshot
from raftwerk.core.roles import Role
from raftwerk.core.state import State
from raftwerk.kv import Compact, ExpireLeases, KvError, RevokeLease, Store, decode
from raftwerk.runtime.envelope import EnvelopeKind, content_of, kind_of
from raftwerk.sim.violation import Property, Violation
from raftwerk.types import LogIndex, NodeId, Term

__all__ = ["Ledger", "Seen"]

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


class Ledger:
    """Everything that was ever agreed upon.

    Parameters
    ----------
    first : Snapshot
        What the group began with.
    now : callable
        Returns the true time.

    Attributes
    ----------
    store : Store
        All agreed commands, applied, but for compactions.
    commit_index : LogIndex
        The highest index that any member showed as committed.
    lease_ends : dict of int to float
        When each lease was ended.
    """

    def __init__(self, first: Snapshot, now: Callable[[], float]) -> None:
        self.store = Store()
        self._now = now
        self.commit_index = first.index
        self.applied_index = first.index
        self.lease_ends: dict[int, float] = {}
        self.commands = 0
        self._first = first
        self._entries: list[Entry] = []
        self._revisions: list[int] = [self.store.revision]
        self._results: dict[int, object] = {}
        self._leaders: dict[Term, NodeId] = {}
        self._commits: list[tuple[Term, LogIndex]] = [(first.term, first.index)]
        self._known: dict[tuple[int, int], tuple[Entry, Term]] = {}

    # ---- figure 3 -----------------------------------------------------------

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
        if index <= self._first.index:
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
        return self._entry(index).term if index > self._first.index else Term(1)

    def _entry(self, index: int) -> Entry:
        """Return a committed entry."""
        return self._entries[index - self._first.index - 1]

    # ---- effects ------------------------------------------------------------

    def note_applied(
        self,
        seen: Seen,
        index: LogIndex,
        commands: Sequence[bytes],
        results: Sequence[object],
        revision: int,
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
        revision : int
            Its store's, after them.

        Raises
        ------
        Violation
            If the log has others, or another member had other results.
        """
        self.look(seen)
        if index > self.commit_index:
            raise Violation(
                Property.STATE_MACHINE_SAFETY,
                f"member {seen.node_id} applies {index}; nothing behind"
                f" {self.commit_index} is committed",
            )
        place = 0
        for at in range(max(seen.applied_index, self._first.index) + 1, index + 1):
            content = _command_of(self._entry(at))
            if content is None:
                continue
            if place < len(commands) and commands[place] == content:
                self._note_effect(seen, at, content, results[place])
                place += 1
        if place != len(commands):
            raise Violation(
                Property.STATE_MACHINE_SAFETY,
                f"member {seen.node_id} applies {len(commands)} commands up to {index};"
                f" from {seen.applied_index + 1} on the log has {place} of them",
            )
        seen.applied_index = index
        if self._revisions[index - self._first.index] != revision:
            raise Violation(
                Property.EFFECTS,
                f"member {seen.node_id} is at revision {revision} after entry {index};"
                f" it should be at {self._revisions[index - self._first.index]}",
            )

    def _note_effect(
        self, seen: Seen, index: int, command: bytes, result: object
    ) -> None:
        """Check one result; the first who shows one decides."""
        if index > self.applied_index:
            self._apply(index, command, result)
            return
        agreed = self._results.get(index)
        if not _is_equal(agreed, result):
            raise Violation(
                Property.EFFECTS,
                f"member {seen.node_id} makes {result!r} of entry {index}; another made"
                f" {agreed!r}",
            )

    def _apply(self, index: int, content: bytes, result: object) -> None:
        """Take a command into the store that never forgets."""
        self._fill(index)
        command = decode(content)
        if not isinstance(command, Compact):
            self.store.apply(index, [content])
            if isinstance(command, RevokeLease):
                self.lease_ends.setdefault(command.lease, self._now())
            elif isinstance(command, ExpireLeases):
                for lease in command.leases:
                    if self.store.lease(lease) is None:
                        self.lease_ends.setdefault(lease, self._now())
        self._results[index] = result
        self._revisions[index - self._first.index] = self.store.revision
        self.commands += 1

    def _fill(self, index: int) -> None:
        """Know the revision of all indexes up to this one."""
        missing = index - self._first.index + 1 - len(self._revisions)
        if missing > 0:
            self._revisions += [self._revisions[-1]] * missing
        self.applied_index = LogIndex(index)

    def note_restored(self, seen: Seen, index: LogIndex, revision: int) -> None:
        """Check a member that begins with a snapshot.

        Parameters
        ----------
        seen : Seen
            Of the member.
        index : LogIndex
            The last command in the snapshot.
        revision : int
            Its store's.

        Raises
        ------
        Violation
            If no such state was ever agreed upon.
        """
        seen.applied_index = index
        place = index - self._first.index
        if place < 0:
            return
        known = self._revisions[min(place, len(self._revisions) - 1)]
        if known != revision:
            raise Violation(
                Property.EFFECTS,
                f"member {seen.node_id} was restored to revision {revision} at entry"
                f" {index}; it should be {known}",
            )


def _command_of(entry: Entry) -> bytes | None:
    """Return what an entry holds for the state machine; None if nothing."""
    if entry.kind is not EntryKind.COMMAND or not entry.data:
        return None
    if kind_of(entry.data) is not EnvelopeKind.COMMAND:
        return None
    return content_of(entry.data)


def _is_equal(one: object, other: object) -> bool:
    """Tell whether two results are the same; refusals are by kind and words."""
    if isinstance(one, KvError) and isinstance(other, KvError):
        return type(one) is type(other) and str(one) == str(other)
    return one == other


def _brief(entry: Entry) -> str:
    """Name an entry."""
    return (
        f"entry {entry.index} of term {entry.term} ({entry.kind.name},"
        f" {entry.data[-40:]!r})"
    )
