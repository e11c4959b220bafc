"""A node and its settings: where they come from, and what changes while it runs."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.e2e.commands import addresses, assert_refused, run

pytestmark = pytest.mark.e2e


@contextmanager
def _serving(folder: Path) -> Iterator["subprocess.Popen[str]"]:
    """Run a node in a folder; its log can be read line by line."""
    with subprocess.Popen(
        [sys.executable, "-m", "raftwerk", "serve", *addresses()],
        cwd=folder,
        env={**os.environ, "HOSTNAME": ""},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def _wait_for(process: "subprocess.Popen[str]", event: str) -> dict[str, object]:
    """Return the next line of the log that tells of an event."""
    assert process.stderr is not None
    for line in process.stderr:
        told: dict[str, object] = json.loads(line)
        if told["event"] == event:
            return told
    raise AssertionError(f"it ended without telling {event!r}")


def _script(folder: Path, words: str) -> Path:
    """Return a script that says something."""
    path = folder / f"{words}.sh"
    path.write_text(f"#!/bin/sh\necho {words} $RAFTWERK_ROLE\n", encoding="utf-8")
    path.chmod(0o755)
    return path


def test_hanging_up_reads_settings_again_and_says_what_can_not_change(
    tmp_path: Path,
) -> None:
    dotenv = tmp_path / ".env"
    dotenv.write_text("LOGGING=INFO\n", encoding="utf-8")
    with _serving(tmp_path) as process:
        _wait_for(process, "ready")
        dotenv.write_text(
            "LOGGING=DEBUG\nRAFTWERK_SNAPSHOT_COUNT=77\n"
            f"SCRIPT_LEADER_PATH={_script(tmp_path, 'leading')}\n",
            encoding="utf-8",
        )
        process.send_signal(signal.SIGHUP)
        warned = _wait_for(process, "settings need a restart")
        assert warned["snapshot-count"] == "77"
        told = _wait_for(process, "settings were read again")
        assert told["log-level"] == "debug"
        assert str(told["script-leader-path"]).endswith("leading.sh")
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0


def test_the_seed_s_scripts_are_run_with_what_they_need(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(
        f"SCRIPT_LEADER_PATH={_script(tmp_path, 'leading')}\n", encoding="utf-8"
    )
    with _serving(tmp_path) as process:
        told = _wait_for(process, "hook")
        assert (told["line"], told["role"]) == ("leading LEADER", "LEADER")
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0


def test_a_script_that_can_not_run_is_refused_at_the_start(tmp_path: Path) -> None:
    flag = f"--script-leader-path={tmp_path / 'nowhere.sh'}"
    ended = run("serve", *addresses(), flag, folder=tmp_path)
    assert_refused(ended, "script-leader-path", "there is no such file")
