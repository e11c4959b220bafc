"""What the parser of the command line finds wrong, told as our own refusals are."""

from typing import Any, Final

import typer

from raftwerk.config import bad_setting

__all__ = ["told_of"]

_ALLOWED: Final = {
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_parsing": "a number",
}
"""What was wanted, by the kind of what the parser's library found."""


def told_of(error: typer.TyperException) -> str:
    """Return what is wrong with the words that were typed.

    Parameters
    ----------
    error : TyperException
        An unknown flag or command, a missing value, one that can't be read.

    Returns
    -------
    str
        For people: of a number that is none its name, what it is, what is allowed.
    """
    parameter = getattr(error, "param", None)
    findings: list[dict[str, Any]] = getattr(error.__cause__, "errors", list)()
    if parameter is not None and findings:
        allowed = _ALLOWED.get(findings[0]["type"])
        if allowed is not None:
            name = max(parameter.opts, key=len).lstrip("-")
            return str(bad_setting(name, findings[0]["input"], allowed))
    return error.format_message()
