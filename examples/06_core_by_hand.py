"""Three members in one process, driven by hand: an election, then a committed entry.

The core does nothing by itself: it is told things with `step`, and `ready` says what it
wants done. Here the network is a list, the disk is memory, and time is a loop.
"""

from raftwerk import core
from raftwerk.storage.memory import MemoryLog
from raftwerk.types import LogIndex, NodeId, Term

IDS = (NodeId(1), NodeId(2), NodeId(3))
# What all agree upon without a vote: who belongs to the group. Entries begin behind it.
START = core.Snapshot(LogIndex(1), Term(1), core.ConfState(voters=IDS))


class Member:
    """A replica and its driver."""

    def __init__(self, node_id: NodeId) -> None:
        self.id = node_id
        self.log = MemoryLog(START)
        config = core.CoreConfig(node_id=node_id, applied_index=START.index)
        # Timeouts are drawn, lest all stand at once; here the lowest id is the first.
        self.replica = core.Replica(config, self.log, draw=lambda bound: node_id)

    def work(self) -> list[core.PeerMessage]:
        """Do all that the replica wants done, and return what it sends."""
        sent: list[core.PeerMessage] = []
        while self.replica.has_ready():
            ready = self.replica.ready()
            sent += ready.messages  # These may leave while the disk is writing;
            self.log.append(ready.hard_state, ready.entries)
            if ready.must_sync:
                self.log.sync()
            sent += ready.messages_after_sync  # these promise what is written now.
            if ready.soft_state is not None:
                print(f"{self.id} is {ready.soft_state.role.name}")
            for entry in ready.committed:  # A state machine would take them.
                print(f"{self.id} applies entry {entry.index}: {entry.data!r}")
            self.replica.advance()
        return sent


members = {node_id: Member(node_id) for node_id in IDS}


def deliver() -> None:
    """Deliver messages until nobody has anything to say."""
    while sent := [one for member in members.values() for one in member.work()]:
        for message in sent:
            members[message.receiver].replica.step(message)


first = members[IDS[0]].replica
while first.status().role is not core.Role.LEADER:
    for each in members.values():
        each.replica.step(core.Tick())
    deliver()
print(f"leader of term {first.status().term} is {first.status().leader}")
first.step(core.Propose((core.Proposal(b"hello"),)))
deliver()

# It prints:
# 1 is PRE_CANDIDATE
# 1 is CANDIDATE
# 1 is LEADER
# 2 is FOLLOWER
# 3 is FOLLOWER
# 1 applies entry 2: b''
# 2 applies entry 2: b''
# 3 applies entry 2: b''
# leader of term 2 is 1
# 1 applies entry 3: b'hello'
# 2 applies entry 3: b'hello'
# 3 applies entry 3: b'hello'
