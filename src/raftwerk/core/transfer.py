"""Handing leadership over, the leader's side: bring the target up, then have it stand.

Source: thesis §3.10. While it lasts no proposal is taken; it ends with a higher term,
or is given up after one election timeout. The target's side is in `election.py`.
"""

from raftwerk.core.become import become_follower
from raftwerk.core.events import (
    ProgressMissing,
    TimeoutNowSent,
    TransferAborted,
    TransferDropped,
    TransferStarted,
)
from raftwerk.core.inputs import StepDown, TransferLeadership
from raftwerk.core.messages import ForwardTransfer, TimeoutNow
from raftwerk.core.replication import send_append
from raftwerk.core.roles import Cause, Role
from raftwerk.core.state import State
from raftwerk.types import NodeId

__all__ = [
    "continue_transfer",
    "give_up_transfer",
    "on_forward_transfer",
    "on_step_down",
    "on_transfer_leadership",
]


def on_transfer_leadership(state: State, event: TransferLeadership) -> None:
    """Take the wish of our own driver; on a follower it goes to the leader.

    Parameters
    ----------
    state : State
        This member.
    event : TransferLeadership
        Who is to lead.
    """
    _transfer(state, event.transferee)


def on_forward_transfer(state: State, message: ForwardTransfer) -> None:
    """Take the wish that a follower handed on.

    Parameters
    ----------
    state : State
        This member.
    message : ForwardTransfer
        Who is to lead.
    """
    _transfer(state, message.transferee)


def on_step_down(state: State, _event: StepDown) -> None:
    """Cease to lead; the term stays, and its vote, so nobody else can lead in it.

    Parameters
    ----------
    state : State
        This member; nothing changes unless it leads.
    _event : StepDown
        It says no more than its kind.
    """
    if state.role is Role.LEADER:
        become_follower(state, Cause.STEP_DOWN_ORDERED, state.term, None)


def _transfer(state: State, transferee: NodeId) -> None:
    """Begin if we lead, hand on if we follow, drop otherwise."""
    if state.role is Role.LEADER:
        _begin(state, transferee)
    elif state.role is Role.FOLLOWER and state.leader is not None:
        state.send(
            ForwardTransfer(
                sender=state.id,
                receiver=state.leader,
                term=state.term,
                transferee=transferee,
            )
        )
    else:
        state.record(
            TransferDropped(node=state.id, term=state.term, transferee=transferee)
        )


def give_up_transfer(state: State) -> None:
    """Lead on, and take proposals again, if leadership was being handed over.

    Parameters
    ----------
    state : State
        This member.
    """
    transferee, state.transferee = state.transferee, None
    if transferee is not None:
        state.record(
            TransferAborted(node=state.id, term=state.term, transferee=transferee)
        )


def _begin(state: State, transferee: NodeId) -> None:
    """Begin to hand over, unless that is under way or makes no sense."""
    progress = state.tracker.progress.get(transferee)
    if progress is None:
        state.record(ProgressMissing(node=state.id, peer=transferee))
        return
    if progress.is_learner or transferee == state.transferee:
        return
    give_up_transfer(state)  # Another one was under way: the newest wish counts.
    if transferee == state.id:
        return
    state.record(TransferStarted(node=state.id, term=state.term, transferee=transferee))
    # It should be over within an election timeout; `election` gives it up then.
    state.election_elapsed = 0
    state.transferee = transferee
    if progress.match_index == state.log.last_index:
        _order(state, transferee, at_once=True)
    else:
        send_append(state, transferee)


def continue_transfer(state: State, follower: NodeId) -> None:
    """Have the target stand as soon as it has the whole log.

    Parameters
    ----------
    state : State
        A leader.
    follower : NodeId
        Whose match index has just moved.
    """
    if follower != state.transferee:
        return
    if state.tracker.progress[follower].match_index == state.log.last_index:
        _order(state, follower, at_once=False)


def _order(state: State, transferee: NodeId, *, at_once: bool) -> None:
    """Tell the target to stand; from now on it may lead at any moment (§6.4.1)."""
    state.lease.end()
    state.send(TimeoutNow(sender=state.id, receiver=transferee, term=state.term))
    state.record(TimeoutNowSent(node=state.id, transferee=transferee, at_once=at_once))
