"""Examples are promises: each runs, prints what it says, and is read in one sitting."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
EXAMPLES = sorted(ROOT.glob("examples/*.py"))
MARK = "# It prints:\n"
LINES_MAX = 79


def promised(example: Path) -> str:
    """Return what an example says that it prints, from the comment at its end."""
    _, mark, comment = example.read_text(encoding="utf-8").partition(MARK)
    assert mark, f"{example.name} must end with {MARK.strip()!r} and what it prints"
    return "".join(
        line.removeprefix("#").removeprefix(" ") for line in comment.splitlines(True)
    )


@pytest.mark.e2e
@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_example_prints_what_it_promises(example: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", str(example)],
        cwd=ROOT,
        capture_output=True,
        check=False,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == promised(example)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_example_is_read_in_one_sitting(example: Path) -> None:
    assert len(example.read_text(encoding="utf-8").splitlines()) <= LINES_MAX


def test_there_are_examples() -> None:
    """An empty folder would pass all of the above."""
    assert EXAMPLES
