"""All that happens around the core: the only owner of time, disk and sockets.

A `Node` is one member of a group. Everything that arrives in one turn of the event loop
is one batch; disk and network work in parallel; every request has an honest end: its
result, "nothing happened", or "unknown".
"""

from raftwerk.config import NodeConfig
from raftwerk.runtime.manifest import bootstrap_snapshot
from raftwerk.runtime.members import Member
from raftwerk.runtime.node import Node
from raftwerk.runtime.state_machine import StateMachine
from raftwerk.runtime.status import NodeStatus

__all__ = [
    "Member",
    "Node",
    "NodeConfig",
    "NodeStatus",
    "StateMachine",
    "bootstrap_snapshot",
]
