"""Newer, older, equal term: what is settled before any handler looks at a message.

A newer term is followed, an older one is answered so that its sender learns of the
newer one, or ignored. Two things come before that: a pre-vote changes no term, and
followers of a live leader let no candidate disturb it. Source: Raft paper §5.1; thesis
§9.6, §4.2.3 and §6.2 (check-quorum); etcd for what an outdated leader is told.
"""

from raftwerk.core.become import become_follower
from raftwerk.core.events import (
    HigherTermSeen,
    LowerTermIgnored,
    VoteIgnored,
    VoteRefused,
)
from raftwerk.core.messages import (
    AppendEntries,
    AppendEntriesReply,
    ForwardProposal,
    ForwardReadIndex,
    Heartbeat,
    InstallSnapshot,
    Message,
    RequestPreVote,
    RequestPreVoteReply,
    RequestVote,
)
from raftwerk.core.roles import Cause
from raftwerk.core.state import State
from raftwerk.types import NO_INDEX

__all__ = ["settle"]


def settle(state: State, message: Message) -> bool:
    """Settle the term of a message.

    Parameters
    ----------
    state : State
        This member; it may become a follower in a newer term.
    message : Message
        Any message of a peer, or of ourselves.

    Returns
    -------
    bool
        Whether a handler shall look at the message.
    """
    if message.term == state.term:
        return True
    if isinstance(message, (ForwardProposal, ForwardReadIndex)):
        return True  # They say nothing of a term: whoever leads may take them.
    if message.term > state.term:
        return _settle_newer(state, message)
    _answer_older(state, message)
    return False


def _settle_newer(state: State, message: Message) -> bool:
    """Follow a newer term, unless the message asks only, or must not be listened to."""
    if isinstance(message, (RequestVote, RequestPreVote)):
        if _has_live_leader(state) and not (
            isinstance(message, RequestVote) and message.is_transfer
        ):
            _record_ignored(state, message)
            return False
    if isinstance(message, RequestPreVote):
        return True
    if isinstance(message, RequestPreVoteReply) and message.granted:
        # Granted in the term that we asked for: we reach it by winning, not by this.
        return True
    state.record(
        HigherTermSeen(
            node=state.id,
            term=state.term,
            kind=type(message).__name__,
            sender=message.sender,
            message_term=message.term,
        )
    )
    is_from_leader = isinstance(message, (AppendEntries, Heartbeat, InstallSnapshot))
    leader = message.sender if is_from_leader else None
    become_follower(state, Cause.HIGHER_TERM_SEEN, message.term, leader)
    return True


def _has_live_leader(state: State) -> bool:
    """Return whether a leader was heard of within the least election timeout."""
    return (
        state.config.check_quorum
        and (state.leader is not None or state.must_wait_out)
        and state.election_elapsed < state.config.election_ticks_min
    )


def _record_ignored(state: State, message: RequestVote | RequestPreVote) -> None:
    """Record that a candidate gets no answer."""
    state.record(
        VoteIgnored(
            node=state.id,
            kind=type(message).__name__,
            candidate=message.sender,
            candidate_log_term=message.last_log_term,
            candidate_log_index=message.last_log_index,
            term=state.term,
            vote=state.vote,
            last_log_term=state.log.last_term,
            last_log_index=state.log.last_index,
            remaining_ticks=state.config.election_ticks_min - state.election_elapsed,
        )
    )


def _answer_older(state: State, message: Message) -> None:
    """Tell the sender of an older term of ours if it can't learn it otherwise."""
    config = state.config
    if isinstance(message, (Heartbeat, AppendEntries)) and (
        config.check_quorum or config.pre_vote
    ):
        # A leader that was cut off: while it lives we can't reach it with a candidacy
        # (it would be ignored, or be a mere pre-vote), so our term must reach it here.
        state.send_after_sync(
            AppendEntriesReply(
                sender=state.id,
                receiver=message.sender,
                term=state.term,
                match_index=NO_INDEX,
            )
        )
    elif isinstance(message, RequestPreVote):
        # Silence could block for ever a group in which one member has the greater term
        # and another the longer log.
        _refuse_older_pre_vote(state, message)
    else:
        state.record(
            LowerTermIgnored(
                node=state.id,
                term=state.term,
                kind=type(message).__name__,
                sender=message.sender,
                message_term=message.term,
            )
        )


def _refuse_older_pre_vote(state: State, message: RequestPreVote) -> None:
    """Refuse in our own term, which the asker will follow."""
    state.record(
        VoteRefused(
            node=state.id,
            kind="RequestPreVote",
            candidate=message.sender,
            candidate_log_term=message.last_log_term,
            candidate_log_index=message.last_log_index,
            term=state.term,
            vote=state.vote,
            last_log_term=state.log.last_term,
            last_log_index=state.log.last_index,
        )
    )
    state.send_after_sync(
        RequestPreVoteReply(
            sender=state.id, receiver=message.sender, term=state.term, granted=False
        )
    )
