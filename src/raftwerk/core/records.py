"""What is stored and sent: entries, hard state, configuration, snapshots.

Values only: frozen, comparable, encodable. What a member makes of them is `state.py`.
Source: Raft paper Fig. 2 (entry, term, vote), §6 and thesis §4 (configuration),
§7 (snapshot).
"""

import enum

import msgspec

from raftwerk.errors import InvalidChange
from raftwerk.types import NO_INDEX, NO_TERM, LogIndex, NodeId, Term

__all__ = [
    "Change",
    "ChangeKind",
    "ConfChange",
    "ConfState",
    "Entry",
    "EntryKind",
    "HardState",
    "Snapshot",
    "Transition",
]


class EntryKind(enum.IntEnum):
    """What an entry's data is for."""

    COMMAND = 0
    """Data for the state machine; empty data is a leader's first entry (§8)."""
    SIMPLE_CHANGE = 1
    """One membership change without a joint phase (thesis §4.1)."""
    CONF_CHANGE = 2
    """Any membership change; several at once go through a joint phase (§6)."""


class Entry(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One slot of the log (Raft paper §5.3)."""

    term: Term
    index: LogIndex
    data: bytes = b""
    kind: EntryKind = EntryKind.COMMAND


class HardState(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What must be durable before an answer leaves (Raft paper Fig. 2).

    The commit index is a hint: it may be lost, for it is found again (etcd).
    """

    term: Term = NO_TERM
    vote: NodeId | None = None
    commit_index: LogIndex = NO_INDEX


class ConfState(msgspec.Struct, frozen=True, gc=False):
    """Who belongs to the group (thesis §4); joint if there are outgoing voters.

    All tuples are ascending and without repetition.
    """

    voters: tuple[NodeId, ...] = ()
    voters_outgoing: tuple[NodeId, ...] = ()
    learners: tuple[NodeId, ...] = ()
    learners_next: tuple[NodeId, ...] = ()
    auto_leave: bool = False


class Snapshot(msgspec.Struct, frozen=True, gc=False):
    """The state up to an index, in place of the log up to there (Raft paper §7).

    The core looks at index, term and configuration; the data is the driver's.
    """

    index: LogIndex = NO_INDEX
    term: Term = NO_TERM
    conf_state: ConfState = ConfState()
    data: bytes = b""

    @property
    def is_empty(self) -> bool:
        """Whether this stands for "no snapshot"."""
        return self.index == NO_INDEX


class ChangeKind(enum.IntEnum):
    """What happens to one member."""

    ADD_VOTER = 0
    REMOVE = 1
    UPDATE = 2
    """Nothing changes in the configuration; the context says what was updated."""
    ADD_LEARNER = 3


class Change(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One step of a membership change."""

    kind: ChangeKind
    node_id: NodeId


class Transition(enum.IntEnum):
    """Whether a change goes through a joint configuration, and who ends that."""

    AUTO = 0
    """Simple if one voter changes at most; otherwise as `JOINT_IMPLICIT`."""
    JOINT_IMPLICIT = 1
    """Joint; the leader leaves it by itself as soon as it is applied."""
    JOINT_EXPLICIT = 2
    """Joint until an empty change is proposed."""


class ConfChange(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A membership change; without changes: leave the joint configuration.

    The context is the driver's (addresses of a new member, say): stored, not read.
    """

    changes: tuple[Change, ...] = ()
    transition: Transition = Transition.AUTO
    context: bytes = b""

    @property
    def leaves_joint(self) -> bool:
        """Whether this change ends a joint configuration."""
        return not self.changes and self.transition is Transition.AUTO

    def encode(self) -> bytes:
        """Return the data of the entry that carries this change.

        Returns
        -------
        bytes
            Empty for the empty change, so that no limit on sizes refuses it.
        """
        if self == ConfChange():
            return b""
        return msgspec.msgpack.encode(self)

    @staticmethod
    def decode(data: bytes) -> "ConfChange":
        """Return the change that `encode` wrote.

        Parameters
        ----------
        data : bytes
            The data of an entry of kind `SIMPLE_CHANGE` or `CONF_CHANGE`.

        Returns
        -------
        ConfChange
            The change.

        Raises
        ------
        InvalidChange
            If the data was not written by `encode`.
        """
        if not data:
            return ConfChange()
        try:
            return msgspec.msgpack.decode(data, type=ConfChange)
        except msgspec.DecodeError as error:
            raise InvalidChange(
                f"{len(data)} bytes of data are no membership change: {error}; propose"
                " what ConfChange.encode returns"
            ) from None
