"""Linearizable reads without a log entry.

The leader notes its commit index, has a quorum confirm that it still leads, and gives
the noted index out: whoever has applied it may read. Source: thesis §6.4; by lease
instead of a quorum: §6.4.1.
"""

from raftwerk.core.events import ReadDropped
from raftwerk.core.inputs import ReadIndex
from raftwerk.core.messages import ForwardReadIndex, HeartbeatReply, ReadIndexReply
from raftwerk.core.quorum import VoteResult, joint_vote_result
from raftwerk.core.reads import ReadRequest
from raftwerk.core.ready import ReadState
from raftwerk.core.replication import broadcast_heartbeat
from raftwerk.core.roles import Role
from raftwerk.core.state import State
from raftwerk.types import LogIndex, NodeId

__all__ = [
    "confirm_reads",
    "on_forward_read_index",
    "on_read_index",
    "on_read_index_reply",
    "release_postponed",
    "repeat_round",
]


def on_read_index(state: State, event: ReadIndex) -> None:
    """Take a read of our own driver; on a follower it goes to the leader.

    Parameters
    ----------
    state : State
        This member, perhaps a learner.
    event : ReadIndex
        Its context comes back in the `ReadState`. Without a leader the read is
        dropped: the driver asks again when it knows one.
    """
    _take(state, ReadRequest(state.id, event.context))


def on_forward_read_index(state: State, message: ForwardReadIndex) -> None:
    """Take a read of a follower; if we don't lead any more it is dropped.

    Parameters
    ----------
    state : State
        This member.
    message : ForwardReadIndex
        Who asks, and under which name.
    """
    _take(state, ReadRequest(message.sender, message.context))


def on_read_index_reply(state: State, message: ReadIndexReply) -> None:
    """Take the leader's answer.

    Parameters
    ----------
    state : State
        This member.
    message : ReadIndexReply
        The index and the name of the read.
    """
    if state.role is Role.FOLLOWER:
        state.read_states.append(ReadState(message.read_index, message.context))


def _take(state: State, request: ReadRequest) -> None:
    """Read as the leader, hand on to the leader in the asker's name, or drop."""
    asker, context = request.requester, request.context
    if state.role is Role.LEADER:
        _read(state, request)
    elif state.role is Role.FOLLOWER and state.leader is not None:
        state.send(
            ForwardReadIndex(sender=asker, receiver=state.leader, context=context)
        )
    else:
        state.record(ReadDropped(node=state.id, term=state.term, context=context))


def _read(state: State, request: ReadRequest) -> None:
    """Answer at once where that is safe, begin a round, or postpone."""
    log = state.log
    knows_commit = log.term_or_zero(log.commit_index) == state.term
    if state.tracker.is_singleton and state.id in state.tracker.voter_ids:
        # Nobody else's word is needed. But after a restart the commit index may lag
        # behind what was acknowledged, while all that is stored here is committed.
        _answer(state, request, log.commit_index if knows_commit else log.last_index)
    elif not knows_commit:
        # A new leader has all committed entries but does not know which they are.
        state.reads.postponed.append(request)
    else:
        _begin(state, request)


def _begin(state: State, request: ReadRequest) -> None:
    """Ask a quorum whether we still lead, or trust the lease."""
    commit_index = state.log.commit_index
    if state.config.lease_read and state.lease.is_valid:
        _answer(state, request, commit_index)
        return
    number = state.reads.add(request, commit_index)
    _begin_round(state, number)


def _begin_round(state: State, number: int) -> None:
    """Ask all whether they follow us still."""
    state.lease.asked(number)
    state.reads.acknowledge(state.id, number)
    broadcast_heartbeat(state, number)


def repeat_round(state: State) -> None:
    """Send the heartbeats of a tick, with the newest round that waits.

    Parameters
    ----------
    state : State
        A leader.
    """
    if state.config.lease_read:
        # Each is a round of its own, for its answers renew the lease.
        _begin_round(state, state.reads.next_number())
    else:
        broadcast_heartbeat(state, state.reads.newest_round)


def release_postponed(state: State) -> None:
    """Begin the reads that waited for this term's first commit, if it is there.

    Parameters
    ----------
    state : State
        A leader.
    """
    waiting = state.reads.postponed
    if not waiting or state.log.term_or_zero(state.log.commit_index) != state.term:
        return
    state.reads.postponed = []
    for request in waiting:
        _begin(state, request)


def confirm_reads(state: State, reply: HeartbeatReply) -> None:
    """Give out the reads that a quorum has confirmed with this answer.

    Parameters
    ----------
    state : State
        A leader.
    reply : HeartbeatReply
        An answer of the present term.
    """
    number = reply.read_round
    if not number or not (state.reads.newest_round or state.config.lease_read):
        return
    votes = state.reads.acknowledge(reply.sender, number)
    conf_state = state.tracker.conf_state
    result = joint_vote_result(conf_state.voters, conf_state.voters_outgoing, votes)
    if result is not VoteResult.WON:
        return
    state.lease.confirmed(number)
    for request, read_index in state.reads.confirm(number):
        _answer(state, request, read_index)


def _answer(state: State, request: ReadRequest, read_index: LogIndex) -> None:
    """Give a read index to whoever asked."""
    if request.requester == state.id:
        state.read_states.append(ReadState(read_index, request.context))
        return
    state.send(
        ReadIndexReply(
            sender=state.id,
            receiver=NodeId(request.requester),
            term=state.term,
            read_index=read_index,
            context=request.context,
        )
    )
