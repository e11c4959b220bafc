"""Every script gives what it says: those of etcd-io/raft, and our own.

The former are read from ``../shared/conformance`` beside the repository, or from where
``RAFTWERK_CONFORMANCE`` points: such a folder, or a checkout of
https://github.com/etcd-io/raft, whose own folder names are known here.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from .runner import find_scripts, run_script

HERE = Path(__file__).parent
REPOSITORY = HERE.parents[1]
VARIABLE = "RAFTWERK_CONFORMANCE"
FOLDERS = (
    "interaction",
    "confchange",
    "quorum",
    "testdata",
    "confchange/testdata",
    "quorum/testdata",
)
HINT = (
    "the scripts of etcd-io/raft are not there: set RAFTWERK_CONFORMANCE to a checkout"
    " of https://github.com/etcd-io/raft"
)


def places() -> Iterator[Path]:
    """Yield where the scripts may be, the chosen place first."""
    chosen = os.environ.get(VARIABLE)
    if chosen:
        yield Path(chosen)
    yield REPOSITORY.parent / "shared" / "conformance"


def upstream_scripts() -> list[Path]:
    """Return the scripts of the first place that has any."""
    for place in places():
        folders = (place / folder for folder in FOLDERS)
        scripts = find_scripts(folder for folder in folders if folder.is_dir())
        if scripts:
            return scripts
    return []


def name(path: Path) -> str:
    """Return a short name for a script."""
    return "/".join(path.parts[-2:])


UPSTREAM = upstream_scripts()
OURS = find_scripts([HERE / "scenarios"])
NONE = pytest.param(Path(), marks=pytest.mark.skip(reason=HINT))


@pytest.mark.parametrize("script", UPSTREAM or [NONE], ids=name)
def test_core_does_what_a_script_of_etcd_says(script: Path) -> None:
    difference = run_script(script)
    assert difference is None, f"\n{difference}"


@pytest.mark.parametrize("script", OURS, ids=name)
def test_core_does_what_a_scenario_of_our_own_says(script: Path) -> None:
    difference = run_script(script)
    assert difference is None, f"\n{difference}"


@pytest.mark.parametrize("script", [*UPSTREAM, *OURS], ids=name)
def test_output_does_not_depend_on_the_drawn_timeouts(script: Path) -> None:
    difference = run_script(script, draw=lambda bound: bound - 1)
    assert difference is None, f"\n{difference}"
