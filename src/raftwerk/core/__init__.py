"""Consensus as a pure machine: Raft without clock, disk, network, thread or chance.

A group of members agrees on one sequence of entries and applies it everywhere in the
same order, as long as a majority of them lives. This package is one such member. It
does nothing by itself: a driver tells it what happened and does what it asks for::

        messages of peers ─┐                        ┌─ messages to peers
      ticks, proposals, … ─┼─> step ─> ... ─> ready ┼─ entries, term and vote to store
     storage has written … ┘                        └─ committed entries to apply

So each run is a function of its inputs: the same calls give the same answers, byte for
byte, and any failure can be replayed. What a driver owes for each `Ready` is said
there; `examples/06_core_by_hand.py` is a whole driver in thirty lines.

The algorithm is that of the Raft paper (Ongaro and Ousterhout, 2014) and of Ongaro's
thesis, in the shape that etcd gave it: followers are probed, replicated to, or sent a
snapshot; storage may be asynchronous; a configuration takes effect when it is applied.
Where the two differ, the modules name their source. The words are the paper's.

============================  =====================================================
to read                       for
============================  =====================================================
replica, ready, config        the face: `Replica`, what it wants done, what it is told
messages, inputs, records     what is said: by peers, by the driver; what is stored
events, progress_view         what happened, for whoever watches
step, admission, terms        one input, one handler; what comes before any handler
loading                       how a member starts, from what storage holds (Fig. 2)
roles, become, clock          roles and the ways between them; what time does
election                      standing, voting, counting (§5.2, §5.4.1; thesis §9.6)
proposals, commit             from a wish to a committed entry (§5.3, §5.4.2)
replication, answers          the leader: what to send, what an answer means (§5.3)
append, snapshot              the follower: log check, conflict, installing (§5.3, §7)
read_index, reads, lease      reads without a log entry (thesis §6.4)
transfer                      handing leadership over (thesis §3.10)
conf_change, membership       changes of the group (§6, thesis §4)
quorum, tracker, progress     majorities, and what is known of each member
log, unstable, stable, sizes  stored and unstored entries seen as one log
acknowledgements              what storage and the state machine say is done
state, invariants             all that a member remembers; what is always true of it
image                         the same as one value, from which a member goes on
============================  =====================================================

Safety (Fig. 3) does not depend on time: drawn timeouts only make it likely that there
is a leader. `lease_read` is the one option that trusts the clock.
"""

from raftwerk.core.config import NO_LIMIT, CoreConfig
from raftwerk.core.events import Event
from raftwerk.core.inputs import (
    Campaign,
    EntriesApplied,
    ForgetLeader,
    Input,
    Propose,
    ReadIndex,
    ReportSnapshot,
    ReportUnreachable,
    StepDown,
    StorageAppended,
    Tick,
    TransferLeadership,
)
from raftwerk.core.messages import Message, PeerMessage, Proposal
from raftwerk.core.ready import AppendOrder, ApplyOrder, ReadState, Ready, SoftState
from raftwerk.core.records import (
    Change,
    ChangeKind,
    ConfChange,
    ConfState,
    Entry,
    EntryKind,
    HardState,
    Snapshot,
    Transition,
)
from raftwerk.core.replica import Replica, Status
from raftwerk.core.roles import Role
from raftwerk.core.stable import StableLog

__all__ = [
    "NO_LIMIT",
    "AppendOrder",
    "ApplyOrder",
    "Campaign",
    "Change",
    "ChangeKind",
    "ConfChange",
    "ConfState",
    "CoreConfig",
    "EntriesApplied",
    "Entry",
    "EntryKind",
    "Event",
    "ForgetLeader",
    "HardState",
    "Input",
    "Message",
    "PeerMessage",
    "Proposal",
    "Propose",
    "ReadIndex",
    "ReadState",
    "Ready",
    "Replica",
    "ReportSnapshot",
    "ReportUnreachable",
    "Role",
    "Snapshot",
    "SoftState",
    "StableLog",
    "Status",
    "StepDown",
    "StorageAppended",
    "Tick",
    "Transition",
    "TransferLeadership",
]
