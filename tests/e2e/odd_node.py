"""The program on a machine that makes mistakes on order: faulty memory, for instance.

    python -m tests.e2e.odd_node ORDER serve FLAGS...

While the file ORDER is there, what is applied with the word `SOUND` in it has another.
The log and its checksums are right: no disk and no network tells.
"""

import sys
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any, Final

from raftwerk.cli import main
from raftwerk.kv.store import Store

__all__ = ["SOUND", "program"]

SOUND: Final = b"soundness"
WRONG: Final = b"sourdness"
"""As long, so that what is around it can still be read."""


def program(order: Path) -> list[str]:
    """Return what Python is told, to run it."""
    return ["-m", "tests.e2e.odd_node", str(order)]


def err_while(order: Path) -> None:
    """Have all stores of this process make mistakes while there is such a file."""
    apply, apply_in_steps = Store.apply, Store.apply_in_steps

    def hear(commands: Sequence[bytes]) -> Sequence[bytes]:
        if not order.exists():
            return commands
        return [each.replace(SOUND, WRONG) for each in commands]

    def err(self: Store, index: int, commands: Sequence[bytes]) -> list[Any]:
        return apply(self, index, hear(commands))

    def err_in_steps(
        self: Store, index: int, commands: Sequence[bytes]
    ) -> Generator[None, None, list[Any]]:
        return apply_in_steps(self, index, hear(commands))

    Store.apply = err  # type: ignore[method-assign]  # the fault that this is about
    Store.apply_in_steps = err_in_steps  # type: ignore[method-assign]  # likewise


if __name__ == "__main__":
    err_while(Path(sys.argv.pop(1)))
    main.main()
