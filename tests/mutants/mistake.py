"""One row of the table: what is done wrong, where, and who should notice.

Nothing of raftwerk is imported here: the patches must be in place before that.
"""

import ast
from pathlib import Path

import msgspec

__all__ = ["CORE_CHECKS", "Mistake", "Patch", "Unfit", "patched_source"]

CORE_CHECKS = ("group", "follower", "scripts")
"""What looks at mistakes in the core: properties over random runs, and scenarios."""

_NAMED = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)

_ROOT = Path(__file__).parents[2] / "src"


class Unfit(Exception):
    """A patch does not fit the code any more; the message says how to mend the row."""


class Patch(msgspec.Struct, frozen=True):
    """Other text in one function.

    Parameters
    ----------
    module : str
        Its full name, of any layer of raftwerk.
    function : str
        The function, or ``Class.method``; empty for the whole module.
    old : str
        What stands there, just once.
    new : str
        What shall stand there instead.
    """

    module: str
    function: str
    old: str
    new: str


class Mistake(msgspec.Struct, frozen=True, kw_only=True):
    """One classic mistake.

    Parameters
    ----------
    name : str
        What goes wrong, in a few words.
    section : str
        Where paper or thesis say how it is right.
    patches : tuple of Patch
        How it is made.
    checks : tuple of str
        Who looks; see `checks.CHECKS`. None of them knows of any row.
    """

    name: str
    section: str
    patches: tuple[Patch, ...]
    checks: tuple[str, ...] = CORE_CHECKS


def path_of(module: str) -> Path:
    """Return the file of a module, without importing it."""
    parts = module.split(".")
    path = _ROOT.joinpath(*parts)
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def patched_source(mistake: Mistake, module: str) -> str:
    """Return what a module is with a mistake in it.

    Parameters
    ----------
    mistake : Mistake
        The row.
    module : str
        One of those that its patches name.

    Returns
    -------
    str
        The module's text.

    Raises
    ------
    Unfit
        If a patch does not fit.
    """
    source = path_of(module).read_text("utf-8")
    for patch in mistake.patches:
        if patch.module == module:
            source = _apply(mistake, patch, source)
    return source


def _apply(mistake: Mistake, patch: Patch, source: str) -> str:
    """Return a module's text with one patch applied."""
    start, stop = _range(mistake, patch, source)
    part = source[start:stop]
    count = part.count(patch.old)
    if count != 1:
        raise Unfit(
            f"{mistake.name!r}: {patch.module}.{patch.function or '*'} has the old text"
            f" {count} times; it must be there just once:\n{patch.old}"
        )
    return source[:start] + part.replace(patch.old, patch.new) + source[stop:]


def _range(mistake: Mistake, patch: Patch, source: str) -> tuple[int, int]:
    """Return where a function begins and ends in its module's text."""
    if not patch.function:
        return 0, len(source)
    body: list[ast.stmt] = ast.parse(source).body
    found: ast.stmt | None = None
    for name in patch.function.split("."):
        found = next(
            (node for node in body if isinstance(node, _NAMED) and node.name == name),
            None,
        )
        if not isinstance(found, _NAMED):
            raise Unfit(
                f"{mistake.name!r}: {patch.module} has no {patch.function} any more"
            )
        body = found.body
    if found is None or found.end_lineno is None:
        raise Unfit(f"{mistake.name!r}: {patch.function} can't be found")
    lines = source.splitlines(keepends=True)
    return (
        sum(map(len, lines[: found.lineno - 1])),
        sum(map(len, lines[: found.end_lineno])),
    )
