"""How a simulated world is run: on virtual time, with few looks for garbage."""

import gc
from collections.abc import Coroutine
from typing import Any, Final, TypeVar

from raftwerk.host.virtual import run

__all__ = ["run_world"]

YOUNG_OBJECTS: Final = 200_000
"""So many more objects than before, until Python looks which of them are garbage."""

Result = TypeVar("Result")


def run_world(story: Coroutine[Any, Any, Result]) -> Result:
    """Run a story on a virtual loop of its own.

    Python looks for cycles seldom meanwhile: a run makes few of them, and much that
    lives as long as the run, at which each look would look in vain.

    Parameters
    ----------
    story : Coroutine
        What happens.

    Returns
    -------
    object
        What it returned.
    """
    threshold = gc.get_threshold()
    gc.set_threshold(YOUNG_OBJECTS, *threshold[1:])
    try:
        return run(story)
    finally:
        gc.set_threshold(*threshold)
