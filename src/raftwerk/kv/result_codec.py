"""Results as bytes, for answers that are kept until they are asked for again."""

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from raftwerk.errors import InvariantViolation
from raftwerk.kv import errors, results
from raftwerk.kv.errors import KvError
from raftwerk.kv.results import TxnResult

__all__ = ["decode_result", "encode_result", "encode_result_in_steps"]

PIECE_BYTES: Final = 32 * 1024
"""Of a result that is encoded in steps; about a third of a millisecond."""

_ARRAY: Final = 0x90
_MAP: Final = 0x80

_KINDS: Final[dict[str, type[Any]]] = {
    name: getattr(results, name)
    for name in results.__all__
    if name not in ("Result", "TxnResult")
}
_REFUSALS: Final[dict[str, type[KvError]]] = {
    name: getattr(errors, name) for name in errors.__all__
}


def encode_result(result: object) -> bytes:
    """Return a result as bytes.

    Parameters
    ----------
    result : object
        One of `raftwerk.kv.Result`.

    Returns
    -------
    bytes
        Equal results give equal bytes.
    """
    return msgspec.msgpack.encode(_packed(result))


def encode_result_in_steps(result: object) -> Iterator[bytes]:
    """Yield the same bytes in pieces, each made when it is drawn.

    Parameters
    ----------
    result : object
        As in `encode_result`.

    Yields
    ------
    bytes
        `PIECE_BYTES` and one key at most.
    """
    packed = _packed(result)
    waiting: list[bytes] = []
    size = 0
    for part in _parts_of(packed):
        waiting.append(part)
        size += len(part)
        if size >= PIECE_BYTES:
            yield b"".join(waiting)
            waiting.clear()
            size = 0
    yield b"".join(waiting)


def decode_result(data: bytes) -> object:
    """Return a result again.

    Parameters
    ----------
    data : bytes
        From `encode_result`.

    Returns
    -------
    object
        An equal one.
    """
    return _unpacked(msgspec.msgpack.decode(data))


def _parts_of(value: object) -> Iterator[bytes]:
    """Yield what msgpack makes of a value; of lists and maps, item by item."""
    match value:
        case tuple() | list():
            yield _array_head(len(value))
            for each in value:
                yield from _parts_of(each)
        case dict():
            yield bytes([_MAP | len(value)])  # of the few fields of a result
            for name, each in value.items():
                yield msgspec.msgpack.encode(name)
                yield from _parts_of(each)
        case _:
            yield msgspec.msgpack.encode(value)


def _array_head(length: int) -> bytes:
    """Return what stands before the items of an array."""
    if length < 1 << 4:
        return bytes([_ARRAY | length])
    if length < 1 << 16:
        return b"\xdc" + length.to_bytes(2, "big")
    return b"\xdd" + length.to_bytes(4, "big")


def _packed(result: Any) -> tuple[str, object]:
    """Return a result with the name of its kind."""
    if isinstance(result, TxnResult):
        parts = [_packed(each) for each in result.responses]
        return "TxnResult", (result.revision, result.succeeded, parts)
    if isinstance(result, KvError):
        return type(result).__name__, str(result)
    return type(result).__name__, msgspec.structs.asdict(result)


def _unpacked(packed: Any) -> Any:
    """Return the result that was packed."""
    name, fields = packed
    if name == "TxnResult":
        revision, succeeded, parts = fields
        return TxnResult(revision, succeeded, [_unpacked(each) for each in parts])
    if name in _REFUSALS:
        return _REFUSALS[name](fields)
    if name not in _KINDS:
        raise InvariantViolation(f"an answer that was kept is a {name}")
    return msgspec.convert(fields, _KINDS[name])
