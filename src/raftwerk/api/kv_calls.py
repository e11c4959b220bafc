"""The calls of ``/v3/kv``: how each is told in JSON, and what is answered.

`kv_json` writes the answers.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from raftwerk.api.errors import BadRequest
from raftwerk.api.proto_json import (
    Enumeration,
    Message,
    Nested,
    Repeated,
    read_bool,
    read_bytes,
    read_int64,
)
from raftwerk.api.route import CallForm
from raftwerk.api.shapes import (
    BOOL,
    HEADER,
    HEADER_ONLY,
    INT64,
    KEY_VALUE,
    list_of,
    message,
    nested,
)
from raftwerk.kv import (
    Compact,
    Compare,
    CompareResult,
    CompareTarget,
    DeleteRange,
    Nothing,
    Operation,
    Put,
    Range,
    SortOrder,
    SortTarget,
    Txn,
)

__all__ = ["COMPACTION", "DELETE_RANGE", "PUT", "RANGE", "TXN"]


def _compaction(revision: int = 0, physical: bool = False) -> tuple[Compact, bool]:
    """Return a compaction, and whether to wait for what it lets go of."""
    return Compact(revision), physical


def _compare(
    *,
    key: bytes = b"",
    range_end: bytes = b"",
    result: int = 0,
    target: int = 0,
    **given: Any,
) -> Compare:
    """Return a compare; of its operands, the target's is the one that is meant."""
    operand = given.get(_OPERANDS.get(target, ""))  # any target may be asked for
    if target == CompareTarget.VALUE:
        return Compare(key, range_end, result, target, value=operand or b"")
    return Compare(key, range_end, result, target, number=operand or 0)


def _operation(**given: Operation) -> Operation:
    """Return the one operation that is given."""
    if not given:
        return Nothing()
    if len(given) > 1:
        # etcd takes any one of them; which, is left to chance.
        raise BadRequest(f"it has {' and '.join(given)}; it must be one of them")
    return next(iter(given.values()))


_OPERANDS: Final[Mapping[int, str]] = {
    CompareTarget.VERSION: "version",
    CompareTarget.CREATE: "create_revision",
    CompareTarget.MOD: "mod_revision",
    CompareTarget.VALUE: "value",
    CompareTarget.LEASE: "lease",
}

_RANGE: Final = Message(
    "RangeRequest",
    partial(Range, key=b""),
    key=read_bytes,
    range_end=read_bytes,
    limit=read_int64,
    revision=read_int64,
    sort_order=Enumeration(SortOrder.__members__),
    sort_target=Enumeration(SortTarget.__members__),
    serializable=read_bool,
    keys_only=read_bool,
    count_only=read_bool,
    min_mod_revision=read_int64,
    max_mod_revision=read_int64,
    min_create_revision=read_int64,
    max_create_revision=read_int64,
)
_PUT: Final = Message(
    "PutRequest",
    partial(Put, key=b""),
    key=read_bytes,
    value=read_bytes,
    lease=read_int64,
    prev_kv=read_bool,
    ignore_value=read_bool,
    ignore_lease=read_bool,
)
_DELETE_RANGE: Final = Message(
    "DeleteRangeRequest",
    partial(DeleteRange, key=b""),
    key=read_bytes,
    range_end=read_bytes,
    prev_kv=read_bool,
)
_COMPACTION: Final = Message(
    "CompactionRequest", _compaction, revision=read_int64, physical=read_bool
)

_COMPARE: Final = Message(
    "Compare",
    _compare,
    key=read_bytes,
    range_end=read_bytes,
    result=Enumeration(CompareResult.__members__),
    target=Enumeration(CompareTarget.__members__),
    version=read_int64,
    create_revision=read_int64,
    mod_revision=read_int64,
    value=read_bytes,
    lease=read_int64,
)


_INNER_TXN: Final = Nested[Txn]()
_OPERATION: Final = Message(
    "RequestOp",
    _operation,
    request_range=_RANGE,
    request_put=_PUT,
    request_delete_range=_DELETE_RANGE,
    request_txn=_INNER_TXN,
)

_TXN: Final = Message(
    "TxnRequest",
    Txn,
    compare=Repeated(_COMPARE, null={}),
    success=Repeated(_OPERATION, null={}),
    failure=Repeated(_OPERATION, null={}),
)
_INNER_TXN.message = _TXN

# ---- answers, and the calls ----------------------------------------------------

_RANGE_RESPONSE: Final = message(
    "RangeResponse", header=HEADER, kvs=list_of(KEY_VALUE), more=BOOL, count=INT64
)
_PUT_RESPONSE: Final = message("PutResponse", header=HEADER, prev_kv=KEY_VALUE)
_DELETE_RANGE_RESPONSE: Final = message(
    "DeleteRangeResponse", header=HEADER, deleted=INT64, prev_kvs=list_of(KEY_VALUE)
)

_TXN_RESPONSE: Final = message(
    "TxnResponse",
    header=HEADER,
    succeeded=BOOL,
    responses=list_of(
        message(
            "ResponseOp",
            response_range=_RANGE_RESPONSE,
            response_put=_PUT_RESPONSE,
            response_delete_range=_DELETE_RANGE_RESPONSE,
            response_txn=nested("TxnResponse"),
        )
    ),
)

RANGE: Final = CallForm(
    request=_RANGE,
    answer=_RANGE_RESPONSE,
    example={"key": "Zm9v", "range_end": "Zm9w", "limit": "10"},
)
"""Keys are read: a `Range`."""

PUT: Final = CallForm(
    request=_PUT,
    answer=_PUT_RESPONSE,
    example={"key": "Zm9v", "value": "YmFy", "prev_kv": True},
    refusals=(404,),
)
"""A key is set: a `Put`."""

DELETE_RANGE: Final = CallForm(
    request=_DELETE_RANGE,
    answer=_DELETE_RANGE_RESPONSE,
    example={"key": "Zm9v", "prev_kv": True},
)
"""Keys are deleted: a `DeleteRange`."""

COMPACTION: Final = CallForm(
    request=_COMPACTION, answer=HEADER_ONLY, example={"revision": "1"}
)
"""The past is forgotten: a `Compact`, and whether it is to be physical."""

TXN: Final = CallForm(
    request=_TXN,
    answer=_TXN_RESPONSE,
    example={
        "compare": [{"key": "Zm9v", "target": "VERSION", "version": "0"}],
        "success": [{"request_put": {"key": "Zm9v", "value": "YmFy"}}],
        "failure": [{"request_range": {"key": "Zm9v"}}],
    },
    refusals=(404,),
)
"""Operations, if compares hold: a `Txn`."""
