"""The flags of a command, made from the table of settings.

typer reads flags from a function's signature. Ours takes them as one mapping by
setting, and shows typer the signature that the table says it has.
"""

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Annotated, Any

import typer

from raftwerk.config import Setting, settings_of

__all__ = ["Texts", "with_settings"]

Texts = dict[str, str | None]
"""The text of each flag by its setting's name; None if it was not given."""


def with_settings(
    *commands: str,
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command the flags of some commands' settings.

    Parameters
    ----------
    *commands : str
        Whose settings; those of the first go before where names are alike.

    Returns
    -------
    callable
        Decorates a function whose first argument is a `Texts`; the rest are flags of
        its own, as typer has them.
    """
    settings = {
        setting.name: setting
        for command in reversed(commands)
        for setting in settings_of(command)
    }
    by_parameter = {name.replace("-", "_"): name for name in settings}
    return functools.partial(_take_flags, settings, by_parameter)


def _take_flags(
    settings: Mapping[str, Setting],
    by_parameter: Mapping[str, str],
    function: Callable[..., None],
) -> Callable[..., None]:
    """Return what typer calls, with the signature that it is to see."""

    @functools.wraps(function)
    def _called(**arguments: Any) -> None:
        """Call the function with its settings as one mapping."""
        texts = {
            name: arguments.pop(parameter) for parameter, name in by_parameter.items()
        }
        function(texts, **arguments)

    own = list(inspect.signature(function).parameters.values())[1:]
    flags = [
        inspect.Parameter(
            parameter,
            inspect.Parameter.KEYWORD_ONLY,
            default=None,
            annotation=_annotation(settings[name]),
        )
        for parameter, name in by_parameter.items()
    ]
    shown = [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in own]
    # What typer reads; a function has it only if somebody sets it.
    _called.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [*flags, *shown]
    )
    _called.__annotations__ = {
        parameter.name: parameter.annotation for parameter in [*flags, *shown]
    }
    return _called


def _annotation(setting: Setting) -> object:
    """Return what typer is to know of a setting's flag, and its default in words."""
    return Annotated[
        str | None,
        typer.Option(
            setting.flag,
            metavar=setting.metavar,
            help=setting.meaning,
            show_default=setting.default,
        ),
    ]
