"""How large entries count, and how many of them fit a bound."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raftwerk.core.config import NO_LIMIT
from raftwerk.core.records import Entry
from raftwerk.core.sizes import (
    ENTRY_OVERHEAD_BYTES,
    entries_bytes,
    limit_bytes,
    payload_bytes,
)
from raftwerk.types import LogIndex, Term


def entries(*sizes: int) -> list[Entry]:
    """Return entries with data of these sizes."""
    return [
        Entry(Term(1), LogIndex(index), bytes(size))
        for index, size in enumerate(sizes, 1)
    ]


ONE = ENTRY_OVERHEAD_BYTES + 10
"""What an entry with ten bytes of data counts."""

LIMITS = [
    # sizes of the data  bound  how many fit  why
    ([], 0, 0, "nothing fits everywhere"),
    ([10], 0, 1, "one entry always fits"),
    ([10, 10], 0, 1, "but not a second one"),
    ([10, 10], ONE, 1, "just one"),
    ([10, 10, 10], 2 * ONE, 2, "the bound itself is within it"),
    ([10, 10, 10], 2 * ONE - 1, 1, "one byte less is not enough for two"),
    ([10, 10, 10], 3 * ONE, 3, "all"),
    ([1000, 10], ONE, 1, "a large one is taken, but nothing behind it"),
    ([10, 1000, 10], 2 * ONE, 1, "what lies behind a large one is not taken instead"),
    ([0, 0], ENTRY_OVERHEAD_BYTES, 1, "an empty entry counts its overhead"),
    ([10] * 9, NO_LIMIT, 9, "no bound"),
]


@pytest.mark.parametrize(("sizes", "bound", "count", "why"), LIMITS)
def test_as_many_fit_as_the_bound_has_room_for(
    sizes: list[int], bound: int, count: int, why: str
) -> None:
    assert len(limit_bytes(entries(*sizes), bound)) == count, why


@given(st.lists(st.integers(0, 40), max_size=20), st.integers(0, 500))
def test_longest_beginning_that_fits_is_taken(sizes: list[int], bound: int) -> None:
    whole = entries(*sizes)
    taken = limit_bytes(whole, bound)
    assert list(taken) == whole[: len(taken)]
    assert entries_bytes(taken) <= bound or len(taken) <= 1
    if len(taken) < len(whole):
        assert entries_bytes(whole[: len(taken) + 1]) > bound


def test_payload_is_the_data_alone() -> None:
    whole = entries(3, 0, 4)
    assert payload_bytes(whole) == 7
    assert entries_bytes(whole) == 7 + 3 * ENTRY_OVERHEAD_BYTES
    assert payload_bytes([]) == entries_bytes([]) == 0


def test_all_that_fit_are_not_copied() -> None:
    whole = entries(1, 2, 3)
    assert limit_bytes(whole, NO_LIMIT) is whole
    assert limit_bytes(whole, 10_000) is whole
