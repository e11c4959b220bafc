"""What the store answers; `revision` is the store's when the answer was made."""

from typing import TypeAlias

import msgspec

from raftwerk.kv.errors import KvError
from raftwerk.kv.records import KeyValue

__all__ = [
    "AlarmResult",
    "CompactResult",
    "DeleteRangeResult",
    "GrantResult",
    "LeasesResult",
    "PutResult",
    "RangeResult",
    "Result",
    "TxnResult",
]


class RangeResult(msgspec.Struct, frozen=True, gc=False):
    """The answer to `Range`.

    Parameters
    ----------
    revision : int
        The store's; also if an older one was read.
    kvs : list of KeyValue
        What was found.
    more : bool
        Whether the limit cut keys off.
    count : int
        How many keys the range has, whatever limit and filters do.
    """

    revision: int
    kvs: list[KeyValue]
    more: bool
    count: int


class PutResult(msgspec.Struct, frozen=True, gc=False):
    """The answer to `Put`.

    Parameters
    ----------
    revision : int
        That of the put.
    prev_kv : KeyValue or None
        The version before, if there was one and it was asked for.
    """

    revision: int
    prev_kv: KeyValue | None


class DeleteRangeResult(msgspec.Struct, frozen=True, gc=False):
    """The answer to `DeleteRange`.

    Parameters
    ----------
    revision : int
        That of the deletions; the store's if there were none.
    deleted : int
        How many keys there were.
    prev_kvs : list of KeyValue
        They, if they were asked for.
    """

    revision: int
    deleted: int
    prev_kvs: list[KeyValue]


class TxnResult(msgspec.Struct, frozen=True):
    """The answer to `Txn`.

    Parameters
    ----------
    revision : int
        That of the changes; the store's if there were none.
    succeeded : bool
        Whether all compares held.
    responses : list
        One answer for each operation that was done, in order.
    """

    revision: int
    succeeded: bool
    responses: "list[RangeResult | PutResult | DeleteRangeResult | TxnResult]"


class CompactResult(msgspec.Struct, frozen=True, gc=False):
    """The answer to `Compact`.

    Parameters
    ----------
    revision : int
        The store's; a compaction takes none.
    """

    revision: int


class GrantResult(msgspec.Struct, frozen=True, gc=False):
    """The answer to `GrantLease`.

    Parameters
    ----------
    revision : int
        The store's; a lease takes none.
    ttl_seconds : int
        How long the lease lasts.
    """

    revision: int
    ttl_seconds: int


class LeasesResult(msgspec.Struct, frozen=True, gc=False):
    """The answer to all that is said of leases that there are.

    Parameters
    ----------
    revision : int
        The store's; a lease takes one at its end if it had keys.
    changed : int
        How many leases ended or are remembered otherwise.
    """

    revision: int
    changed: int


class AlarmResult(msgspec.Struct, frozen=True, gc=False):
    """The answer to `SetAlarm`.

    Parameters
    ----------
    revision : int
        The store's; an alarm takes none.
    is_known : bool
        Whether the alarm was raised, or there was such a one to end.
    """

    revision: int
    is_known: bool


Result: TypeAlias = (
    AlarmResult
    | PutResult
    | DeleteRangeResult
    | TxnResult
    | CompactResult
    | GrantResult
    | LeasesResult
    | KvError
)
"""What becomes of a command."""
