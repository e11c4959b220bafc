"""The legal ways from one configuration to the next: simple, into joint, out of it.

Pure functions on the stored value, `ConfState`: they return the next configuration or
raise, and touch nothing. What a leader knows of each member is `tracker.py`.

A *simple* change moves one voter at most, so any old and any new majority overlap
(thesis §4.1). Any other change passes through a *joint* configuration, in which both
majorities are needed (Raft paper §6, thesis §4.3). While it lasts, a voter that becomes
a learner still votes in the outgoing half: it waits in `learners_next`.
"""

from collections.abc import Collection, Iterable

import msgspec

from raftwerk.core.records import (
    Change,
    ChangeKind,
    ConfChange,
    ConfState,
    Transition,
)
from raftwerk.errors import InvalidChange, require
from raftwerk.types import NodeId

__all__ = [
    "Reconfiguration",
    "conf_state_fault",
    "enter_joint",
    "leave_joint",
    "members",
    "reconfigure",
    "simple",
]


class Reconfiguration(msgspec.Struct, frozen=True, gc=False):
    """A configuration, and who was removed on the way to it.

    Parameters
    ----------
    conf_state : ConfState
        The configuration.
    forgotten : frozenset of NodeId
        Who was removed, even if the same change brought them back: what was known of
        them is dropped.
    """

    conf_state: ConfState
    forgotten: frozenset[NodeId] = frozenset()


def reconfigure(conf_state: ConfState, change: ConfChange) -> Reconfiguration:
    """Return what a change makes of a configuration.

    Parameters
    ----------
    conf_state : ConfState
        The present configuration.
    change : ConfChange
        The change; empty: leave the joint configuration. It goes through a joint one
        if it says so or names more than one member.

    Returns
    -------
    Reconfiguration
        The next configuration.

    Raises
    ------
    InvalidChange
        If the change does not fit the present configuration.
    """
    if change.leaves_joint:
        return leave_joint(conf_state)
    if change.transition is Transition.AUTO and len(change.changes) == 1:
        return simple(conf_state, change.changes)
    auto_leave = change.transition is not Transition.JOINT_EXPLICIT
    return enter_joint(conf_state, change.changes, auto_leave)


def simple(conf_state: ConfState, changes: Iterable[Change]) -> Reconfiguration:
    """Return the configuration with one voter changed at most (thesis §4.1).

    Parameters
    ----------
    conf_state : ConfState
        The present configuration, not joint.
    changes : iterable of Change
        What happens to whom, in order; learners in any number.

    Returns
    -------
    Reconfiguration
        The next configuration.

    Raises
    ------
    InvalidChange
        If the configuration is joint, would lose its last voter, or more than one
        voter would come or go.
    """
    if conf_state.voters_outgoing:
        raise InvalidChange("can't apply simple config change in joint config")
    draft = _Draft(conf_state)
    draft.apply(changes)
    if len(draft.voters.symmetric_difference(conf_state.voters)) > 1:
        raise InvalidChange("more than one voter changed without entering joint config")
    return draft.finish(auto_leave=False)


def enter_joint(
    conf_state: ConfState, changes: Iterable[Change], auto_leave: bool
) -> Reconfiguration:
    """Return the joint configuration: the present voters, and the changed ones (§6).

    Parameters
    ----------
    conf_state : ConfState
        The present configuration, not joint.
    changes : iterable of Change
        What happens to whom, in order.
    auto_leave : bool
        Whether the leader is to leave the joint configuration by itself.

    Returns
    -------
    Reconfiguration
        The next configuration.

    Raises
    ------
    InvalidChange
        If the configuration is joint already, has no voters, or would have none.
    """
    if conf_state.voters_outgoing:
        raise InvalidChange("config is already joint")
    if not conf_state.voters:
        raise InvalidChange("can't make a zero-voter config joint")
    draft = _Draft(conf_state)
    draft.voters_outgoing = set(conf_state.voters)
    draft.apply(changes)
    return draft.finish(auto_leave)


def leave_joint(conf_state: ConfState) -> Reconfiguration:
    """Return the configuration without its outgoing half (§6).

    Parameters
    ----------
    conf_state : ConfState
        The present configuration, joint.

    Returns
    -------
    Reconfiguration
        The next configuration: who waited to become a learner is one now.

    Raises
    ------
    InvalidChange
        If the configuration is not joint.
    """
    if not conf_state.voters_outgoing:
        raise InvalidChange("can't leave a non-joint config")
    draft = _Draft(conf_state)
    draft.learners |= draft.learners_next
    draft.learners_next = set()
    draft.voters_outgoing = set()
    return draft.finish(auto_leave=False)


