"""Whether this is the compiled build of raftwerk, or the pure one.

Source: ``docs/decisions/0200-compiled-for-who-asks.md``.
"""

from importlib.machinery import EXTENSION_SUFFIXES
from importlib.util import find_spec

__all__ = ["build_kind"]


def build_kind() -> str:
    """Say which build this is.

    Returns
    -------
    str
        "compiled" if hot modules were made machine code by mypyc, else "pure".
    """
    spec = find_spec("raftwerk.core.step")
    origin = (spec.origin if spec else None) or ""
    return "compiled" if origin.endswith(tuple(EXTENSION_SUFFIXES)) else "pure"
