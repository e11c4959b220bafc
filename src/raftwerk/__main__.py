"""Let ``python -m raftwerk`` be the command ``raftwerk``."""

import sys

if __name__ == "__main__":
    if "--exit-with-parent" in sys.argv:
        # At once: until all is imported the parent may be gone, and nobody would know.
        from raftwerk.cli.lifeline import exit_with_parent

        exit_with_parent()

    from raftwerk.cli.main import main

    main()
