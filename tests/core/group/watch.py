"""What must hold of one member between any two steps, by what it showed before.

A shadow of the log is kept and compared with the part that may have changed: the
entries that are not stable, and those that have become so.
"""

from typing import TYPE_CHECKING

from raftwerk.core.inputs import Input
from raftwerk.core.messages import (
    AppendEntries,
    AppendEntriesReply,
    Heartbeat,
    HeartbeatReply,
    Message,
    PeerMessage,
    ReadIndexReply,
    RequestPreVote,
    RequestVoteReply,
)
from raftwerk.core.progress import Progress
from raftwerk.core.records import Entry, EntryKind, Snapshot
from raftwerk.core.roles import Role
from raftwerk.core.sizes import entries_bytes
from raftwerk.types import NO_INDEX, NO_TERM, LogIndex, NodeId, Term

from .ledger import Ledger, halves, holds
from .properties import Property, Violation

if TYPE_CHECKING:
    from .member import Member

__all__ = ["Watch"]


class Watch:
    """Looks at one incarnation of one member after each of its steps.

    Parameters
    ----------
    member : Member
        Just started.
    ledger : Ledger
        What the group has shown.
    """

    __slots__ = (
        "_acknowledged",
        "_base_index",
        "_answers",
        "_base_term",
        "_before",
        "_commit_index",
        "_confirmed",
        "_entries",
        "_last",
        "_ledger",
        "_matches",
        "_member",
        "_offset",
        "_rounds",
        "_snapshot",
        "_state",
        "_stop",
        "_term_led",
    )

    def __init__(self, member: "Member", ledger: Ledger) -> None:
        self._member = member
        self._ledger = ledger
        self._state = state = member.replica.state
        log = state.log
        self._base_index = LogIndex(log.first_index - 1)
        self._base_term = log.term(self._base_index)
        self._entries: list[Entry] = []
        for entry in log.read(log.first_index, LogIndex(log.last_index + 1), 2**63):
            ledger.note_entry(member.id, entry, self._last_term())
            self._entries.append(entry)
        self._commit_index = LogIndex(min(log.commit_index, self._base_index))
        self._term_led: Term | None = None
        self._snapshot: Snapshot | None = None
        self._acknowledged = (NO_TERM, NO_INDEX)
        self._matches: dict[NodeId, tuple[Progress, LogIndex]] = {}
        # When each round of heartbeats first left; of each member, when its newest did.
        self._rounds: dict[tuple[Term, int], int] = {}
        self._confirmed: dict[NodeId, int] = {}
        self._answers = (0, 0)
        self._before = (state.term, state.vote, state.role)
        self._offset = self._stop = LogIndex(0)
        self._last: Entry | None = None
        self.look()

    def _last_term(self) -> Term:
        """Return the term of the last entry."""
        return self._entries[-1].term if self._entries else self._base_term

    def _term(self, index: LogIndex) -> Term:
        """Return the term of an entry of the shadow, or of its base."""
        place = index - self._base_index
        return self._entries[place - 1].term if place else self._base_term

    # ---- after a step -------------------------------------------------------

    def look(self) -> None:
        """Check the member; to be called after each of its steps."""
        state = self._state
        unstable = state.log.unstable
        entries = unstable.entries
        offset = unstable.offset
        snapshot = unstable.snapshot
        last = entries[-1] if entries else None
        if snapshot is not self._snapshot:
            if snapshot is not None:
                self._take_snapshot(snapshot)
            self._snapshot = snapshot
            self._offset = LogIndex(0)
        stop = offset + len(entries)
        if last is not self._last or stop != self._stop or offset < self._offset:
            self._last, self._stop = last, LogIndex(stop)
            self._compare(entries, offset)
        if offset != self._offset:
            if 0 < self._offset < offset:
                self._check_stored(offset)
            self._offset = offset
        if state.role is Role.LEADER:
            if self._term_led != state.term:
                self._term_led = state.term
                self._matches = {}
                self._confirmed = {}
                self._ledger.note_leader(self._member)
            self._check_matches()
        elif self._term_led is not None:
            self._term_led = None
        commit_index = state.log.commit_index
        if commit_index != self._commit_index:
            self._follow_commit(commit_index)

    def _check_matches(self) -> None:
        """Check what a leader has learnt of each member's log."""
        known = self._matches
        for node_id, progress in self._state.tracker.progress.items():
            index = progress.match_index
            before = known.get(node_id)
            # Who was removed and comes again is known by another progress.
            if before is not None and before[0] is progress:
                if index == before[1]:
                    continue
                if index < before[1]:
                    raise Violation(
                        Property.MATCH_HOLDS,
                        f"the match index of {node_id} at member {self._state.id} went"
                        f" back from {before[1]} to {index}",
                    )
            known[node_id] = (progress, index)
            if index:
                self._ledger.check_match(self._member, node_id, index)

    def _take_snapshot(self, snapshot: Snapshot) -> None:
        """Check a snapshot that took the place of the log, and begin a new shadow."""
        self._ledger.note_snapshot(self._state.id, snapshot)
        if snapshot.index <= self._commit_index:
            raise Violation(
                Property.COMMIT_GROWS,
                f"member {self._state.id} went back to a snapshot of {snapshot.index};"
                f" {self._commit_index} was committed",
            )
        self._base_index, self._base_term = snapshot.index, snapshot.term
        self._entries = []
        self._commit_index = snapshot.index

    def _compare(self, unstable: list[Entry], offset: LogIndex) -> None:
        """Take what is new in the log into the shadow."""
        shadow = self._entries
        place = offset - self._base_index - 1
        if place > len(shadow) or place < 0:
            raise Violation(
                Property.LOG_MATCHING,
                f"the log of member {self._state.id} goes on at {offset} after"
                f" {self._base_index + len(shadow)}",
            )
        for entry in unstable:
            if place < len(shadow):
                known = shadow[place]
                if known is entry or known == entry:
                    place += 1
                    continue
                self._cut(place)
            self._ledger.note_entry(self._state.id, entry, self._last_term())
            if entry.kind is not EntryKind.COMMAND and self._is_own(entry):
                self._check_change(entry.index)
            shadow.append(entry)
            place += 1
        if place < len(shadow):
            self._cut(place)

    def _is_own(self, entry: Entry) -> bool:
        """Return whether this member has just appended the entry as a leader."""
        state = self._state
        return state.role is Role.LEADER and entry.term == state.term

    def _check_change(self, index: LogIndex) -> None:
        """Check that no other change waits when a leader appends one."""
        applied_index = self._state.log.applied_index
        for entry in self._entries[max(applied_index - self._base_index, 0) :]:
            if entry.kind is not EntryKind.COMMAND:
                raise Violation(
                    Property.ONE_CHANGE,
                    f"member {self._state.id} appends a change at {index} while that of"
                    f" {entry.index} is not applied (but up to {applied_index})",
                )

    def _cut(self, place: int) -> None:
        """Drop the end of the shadow, for the log lost it; check that it may."""
        state = self._state
        index = LogIndex(self._base_index + place + 1)
        story = f"member {state.id} dropped the entries from {index} on"
        if state.role is Role.LEADER and self._term_led == state.term:
            raise Violation(
                Property.LEADER_APPEND_ONLY, f"{story}, leading term {state.term}"
            )
        if index <= self._commit_index:
            raise Violation(
                Property.STATE_MACHINE_SAFETY,
                f"{story}; up to {self._commit_index} they were committed",
            )
        if self._acknowledged[0] == state.term and index <= self._acknowledged[1]:
            raise Violation(
                Property.ANSWER_STAYS,
                f"{story}; in this term, {state.term}, it has told the leader that it"
                f" has them up to {self._acknowledged[1]}",
            )
        del self._entries[place:]

    def _check_stored(self, offset: LogIndex) -> None:
        """Check that storage has what the member no longer holds for it."""
        durable = self._member.store.durable
        for number in range(self._offset, offset):
            index = LogIndex(number)
            if index > self._base_index and not holds(
                durable, index, self._term(index)
            ):
                raise Violation(
                    Property.STABLE_HOLDS,
                    f"member {self._state.id} takes entry {index} of term"
                    f" {self._term(index)} for stored; storage has other entries",
                )

    def _follow_commit(self, commit_index: LogIndex) -> None:
        """Check the entries that have just become known as committed."""
        state, ledger = self._state, self._ledger
        if commit_index < self._commit_index:
            raise Violation(
                Property.COMMIT_GROWS,
                f"the commit index of member {state.id} went back from"
                f" {self._commit_index} to {commit_index}",
            )
        if commit_index > self._base_index + len(self._entries):
            raise Violation(
                Property.STATE_MACHINE_SAFETY,
                f"member {state.id} takes {commit_index} for committed; its log ends"
                f" at {self._base_index + len(self._entries)}",
            )
        before = ledger.commit_index
        start = max(self._commit_index, self._base_index) - self._base_index
        for entry in self._entries[start : commit_index - self._base_index]:
            ledger.note_commit(self._member, entry)
        if ledger.commit_index > before:
            ledger.note_committed_up_to(self._member)
        self._commit_index = commit_index

    # ---- by what a step was told --------------------------------------------

    def prepare(self, event: Input | Message) -> None:
        """Look at an input before the member does: who follows it still?"""
        state = self._state
        self._before = state.term, state.vote, state.role
        self._answers = len(state.read_states), len(state.messages)
        if isinstance(event, HeartbeatReply) and self._term_led == event.term:
            sent = self._rounds.get((event.term, event.read_round), 0)
            known = self._confirmed.get(event.sender, 0)
            self._confirmed[event.sender] = max(known, sent)

    def check_pre_vote(self, event: Input | Message) -> None:
        """Check that the last step neither asked nor answered in a term of its own."""
        state = self._state
        term, vote, role = self._before
        asks = state.role is Role.PRE_CANDIDATE and role is not Role.PRE_CANDIDATE
        if (asks or isinstance(event, RequestPreVote)) and (
            (term, vote) != (state.term, state.vote)
        ):
            raise Violation(
                Property.PRE_VOTE,
                f"member {state.id} went from term {term}, vote {vote} to {state.term},"
                f" {state.vote} by {event}",
            )

    def check_reads(self) -> None:
        """Check what the last step answered: a quorum has followed us since."""
        state = self._state
        if state.role is not Role.LEADER or state.config.lease_read:
            return
        states, messages = self._answers
        contexts = [one.context for one in state.read_states[states:]]
        contexts += [
            message.context
            for message in state.messages[messages:]
            if isinstance(message, ReadIndexReply)
        ]
        # Contexts and the times of rounds are drawn from one rising sequence.
        for context in contexts:
            for voters in halves(state.tracker.conf_state):
                since = [
                    voter
                    for voter in voters
                    if voter == state.id or self._confirmed.get(voter, 0) > context
                ]
                if 2 * len(since) <= len(voters):
                    raise Violation(
                        Property.READ_CONFIRMED,
                        f"member {state.id} answers read {context} in term"
                        f" {state.term}; of {voters} only {since} have answered a"
                        " round begun since",
                    )

    # ---- before a message leaves --------------------------------------------

    def check_promise(self, message: PeerMessage) -> None:
        """Check a message that is about to leave."""
        if isinstance(message, AppendEntriesReply):
            self._check_acknowledgement(message)
        elif isinstance(message, RequestVoteReply):
            if message.granted:
                self._check_vote(message)
        elif isinstance(message, Heartbeat):
            if message.read_round:
                key = message.term, message.read_round
                self._rounds.setdefault(key, self._member.world.name())
        elif isinstance(message, AppendEntries) and len(message.entries) > 1:
            size = entries_bytes(message.entries)
            if size > self._state.config.append_bytes_max:
                raise Violation(
                    Property.BOUNDS,
                    f"member {self._state.id} sends {size} bytes in one message",
                )

    def _check_vote(self, reply: RequestVoteReply) -> None:
        """Check that a vote is durable before it leaves."""
        durable = self._member.store.durable.initial_state()[0]
        if durable.term < reply.term or (
            durable.term == reply.term and durable.vote != reply.receiver
        ):
            raise Violation(
                Property.DURABLE_FIRST,
                f"member {self._state.id} grants {reply}; durable is {durable}",
            )
        self._ledger.note_vote(self._state.id, reply.term, reply.receiver)

    def _check_acknowledgement(self, reply: AppendEntriesReply) -> None:
        """Check that what is acknowledged is durable, and remember it."""
        durable = self._member.store.durable
        term = durable.initial_state()[0].term
        # In a newer term the entries may be gone again already: a leader that does not
        # have them was elected, so they were never committed, whatever is answered.
        if term > reply.term:
            return
        if term < reply.term or durable.last_index() < reply.match_index:
            raise Violation(
                Property.DURABLE_FIRST,
                f"member {self._state.id} answers {reply}; durable are its log up to"
                f" {durable.last_index()} and the term {term}",
            )
        known = self._acknowledged
        self._acknowledged = max(known, (reply.term, reply.match_index))
