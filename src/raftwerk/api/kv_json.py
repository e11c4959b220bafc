"""The answers of ``/v3/kv`` in JSON; `kv_calls` reads the requests.

An answer is put together from pieces of bytes, for that is several times as quick as
building objects and having them encoded; what is zero or empty is left out, as etcd
leaves it out.
"""

import binascii
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import Final

from raftwerk.kv import (
    DeleteRangeResult,
    KeyValue,
    PutResult,
    RangeResult,
    TxnResult,
)
from raftwerk.service import Header

__all__ = [
    "BYTES_PER_PIECE",
    "KVS_PER_PIECE",
    "delete_range_pieces",
    "is_one_piece",
    "parts_of",
    "range_pieces",
    "txn_pieces",
    "write_delete_range",
    "write_header",
    "write_kvs",
    "write_put",
    "write_range",
    "write_txn",
]

KVS_PER_PIECE: Final = 250
"""Keys that are written before others have their turn; about a third of a millisecond,
for a write of others takes several turns."""

BYTES_PER_PIECE: Final = 64 * 1024
"""Of keys and values, after which a piece ends too: a single value may be larger."""

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


def parts_of(kvs: Sequence[KeyValue]) -> Iterator[Sequence[KeyValue]]:
    """Yield keys in parts, each of which is written in one go.

    Parameters
    ----------
    kvs : sequence of KeyValue
        Any number.

    Yields
    ------
    sequence of KeyValue
        `KVS_PER_PIECE` at most, and no more after `BYTES_PER_PIECE`.
    """
    start = size = 0
    for place, kv in enumerate(kvs):
        if place - start == KVS_PER_PIECE or size >= BYTES_PER_PIECE:
            yield kvs[start:place]
            start, size = place, 0
        size += len(kv.key) + len(kv.value)
    if kvs:
        yield kvs[start:]


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


def is_one_piece(result: TxnResult) -> bool:
    """Tell whether the answer to a transaction may be written in one go.

    Parameters
    ----------
    result : TxnResult
        The answer.

    Returns
    -------
    bool
        Whether its keys, with those of nested answers, are no more than a piece has.
    """
    number = size = 0
    for kvs in _kvs_of(result):
        number += len(kvs)
        if number > KVS_PER_PIECE:
            return False
        for kv in kvs:
            size += len(kv.key) + len(kv.value)
    return size <= BYTES_PER_PIECE


def _kvs_of(result: TxnResult) -> Iterator[Sequence[KeyValue]]:
    """Yield the keys that are written for each operation."""
    for response in result.responses:
        match response:
            case RangeResult(kvs=kvs) | DeleteRangeResult(prev_kvs=kvs):
                yield kvs
            case PutResult(prev_kv=kv) if kv is not None:
                yield (kv,)
            case TxnResult():
                yield from _kvs_of(response)


def txn_pieces(header: bytes, result: TxnResult) -> Iterator[bytes]:
    """Yield the answer to a transaction in pieces, each made when it is drawn.

    Parameters
    ----------
    header : bytes
        From `write_header`.
    result : TxnResult
        The answer.

    Yields
    ------
    bytes
        With no more keys than `parts_of` gives; together what `write_txn` returns.
    """
    yield b"{%b%b" % (header, b',"succeeded":true' if result.succeeded else b"")
    start = b',"responses":['
    for response in result.responses:
        inner = b'"header":{"revision":"%d"}' % response.revision
        match response:
            case RangeResult(kvs=kvs):
                yield start + b'{"response_range":'
                *first, end = range_pieces(inner, response, [b""] if kvs else [])
                yield from _with_kvs(first, kvs)
                yield end + b"}"
            case PutResult():
                yield start + b'{"response_put":%b}' % write_put(inner, response)
            case DeleteRangeResult(prev_kvs=kvs):
                yield start + b'{"response_delete_range":'
                *first, end = delete_range_pieces(inner, response, [b""] if kvs else [])
                yield from _with_kvs(first, kvs)
                yield end + b"}"
            case TxnResult():
                yield start + b'{"response_txn":'
                yield from txn_pieces(b'"header":{}', response)
                yield b"}"
        start = b","
    yield b"]}" if result.responses else b"}"


def _with_kvs(first: list[bytes], kvs: Sequence[KeyValue]) -> Iterator[bytes]:
    """Yield what stands before keys, and the keys, in pieces."""
    yield from first
    comma = b""
    for some in parts_of(kvs):
        yield comma + write_kvs(some)
        comma = b","


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
