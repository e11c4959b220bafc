"""What all members together have shown, and the properties that span members.

Each thing is looked at once, when it is new: a log entry when it enters a log, a commit
when an index is first known as committed. Two logs never need to be compared whole: if
entries of one index and term are equal everywhere, and so are the terms just before
them, then by induction the logs are equal up to there (log matching, §5.3).
"""

from typing import TYPE_CHECKING
from zlib import crc32

from raftwerk.core.records import ConfState, Entry, Snapshot
from raftwerk.storage.held_log import HeldLog
from raftwerk.types import LogIndex, NodeId, Term

from .properties import Property, Violation, demand

if TYPE_CHECKING:
    from .member import Member

__all__ = ["Ledger", "halves", "holds"]


def holds(log: HeldLog, index: LogIndex, term: Term) -> bool:
    """Return whether a stored log has this entry, or a snapshot that covers it."""
    if index <= log.snapshot().index:
        return True
    return log.first_index() - 1 <= index <= log.last_index() and (
        log.term(index) == term
    )


def halves(conf_state: ConfState) -> list[tuple[NodeId, ...]]:
    """Return the sets of voters of which each has to agree with its majority."""
    return [half for half in (conf_state.voters, conf_state.voters_outgoing) if half]


class Ledger:
    """Everything that was ever true of the group.

    Parameters
    ----------
    start : Snapshot
        What the group began with.

    Attributes
    ----------
    commit_index : LogIndex
        The highest index known as committed by anyone, ever.
    """

    def __init__(self, start: Snapshot) -> None:
        self.members: dict[NodeId, "Member"] = {}
        self.start = start
        self.commit_index = start.index
        self._leaders: dict[Term, NodeId] = {}
        self._votes: dict[tuple[NodeId, Term], NodeId] = {}
        self._entries: dict[tuple[LogIndex, Term], tuple[Entry, Term]] = {}
        self._committed: list[Entry] = []
        # By which term's leader: (term, highest index), both rising.
        self._commits: list[tuple[Term, LogIndex]] = [(start.term, start.index)]
        self._digests: list[int] = [0]
        self._configurations: list[tuple[LogIndex, ConfState]] = [
            (start.index, start.conf_state)
        ]

    # ---- elections ----------------------------------------------------------

    def note_leader(self, member: "Member") -> None:
        """Check a new leader: the only one of its term, elected, and complete.

        Its own vote has to be durable even where the others' are enough: with it the
        leader would forget in a crash that it ever led this term.
        """
        state = member.replica.state
        term, node_id = state.term, state.id
        first = self._leaders.setdefault(term, node_id)
        if first != node_id:
            raise Violation(
                Property.ELECTION_SAFETY,
                f"members {first} and {node_id} both lead term {term}",
            )
        if self._votes.get((node_id, term)) != node_id:
            raise Violation(
                Property.DURABLE_FIRST,
                f"member {node_id} leads term {term}; its own vote is not durable",
            )
        for voters in halves(state.tracker.conf_state):
            votes = [v for v in voters if self._votes.get((v, term)) == node_id]
            if 2 * len(votes) <= len(voters):
                raise Violation(
                    Property.DURABLE_FIRST,
                    f"member {node_id} leads term {term}; of the voters {voters} only"
                    f" {votes} have a durable vote for it",
                )
        known = max(
            (index for by, index in self._commits if by < term), default=LogIndex(0)
        )
        log = state.log
        if known >= log.first_index and not log.matches(known, self.term(known)):
            raise Violation(
                Property.LEADER_COMPLETENESS,
                f"member {node_id} leads term {term} without the committed entry"
                f" {known} of term {self.term(known)}; its log goes to"
                f" {log.last_index}, term {log.last_term}",
            )

    def note_durable(self, member: "Member") -> None:
        """Check what storage has just made durable."""
        durable = member.store.durable.initial_state()[0]
        if durable.term < member.durable_term:
            raise Violation(
                Property.ONE_VOTE,
                f"the durable term of member {member.id} went back from"
                f" {member.durable_term} to {durable.term}",
            )
        member.durable_term = durable.term
        if durable.vote is not None:
            self.note_vote(member.id, durable.term, durable.vote)

    def note_vote(self, member: NodeId, term: Term, candidate: NodeId) -> None:
        """Check a vote that is durable, or was given and then outlived."""
        vote = self._votes.setdefault((member, term), candidate)
        if vote != candidate:
            raise Violation(
                Property.ONE_VOTE,
                f"member {member} voted for {vote} and {candidate} in term {term}",
            )

    # ---- logs ---------------------------------------------------------------

    def note_entry(self, member: NodeId, entry: Entry, prev_term: Term) -> None:
        """Check an entry that is new in a log."""
        known = self._entries.setdefault((entry.index, entry.term), (entry, prev_term))
        if known[1] != prev_term or (known[0] is not entry and known[0] != entry):
            raise Violation(
                Property.LOG_MATCHING,
                f"member {member} has {entry} after term {prev_term}; another has"
                f" {known[0]} after term {known[1]}",
            )

    # ---- commits ------------------------------------------------------------

    def term(self, index: LogIndex) -> Term:
        """Return the term of a committed entry."""
        place = index - self.start.index
        return self._committed[place - 1].term if place > 0 else self.start.term

    def note_commit(self, member: "Member", entry: Entry) -> None:
        """Check an entry that a member has just learnt is committed."""
        index = entry.index
        if index <= self.commit_index:
            if entry.term != self.term(index):
                raise Violation(
                    Property.STATE_MACHINE_SAFETY,
                    f"member {member.id} takes entry {index} of term {entry.term} for"
                    f" committed; it is the one of term {self.term(index)}",
                )
            return
        demand(
            index == self.commit_index + 1,
            Property.STATE_MACHINE_SAFETY,
            f"member {member.id} takes {index} for committed after {self.commit_index}",
        )
        self._committed.append(entry)
        self._digests.append(crc32(entry.data, self._digests[-1] ^ entry.term))
        self.commit_index = index

    def note_committed_up_to(self, member: "Member") -> None:
        """Check that what is committed for the first time was decided by a quorum."""
        state = member.replica.state
        if state.leader != state.id:
            raise Violation(
                Property.QUORUM_STORES,
                f"member {state.id}, which does not lead, is the first to take"
                f" {self.commit_index} for committed",
            )
        index, term = self.commit_index, self._committed[-1].term
        if term != state.term:
            raise Violation(
                Property.OWN_TERM,
                f"member {state.id} leads term {state.term} and commits {index} of term"
                f" {term}",
            )
        for voters in halves(state.tracker.conf_state):
            having = [v for v in voters if self._is_durable(v, index, term)]
            if 2 * len(having) <= len(voters):
                raise Violation(
                    Property.QUORUM_STORES,
                    f"member {state.id} commits {index} of term {term} in term"
                    f" {state.term}; of the voters {voters} only {having} have it",
                )
        self._commits.append((state.term, index))

    def _is_durable(self, node_id: NodeId, index: LogIndex, term: Term) -> bool:
        """Return whether a member would still have an entry after a crash."""
        return holds(self.members[node_id].store.durable, index, term)

    def check_match(self, leader: "Member", node_id: NodeId, index: LogIndex) -> None:
        """Check that a member durably has what its leader counts on."""
        state = leader.replica.state
        durable = self.members[node_id].store.durable
        # In a newer term it may have lost the entries, and the leader its leadership.
        if durable.initial_state()[0].term > state.term:
            return
        if index >= state.log.first_index and not holds(
            durable, index, state.log.term(index)
        ):
            raise Violation(
                Property.MATCH_HOLDS,
                f"member {state.id} leads term {state.term} and takes {node_id} to have"
                f" {index} of term {state.log.term(index)}; durable there is the log up"
                f" to {durable.last_index()}",
            )

    def note_snapshot(self, member: NodeId, snapshot: Snapshot) -> None:
        """Check a snapshot that is about to replace a log."""
        demand(
            snapshot.index <= self.commit_index
            and snapshot.term == self.term(snapshot.index),
            Property.STATE_MACHINE_SAFETY,
            f"member {member} installs a snapshot of {snapshot.index}, term"
            f" {snapshot.term}, that was never committed",
        )

    # ---- the state machines -------------------------------------------------

    def digest(self, index: LogIndex) -> int:
        """Return what stands for the state after this index."""
        return self._digests[index - self.start.index]

    def note_applied(self, member: "Member", entry: Entry) -> None:
        """Check that the next entry is applied, and the one that all others apply."""
        applied_index = member.applied_index
        if entry.index != applied_index + 1:
            raise Violation(
                Property.STATE_MACHINE_SAFETY,
                f"member {member.id} applies {entry.index} after {applied_index}",
            )
        if entry.index > self.commit_index:
            raise Violation(
                Property.STATE_MACHINE_SAFETY,
                f"member {member.id} applies {entry.index}; nothing behind"
                f" {self.commit_index} is committed",
            )
        agreed = self._committed[entry.index - self.start.index - 1]
        if entry is not agreed and entry != agreed:
            raise Violation(
                Property.STATE_MACHINE_SAFETY,
                f"member {member.id} applies {entry}; another has applied {agreed}",
            )
        if not holds(member.store.durable, entry.index, entry.term):
            raise Violation(
                Property.APPLIED_IS_DURABLE,
                f"member {member.id} applies {entry.index}, which it may lose still",
            )

    def note_configuration(
        self, member: NodeId, index: LogIndex, conf_state: ConfState
    ) -> None:
        """Check the configuration that holds from an index on."""
        agreed = self._configurations
        if index > agreed[-1][0]:
            agreed.append((index, conf_state))
            return
        self.check_configuration(member, index, conf_state)

    def check_configuration(
        self, member: NodeId, index: LogIndex, conf_state: ConfState
    ) -> None:
        """Check that a configuration is the one that others had at an index."""
        expected = self.configuration(index)
        if expected != conf_state:
            raise Violation(
                Property.CONFIGURATION,
                f"member {member} has {conf_state} at {index}; others {expected}",
            )

    def configuration(self, index: LogIndex) -> ConfState:
        """Return the configuration that holds at an index."""
        for since, conf_state in reversed(self._configurations):
            if since <= index:
                return conf_state
        return ConfState()

    @property
    def newest_configuration(self) -> ConfState:
        """The configuration that was applied last by anyone."""
        return self._configurations[-1][1]
