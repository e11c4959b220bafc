"""A configuration takes effect: when it is applied, at start, or with a snapshot.

What a change makes of a configuration is `membership.py`; when one may be proposed is
`proposals.py`. Source: Raft paper §6, thesis §4; etcd for taking effect at application
instead of at append (thesis §4.1 has the latter).
"""

from raftwerk.core.become import become_follower
from raftwerk.core.commit import advance_commit
from raftwerk.core.events import AutoLeaveProposed, ConfSwitched
from raftwerk.core.inputs import Propose
from raftwerk.core.membership import reconfigure
from raftwerk.core.messages import Proposal
from raftwerk.core.proposals import on_propose
from raftwerk.core.records import ConfChange, ConfState, EntryKind
from raftwerk.core.replication import broadcast_append, send_append
from raftwerk.core.roles import Cause, Role
from raftwerk.core.state import State
from raftwerk.core.transfer import give_up_transfer
from raftwerk.errors import NotProposed

__all__ = ["apply_conf_change", "leave_joint_if_due", "switch_configuration"]


def apply_conf_change(state: State, change: ConfChange) -> ConfState:
    """Apply a committed change.

    Parameters
    ----------
    state : State
        This member.
    change : ConfChange
        What the entry carries.

    Returns
    -------
    ConfState
        The configuration from this entry on.

    Raises
    ------
    InvalidChange
        If the change can't be applied to the present configuration; nothing changed.
    """
    if state.log.has_pending_snapshot:
        # It was handed out before a snapshot overtook it, and that has the outcome of
        # this change and of later ones: to apply it on top could bring back who was
        # removed since. Only the state machine is still where the change belongs.
        below = reconfigure(state.conf_state_below_snapshot, change).conf_state
        state.conf_state_below_snapshot = below
        return below
    state.tracker.apply(change, state.log.last_index)
    switch_configuration(state)
    return state.tracker.conf_state


def switch_configuration(state: State) -> None:
    """Act on a configuration that has just taken effect.

    Parameters
    ----------
    state : State
        This member, with the new configuration in its tracker.
    """
    tracker = state.tracker
    state.record(ConfSwitched(node=state.id, conf_state=tracker.conf_state))
    if state.role is not Role.LEADER:
        return
    own = tracker.progress.get(state.id)
    if own is None or own.is_learner:
        # In a joint configuration an outgoing voter is tracked still, and leads on
        # until the joint configuration is left (§6).
        if state.config.step_down_on_removal:
            become_follower(state, Cause.REMOVED, state.term, None)
        return
    state.lease.begin_anew()
    if advance_commit(state):
        broadcast_append(state)
    else:
        # New members need not wait for a heartbeat or a proposal to be probed.
        for node_id in tracker.member_ids:
            if node_id != state.id:
                send_append(state, node_id, even_if_empty=False)
    if state.transferee is not None and state.transferee not in tracker.voter_ids:
        give_up_transfer(state)


def leave_joint_if_due(state: State) -> None:
    """Propose to leave a joint configuration that is to be left by itself.

    Called after every application, so that a later leader does it too, and one whose
    proposal was refused tries again.

    Parameters
    ----------
    state : State
        This member; nothing happens unless it leads.
    """
    if (
        state.role is not Role.LEADER
        or not state.tracker.conf_state.auto_leave
        or state.log.applied_index < state.pending_conf_index
    ):
        return
    leave = Proposal(ConfChange().encode(), EntryKind.CONF_CHANGE)
    conf_state = state.tracker.conf_state
    try:
        on_propose(state, Propose((leave,)))
    except NotProposed:
        return  # A transfer is under way, or we are removed: somebody will.
    state.record(AutoLeaveProposed(node=state.id, conf_state=conf_state))
