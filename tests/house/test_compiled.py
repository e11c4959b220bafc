"""The compiled build: what is in it, and that it does what the pure one does.

Each cheap test is about the list; the long one makes the build and runs it.
"""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from hatch_build import COMPILED, LEFT_OUT, modules, unlike_compiled
from raftwerk.host.compiled import build_kind

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "raftwerk"

REACHES_IN = {
    "tests/core/test_clock.py::test_many_ticks_at_once_do_what_single_ones_do": "dumps",
    "tests/core/test_image.py": "reads `__slots__`",
    "tests/core/test_log.py": "inherits from a compiled class",
    "tests/core/test_misuse.py::test_dump_sees_what_changes": "dumps",
    "tests/core/test_roles.py::test_each_arrow_is_taken": "patches a function",
}
"""What looks inside in a way that machine code doesn't allow; it runs pure alone."""


def names() -> list[str]:
    return [path.relative_to(PACKAGE).as_posix() for path in modules(PACKAGE)]


def test_each_part_that_is_named_is_there() -> None:
    for name in (*COMPILED, *LEFT_OUT):
        assert PACKAGE.joinpath(name).exists(), name


def test_hot_modules_are_compiled_and_those_left_out_are_not() -> None:
    chosen = set(names())
    assert {"core/step.py", "core/log.py"} <= chosen
    assert chosen.isdisjoint(LEFT_OUT)


def test_no_module_with_a_struct_is_compiled() -> None:
    for path in modules(PACKAGE):
        assert "(msgspec.Struct" not in path.read_text("utf-8"), path


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("class A(msgspec.Struct): ...", True),
        ("class B(Entry, frozen=True): ...", True),
        ("class A(msgspec.Struct): ...\nclass B(A): ...", True),
        ("@runtime_checkable\nclass A(Protocol): ...", True),
        ("class A: ...\nclass B(A): ...", False),
        ("class A(Generic[T]): ...", False),
    ],
)
def test_a_class_that_would_be_another_one_is_seen(source: str, expected: bool) -> None:
    tree = ast.parse(source)
    classes = {node.name for node in tree.body if isinstance(node, ast.ClassDef)}
    found = classes & set(unlike_compiled([tree]))
    assert (found == classes) if expected else not found


def test_the_sources_themselves_are_the_pure_build() -> None:
    assert not list(PACKAGE.rglob("*.so"))
    assert build_kind() in ("pure", "compiled")


@pytest.mark.long
@pytest.mark.e2e
def test_the_compiled_build_does_what_the_pure_one_does() -> None:
    def run(*command: str) -> str:
        done = subprocess.run(
            command, cwd=ROOT, check=False, capture_output=True, text=True
        )
        assert done.returncode == 0, f"{command}: {done.stdout[-3000:]}{done.stderr}"
        return done.stdout

    python = sys.executable
    compiled = (ROOT / ".venv-compiled" / "bin" / "python").as_posix()
    assert ", compiled, " in run(
        # Not this environment too, whatever interpreter it was made with.
        *("make", "-o", ".venv/.synced", "compiled")
    )
    words = "-m raftwerk sim --seed 7 --faults all --seconds 20 -o json"
    simulate = tuple(words.split())
    assert run(compiled, *simulate) == run(python, *simulate)
    deselected = (f"--deselect={name}" for name in REACHES_IN)
    folders = ("tests/core", "tests/kv", "tests/conformance", "tests/runtime")
    run(compiled, "-m", "pytest", "-p", "no:cacheprovider", *folders, *deselected)
