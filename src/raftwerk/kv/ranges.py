"""Reading a range, in steps, so that a large one need not be read in one go.

The steps all read at one revision, that of the beginning, whatever is written between
them: the store has every version that is not compacted.
"""

from collections.abc import Callable, Generator
from heapq import merge
from itertools import islice
from operator import attrgetter
from typing import Any, Final, TypeVar

from raftwerk.kv.commands import Range, SortOrder, SortTarget
from raftwerk.kv.errors import CompactedRevision, FutureRevision
from raftwerk.kv.records import KeyValue
from raftwerk.kv.results import RangeResult
from raftwerk.kv.spans import span_of
from raftwerk.kv.state import State

__all__ = ["check_revision", "read", "read_in_steps"]

Made = TypeVar("Made")

KEYS_PER_STEP: Final = 250
"""About a quarter of a millisecond: a write of others takes several turns."""

KEYS_PER_RUN: Final = 5_000
"""Keys that are sorted in one go, and merged with the others; a millisecond or two."""

_SORT_KEYS: Final[dict[int, Callable[[KeyValue], Any]]] = {
    SortTarget.KEY: attrgetter("key"),
    SortTarget.VERSION: attrgetter("version"),
    SortTarget.CREATE: attrgetter("create_revision"),
    SortTarget.MOD: attrgetter("mod_revision"),
    SortTarget.VALUE: attrgetter("value"),
}


def check_revision(state: State, revision: int) -> None:
    """Refuse a revision that can't be read.

    Parameters
    ----------
    state : State
        The store.
    revision : int
        Which; 0 or below means the newest.

    Raises
    ------
    FutureRevision
        If the store has not come to it yet.
    CompactedRevision
        If it is forgotten.
    """
    if revision > state.revision:
        raise FutureRevision(
            f"revision {revision} is still to come; the newest is {state.revision}"
        )
    if 0 < revision < state.compact_revision:
        raise CompactedRevision(
            f"revision {revision} is forgotten; the oldest that can be read is"
            f" {state.compact_revision}"
        )


def read(state: State, request: Range) -> RangeResult:
    """Return the keys of a range, in one go.

    Parameters
    ----------
    state : State
        The store.
    request : Range
        What to read.

    Returns
    -------
    RangeResult
        The answer.

    Raises
    ------
    FutureRevision
        If the store has not come to the wanted revision yet.
    CompactedRevision
        If the wanted revision is forgotten.
    """
    if not request.range_end and request.revision <= 0:
        # By far the most common of all reads.
        found = state.index.find(request.key, b"")
        count = len(found)
        if request.count_only:
            return RangeResult(state.revision, [], False, count)
        kvs = _filter(request, found)
        if request.keys_only:
            kvs = _finish(_without_values(kvs))
        return RangeResult(state.revision, kvs, False, count)
    return _finish(read_in_steps(state, request))


def read_in_steps(state: State, request: Range) -> Generator[None, None, RangeResult]:
    """Return the keys of a range; the store may change between two steps.

    Parameters
    ----------
    state : State
        The store.
    request : Range
        What to read.

    Returns
    -------
    RangeResult
        The answer, as it was when the first step was made.

    Yields
    ------
    None
        After each `KEYS_PER_STEP` keys; never in a short range.

    Raises
    ------
    FutureRevision
        If the store has not come to the wanted revision yet.
    CompactedRevision
        If the wanted revision is forgotten, or was forgotten between two steps.
    """
    check_revision(state, request.revision)
    revision = state.revision
    at = request.revision if request.revision > 0 else revision
    span = span_of(request.key, request.range_end)
    # At the newest revision the index knows the number without a look at each key.
    count = state.index.count(span) if at == revision else None
    if request.count_only and count is not None:
        return RangeResult(revision, [], False, count)
    wanted = _wanted(request) if count is not None else None

    found: list[KeyValue] = []
    seen = 0
    after: bytes | None = None
    while wanted is None or seen < wanted:
        step = KEYS_PER_STEP if wanted is None else min(wanted - seen, KEYS_PER_STEP)
        keys = state.index.keys(
            span, after=after, with_deleted=at < state.revision, keys_max=step
        )
        some = [kv for key in keys if (kv := state.index.at(key, at)) is not None]
        seen += len(some)
        if not request.count_only:
            found += _filter(request, some)
        if len(keys) < step:
            break
        after = keys[-1]
        yield
        check_revision(state, at)
    count = seen if count is None else count
    if request.count_only:
        return RangeResult(revision, [], False, count)
    read_so_far = RangeResult(revision, found, seen < count, count)
    return (yield from _sorted_and_cut(request, read_so_far))


