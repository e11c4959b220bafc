"""``python -m tests.mutants``: make every mistake, and see who catches it."""

import argparse
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec

from .judge import Verdict
from .mistake import Mistake
from .table import TABLE

__all__ = ["SEEDS", "main", "verdict_on"]

SEEDS = 150
"""How many random runs may pass before a mistake is missed."""

_SECONDS_MAX = 700
_REPOSITORY = Path(__file__).parents[2]


def verdict_on(mistake: Mistake | None, seeds: int) -> Verdict:
    """Have a process of its own make one mistake and look for it.

    Parameters
    ----------
    mistake : Mistake or None
        The row; None for the code as it is.
    seeds : int
        How many random runs there may be.

    Returns
    -------
    Verdict
        What was found.
    """
    command = [sys.executable, "-m", "tests.mutants.judge", str(seeds)]
    if mistake is not None:
        command.append(mistake.name)
    try:
        done = subprocess.run(
            command,
            cwd=_REPOSITORY,
            capture_output=True,
            text=True,
            timeout=_SECONDS_MAX,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Verdict(defect=f"it did not end within {_SECONDS_MAX} seconds")
    try:
        return msgspec.json.decode(done.stdout, type=Verdict)
    except msgspec.DecodeError:
        return Verdict(defect=done.stderr or f"it ended with {done.returncode}")


def row(mistake: Mistake, verdict: Verdict) -> str:
    """Return one line of the table."""
    found = [
        f"{finding.what}" + (f" [seeds: {finding.seeds}]" if finding.seeds else "")
        for finding in verdict.findings.values()
        if finding.what
    ]
    if verdict.defect:
        found = [f"DEFECT: {verdict.defect.strip().splitlines()[-1]}"]
    return f"{mistake.name:<66}  {mistake.section:<22}  {'; '.join(found) or 'MISSED'}"


def unpatched_story(verdict: Verdict) -> str:
    """Return what the checks say of the code as it is; empty if they are content."""
    stories = [one.story for one in verdict.findings.values() if one.what]
    return "\n".join([verdict.defect, *stories]).strip()


def main(arguments: list[str]) -> int:
    """Run the table and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants")
    parser.add_argument("words", nargs="*", help="rows whose names have one of these")
    parser.add_argument("--seeds", type=int, default=SEEDS, help="random runs at most")
    parser.add_argument("--jobs", type=int, default=2, help="processes at a time")
    parser.add_argument("--verbose", action="store_true", help="tell what was seen")
    chosen = parser.parse_args(arguments)
    rows = [
        one
        for one in TABLE
        if not chosen.words or any(word in one.name for word in chosen.words)
    ]
    print(f"{'mistake':<66}  {'right in':<22}  caught by")
    caught = 0
    with ThreadPoolExecutor(chosen.jobs) as pool:
        unpatched = pool.submit(verdict_on, None, chosen.seeds)
        verdicts = pool.map(lambda one: verdict_on(one, chosen.seeds), rows)
        for mistake, verdict in zip(rows, verdicts, strict=True):
            caught += verdict.is_caught
            print(row(mistake, verdict), flush=True)
            if chosen.verbose:
                for finding in verdict.findings.values():
                    print(f"    {finding.story}")
                print(verdict.defect)
        story = unpatched_story(unpatched.result())
    if story:
        print(
            "the code without any mistake does not pass, so nothing is proven:\n"
            f"{story}"
        )
        caught = 0
    else:
        print(f"the code without any mistake passes with all {chosen.seeds} seeds")
    print(f"{caught} caught, {len(rows) - caught} missed")
    return 0 if caught == len(rows) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
