"""What can't be printed is told, and is no stack trace."""

import sys

import pytest

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
