"""Reading a range, in steps, so that a large one need not be read in one go.

The steps all read at one revision, that of the beginning, whatever is written between
them: the store has every version that is not compacted.
"""

from collections.abc import Callable, Generator
from operator import attrgetter
from typing import Any, Final

from raftwerk.kv.commands import Range, SortOrder, SortTarget
from raftwerk.kv.errors import CompactedRevision, FutureRevision
from raftwerk.kv.records import KeyValue
from raftwerk.kv.results import RangeResult
from raftwerk.kv.spans import span_of
from raftwerk.kv.state import State

__all__ = ["check_revision", "read", "read_in_steps"]

KEYS_PER_STEP: Final = 1_000
"""About half a millisecond."""

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
        return _answer(request, state.revision, found, len(found))
    steps = read_in_steps(state, request)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            result: RangeResult = end.value
            return result


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
    after: bytes | None = None
    while wanted is None or len(found) < wanted:
        step = KEYS_PER_STEP if wanted is None else min(wanted, KEYS_PER_STEP)
        keys = state.index.keys(
            span,
            after=after,
            with_deleted=at < state.revision,
            keys_max=step,
        )
        found += [kv for key in keys if (kv := state.index.at(key, at)) is not None]
        if len(keys) < step:
            break
        after = keys[-1]
        yield
        check_revision(state, at)
    return _answer(request, revision, found, count)


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


def _answer(
    request: Range, revision: int, found: list[KeyValue], count: int | None
) -> RangeResult:
    """Return the answer: filtered, then sorted, then cut, then without values."""
    if count is None:
        count = len(found)
    if request.count_only:
        return RangeResult(revision, [], False, count)
    is_cut_already = len(found) < count
    kvs = _sort(request, _filter(request, found))
    more = is_cut_already
    if 0 < request.limit < len(kvs):
        kvs, more = kvs[: request.limit], True
    if request.keys_only:
        kvs = [
            KeyValue(
                kv.key,
                kv.create_revision,
                kv.mod_revision,
                kv.version,
                lease=kv.lease,
            )
            for kv in kvs
        ]
    return RangeResult(revision, kvs, more, count)


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


def _sort(request: Range, kvs: list[KeyValue]) -> list[KeyValue]:
    """Return the versions, which stand in the order of keys, in the wanted order."""
    target, order = request.sort_target, request.sort_order
    if order == SortOrder.NONE and target != SortTarget.KEY:
        order = SortOrder.ASCEND
    if order == SortOrder.DESCEND:
        return sorted(kvs, key=_SORT_KEYS[target], reverse=True)
    if order == SortOrder.ASCEND and target != SortTarget.KEY:
        return sorted(kvs, key=_SORT_KEYS[target])
    return kvs
