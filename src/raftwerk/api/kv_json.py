"""The messages of ``/v3/kv`` in JSON: requests in, answers out.

An answer is put together from pieces of bytes, for that is several times as quick as
building objects and having them encoded; what is zero or empty is left out, as etcd
leaves it out.
"""

import binascii
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any, Final

from raftwerk.api.errors import BadRequest
from raftwerk.api.proto_json import (
    Message,
    enumeration,
    read_bool,
    read_bytes,
    read_int64,
    repeated,
)
from raftwerk.kv import (
    Compact,
    Compare,
    CompareResult,
    CompareTarget,
    DeleteRange,
    DeleteRangeResult,
    KeyValue,
    Nothing,
    Operation,
    Put,
    PutResult,
    Range,
    RangeResult,
    SortOrder,
    SortTarget,
    Txn,
    TxnResult,
)
from raftwerk.service import Header

__all__ = [
    "COMPACTION",
    "DELETE_RANGE",
    "PUT",
    "RANGE",
    "TXN",
    "delete_range_pieces",
    "range_pieces",
    "write_delete_range",
    "write_header",
    "write_kvs",
    "write_put",
    "write_range",
    "write_txn",
]

# ---- requests -----------------------------------------------------------------


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

RANGE: Final = Message(
    partial(Range, key=b""),
    key=read_bytes,
    range_end=read_bytes,
    limit=read_int64,
    revision=read_int64,
    sort_order=enumeration(SortOrder.__members__),
    sort_target=enumeration(SortTarget.__members__),
    serializable=read_bool,
    keys_only=read_bool,
    count_only=read_bool,
    min_mod_revision=read_int64,
    max_mod_revision=read_int64,
    min_create_revision=read_int64,
    max_create_revision=read_int64,
)
"""Reads a `Range`."""

PUT: Final = Message(
    partial(Put, key=b""),
    key=read_bytes,
    value=read_bytes,
    lease=read_int64,
    prev_kv=read_bool,
    ignore_value=read_bool,
    ignore_lease=read_bool,
)
"""Reads a `Put`."""

DELETE_RANGE: Final = Message(
    partial(DeleteRange, key=b""),
    key=read_bytes,
    range_end=read_bytes,
    prev_kv=read_bool,
)
"""Reads a `DeleteRange`."""

COMPACTION: Final = Message(_compaction, revision=read_int64, physical=read_bool)
"""Reads a `Compact`, and whether it is to be physical."""

_COMPARE: Final = Message(
    _compare,
    key=read_bytes,
    range_end=read_bytes,
    result=enumeration(CompareResult.__members__),
    target=enumeration(CompareTarget.__members__),
    version=read_int64,
    create_revision=read_int64,
    mod_revision=read_int64,
    value=read_bytes,
    lease=read_int64,
)


def _nested_txn(value: Any) -> Txn:
    """Return a transaction within a transaction."""
    return TXN(value)


_OPERATION: Final = Message(
    _operation,
    request_range=RANGE,
    request_put=PUT,
    request_delete_range=DELETE_RANGE,
    request_txn=_nested_txn,
)

TXN: Final = Message(
    Txn,
    compare=repeated(_COMPARE),
    success=repeated(_OPERATION),
    failure=repeated(_OPERATION),
)
"""Reads a `Txn`."""

# ---- answers ------------------------------------------------------------------

_base64 = partial(binascii.b2a_base64, newline=False)


def write_header(header: Header) -> bytes:
    """Return the header of an answer.

    Parameters
    ----------
    header : Header
        Who answers.

    Returns
    -------
    bytes
        The member ``"header"``, to be followed by others.
    """
    # A member that never saw an election has term 0, an answer that is about no state
    # of the store has revision 0, and zeros are left out.
    return b'"header":{"cluster_id":"%d","member_id":"%d"%b%b}' % (
        header.cluster_id,
        header.member_id,
        b',"revision":"%d"' % header.revision if header.revision else b"",
        b',"raft_term":"%d"' % header.raft_term if header.raft_term else b"",
    )


def write_kvs(kvs: Sequence[KeyValue]) -> bytes:
    """Return keys, without the brackets around them.

    Parameters
    ----------
    kvs : sequence of KeyValue
        Any number.

    Returns
    -------
    bytes
        Objects with commas between them.
    """
    return b",".join([_write_kv(kv) for kv in kvs])


