"""The generator: published vectors, fair bounds, independent forks."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raftwerk.host.draw import SplitMix64

# The first outputs of the reference implementation (splitmix64.c of S. Vigna, and the
# same numbers in the tests of many languages' libraries).
VECTORS = [
    (
        0,
        [
            0xE220A8397B1DCDAF,
            0x6E789E6AA1B965F4,
            0x06C45D188009454F,
            0xF88BB8A8724C81EC,
        ],
    ),
    (
        1234567,
        [
            6457827717110365317,
            3203168211198807973,
            9817491932198370423,
            4593380528125082431,
            16408922859458223821,
        ],
    ),
]


@pytest.mark.parametrize(("seed", "numbers"), VECTORS)
def test_the_stream_is_the_published_one(seed: int, numbers: list[int]) -> None:
    draw = SplitMix64(seed)
    assert [draw.next_64_bits() for _ in numbers] == numbers


def test_the_draws_of_a_seed_never_change() -> None:
    # Our own vector: seeds in the tests' files mean these draws, whatever the Python.
    draw = SplitMix64(2026)
    assert [draw.below(1000) for _ in range(8)] == [
        878,
        482,
        683,
        394,
        810,
        743,
        975,
        823,
    ]
    assert draw.fork("network").next_64_bits() == 0x9D9B76720BC28484


@given(st.integers(0, 2**64 - 1), st.integers(1, 2**200))
def test_a_draw_lies_below_its_bound(seed: int, bound: int) -> None:
    assert 0 <= SplitMix64(seed).below(bound) < bound


def test_only_the_lower_64_bits_of_a_seed_count() -> None:
    assert SplitMix64(2**64 + 5).next_64_bits() == SplitMix64(5).next_64_bits()
    assert SplitMix64(-1).next_64_bits() == SplitMix64(2**64 - 1).next_64_bits()


@pytest.mark.parametrize("bound", [2, 3, 6, 7, 10])
def test_each_answer_is_alike_likely(bound: int) -> None:
    draws = 6000 * bound
    draw = SplitMix64(bound)
    counts = Counter(draw.below(bound) for _ in range(draws))
    # Six standard deviations of a binomial count: a fair draw never gets there.
    allowed = 6 * (draws / bound * (1 - 1 / bound)) ** 0.5
    assert sorted(counts) == list(range(bound))
    assert all(abs(count - draws / bound) < allowed for count in counts.values())


def test_a_bound_just_above_a_power_of_two_favours_no_small_number() -> None:
    # A remainder of 64 bits would draw the lower half of this range twice as often.
    bound = 2**63 + 2**62
    draw = SplitMix64(7)
    lower = sum(draw.below(bound) < 2**62 for _ in range(3000))
    assert 800 < lower < 1200


def test_a_fork_does_not_depend_on_what_was_drawn_before() -> None:
    used, fresh = SplitMix64(3), SplitMix64(3)
    used.below(100)
    assert used.fork("disk").next_64_bits() == fresh.fork("disk").next_64_bits()


def test_forks_differ_by_seed_label_and_depth() -> None:
    first, second = SplitMix64(3), SplitMix64(4)
    streams = [
        first,
        first.fork("disk"),
        first.fork("network"),
        first.fork("disk").fork("disk"),
        second.fork("disk"),
    ]
    assert len({stream.next_64_bits() for stream in streams}) == len(streams)
