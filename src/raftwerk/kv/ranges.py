"""Reading a range, in steps, so that a large one need not be read in one go.

The steps all read at one revision, that of the beginning, whatever is written between
them: the store has every version that is not compacted. `reading` does the same for
whole transactions.
"""

from collections.abc import Callable, Generator, Iterator
from heapq import merge
from itertools import islice
from operator import attrgetter
from typing import Any, Final, TypeVar

from raftwerk.kv.commands import Range, SortOrder, SortTarget
from raftwerk.kv.errors import CompactedRevision, FutureRevision
from raftwerk.kv.records import KeyValue
from raftwerk.kv.results import RangeResult
from raftwerk.kv.spans import Span, span_of
from raftwerk.kv.state import State

__all__ = [
    "KEYS_PER_STEP",
    "check_revision",
    "finish",
    "read",
    "read_in_steps",
    "shorten",
    "slices",
]

Made = TypeVar("Made")

KEYS_PER_STEP: Final = 250
"""About a quarter of a millisecond: a write of others takes several turns."""

KEYS_PER_RUN: Final = 5_000
"""Keys that are sorted in one go, and merged with the others; a millisecond or two."""

KEYS_LET_GO: Final = 1_000
"""Keys that are let go of in one go; a quarter of a millisecond if all are freed."""

_SORT_KEYS: Final[dict[int, Callable[[KeyValue], Any]]] = {
    SortTarget.KEY: attrgetter("key"),
    SortTarget.VERSION: attrgetter("version"),
    SortTarget.CREATE: attrgetter("create_revision"),
    SortTarget.MOD: attrgetter("mod_revision"),
    SortTarget.VALUE: attrgetter("value"),
}


