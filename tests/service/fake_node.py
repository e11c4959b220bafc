"""A group of one without a log: it applies at once, or fails as it is told."""

from collections import deque

import msgspec

from raftwerk.core.records import ConfState
from raftwerk.core.roles import Role
from raftwerk.errors import Quarantined
from raftwerk.kv import Store
from raftwerk.runtime.status import NodeStatus
from raftwerk.service import NodeLike
from raftwerk.types import LogIndex, NodeId, Term

__all__ = ["FakeNode"]

NODE = NodeId(0xC0FFEE)

STATUS = NodeStatus(
    node_id=NODE,
    cluster_id=0xDECADE,
    name="n1",
    role=Role.LEADER,
    is_learner=False,
    term=Term(2),
    leader=NODE,
    first_index=LogIndex(1),
    last_log_index=LogIndex(1),
    commit_index=LogIndex(1),
    applied_index=LogIndex(1),
    conf_state=ConfState(voters=(NODE,)),
)


class FakeNode:
    """A `NodeLike` around a store.

    Attributes
    ----------
    failures : deque
        What the next calls raise instead of doing anything.
    stopped : Exception or None
        What `status` raises.
    barriers : int
        How many were asked for.
    proposals : int
        How many were made.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._status = STATUS
        self.failures: deque[Exception] = deque()
        self.stopped: Exception | None = None
        self.barriers = 0
        self.proposals = 0

    async def propose(self, command: bytes) -> object:
        """Apply a command."""
        self.proposals += 1
        self._fail()
        index = LogIndex(self._status.applied_index + 1)
        (result,) = self._store.apply(index, [command])
        self.change(last_log_index=index, commit_index=index, applied_index=index)
        if isinstance(result, Exception):
            raise result
        return result

    async def read_barrier(self) -> LogIndex:
        """Do nothing: there is nobody else."""
        self.barriers += 1
        self._fail()
        return self._status.applied_index

    def require_sound(self) -> None:
        """Refuse if `change` made it so."""
        if self.status().is_quarantined:
            raise Quarantined("ask another member")

    def term(self) -> Term:
        """Return what `change` made of it."""
        return self.status().term

    def status(self) -> NodeStatus:
        """Return what `change` made of it."""
        if self.stopped is not None:
            raise self.stopped
        return self._status

    def change(self, **fields: object) -> None:
        """Give the status other values."""
        self._status = msgspec.structs.replace(self._status, **fields)

    def _fail(self) -> None:
        if self.failures:
            raise self.failures.popleft()


def as_node_like(node: FakeNode) -> NodeLike:
    """Have the type checker look whether it is one."""
    return node