def members(conf_state: ConfState) -> tuple[NodeId, ...]:
    """Return all that belong to a configuration, in whatever part.

    Parameters
    ----------
    conf_state : ConfState
        A configuration.

    Returns
    -------
    tuple of NodeId
        Ascending, each once.
    """
    # `learners_next` is part of the outgoing half.
    ids = {*conf_state.voters, *conf_state.voters_outgoing, *conf_state.learners}
    return tuple(sorted(ids))


def conf_state_fault(conf_state: ConfState) -> str | None:
    """Return what is wrong with a configuration, as a sentence.

    Parameters
    ----------
    conf_state : ConfState
        A configuration.

    Returns
    -------
    str or None
        None for a configuration that changes can lead to, and for the empty one.
    """
    voters, outgoing = {*conf_state.voters}, {*conf_state.voters_outgoing}
    learners, waiting = {*conf_state.learners}, {*conf_state.learners_next}
    rules = (
        (not outgoing or bool(voters), "a joint configuration has incoming voters"),
        (learners.isdisjoint(voters | outgoing), "no learner is a voter"),
        (waiting <= outgoing, "who waits to become a learner is an outgoing voter"),
        (waiting.isdisjoint(voters), "who waits to become a learner has left the rest"),
        (bool(outgoing) or not conf_state.auto_leave, "only a joint one can be left"),
        (
            all(
                tuple(sorted(set(ids))) == ids and 0 not in ids
                for ids in (
                    conf_state.voters,
                    conf_state.voters_outgoing,
                    conf_state.learners,
                    conf_state.learners_next,
                )
            ),
            "members are listed ascending, each once, and nobody has the id 0",
        ),
    )
    for holds, rule in rules:
        if not holds:
            return f"{rule}; not so in {conf_state}"
    return None


class _Draft:
    """A configuration on which changes are being made."""

    def __init__(self, conf_state: ConfState) -> None:
        self.voters = set(conf_state.voters)
        self.voters_outgoing = set(conf_state.voters_outgoing)
        self.learners = set(conf_state.learners)
        self.learners_next = set(conf_state.learners_next)
        self.forgotten: set[NodeId] = set()

    def apply(self, changes: Iterable[Change]) -> None:
        """Make changes, in order; id 0 stands for a change that was taken back."""
        for change in changes:
            if change.node_id == 0:
                continue
            match change.kind:
                case ChangeKind.ADD_VOTER:
                    self._add_voter(change.node_id)
                case ChangeKind.ADD_LEARNER:
                    self._add_learner(change.node_id)
                case ChangeKind.REMOVE:
                    self._remove(change.node_id)
                case ChangeKind.UPDATE:
                    pass  # the driver reads what was updated from the context
        if not self.voters:
            raise InvalidChange("removed all voters")

    def _add_voter(self, node_id: NodeId) -> None:
        """Add a member that votes, or promote a learner."""
        self.learners.discard(node_id)
        self.learners_next.discard(node_id)
        self.voters.add(node_id)

    def _add_learner(self, node_id: NodeId) -> None:
        """Add a member that does not vote, or demote a voter."""
        self.voters.discard(node_id)
        if node_id in self.voters_outgoing:
            self.learners_next.add(node_id)
        else:
            self.learners.add(node_id)

    def _remove(self, node_id: NodeId) -> None:
        """Remove a member; an outgoing voter goes as the joint configuration does."""
        self.voters.discard(node_id)
        self.learners.discard(node_id)
        self.learners_next.discard(node_id)
        if node_id not in self.voters_outgoing:
            self.forgotten.add(node_id)

    def finish(self, auto_leave: bool) -> Reconfiguration:
        """Return the result as a value, checked."""
        conf_state = ConfState(
            voters=_ascending(self.voters),
            voters_outgoing=_ascending(self.voters_outgoing),
            learners=_ascending(self.learners),
            learners_next=_ascending(self.learners_next),
            auto_leave=auto_leave,
        )
        fault = conf_state_fault(conf_state)
        require(fault is None, f"a change leads to a sound configuration: {fault}")
        return Reconfiguration(conf_state, frozenset(self.forgotten))


def _ascending(ids: Collection[NodeId]) -> tuple[NodeId, ...]:
    """Return ids in the order in which `ConfState` keeps them."""
    return tuple(sorted(ids))