def check_revision(state: State, revision: int, newest: int | None = None) -> None:
    """Refuse a revision that can't be read.

    Parameters
    ----------
    state : State
        The store.
    revision : int
        Which; 0 or below means the newest.
    newest : int, optional
        That which counts as the newest; without it, the store's.

    Raises
    ------
    FutureRevision
        If the store has not come to it yet.
    CompactedRevision
        If it is forgotten.
    """
    if newest is None:
        newest = state.revision
    if revision > newest:
        raise FutureRevision(
            f"revision {revision} is still to come; the newest is {newest}"
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
        kv = state.index.at(request.key, state.revision)
        found = [] if kv is None else [kv]
        count = len(found)
        if request.count_only:
            return RangeResult(state.revision, [], False, count)
        kvs = _filter(request, found)
        if request.keys_only:
            kvs = finish(_without_values(kvs))
        return RangeResult(state.revision, kvs, False, count)
    return finish(read_in_steps(state, request))


def read_in_steps(
    state: State, request: Range, newest: int | None = None
) -> Generator[None, None, RangeResult]:
    """Begin to read the keys of a range; the store may change before each step.

    Parameters
    ----------
    state : State
        The store.
    request : Range
        What to read.
    newest : int, optional
        The revision that counts as the store's; without it, the present one.

    Returns
    -------
    generator
        Yields after each `KEYS_PER_STEP` keys, never in a short range; returns the
        answer as it was when this was called, or raises `CompactedRevision` if its
        revision was forgotten since.

    Raises
    ------
    FutureRevision
        If the store has not come to the wanted revision yet.
    CompactedRevision
        If the wanted revision is forgotten.
    """
    if newest is None:
        newest = state.revision
    check_revision(state, request.revision, newest)
    at = request.revision if request.revision > 0 else newest
    # Of the newest there is, the index knows the number without a look at each key.
    span = span_of(request.key, request.range_end)
    count = state.index.count(span) if at == state.written else None
    return _read(state, request, newest, count)


def finish(steps: Generator[None, None, Made]) -> Made:
    """Return what comes of steps, all of them in one go.

    Parameters
    ----------
    steps : generator
        Yields where others might have had a turn.

    Returns
    -------
    Made
        What it returns.
    """
    while True:
        try:
            next(steps)
        except StopIteration as end:
            made: Made = end.value
            return made


def slices(
    state: State, span: Span, at: int, keys_max: int | None = None
) -> Iterator[tuple[list[KeyValue], bool]]:
    """Yield the keys of a range at a revision; between two slices the store may change.

    Parameters
    ----------
    state : State
        The store.
    span : Span
        The range.
    at : int
        The revision.
    keys_max : int, optional
        How many keys at most, from 1.

    Yields
    ------
    tuple
        What was found among the next `KEYS_PER_STEP` keys, in order, and whether that
        was the last of it.

    Raises
    ------
    CompactedRevision
        If the revision is forgotten, as soon as it is.
    """
    seen = 0
    after: bytes | None = None
    is_last = False
    while not is_last:
        check_revision(state, at, state.written)
        step = (
            KEYS_PER_STEP if keys_max is None else min(keys_max - seen, KEYS_PER_STEP)
        )
        keys = state.index.keys(
            span, after=after, with_deleted=at < state.written, keys_max=step
        )
        some = [kv for key in keys if (kv := state.index.at(key, at)) is not None]
        seen += len(some)
        is_last = len(keys) < step or seen == keys_max
        yield some, is_last
        after = keys[-1] if keys else None


def _read(
    state: State, request: Range, newest: int, count: int | None
) -> Generator[None, None, RangeResult]:
    """Return the keys of a range in steps; their number, if it is known, is `count`."""
    if request.count_only and count is not None:
        return RangeResult(newest, [], False, count)
    at = request.revision if request.revision > 0 else newest
    wanted = _wanted(request) if count is not None else None
    found: list[KeyValue] = []
    seen = 0
    span = span_of(request.key, request.range_end)
    for some, is_last in slices(state, span, at, wanted):
        seen += len(some)
        if not request.count_only:
            found += _filter(request, some)
        if not is_last:
            yield
    count = seen if count is None else count
    if request.count_only:
        return RangeResult(newest, [], False, count)
    read_so_far = RangeResult(newest, found, seen < count, count)
    return (yield from _sorted_and_cut(request, read_so_far))


def _sorted_and_cut(
    request: Range, result: RangeResult
) -> Generator[None, None, RangeResult]:
    """Return an answer as it was asked for, in steps; what was found is used up."""
    found = result.kvs
    if request.sort_target != SortTarget.KEY and (most := _wanted(request)) is not None:
        del found[most:]  # of an older revision all were read, to count them
    total = len(found)
    wanted = min(request.limit, total) if request.limit > 0 else total
    kvs = yield from _sort(request, found, wanted)
    if request.keys_only:
        kvs = yield from _without_values(kvs)
    more = result.more or wanted < total
    return RangeResult(result.revision, kvs, more, result.count)


def _wanted(request: Range) -> int | None:
    """Return how many keys must be read; None if all must be, to filter or sort them.

    It is the limit, for whether there are more is known from the count. A target
    to sort by that comes without an order sorts no more than the limit and one, which
    is what etcd reads to know whether there are more.
    """
    is_plain = not (
        request.sort_order
        or request.min_mod_revision
        or request.max_mod_revision
        or request.min_create_revision
        or request.max_create_revision
    )
    if not is_plain or request.limit <= 0:
        return None
    return request.limit + (request.sort_target != SortTarget.KEY)


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


def _sort(
    request: Range, kvs: list[KeyValue], wanted: int
) -> Generator[None, None, list[KeyValue]]:
    """Return the first of the versions, which stand in the order of keys, as asked.

    All lists on the way are used up as the next is made: to let go of a million
    versions, each somewhere else in memory, holds the loop for long.
    """
    target, order = request.sort_target, request.sort_order
    if order == SortOrder.NONE and target != SortTarget.KEY:
        order = SortOrder.ASCEND
    is_descending = order == SortOrder.DESCEND
    if not is_descending and (order != SortOrder.ASCEND or target == SortTarget.KEY):
        yield from shorten(kvs, wanted)
        return kvs
    key = _SORT_KEYS[target]
    runs: list[list[KeyValue]] = []
    while kvs:
        if runs:
            yield
        runs.append(sorted(kvs[-KEYS_PER_RUN:], key=key, reverse=is_descending))
        del kvs[-KEYS_PER_RUN:]
    # As one sort of all would have it: equal ones stay in the order of keys.
    runs.reverse()
    merged = merge(*map(_drawn, runs), key=key, reverse=is_descending)
    while some := list(islice(merged, min(KEYS_PER_STEP, wanted - len(kvs)))):
        if kvs:
            yield
        kvs += some
    for run in runs:
        if run:
            yield
            run.clear()
    return kvs


def shorten(values: list[Any], length: int) -> Generator[None, None, None]:
    """Let go of what stands behind the first values of a list, in steps.

    Parameters
    ----------
    values : list
        Any.
    length : int
        How many stay.

    Yields
    ------
    None
        Between two steps; never if few are let go of.
    """
    while len(values) - length > KEYS_LET_GO:
        del values[-KEYS_LET_GO:]
        yield
    del values[length:]


def _drawn(values: list[Made]) -> Iterator[Made]:
    """Yield what is in a list, which does not hold it any more then."""
    values.reverse()
    while values:
        yield values.pop()


def _without_values(
    kvs: list[KeyValue],
) -> Generator[None, None, list[KeyValue]]:
    """Return the versions without their values; the list of them is used up."""
    bare: list[KeyValue] = []
    kvs.reverse()
    while kvs:
        if bare:
            yield
        some = kvs[: -KEYS_PER_STEP - 1 : -1]
        del kvs[-KEYS_PER_STEP:]
        bare += [
            KeyValue(
                kv.key,
                kv.create_revision,
                kv.mod_revision,
                kv.version,
                lease=kv.lease,
            )
            for kv in some
        ]
    return bare