def write_put(header: bytes, result: PutResult) -> bytes:
    """Return the answer to a put.

    Parameters
    ----------
    header : bytes
        From `write_header`.
    result : PutResult
        The answer.

    Returns
    -------
    bytes
        An object.
    """
    if result.prev_kv is None:
        return b"{%b}" % header
    return b'{%b,"prev_kv":%b}' % (header, _write_kv(result.prev_kv))


def write_range(header: bytes, result: RangeResult, kvs: bytes) -> bytes:
    """Return the answer to a range.

    Parameters
    ----------
    header : bytes
        From `write_header`.
    result : RangeResult
        The answer.
    kvs : bytes
        Its keys, from `write_kvs`.

    Returns
    -------
    bytes
        An object.
    """
    return b"".join(range_pieces(header, result, [kvs] if kvs else []))


def range_pieces(header: bytes, result: RangeResult, kvs: list[bytes]) -> list[bytes]:
    """Return the answer to a range, in pieces.

    Parameters
    ----------
    header : bytes
        From `write_header`.
    result : RangeResult
        The answer.
    kvs : list of bytes
        Its keys, from `write_kvs`, with the commas between them.

    Returns
    -------
    list of bytes
        Of an object.
    """
    end = b"%b%b}" % (
        b',"more":true' if result.more else b"",
        b',"count":"%d"' % result.count if result.count else b"",
    )
    return _around(b"{" + header, b"kvs", kvs, end)


def write_delete_range(header: bytes, result: DeleteRangeResult, kvs: bytes) -> bytes:
    """Return the answer to a deletion.

    Parameters
    ----------
    header : bytes
        From `write_header`.
    result : DeleteRangeResult
        The answer.
    kvs : bytes
        The keys before it, from `write_kvs`.

    Returns
    -------
    bytes
        An object.
    """
    return b"".join(delete_range_pieces(header, result, [kvs] if kvs else []))


def delete_range_pieces(
    header: bytes, result: DeleteRangeResult, kvs: list[bytes]
) -> list[bytes]:
    """Return the answer to a deletion, in pieces.

    Parameters
    ----------
    header : bytes
        From `write_header`.
    result : DeleteRangeResult
        The answer.
    kvs : list of bytes
        The keys before it, from `write_kvs`, with the commas between them.

    Returns
    -------
    list of bytes
        Of an object.
    """
    deleted = b',"deleted":"%d"' % result.deleted if result.deleted else b""
    return _around(b"{" + header + deleted, b"prev_kvs", kvs, b"}")


def _around(start: bytes, name: bytes, kvs: list[bytes], end: bytes) -> list[bytes]:
    """Return keys as a member of an object, which has no such member without them."""
    if not kvs:
        return [start + end]
    return [b'%b,"%b":[' % (start, name), *kvs, b"]" + end]


def write_txn(header: bytes, result: TxnResult) -> bytes:
    """Return the answer to a transaction.

    Parameters
    ----------
    header : bytes
        From `write_header`.
    result : TxnResult
        The answer; the headers within it have a revision alone.

    Returns
    -------
    bytes
        An object.
    """
    responses = b",".join(_write_responses(result))
    return b"{%b%b%b}" % (
        header,
        b',"succeeded":true' if result.succeeded else b"",
        b',"responses":[%b]' % responses if responses else b"",
    )


def _write_responses(result: TxnResult) -> Iterable[bytes]:
    """Yield the answers of a transaction's operations."""
    for response in result.responses:
        header = b'"header":{"revision":"%d"}' % response.revision
        match response:
            case RangeResult(kvs=kvs):
                answer = write_range(header, response, write_kvs(kvs))
                yield b'{"response_range":%b}' % answer
            case PutResult():
                yield b'{"response_put":%b}' % write_put(header, response)
            case DeleteRangeResult(prev_kvs=kvs):
                answer = write_delete_range(header, response, write_kvs(kvs))
                yield b'{"response_delete_range":%b}' % answer
            case TxnResult():
                yield b'{"response_txn":%b}' % write_txn(b'"header":{}', response)


def _write_kv(kv: KeyValue) -> bytes:
    """Return one version of a key."""
    text = b'{"key":"%b","create_revision":"%d","mod_revision":"%d","version":"%d"' % (
        _base64(kv.key),
        kv.create_revision,
        kv.mod_revision,
        kv.version,
    )
    if kv.value:
        text += b',"value":"%b"' % _base64(kv.value)
    if kv.lease:
        text += b',"lease":"%d"' % kv.lease
    return text + b"}"
