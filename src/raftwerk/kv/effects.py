"""What batches did to the store, as bytes: equal on all members, or one is not sound.

The versions that were made, and the answers, in the order in which they came about: how
commands were cut into batches makes no difference. Beside it, what is stored is shown
stretch by stretch, so that something that no command did is found as well, when the
round comes by.
"""

from collections.abc import Iterable
from typing import Final

import msgspec

from raftwerk.kv.state import State

__all__ = ["encode", "stretch"]

STRETCH_KEYS: Final = 256
"""About a tenth of a millisecond."""

STRETCH_BYTES: Final = 256 * 1024
"""The same for values that are large; the one that goes beyond it is the last."""


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
