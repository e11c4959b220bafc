"""The table of mistakes: it fits the code, and those who look for them find them."""

import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from .__main__ import main, row
from .checks import CHECKS, Finding
from .judge import Verdict
from .mistake import Mistake, Patch, Unfit, patched_source
from .table import TABLE

QUORUM = "raftwerk.core.quorum"
REPOSITORY = Path(__file__).parents[2]


def mistake(old: str, new: str) -> Mistake:
    """Return a mistake about majorities."""
    return Mistake(
        name="half is enough",
        section="§5.2",
        patches=(Patch(QUORUM, "majority", old, new),),
        checks=("scripts",),
    )


# ---- the table --------------------------------------------------------------


def test_table_has_each_mistake_once_and_says_where_it_is_right() -> None:
    assert len(TABLE) >= 20
    assert len({one.name for one in TABLE}) == len(TABLE)
    for one in TABLE:
        assert one.section and one.patches, one.name
        assert set(one.checks) <= set(CHECKS), one.name


@pytest.mark.parametrize("one", TABLE, ids=lambda one: one.name)
def test_patch_fits_the_code_and_leaves_python(one: Mistake) -> None:
    for module in {patch.module for patch in one.patches}:
        compile(patched_source(one, module), module, "exec")


def test_patch_that_no_longer_fits_is_an_error() -> None:
    with pytest.raises(Unfit, match=r"has the old text\s+0 times"):
        patched_source(mistake("count // 3", "count"), QUORUM)
    gone = Mistake(
        name="half is enough",
        section="§5.2",
        patches=(Patch(QUORUM, "no_such_function", "a", "b"),),
    )
    with pytest.raises(Unfit, match="has no no_such_function any more"):
        patched_source(gone, QUORUM)


# ---- verdicts ---------------------------------------------------------------


def test_mistake_that_nobody_noticed_is_missed() -> None:
    verdict = Verdict(findings={"group": Finding(), "scripts": Finding()})
    assert not verdict.is_caught
    assert row(mistake("a", "b"), verdict).endswith("MISSED")


def test_defect_is_no_catch() -> None:
    verdict = Verdict(findings={"group": Finding("a property")}, defect="TypeError: x")
    assert not verdict.is_caught
    assert "DEFECT: TypeError: x" in row(mistake("a", "b"), verdict)


@pytest.mark.parametrize(
    ("new", "defect"),
    [
        ("return cuont // 2", "NameError"),
        ("return count // '2'", "TypeError"),
        ("return count.half", "AttributeError"),
        ("return count //", "SyntaxError"),
    ],
)
def test_exception_of_the_patched_lines_is_a_defect(new: str, defect: str) -> None:
    # In a process of its own: here the core is imported already.
    code = (
        "import msgspec\n"
        "from tests.mutants.judge import judge\n"
        "from tests.mutants.test_mutants import mistake\n"
        f"verdict = judge(1, mistake('return count // 2 + 1', {new!r}))\n"
        "print(msgspec.json.encode(verdict).decode())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    )
    verdict = msgspec.json.decode(done.stdout, type=Verdict)
    assert not verdict.is_caught
    assert defect in verdict.defect


# ---- looking ----------------------------------------------------------------


def test_mistakes_are_caught_and_the_code_without_them_is_not(
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = ["a second vote in the same term", "a conflicting entry is kept"]
    assert main([*words, "--seeds", "5"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == "2 caught, 0 missed"
    assert lines[-2] == "the code without any mistake passes with all 5 seeds"
    assert "a durable vote stays for its term (Fig. 2) [seeds: 1]" in lines[1]


@pytest.mark.long
def test_all_mistakes_are_caught() -> None:
    assert main([]) == 0
