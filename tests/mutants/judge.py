"""``python -m tests.mutants.judge SEEDS [NAME]``: one process, one mistake or none.

Prints one line of JSON: what each check found, or why the row is defective.
"""

import sys
import traceback

import msgspec

from .checks import CHECKS, Finding
from .mistake import Unfit
from .patching import make
from .table import TABLE

__all__ = ["Verdict"]


class Verdict(msgspec.Struct, kw_only=True):
    """What became of one mistake.

    Parameters
    ----------
    findings : dict of str to Finding
        What each check found, by its name.
    defect : str
        Why the row proves nothing; empty if it does.
    """

    findings: dict[str, Finding] = {}
    defect: str = ""

    @property
    def is_caught(self) -> bool:
        """Whether any check found something."""
        return not self.defect and any(one.what for one in self.findings.values())


def judge(seeds: int, name: str | None) -> Verdict:
    """Make a mistake, and let all its checks look."""
    verdict = Verdict()
    try:
        checks = tuple(sorted({check for row in TABLE for check in row.checks}))
        if name is not None:
            mistake = next(row for row in TABLE if row.name == name)
            checks = mistake.checks
            make(mistake)
        for check in checks:
            verdict.findings[check] = CHECKS[check](seeds)
    except Unfit as error:
        verdict.defect = str(error)
    except Exception:  # pylint: disable=broad-exception-caught # reported, not hidden
        # Not an error that raftwerk raises when something is wrong, but one of Python:
        # the mistake is a typing error rather than a mistake about Raft.
        verdict.defect = traceback.format_exc()
    return verdict


if __name__ == "__main__":
    found = judge(int(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else None)
    sys.stdout.write(msgspec.json.encode(found).decode() + "\n")
