"""The plugin, as a user's pytest has it."""

import subprocess
import sys

import pytest

pytest_plugins = ["pytester"]

BANK = "tests.sim.bank"

TESTS = f"""
from {BANK} import Bank, ClockedBank, sum_is_kept, transfers

def test_bank(raftwerk_sim):
    result = raftwerk_sim(Bank, client=transfers, invariants=[sum_is_kept], seconds=1.0)
    assert result.outcome.commands > 5

def test_clocked(raftwerk_sim):
    raftwerk_sim(ClockedBank, client=transfers, seconds=1.0, shrinks=False)
"""


def test_failure_tells_the_story_and_how_to_repeat_it(
    pytester: pytest.Pytester,
) -> None:
    pytester.makepyfile(test_it=TESTS)
    result = pytester.runpytest("--raftwerk-seed", "3")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(
        [
            "seed 3: equal effects at equal indexes",
            "*states differ after entry*",
            "again: pytest test_it.py::test_clocked --raftwerk-seed 3",
        ]
    )


def test_many_seeds_make_many_tests(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_it=TESTS)
    result = pytester.runpytest("--raftwerk-seeds", "4..6", "-k", "bank")
    result.assert_outcomes(passed=3, deselected=3)


def test_seed_in_the_test_wins(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(f"""
        from {BANK} import Bank

        def test_it(raftwerk_sim):
            assert raftwerk_sim(Bank, seed=9, seconds=0.1).outcome.seed == 9

        def test_default(raftwerk_seed):
            assert raftwerk_seed == 0
        """)
    pytester.runpytest().assert_outcomes(passed=2)


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["--raftwerk-seeds", "6..4"], "*--raftwerk-seeds is 6..4*"),
        (["--raftwerk-seeds", "1..2", "--raftwerk-seed", "1"], "*are both given*"),
    ],
)
def test_seeds_that_can_not_be_meant_are_refused(
    pytester: pytest.Pytester, words: list[str], named: str
) -> None:
    pytester.makepyfile(test_it=TESTS)
    result = pytester.runpytest(*words)
    assert result.ret != 0
    result.stdout.fnmatch_lines([named])


@pytest.mark.e2e
def test_real_cluster_runs_a_story_without_any_other_plugin(
    pytester: pytest.Pytester,
) -> None:
    pytester.makepyfile(f"""
        from {BANK} import Bank

        def test_it(raftwerk_cluster):
            async def story(cluster):
                client = cluster.client()
                return await client.propose(b'["anna", "bert", 7]')

            assert raftwerk_cluster(Bank, story, nodes=1) == "done"
        """)
    pytester.runpytest().assert_outcomes(passed=1)


@pytest.mark.e2e
def test_plugin_imports_nothing_that_a_run_without_it_would_not() -> None:
    code = (
        "import sys, raftwerk.testing.plugin\n"
        "print(*sorted(n for n in sys.modules if n.startswith('raftwerk')))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, check=True, text=True
    )
    assert done.stdout.split() == [
        "raftwerk",
        "raftwerk.testing",
        "raftwerk.testing.plugin",
    ]
