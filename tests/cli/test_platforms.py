"""Without POSIX: nodes are refused in a sentence, and all else can be used."""

import subprocess
import sys

import pytest

# Windows as far as it can be had here: its name, and no module that is POSIX' alone.
# What belongs to others is imported before, for it would look for Windows' own.
AS_ON_WINDOWS = """
import asyncio, logging.config, multiprocessing, subprocess, sys, tempfile
import zoneinfo, pydantic.fields
import dotenv, rich.console, rich.live, rich.progress, rich.table, structlog, typer
sys.platform = "win32"
for name in ("fcntl", "grp", "pwd", "resource", "termios", "uvloop"):
    sys.modules[name] = None
"""


def run(code: str) -> subprocess.CompletedProcess[str]:
    """Run a program as if this were Windows."""
    return subprocess.run(
        [sys.executable, "-c", AS_ON_WINDOWS + code],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.mark.parametrize("command", ["serve", "demo"])
def test_nodes_are_refused_in_one_sentence(command: str) -> None:
    ended = run(f"from raftwerk.cli.main import run; sys.exit(run([{command!r}]))")
    assert ended.stderr == (
        f"raftwerk: raftwerk {command} runs nodes, which need Linux or macOS; on"
        " Windows use the client, the core and the simulator, or WSL\n"
    )
    assert (ended.returncode, ended.stdout) == (2, "")


def test_core_client_and_simulator_can_be_used() -> None:
    ended = run(
        "import raftwerk.client, raftwerk.core, raftwerk.kv, raftwerk.sim\n"
        "import raftwerk.host.virtual\n"
        "from raftwerk.cli.main import run\n"
        "sys.exit(run(['put', '--help']) or run(['sim', '--help']))"
    )
    assert ended.returncode == 0, ended.stderr


def test_what_works_on_the_data_of_nodes_is_refused_as_well() -> None:
    ended = run("from raftwerk.cli.main import run; sys.exit(run(['inspect', 'x']))")
    assert ended.returncode == 2
    assert ended.stderr.startswith("raftwerk: this command works on the data of nodes")
    assert ended.stderr.count("\n") == 1
