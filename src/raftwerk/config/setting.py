"""A setting as people write it: one name, and what it is called where it can stand."""

from typing import Final

import msgspec

__all__ = ["PREFIX", "Setting", "variable_of"]

PREFIX: Final = "RAFTWERK_"
"""How all variables of the environment begin that are ours alone."""


class Setting(msgspec.Struct, frozen=True, kw_only=True):
    """A setting as people write it.

    Parameters
    ----------
    command : str
        The command that it belongs to; also its table in TOML.
    name : str
        As it is called in every complaint: the flag without its dashes.
    metavar : str
        What stands for the value in the help.
    meaning : str
        A sentence, or less.
    default : str
        What holds if nobody says anything, in words.
    aliases : tuple of str
        Other variables of the environment that are understood, strongest first.
    own_variable : str
        Its own variable; empty for the one that follows from the name.
    is_secret : bool
        Whether its value is never shown.
    is_live : bool
        Whether it is read again on SIGHUP; all others need a restart.
    """

    command: str
    name: str
    metavar: str
    meaning: str
    default: str
    aliases: tuple[str, ...] = ()
    own_variable: str = ""
    is_secret: bool = False
    is_live: bool = False

    @property
    def flag(self) -> str:
        """The flag on the command line."""
        return f"--{self.name}"

    @property
    def toml_key(self) -> str:
        """The key in a TOML file: its table, and the name."""
        return f"{self.command}.{self.name}"

    @property
    def variable(self) -> str:
        """The variable of the environment that is this setting's own."""
        return self.own_variable or variable_of(self.name)

    @property
    def variables(self) -> tuple[str, ...]:
        """All variables of the environment that set it, strongest first."""
        return (self.variable, *self.aliases)


def variable_of(*words: str) -> str:
    """Return the variable of the environment for a name.

    Parameters
    ----------
    *words : str
        The name, or what stands before it, and it.

    Returns
    -------
    str
        All in upper case.

    Examples
    --------
    >>> variable_of("monitor", "refresh-rate-millis")
    'RAFTWERK_MONITOR_REFRESH_RATE_MILLIS'
    """
    return PREFIX + "_".join(words).replace("-", "_").upper()
