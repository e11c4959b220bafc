"""Operations as calls of etcd's gateway, and its answers as those of an operation."""

import base64
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from raftwerk.sim import Answer, Operation
from raftwerk.sim.history import Action

__all__ = ["Call", "call_of", "text"]


class Call(NamedTuple):
    """What to call, with what, and how to read the answer."""

    path: str
    body: dict[str, object]
    read: Callable[[dict[str, Any]], Answer]


def text(data: bytes) -> str:
    """Return bytes as the gateway wants them."""
    return base64.b64encode(data).decode()


def call_of(operation: Operation) -> Call:
    """Return the call for an operation."""
    return _CALLS[operation.action](operation)


def _revision(found: dict[str, Any]) -> int:
    return int(found["header"]["revision"])


def _put_body(operation: Operation) -> dict[str, object]:
    assert operation.value is not None
    return {"key": text(operation.key), "value": text(operation.value)}


def _put(operation: Operation) -> Call:
    def read(found: dict[str, Any]) -> Answer:
        return Answer(revision=_revision(found))

    return Call("put", _put_body(operation), read)


def _delete(operation: Operation) -> Call:
    def read(found: dict[str, Any]) -> Answer:
        is_gone = found.get("deleted", "0") == "1"
        return Answer(revision=_revision(found), succeeded=is_gone)

    return Call("deleterange", {"key": text(operation.key)}, read)


def _read(operation: Operation) -> Call:
    def read(found: dict[str, Any]) -> Answer:
        for kv in found.get("kvs", ()):
            return Answer(
                revision=_revision(found),
                value=base64.b64decode(kv["value"]),
                mod_revision=int(kv["mod_revision"]),
            )
        return Answer(revision=_revision(found))

    return Call("range", {"key": text(operation.key)}, read)


def _compare_and_put(operation: Operation) -> Call:
    compare = {
        "key": text(operation.key),
        "target": "MOD",
        "result": "EQUAL",
        "mod_revision": str(operation.expected_mod_revision),
    }
    success = [{"request_put": _put_body(operation)}]

    def read(found: dict[str, Any]) -> Answer:
        return Answer(
            revision=_revision(found), succeeded=found.get("succeeded", False)
        )

    return Call("txn", {"compare": [compare], "success": success}, read)


_CALLS: Final[dict[Action, Callable[[Operation], Call]]] = {
    Action.READ: _read,
    Action.PUT: _put,
    Action.DELETE: _delete,
    Action.COMPARE_AND_PUT: _compare_and_put,
}
