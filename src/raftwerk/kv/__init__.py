"""The store that is agreed upon: etcd's multi-version key-value model, no more.

A pure machine. It knows neither the log nor the world: commands come in as bytes in the
order in which they were agreed, results go out, and equal commands give equal stores.

Each write that changes anything takes the next *revision*, one for a whole transaction.
A key has versions: what was put, at which revision, and that it was deleted. Older ones
stay readable until a compaction says that nobody needs them any more, and all changes
stay in order, for whoever watches. Source: etcd's data model and API guarantees.

`records` and `commands` are the values, `state` is all that is remembered (`index` by
key, `history` by revision, `leases`); `write`, `ranges`, `txn`, `lease` and
`compaction` are what happens to it (`handlers` has the table); `reading` and `writing`
do in steps what is about many keys. `checks` is what is refused beforehand, `past` the
changes as who watches is told of them, `snapshot` the whole of it as bytes, and `store`
the face.

Beside these: `watch` tells each `watcher` of changes (`intervals` finds whom, `spans`
are their ranges of keys); `effects`, `digest` and `result_codec` say in bytes what a
batch did, what a store is, and what was answered; `chunking` cuts snapshots so that
equal parts stay equal; `renewal` begins another cluster with a store; `alarms` and
`errors` are what is refused, and why.
"""

from raftwerk.kv.commands import (
    AlarmKind,
    CheckpointLeases,
    Command,
    Compact,
    Compare,
    CompareResult,
    CompareTarget,
    DeleteRange,
    ExpireLeases,
    GrantLease,
    LeadLeases,
    Nothing,
    Operation,
    Put,
    Range,
    RevokeLease,
    SetAlarm,
    SortOrder,
    SortTarget,
    Txn,
    decode,
    encode,
)
from raftwerk.kv.errors import (
    CompactedRevision,
    CorruptCluster,
    DuplicateKey,
    EmptyKey,
    FutureRevision,
    InvalidCompare,
    InvalidSort,
    KeyNotFound,
    KvError,
    LeaseExists,
    LeaseNotFound,
    LeaseProvided,
    LeaseTooLong,
    NoSpace,
    TooManyOperations,
    ValueProvided,
)
from raftwerk.kv.leases import TTL_SECONDS_MAX, TTL_SECONDS_MIN, Lease
from raftwerk.kv.records import Event, KeyValue
from raftwerk.kv.results import (
    AlarmResult,
    CompactResult,
    DeleteRangeResult,
    GrantResult,
    LeasesResult,
    PutResult,
    RangeResult,
    Result,
    TxnResult,
)
from raftwerk.kv.store import Store

__all__ = [
    "TTL_SECONDS_MAX",
    "TTL_SECONDS_MIN",
    "AlarmKind",
    "AlarmResult",
    "CheckpointLeases",
    "Command",
    "Compact",
    "CompactResult",
    "CompactedRevision",
    "Compare",
    "CompareResult",
    "CompareTarget",
    "CorruptCluster",
    "DeleteRange",
    "DeleteRangeResult",
    "DuplicateKey",
    "EmptyKey",
    "Event",
    "ExpireLeases",
    "FutureRevision",
    "GrantLease",
    "GrantResult",
    "InvalidCompare",
    "InvalidSort",
    "KeyNotFound",
    "KeyValue",
    "KvError",
    "LeadLeases",
    "Lease",
    "LeaseExists",
    "LeaseNotFound",
    "LeaseProvided",
    "LeaseTooLong",
    "LeasesResult",
    "NoSpace",
    "Nothing",
    "Operation",
    "Put",
    "PutResult",
    "Range",
    "RangeResult",
    "Result",
    "RevokeLease",
    "SetAlarm",
    "SortOrder",
    "SortTarget",
    "Store",
    "TooManyOperations",
    "Txn",
    "TxnResult",
    "ValueProvided",
    "decode",
    "encode",
]
