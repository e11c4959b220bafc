"""Commands that end by themselves, and how a refusal must look."""

import subprocess
import sys
from pathlib import Path

from tests.e2e.cluster import READY_SECONDS
from tests.e2e.ports import free_ports


def run(*words: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a command that is to end by itself."""
    return subprocess.run(
        [sys.executable, "-m", "raftwerk", *words],
        capture_output=True,
        text=True,
        cwd=folder,
        timeout=READY_SECONDS,
        check=False,
    )


def addresses() -> list[str]:
    """Return flags with free ports."""
    ports = free_ports(2)
    return [
        f"--listen-client-urls=http://127.0.0.1:{ports[0]}",
        f"--listen-peer-urls=http://127.0.0.1:{ports[1]}",
    ]


def assert_refused(ended: subprocess.CompletedProcess[str], *parts: str) -> None:
    """Demand one line with these parts, nothing else, and exit code 2."""
    assert ended.returncode == 2, ended
    assert ended.stdout == ""
    assert ended.stderr.count("\n") == 1, ended.stderr
    for part in parts:
        assert part in ended.stderr, ended.stderr
