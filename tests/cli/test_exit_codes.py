"""Exit codes are a part of the interface, so the reference has them all."""

import re
from pathlib import Path

from raftwerk.cli.exit_codes import ExitCode

REFERENCE = Path(__file__).parents[2] / "docs" / "reference" / "exit-codes.md"


def test_the_reference_has_each_exit_code_with_its_name() -> None:
    rows = re.findall(r"^\| (\d+) \| `(\w+)` \|", REFERENCE.read_text(), re.MULTILINE)
    assert rows == [(str(code.value), code.name) for code in ExitCode]
