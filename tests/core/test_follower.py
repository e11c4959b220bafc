"""A follower does with any message of any leader what Fig. 2 and §7 say."""

import pytest

from .follower import check_follower
from .group import Violation

FEW = 1_500
MANY = 100_000
CHUNK = 300


@pytest.mark.parametrize("start", range(0, FEW, CHUNK))
def test_follower_is_what_the_paper_makes_of_it(start: int) -> None:
    check(start, CHUNK)


@pytest.mark.long
@pytest.mark.parametrize("start", range(FEW, MANY, 50 * CHUNK))
def test_follower_is_so_after_many_more_stories(start: int) -> None:
    check(start, 50 * CHUNK)


def check(start: int, count: int) -> None:
    """Fail with the first seed that tells of a follower that does otherwise."""
    for seed in range(start, start + count):
        try:
            check_follower(seed)
        except Violation as violation:
            pytest.fail(f"seed {seed}: {violation}")
