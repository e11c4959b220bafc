"""What a member's disk was told to keep, against what it says and what it finds again.

An answer promises that something is durable, so it must not leave before (Raft paper
Fig. 2); and what was durable once is there after any crash.
"""

from raftwerk.core.messages import AppendEntriesReply, Message, RequestVoteReply
from raftwerk.core.records import HardState
from raftwerk.sim.violation import Property, Violation
from raftwerk.types import NO_INDEX, LogIndex, NodeId

__all__ = ["Durable"]


class Durable:
    """How much of one member's log is synced.

    Parameters
    ----------
    node_id : NodeId
        Who.
    """

    def __init__(self, node_id: NodeId) -> None:
        self._node_id = node_id
        self._last_index = NO_INDEX
        self._stored_index = NO_INDEX
        """Where the log ended, when the last sync was done, for who was told in its
        term; what a newer term has replaced meanwhile is stored all the same."""
        self._hard_state = HardState()

    def note(
        self,
        last_index: LogIndex,
        hard_state: HardState,
        stored_index: LogIndex | None = None,
    ) -> None:
        """Know that a sync is done.

        Parameters
        ----------
        last_index : LogIndex
            Where the log ends.
        hard_state : HardState
            What else it holds.
        stored_index : LogIndex, optional
            Where it ended before anything of a newer term, which is not synced, was to
            replace its end; without it, at the same place.
        """
        self._last_index = last_index
        self._stored_index = last_index if stored_index is None else stored_index
        self._hard_state = hard_state

    def cut(self, last_index: LogIndex, *, by_newer_term: bool = False) -> None:
        """Know that what lies behind an index is about to be replaced.

        Parameters
        ----------
        last_index : LogIndex
            What is durable up to there stays.
        by_newer_term : bool
            Whether that happens in a newer term. Then an answer of the older one may
            still be under way, and is right: after a crash either the entries are there
            that it acknowledges, or the newer term.
        """
        self._last_index = min(self._last_index, last_index)
        if not by_newer_term:
            self._stored_index = min(self._stored_index, last_index)

    def check(self, message: Message) -> None:
        """Check that what a message promises is durable.

        Parameters
        ----------
        message : Message
            About to leave.

        Raises
        ------
        Violation
            If it is not.
        """
        kept = self._hard_state
        if isinstance(message, AppendEntriesReply):
            # In a newer term the entries may be gone again, and nobody counts on them.
            is_right = kept.term > message.term or (
                kept.term == message.term and message.match_index <= self._stored_index
            )
        elif isinstance(message, RequestVoteReply) and message.granted:
            is_right = kept.term > message.term or (
                kept.term == message.term and kept.vote == message.receiver
            )
        else:
            return
        if not is_right:
            raise Violation(
                Property.DURABLE_FIRST,
                f"member {self._node_id} answers {message}; durable are its log up to"
                f" {self._stored_index}, and {kept}",
            )

    def check_recovered(self, last_index: LogIndex, hard_state: HardState) -> None:
        """Check what a restart found.

        Parameters
        ----------
        last_index : LogIndex
            Where the log ends.
        hard_state : HardState
            What else it holds.

        Raises
        ------
        Violation
            If something that was synced is gone.
        """
        kept = self._hard_state
        is_vote_kept = hard_state.term > kept.term or (
            hard_state.term == kept.term and kept.vote in (None, hard_state.vote)
        )
        if last_index < self._last_index or not is_vote_kept:
            raise Violation(
                Property.RECOVERY,
                f"member {self._node_id} restarts with a log up to {last_index}, and"
                f" {hard_state}; durable were {self._last_index}, and {kept}",
            )
        self.note(last_index, hard_state)
