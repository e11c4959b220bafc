"""What batches did to the store, as bytes: equal on all members, or one is not sound.

The versions that were made, and the answers, in the order in which they came about: how
commands were cut into batches makes no difference. Beside it, what is stored is shown
stretch by stretch, so that something that no command did is found as well, when the
round comes by.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import msgspec

from raftwerk.kv.results import DeleteRangeResult, RangeResult, TxnResult
from raftwerk.kv.state import State

__all__ = ["encode", "parts_of", "stretch"]

STRETCH_KEYS: Final = 256
"""About a tenth of a millisecond."""

STRETCH_BYTES: Final = 256 * 1024
"""The same for values that are large; the one that goes beyond it is the last."""


PART_BYTES: Final = 32 * 1024
"""Of an answer that is told in parts; about a third of a millisecond."""


def _type_name(value: object) -> str:
    """Stand for a refusal by its kind: what its words say follows from it."""
    return type(value).__name__


_ENCODER: Final = msgspec.msgpack.Encoder(enc_hook=_type_name)


def encode(effects: Iterable[object]) -> bytes:
    """Return effects as bytes.

    Parameters
    ----------
    effects : iterable of object
        Versions, results and refusals.

    Returns
    -------
    bytes
        Those of one batch after those of another are those of both.
    """
    return b"".join(map(_ENCODER.encode, effects))


def parts_of(result: object) -> Iterator[object]:
    """Yield a result in parts, each made when it is drawn.

    Parameters
    ----------
    result : object
        Any; only what has long lists comes in more than one part.

    Yields
    ------
    object
        What `encode` makes of all of them is what it makes of the result.
    """
    waiting: list[bytes] = []
    size = 0
    for piece in _pieces_of(result):
        waiting.append(piece)
        size += len(piece)
        if size >= PART_BYTES:
            yield msgspec.Raw(b"".join(waiting))
            waiting.clear()
            size = 0
    if waiting:
        yield msgspec.Raw(b"".join(waiting))


def _pieces_of(value: object) -> Iterator[bytes]:
    """Yield the bytes of a value; those of long lists one by one."""
    match value:
        case TxnResult() | RangeResult() | DeleteRangeResult():
            yield bytes([0x80 | len(value.__struct_fields__)])  # a map, as of a struct
            for name in value.__struct_fields__:
                yield _ENCODER.encode(name)
                yield from _pieces_of(getattr(value, name))
        case list():
            yield _head_of(value)
            for each in value:
                yield from _pieces_of(each)
        case _:
            yield _ENCODER.encode(value)


def _head_of(values: Sequence[object]) -> bytes:
    """Return what stands before the items of an array."""
    length = len(values)
    if length < 16:
        return bytes([0x90 | length])
    if length < 1 << 16:
        return b"\xdc" + length.to_bytes(2, "big")
    return b"\xdd" + length.to_bytes(4, "big")


def stretch(state: State, place: bytes) -> tuple[bytes, bytes]:
    """Return a part of what is stored, and where the next one begins.

    Parameters
    ----------
    state : State
        The store.
    place : bytes
        The last key of the stretch before; empty for the beginning.

    Returns
    -------
    tuple of bytes
        The newest versions of some keys, with leases and alarms after the last key;
        and the place for the next call.
    """
    keys = state.index.keys(
        (b"", None), after=place if place else None, keys_max=STRETCH_KEYS
    )
    parts: list[bytes] = []
    size = 0
    for key in keys:
        kv = state.index.get(key)
        parts.append(_ENCODER.encode((key, kv)))
        size += len(parts[-1])
        if size >= STRETCH_BYTES:
            return b"".join(parts), key
    if len(keys) == STRETCH_KEYS:
        return b"".join(parts), keys[-1]
    rest = (
        state.revision,
        state.compact_revision,
        sorted(state.alarms),
        state.leases.term,
        state.leases.all(),
    )
    parts.append(_ENCODER.encode(rest))
    return b"".join(parts), b""
