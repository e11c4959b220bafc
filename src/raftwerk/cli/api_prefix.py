"""Where the members' documented API begins: a flag of all commands that call them.

Nodes are told by ``--api-prefix`` and its like; who calls them must know the same. So
commands read it from where a node does: flag, environment, ``.env``, TOML.
"""

import functools
import inspect
import os
from collections.abc import Callable
from contextvars import ContextVar
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from raftwerk.cli.sources import Found, read_sources, understand
from raftwerk.config import Setting, settings_of
from raftwerk.config.api import require_path

__all__ = ["api_prefix", "take_api_prefix"]

_SETTING: Final[Setting] = next(
    setting for setting in settings_of("serve") if setting.name == "api-prefix"
)

_PARAMETER: Final = "api_prefix"

_FLAG: Final[ContextVar[str | None]] = ContextVar("api-prefix", default=None)
"""What the flag of the command that runs says."""


def api_prefix() -> str:
    """Return where the members' documented API begins: what nodes here are told.

    Returns
    -------
    str
        Of several that say it, what the strongest says.

    Raises
    ------
    ConfigError
        If it is no path.
    """
    flags = {_SETTING.name: _FLAG.get()}
    told = read_sources(os.environ, Path.cwd()).find("serve", flags)
    found = told.get(_SETTING.name, Found(_SETTING.default, "default"))
    understand(_require_path, {_SETTING.name: found})
    return found.text


def take_api_prefix(app: typer.Typer) -> None:
    """Give the flag to all commands of a family that are told of endpoints.

    Parameters
    ----------
    app : typer.Typer
        With its commands, and those of the families in it.
    """
    for command in app.registered_commands:
        if command.callback and _is_caller(command.callback):
            command.callback = _taking(command.callback)
    for family in app.registered_groups:
        if family.typer_instance is not None:
            take_api_prefix(family.typer_instance)


def _require_path(texts: Any) -> None:
    """Refuse what is no path."""
    require_path(_SETTING.name, texts[_SETTING.name])


def _is_caller(function: Callable[..., Any]) -> bool:
    """Tell whether a command calls members, and does not have the flag yet."""
    names = inspect.signature(function).parameters
    return "endpoints" in names and _PARAMETER not in names


def _taking(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a command with one flag more, which the command itself does not see."""

    @functools.wraps(function)
    def _called(**arguments: Any) -> Any:
        """Keep what the flag says while the command runs."""
        kept = _FLAG.set(arguments.pop(_PARAMETER))
        try:
            return function(**arguments)
        finally:
            _FLAG.reset(kept)

    signature = inspect.signature(function)
    flag = inspect.Parameter(
        _PARAMETER,
        inspect.Parameter.KEYWORD_ONLY,
        default=None,
        annotation=Annotated[
            str | None,
            typer.Option(
                _SETTING.flag,
                metavar=_SETTING.metavar,
                help="Where the members' documented API begins.",
                show_default=_SETTING.default,
            ),
        ],
    )
    own = [
        each.replace(kind=inspect.Parameter.KEYWORD_ONLY)
        for each in signature.parameters.values()
    ]
    # What typer reads; a function has it only if somebody sets it.
    _called.__signature__ = signature.replace(  # type: ignore[attr-defined]
        parameters=[*own, flag]
    )
    _called.__annotations__ = function.__annotations__ | {_PARAMETER: flag.annotation}
    return _called
