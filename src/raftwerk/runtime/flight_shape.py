"""Flights without payloads: sizes and hashes stand in for what clients wrote.

A core looks at the size of a payload and never into it, but for membership changes, of
which it reads all but the context. So a stand-in of the same size leads to the same
run. On disk it is a *token*: the size, and up to 16 bytes of a keyed hash. The key is
drawn when recording begins and is kept nowhere, so that a short payload can't be found
by trying; equal payloads of one process have equal tokens. To be replayed a token is
*filled* to its size with its own hash; from that the token can be made again, so that
both sides can compare what they handed out.
"""

import struct
from collections.abc import Callable
from functools import cache, partial
from hashlib import blake2b
from typing import Any, Final, TypeVar, get_type_hints

import msgspec
from msgspec import inspect

from raftwerk.core.messages import Proposal
from raftwerk.core.ready import Ready
from raftwerk.core.records import ConfChange, Entry, EntryKind
from raftwerk.errors import InvalidChange

__all__ = ["Leaf", "digest", "fill", "mapped", "token_of_filled", "tokens"]

Leaf = Callable[[bytes], bytes]
"""Puts something in the place of a payload."""

HASH_BYTES: Final = 16
DIGEST_BYTES: Final = 8
NO_CHANGE: Final = b"\xc1"
"""A byte that msgpack never uses: what begins with it can't be read as a change."""

_SIZE: Final = struct.Struct("<I")
_encode: Final = msgspec.msgpack.Encoder().encode
Value = TypeVar("Value")

_WITHOUT_BYTES: Final = (
    inspect.BoolType,
    inspect.EnumType,
    inspect.FloatType,
    inspect.IntType,
    inspect.NoneType,
    inspect.StrType,
)


def tokens(key: bytes) -> Leaf:
    """Return what makes tokens of payloads.

    Parameters
    ----------
    key : bytes
        Up to 64 secret bytes.

    Returns
    -------
    callable
        Takes a payload, returns its token; an empty one stays empty.
    """

    return partial(_token, key)


def _token(key: bytes, data: bytes) -> bytes:
    """Return the token of one payload."""
    if not data:
        return b""
    hashed = blake2b(data, digest_size=HASH_BYTES, key=key).digest()
    known: bytes = hashed[: len(data)]
    return _SIZE.pack(len(data)) + known


def fill(token: bytes) -> bytes:
    """Return a stand-in of the size that a token tells.

    Parameters
    ----------
    token : bytes
        As `tokens` makes it.

    Returns
    -------
    bytes
        Its hash, over and over.
    """
    if not token:
        return b""
    size: int = _SIZE.unpack_from(token)[0]
    hashed = token[_SIZE.size :]
    return (hashed * (size // len(hashed) + 1))[:size]


def token_of_filled(data: bytes) -> bytes:
    """Return the token that was filled.

    Parameters
    ----------
    data : bytes
        As `fill` returns it.

    Returns
    -------
    bytes
        The token.
    """
    return _SIZE.pack(len(data)) + data[:HASH_BYTES] if data else b""


def mapped(value: Value, leaf: Leaf) -> Value:
    """Return a value with something else in the place of each payload in it.

    All bytes count as payload, wherever they are, so that none can be forgotten.

    Parameters
    ----------
    value : object
        Inputs, images, orders: structs, tuples, lists and plain values.
    leaf : callable
        What to put there.

    Returns
    -------
    object
        A copy where anything changed.
    """
    result: Any = _mapped(value, leaf)
    return result  # type: ignore[no-any-return]  # of the same type, by construction


def _mapped(value: Any, leaf: Leaf) -> Any:
    """Do what `mapped` says."""
    if isinstance(value, bytes):
        return leaf(value)
    if isinstance(value, (Entry, Proposal)) and value.kind is not EntryKind.COMMAND:
        return msgspec.structs.replace(value, data=_mapped_change(value.data, leaf))
    if isinstance(value, msgspec.Struct):
        changed = {}
        for field in _payload_fields(type(value)):
            old = getattr(value, field)
            new = _mapped(old, leaf)
            if new is not old:
                changed[field] = new
        return msgspec.structs.replace(value, **changed) if changed else value
    if isinstance(value, (tuple, list)) and value:
        return tuple(_mapped(each, leaf) for each in value)
    return value


@cache
def _payload_fields(kind: type[msgspec.Struct]) -> tuple[str, ...]:
    """Return the fields of a type in which there can be bytes, however deep."""
    hints = get_type_hints(kind)
    return tuple(
        field
        for field in kind.__struct_fields__
        if _may_hold_bytes(inspect.type_info(hints[field]))
    )


def _may_hold_bytes(kind: inspect.Type) -> bool:
    """Tell whether a value of some type may have bytes in it; true if in doubt."""
    match kind:
        case inspect.StructType():
            return any(_may_hold_bytes(field.type) for field in kind.fields)
        case inspect.UnionType():
            return any(map(_may_hold_bytes, kind.types))
        case inspect.CollectionType():
            return _may_hold_bytes(kind.item_type)
        case inspect.TupleType():
            return any(map(_may_hold_bytes, kind.item_types))
    return not isinstance(kind, _WITHOUT_BYTES)


def _mapped_change(data: bytes, leaf: Leaf) -> bytes:
    """Return a membership change with another context; the rest the core reads."""
    try:
        change = ConfChange.decode(data)
    except InvalidChange:
        # It must stay one that can't be read. With its first byte gone from the
        # payload, what is put there again has the same size.
        return NO_CHANGE + leaf(data[1:])
    if not change.context:
        return data
    return msgspec.structs.replace(change, context=leaf(change.context)).encode()


def digest(ready: Ready, leaf: Leaf | None) -> bytes:
    """Return a hash of all that a `Ready` asks for.

    Parameters
    ----------
    ready : Ready
        As it was taken.
    leaf : callable or None
        What stands for payloads; None: themselves.

    Returns
    -------
    bytes
        Eight.
    """
    append, apply = ready.append, ready.apply
    all_of_it = (
        ready.soft_state,
        ready.hard_state,
        ready.read_states,
        tuple(ready.entries),
        ready.snapshot,
        tuple(ready.committed),
        ready.messages,
        ready.messages_after_sync,
        ready.must_sync,
        # Hard state, entries and snapshot of an order are those above.
        None if append is None else (append.must_sync, append.replies, append.done),
        None if apply is None else apply.done,
    )
    shown = all_of_it if leaf is None else mapped(all_of_it, leaf)
    return blake2b(_encode(shown), digest_size=DIGEST_BYTES).digest()
