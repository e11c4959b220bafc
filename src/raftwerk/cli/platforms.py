"""Which commands run where: nodes and their data want what only POSIX systems have."""

import sys
from typing import Final

from raftwerk.errors import ConfigError

__all__ = ["require_posix", "without_posix"]

_POSIX_ONLY: Final = ("fcntl", "resource", "termios")

_USE: Final = "; on Windows use the client, the core and the simulator, or WSL"


def require_posix(command: str) -> None:
    """Refuse a command that runs nodes where they can't run.

    Parameters
    ----------
    command : str
        What is refused.

    Raises
    ------
    ConfigError
        On Windows: its files have no locks, syncs and renames as a node needs them.
    """
    if sys.platform == "win32":
        raise ConfigError(
            f"raftwerk {command} runs nodes, which need Linux or macOS{_USE}"
        )


def without_posix(error: ModuleNotFoundError) -> str:
    """Return what to say of a module that is missing, if it is one of POSIX alone.

    Parameters
    ----------
    error : ModuleNotFoundError
        Which module.

    Returns
    -------
    str
        A sentence; empty if the module should be there.
    """
    if sys.platform != "win32" or error.name not in _POSIX_ONLY:
        return ""
    return f"this command works on the data of nodes, on Linux or macOS{_USE}"
