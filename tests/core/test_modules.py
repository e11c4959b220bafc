"""Each module of the core has tests under its name, or here it says where."""

from pathlib import Path

import pytest

import raftwerk.core

HERE = Path(__file__).parent
MODULES = sorted(
    path.stem
    for path in Path(raftwerk.core.__file__).parent.glob("*.py")
    if path.stem != "__init__"
)

ELSEWHERE = {
    "admission": "test_misuse.py",  # What is not admitted is told with all misuse.
    "inputs": "test_step.py",  # A handler for each of them.
    "messages": "test_step.py",  # The same.
    "progress_view": "test_progress.py",  # The view of a progress.
    "ready": "test_replica.py",  # Who makes it.
    "stable": "test_log.py",  # A protocol; `storage` tests who implements it.
}


@pytest.mark.parametrize("module", MODULES)
def test_module_has_tests(module: str) -> None:
    name = ELSEWHERE.get(module, f"test_{module}.py")
    assert (HERE / name).is_file()


def test_no_module_is_said_to_be_elsewhere_that_is_not() -> None:
    assert set(ELSEWHERE) <= set(MODULES)
    assert not [one for one in ELSEWHERE if (HERE / f"test_{one}.py").exists()]
