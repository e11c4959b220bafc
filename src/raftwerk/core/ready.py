"""What a member wants done: the effects of the steps since the last `Ready`.

Source: etcd's Ready, and Raft paper Fig. 2 for what must be durable before what.
"""

from collections.abc import Sequence

import msgspec

from raftwerk.core.inputs import EntriesApplied, StorageAppended
from raftwerk.core.messages import PeerMessage
from raftwerk.core.records import Entry, HardState, Snapshot
from raftwerk.core.roles import Role
from raftwerk.types import LogIndex, NodeId

__all__ = ["AppendOrder", "ApplyOrder", "ReadState", "Ready", "SoftState"]


class SoftState(msgspec.Struct, frozen=True, gc=False):
    """What need not be stored: who leads, and what we are."""

    leader: NodeId | None
    role: Role


class ReadState(msgspec.Struct, frozen=True, gc=False):
    """The read with this context may be served once `read_index` is applied."""

    read_index: LogIndex
    context: int


class AppendOrder(msgspec.Struct, frozen=True, kw_only=True):
    """One job for storage, in asynchronous mode; jobs are done in the order given.

    Store snapshot, then entries and hard state, sync if `must_sync`; then send
    `replies` (those addressed to ourselves are stepped) and step `done` if there is
    one.
    """

    hard_state: HardState | None = None
    entries: Sequence[Entry] = ()
    snapshot: Snapshot | None = None
    must_sync: bool = False
    replies: tuple[PeerMessage, ...] = ()
    done: StorageAppended | None = None


class ApplyOrder(msgspec.Struct, frozen=True, kw_only=True):
    """One job for the state machine, in asynchronous mode; done in the order given.

    Apply `entries`, each once; configuration changes go to `apply_conf_change`; then
    step `done`. Entries that a snapshot installed meanwhile covers are skipped.
    """

    entries: Sequence[Entry]
    done: EntriesApplied


class Ready(msgspec.Struct, frozen=True, kw_only=True):
    """What the steps since the last `Ready` ask for; an empty field asks for nothing.

    1. Make `snapshot`, `entries` and `hard_state` durable, in this order; `must_sync`
       says whether that has to be synced before 2b; one sync may cover many `Ready`.
    2. a. Send `messages` at any time (a leader may replicate while it writes: thesis
       §10.2.1), b. `messages_after_sync` only after 1 (Raft paper Fig. 2).
    3. Restore `snapshot`, then apply `committed` in index order, each entry once;
       configuration changes go to `apply_conf_change`.
    4. Call `advance` when 1 and 3 are done; only then take the next `Ready`.

    In asynchronous mode 1 and 2b stand in `append`, 3 in `apply`; instead of 4 each is
    acknowledged when it is done, and the next `Ready` may be taken before that;
    `messages_after_sync` is empty. `entries`, `snapshot`, `hard_state` and `committed`
    are there in both modes, to look at.
    """

    soft_state: SoftState | None = None
    hard_state: HardState | None = None
    read_states: tuple[ReadState, ...] = ()
    entries: Sequence[Entry] = ()
    snapshot: Snapshot | None = None
    committed: Sequence[Entry] = ()
    messages: tuple[PeerMessage, ...] = ()
    messages_after_sync: tuple[PeerMessage, ...] = ()
    must_sync: bool = False
    append: AppendOrder | None = None
    apply: ApplyOrder | None = None
