"""Let ``python -m raftwerk`` be the command ``raftwerk``."""

from raftwerk.cli.main import main

if __name__ == "__main__":
    main()
