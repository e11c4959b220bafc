"""The import contracts of pyproject.toml: each is broken here once, on a copy."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

PLANTED = [
    # module               import                               broken contract
    ("core/planted.py", "import time", "The two machines do no I/O"),
    ("kv/planted.py", "import logging", "The two machines do no I/O"),
    ("kv/planted.py", "import raftwerk.core.roles", "Dependencies point downward"),
    ("host/planted.py", "import raftwerk.runtime", "Dependencies point downward"),
    ("storage/planted.py", "import raftwerk.transport", "Dependencies point downward"),
    ("planted/__init__.py", "", "Dependencies point downward"),
    ("host/protocol.py", "import random", "The world is reached through protocols"),
    ("runtime/planted.py", "import os.path", "The world is reached through protocols"),
    ("service/planted.py", "import socket", "The world is reached through protocols"),
    (
        "transport/planted.py",
        "import socketserver",
        "The world is reached through protocols",
    ),
    ("client/planted.py", "import raftwerk.runtime", "The client knows no server"),
    (
        "runtime/planted.py",
        "import raftwerk.host.real",
        "Only who starts a process chooses the real world",
    ),
]


def broken_contracts(root: Path) -> set[str]:
    """Return the names of the contracts that do not hold below `root`."""
    command = "import sys; from importlinter.cli import lint_imports_command as lint"
    done = subprocess.run(
        [sys.executable, "-c", f"{command}; sys.exit(lint())", "--no-cache"],
        cwd=root,
        env=os.environ | {"PYTHONPATH": str(root / "src"), "NO_COLOR": "1"},
        capture_output=True,
        check=False,
        text=True,
        timeout=120,
    )
    lines = done.stdout.splitlines()
    broken = {
        name.rstrip() for name, ok, _ in (s.partition(" BROKEN") for s in lines) if ok
    }
    assert bool(broken) == bool(done.returncode), done.stdout + done.stderr
    return broken


@pytest.fixture(name="copy")
def fixture_copy(tmp_path: Path) -> Path:
    """Copy what the contracts are checked on."""
    shutil.copytree(ROOT / "src", tmp_path / "src")
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


@pytest.mark.e2e
def test_all_contracts_hold() -> None:
    assert broken_contracts(ROOT) == set()


@pytest.mark.e2e
@pytest.mark.parametrize(("module", "statement", "contract"), PLANTED)
def test_a_planted_import_breaks_its_contract(
    copy: Path, module: str, statement: str, contract: str
) -> None:
    path = copy / "src" / "raftwerk" / module
    path.parent.mkdir(exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(f"\n{statement}\n")
    assert contract in broken_contracts(copy)
