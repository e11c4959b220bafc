"""What one node says of each revision: it has all versions of all keys.

By itself alone, from what it has and not from what the leader has. So it must be up to
date when it is asked: a linearizable read through it makes it so.
"""

import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec

from raftwerk.sim import Answer, Operation
from raftwerk.sim.history import Action
from tests.e2e.calls import text
from tests.e2e.cluster import NodeProcess
from tests.e2e.gateway import Caller

__all__ = ["check_kept", "settled"]

READS_PER_TXN: Final = 100

SECONDS: Final = 10.0

EVERY_KEY: Final[dict[str, object]] = {
    "key": text(b"key "),
    "range_end": text(b"key!"),
}
"""All that `Clients` write to; others may write elsewhere."""

OTHERS: Final = 1_000
"""Above the numbers of all clients."""


async def read(
    caller: Caller, node: NodeProcess, ranges: Sequence[dict[str, object]]
) -> list[list[dict[str, Any]]]:
    """Return what each of some ranges finds."""
    found: list[list[dict[str, Any]]] = []
    for start in range(0, len(ranges), READS_PER_TXN):
        some = [
            {"request_range": each | {"serializable": True}}
            for each in ranges[start : start + READS_PER_TXN]
        ]
        answer = await caller.call(node.client, "txn", {"success": some}, SECONDS)
        found += [each["response_range"].get("kvs", []) for each in answer["responses"]]
    return found


async def check_kept(
    caller: Caller, node: NodeProcess, writes: Sequence[Operation]
) -> None:
    """Demand every acknowledged write of a node, as of its revision."""
    ranges: list[dict[str, object]] = [
        {"key": text(write.key), "revision": str(_revision(write))} for write in writes
    ]
    for write, kvs in zip(writes, await read(caller, node, ranges), strict=True):
        kept = [(kv["value"], int(kv["mod_revision"])) for kv in kvs]
        wanted = [(text(write.value), _revision(write))] if write.value else []
        assert kept == wanted, f"{node.name} has {kept} in place of {write}"


async def settled(
    caller: Caller, node: NodeProcess, history: Sequence[Operation]
) -> list[Operation]:
    """Return a history with answers to what nobody knew, as far as it took effect.

    A revision that changed none of these clients' keys is somebody else's.

    Who looks at a revision learns what took it: so a write without an answer that is
    found there was done by now at the latest. Without this the checker would have to
    share the revisions out, and there may be too many ways to do that.
    """
    newest = max((_revision(each) for each in history if each.answer), default=1)
    taken = {_revision(each) for each in history if each.answer and each.may_write}
    pending: dict[tuple[str, str | None], list[int]] = defaultdict(list)
    for place in sorted(range(len(history)), key=lambda place: history[place].started):
        each = history[place]
        if each.answer is None and each.action is not Action.READ:
            value = None if each.value is None else text(each.value)
            pending[text(each.key), value].append(place)
    result = list(history)
    free = [number for number in range(2, newest + 1) if number not in taken]
    for number, change in zip(free, await _changes(caller, node, free), strict=True):
        if change is None:
            result.append(_of_others(number))
            continue
        found = pending[change]
        assert found, f"{node.name}: revision {number} is {change}; nobody asked for it"
        # All deletes of a key do the same: the earliest stands for any of them.
        place = found.pop(0)
        result[place] = msgspec.structs.replace(
            result[place], ended=time.monotonic(), answer=Answer(revision=number)
        )
    return result


def _of_others(revision: int) -> Operation:
    """Return the write of somebody else, who may have made it at any time."""
    return Operation(
        client=OTHERS,
        action=Action.PUT,
        key=b"of others",
        value=b"%d" % revision,
        started=0.0,
        ended=time.monotonic(),
        answer=Answer(revision=revision),
    )


async def _changes(
    caller: Caller, node: NodeProcess, revisions: Sequence[int]
) -> list[tuple[str, str | None] | None]:
    """Return key and value of the write of each revision; no value: it was a delete.

    None for a revision that changed no key of the clients.
    """
    changed = await read(
        caller,
        node,
        [
            EVERY_KEY | {"revision": str(number), "min_mod_revision": str(number)}
            for number in revisions
        ],
    )
    changes: list[tuple[str, str | None] | None] = []
    for number, kvs in zip(revisions, changed, strict=True):
        if kvs:
            (kv,) = kvs
            changes.append((kv["key"], kv["value"]))
            continue
        before, after = await read(
            caller,
            node,
            [
                EVERY_KEY | {"revision": str(each), "keys_only": True}
                for each in (number - 1, number)
            ],
        )
        gone = _keys(before) - _keys(after)
        assert len(gone) <= 1, f"{node.name}: revision {number} deleted {gone}"
        changes.append((gone.pop(), None) if gone else None)
    return changes


def _keys(kvs: Iterable[dict[str, Any]]) -> set[str]:
    return {kv["key"] for kv in kvs}


def _revision(operation: Operation) -> int:
    """Return the revision of an operation that was answered."""
    assert operation.answer is not None and operation.answer.revision is not None
    return operation.answer.revision