def _sorted_and_cut(
    request: Range, result: RangeResult
) -> Generator[None, None, RangeResult]:
    """Return an answer as it was asked for, in steps."""
    kvs = yield from _sort(request, result.kvs)
    wanted = request.limit if request.limit > 0 else len(kvs)
    more = result.more or wanted < len(kvs)
    if wanted < len(kvs):
        kvs = kvs[:wanted]
    if request.keys_only:
        kvs = yield from _without_values(kvs)
    return RangeResult(result.revision, kvs, more, result.count)


def _finish(steps: Generator[None, None, Made]) -> Made:
    """Return what comes of steps, all of them at once."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            made: Made = end.value
            return made


def _wanted(request: Range) -> int | None:
    """Return how many keys must be read; None if all must be, to filter or sort them.

    It is the limit, for whether there are more is known from the count.
    """
    is_plain = not (
        request.sort_order
        or request.sort_target
        or request.min_mod_revision
        or request.max_mod_revision
        or request.min_create_revision
        or request.max_create_revision
    )
    return request.limit if is_plain and request.limit > 0 else None


def _filter(request: Range, kvs: list[KeyValue]) -> list[KeyValue]:
    """Return those versions that lie within the request's bounds."""
    if least := request.min_mod_revision:
        kvs = [kv for kv in kvs if kv.mod_revision >= least]
    if greatest := request.max_mod_revision:
        kvs = [kv for kv in kvs if kv.mod_revision <= greatest]
    if least := request.min_create_revision:
        kvs = [kv for kv in kvs if kv.create_revision >= least]
    if greatest := request.max_create_revision:
        kvs = [kv for kv in kvs if kv.create_revision <= greatest]
    return kvs


def _sort(request: Range, kvs: list[KeyValue]) -> Generator[None, None, list[KeyValue]]:
    """Return the versions, which stand in the order of keys, in the wanted order."""
    target, order = request.sort_target, request.sort_order
    if order == SortOrder.NONE and target != SortTarget.KEY:
        order = SortOrder.ASCEND
    is_descending = order == SortOrder.DESCEND
    if not is_descending and (order != SortOrder.ASCEND or target == SortTarget.KEY):
        return kvs
    key = _SORT_KEYS[target]
    runs = []
    for start in range(0, len(kvs), KEYS_PER_RUN):
        if start:
            yield
        some = kvs[start : start + KEYS_PER_RUN]
        runs.append(sorted(some, key=key, reverse=is_descending))
    if len(runs) == 1:
        return runs[0]
    # As one sort of all would have it: equal ones stay in the order of keys.
    found: list[KeyValue] = []
    merged = merge(*runs, key=key, reverse=is_descending)
    while some := list(islice(merged, KEYS_PER_STEP)):
        found += some
        yield
    return found


def _without_values(
    kvs: list[KeyValue],
) -> Generator[None, None, list[KeyValue]]:
    """Return the versions without their values."""
    bare: list[KeyValue] = []
    for start in range(0, len(kvs), KEYS_PER_STEP):
        if start:
            yield
        bare += [
            KeyValue(
                kv.key,
                kv.create_revision,
                kv.mod_revision,
                kv.version,
                lease=kv.lease,
            )
            for kv in kvs[start : start + KEYS_PER_STEP]
        ]
    return bare
