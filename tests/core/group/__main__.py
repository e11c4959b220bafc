"""``python -m tests.core.group SEED``: tell a run again, event by event."""

import argparse
import sys

from . import FAULTS, Story, Violation, run


def main(arguments: list[str]) -> int:
    """Run one seed, or several quietly, and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.core.group")
    parser.add_argument("seed", type=int, help="what decides everything")
    parser.add_argument("--to", type=int, help="run all seeds up to this one, quietly")
    parser.add_argument("--ticks", type=int, help="how long the faults last")
    parser.add_argument("--without", nargs="*", default=[], choices=FAULTS)
    parser.add_argument("--quiet", action="store_true", help="tell the end alone")
    chosen = parser.parse_args(arguments)
    failed = 0
    for seed in range(chosen.seed, (chosen.to or chosen.seed) + 1):
        is_quiet = chosen.quiet or chosen.to is not None
        story = None if is_quiet else Story(print)
        try:
            run(seed, without=chosen.without, ticks=chosen.ticks, story=story)
        except Violation as violation:
            failed += 1
            print(f"seed {seed}: {violation}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
