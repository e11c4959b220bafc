"""Who silences a checker says why: beside the finding, or in a comment above it."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = ("src", "tests", "examples", "benchmarks")

SILENCED = re.compile(
    r"# (?:pylint: disable(?:-next)?=[a-z-]+(?:,\s*[a-z-]+)*"
    r"|type: ignore(?:\[[a-z,-]+\])?"
    r"|nosec(?: B\d+)?"
    r"|noqa(?:: \w+)?)"
)


def unexplained(lines: list[str]) -> list[int]:
    """Return the numbers of the lines that silence a checker without a word."""
    found = []
    for number, line in enumerate(lines, 1):
        silenced = list(SILENCED.finditer(line))
        if not silenced or re.search(r"\w", line[silenced[-1].end() :]):
            continue
        around = [lines[number - 2]] if number > 1 else []
        if line.strip().startswith("#"):  # it is about a block: words may follow
            around += lines[number : number + 1]
        if not any(map(_is_comment, around)):
            found.append(number)
    return found


def _is_comment(line: str) -> bool:
    """Tell whether a line is a comment for people."""
    return line.strip().startswith("# ") and not SILENCED.search(line)


@pytest.mark.parametrize(
    ("text", "is_explained"),
    [
        ("x = f()  # type: ignore[arg-type]", False),
        ("x = f()  # type: ignore[arg-type]  # it takes any", True),
        ("# It takes any.\nx = f()  # type: ignore[arg-type]", True),
        ("# pylint: disable=invalid-name\nx = 1", False),
        ("# pylint: disable=invalid-name  # as in etcd\nx = 1", True),
        (
            "# A flag each.\n# pylint: disable-next=too-many-locals,too-many-arguments",
            True,
        ),
        ("assert x  # nosec B101", False),
        ("assert x  # nosec B101: for the type checker", True),
        ("# pylint: disable=a\nx = 1  # type: ignore", False),
        ("x = 1  # as it is", True),
    ],
)
def test_a_reason_is_told_from_none(text: str, is_explained: bool) -> None:
    assert (not unexplained(text.split("\n"))) == is_explained


def test_each_suppression_has_its_reason() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for folder in FOLDERS
        for path in sorted((ROOT / folder).rglob("*.py"))
        if "proto" not in path.parts and path != Path(__file__)
        for number in unexplained(path.read_text(encoding="utf-8").split("\n"))
    ]
    assert not found
