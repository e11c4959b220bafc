"""Mistakes of changes of many keys, which are made in steps (decision 123)."""

from typing import Final

from ..mistake import Mistake, Patch

__all__ = ["STEPPED"]

STATE: Final = "raftwerk.kv.state"
SWEEPS: Final = ("sweeps",)
WRITING: Final = "raftwerk.kv.writing"

STEPPED: Final = (
    Mistake(
        name="a change of many keys is seen half way",
        section="decision 123",
        checks=SWEEPS,
        patches=(
            Patch(
                STATE,
                "State.hold",
                "        self.is_held = True\n",
                "        self.is_held = False\n",
            ),
        ),
    ),
    Mistake(
        name="each step of a range's end has a revision of its own",
        section="decision 123",
        checks=SWEEPS,
        patches=(
            Patch(
                WRITING,
                "_delete",
                "        state.delete(some, revision)\n",
                "        state.delete(some, state.written + 1)\n",
            ),
        ),
    ),
    Mistake(
        name="the last step of a range's end is lost",
        section="decision 123",
        checks=SWEEPS,
        patches=(
            Patch(
                WRITING,
                "_delete",
                "        if len(some) < keys_max:\n",
                "        if len(some) < keys_max or deleted > 3 * keys_max:\n",
            ),
        ),
    ),
    Mistake(
        name="a key is lost between two steps of a lease's end",
        section="decision 123",
        checks=SWEEPS,
        patches=(
            Patch(
                WRITING,
                "_end",
                "        yield\n    moved",
                "        yield\n        next(keys, None)\n    moved",
            ),
        ),
    ),
    Mistake(
        name="a transaction in steps does not see what it has written",
        section="decision 123",
        checks=SWEEPS,
        patches=(
            Patch(
                WRITING,
                "_do",
                "ranges.read_in_steps(state, operation, state.written)",
                "ranges.read_in_steps(state, operation, state.revision)",
            ),
        ),
    ),
)
