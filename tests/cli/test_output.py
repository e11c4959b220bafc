"""What can't be printed is told, and is no stack trace."""

import subprocess
import sys

import pytest

from raftwerk.cli.exit_codes import ExitCode
from raftwerk.cli.output import write_lines
from raftwerk.errors import OutputLost


@pytest.mark.skipif(sys.platform != "linux", reason="/dev/full is of Linux")
def test_a_full_output_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    with open("/dev/full", "w", encoding="utf-8") as full:
        monkeypatch.setattr(sys, "stdout", full)
        with pytest.raises(OutputLost, match="is done, but .*: No space left"):
            write_lines(["OK"])
        # Closing it writes what is left in its buffer, and does not fail now.


def test_a_closed_output_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    with pytest.raises(OutputLost, match="it is closed"):
        write_lines(["OK"])


@pytest.mark.e2e
@pytest.mark.skipif(sys.platform != "linux", reason="/dev/full is of Linux")
@pytest.mark.parametrize("words", [["config"], ["--version"], ["bench", "--help"]])
def test_what_any_command_prints_in_vain_is_told_in_one_line(words: list[str]) -> None:
    with open("/dev/full", "wb") as full:
        ended = subprocess.run(
            [sys.executable, "-m", "raftwerk", *words],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert ended.returncode == ExitCode.UNKNOWN, ended
    assert ended.stderr.endswith(
        "can't be shown: standard output: No space left on device\n"
    )
    assert ended.stderr.count("\n") == 1, ended


@pytest.mark.e2e
@pytest.mark.parametrize("words", [["config", "-o", "markdown"], ["--version"]])
def test_who_reads_no_further_sees_no_complaint(words: list[str]) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "raftwerk", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        process.stdout.close()  # long before it writes
        assert process.stderr is not None
        assert process.stderr.read() == b""
    assert process.returncode == ExitCode.OK
