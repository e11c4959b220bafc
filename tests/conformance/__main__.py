"""``python -m tests.conformance PATH...``: run scripts, print what differs."""

import sys
from pathlib import Path

from .runner import find_scripts, rewrite_script, run_script

USAGE = """\
usage: python -m tests.conformance [--rewrite] PATH...

Each PATH is a script or a folder, which is searched through for *.txt. Prints a diff for
each script whose output differs; exit code 1 if there is any, 2 if there is no PATH, or
if one is missing or a folder without a script.

--rewrite  put what the core does now into the scripts instead; for scripts of our own
"""


def main(arguments: list[str]) -> int:
    """Run the scripts and return the exit code."""
    if "-h" in arguments or "--help" in arguments:
        print(USAGE, end="")
        return 0
    rewrites = "--rewrite" in arguments
    paths = [Path(one) for one in arguments if one != "--rewrite"]
    unknown = [str(path) for path in paths if not path.exists()]
    empty = [str(path) for path in paths if path.is_dir() and not find_scripts([path])]
    if not paths or unknown or empty:
        for path in unknown:
            print(f"there is no file or folder {path}", file=sys.stderr)
        for path in empty:
            print(f"there is no script (*.txt) below {path}", file=sys.stderr)
        print(USAGE, end="", file=sys.stderr)
        return 2
    failed = 0
    scripts = find_scripts(paths)
    for script in scripts:
        if rewrites:
            rewrite_script(script)
        difference = run_script(script)
        if difference is not None:
            failed += 1
            print(difference, end="\n\n")
    print(f"{len(scripts) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
