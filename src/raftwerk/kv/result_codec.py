"""Results as bytes, for answers that are kept until they are asked for again."""

from typing import Any, Final

import msgspec

from raftwerk.errors import InvariantViolation
from raftwerk.kv import errors, results
from raftwerk.kv.errors import KvError
from raftwerk.kv.results import TxnResult

__all__ = ["decode_result", "encode_result"]

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
