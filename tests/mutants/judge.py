"""``python -m tests.mutants.judge SEEDS [NAME]``: one process, one mistake or none.

Prints one line of JSON: what each check found, or why the row is defective.
"""

import sys
import traceback

import msgspec

from .checks import CHECKS, Finding
from .mistake import Mistake, Unfit
from .patching import make
from .table import TABLE

__all__ = ["Verdict", "judge"]


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


def judge(seeds: int, mistake: Mistake | None) -> Verdict:
    """Make a mistake, and let all its checks look; none, and all checks look."""
    verdict = Verdict()
    try:
        checks = tuple(sorted({check for row in TABLE for check in row.checks}))
        if mistake is not None:
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
    rows = {one.name: one for one in TABLE}
    found = judge(int(sys.argv[1]), rows[sys.argv[2]] if len(sys.argv) > 2 else None)
    sys.stdout.write(msgspec.json.encode(found).decode() + "\n")
