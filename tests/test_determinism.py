"""One seed, one run: whole nodes do the same again, in any process.

What differs from run to run in Python, if nobody takes care, is the order of sets (it
follows the hashes of strings, which each process draws anew), addresses of objects, the
clock, and randomness that no seed decides. Here none of it may show.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

BLOCKS = [range(first, first + 4) for first in range(1, 21, 4)]
"""Twenty seeds, a few in each test."""

HASH_SEEDS = ("0", "20250123")


def begin(seeds: range, hash_seed: str, output: Path) -> "subprocess.Popen[str]":
    """Have each story told twice, in a process with its own hashes."""
    arguments = [str(seed) for seed in seeds]
    return subprocess.Popen(
        [sys.executable, "-m", "tests.whole_nodes", str(output), *arguments * 2],
        cwd=ROOT,
        env=os.environ | {"PYTHONHASHSEED": hash_seed},
        stderr=subprocess.PIPE,
        text=True,
    )


def runs_in(lines: list[str]) -> list[list[str]]:
    """Return the lines of each of the two rounds."""
    assert len(lines) % 2 == 0, "two rounds of equal stories have equally many lines"
    half = len(lines) // 2
    return [lines[:half], lines[half:]]


def assert_equal(first: list[str], second: list[str]) -> None:
    """Show the first line that differs: what follows it is noise."""
    for number, (one, other) in enumerate(zip(first, second, strict=False)):
        assert one == other, f"line {number}, after {first[max(number - 3, 0):number]}"
    assert len(first) == len(second)


@pytest.mark.e2e
@pytest.mark.parametrize("seeds", BLOCKS, ids=lambda seeds: f"seeds-from-{seeds[0]}")
def test_one_seed_gives_one_list_of_events_whatever_the_hashes(
    seeds: range, tmp_path: Path
) -> None:
    outputs = [tmp_path / hash_seed for hash_seed in HASH_SEEDS]
    processes = [
        begin(seeds, hash_seed, output)
        for hash_seed, output in zip(HASH_SEEDS, outputs, strict=True)
    ]
    for process in processes:
        _, errors = process.communicate(timeout=120)
        assert process.returncode == 0, errors
    first, *others = [
        run
        for output in outputs
        for run in runs_in(output.read_text(encoding="utf-8").splitlines())
    ]
    for other in others:
        assert_equal(first, other)
    for seed in seeds:
        story = [line for line in first if line.startswith(f"{seed} ")]
        assert_is_about_something(story)


def assert_is_about_something(story: list[str]) -> None:
    """Nothing is proved by stories in which nothing happens."""

    def count(words: str) -> int:
        return sum(words in line for line in story)

    assert count("power lost") == 1
    assert count("BecameLeader") >= 3, "a first leader, and one after each fault"
    assert count("PutResult") > 100
    assert count("RangeResult") > 50
    assert count("stopped with") == 3
