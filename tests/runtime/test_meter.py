"""Counts and percentiles, also of more than is kept."""

import pytest

from raftwerk.runtime.meter import SAMPLES_MAX, Durations, percentiles

CASES = [
    # samples                 median, 90 %, 99 %   why
    ([], None, "of nothing there is none"),
    ([5.0], [5.0, 5.0, 5.0], "one stands for all"),
    ([3.0, 1.0, 2.0], [2.0, 3.0, 3.0], "they need not be in order"),
    (
        [float(each) for each in range(100)],
        [50.0, 90.0, 99.0],
        "each is one of the samples",
    ),
]


@pytest.mark.parametrize(("samples", "expected", "why"), CASES)
def test_percentiles(samples: list[float], expected: object, why: str) -> None:
    assert percentiles(samples) == expected, why


def test_a_window_begins_anew_when_it_is_taken() -> None:
    durations = Durations()
    durations.add(1.0)
    assert durations.take() == (1, [1.0, 1.0, 1.0])
    assert durations.take() == (0, None)


def test_more_than_is_kept_is_counted_and_thinned_evenly() -> None:
    durations = Durations()
    total = SAMPLES_MAX * 10
    for number in range(total):
        durations.add(float(number))
    count, ranks = durations.take()
    assert count == total
    assert ranks is not None
    for rank, found in zip((0.5, 0.9, 0.99), ranks, strict=True):
        assert abs(found / total - rank) < 0.02
