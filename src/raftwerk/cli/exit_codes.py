"""What the exit code of a command says; a part of the interface, so none changes."""

import enum

__all__ = ["ExitCode"]


class ExitCode(enum.IntEnum):
    """How a command ended.

    A command that a second ctrl-c or SIGTERM ends at once is ended by that signal,
    which a shell shows as 128 plus the signal's number.
    """

    OK = 0
    """It did what it was asked to; a server that was asked to stop and did, too."""
    FAILED = 1
    """It could not do or go on with what it was asked to; the last line says why."""
    REFUSED = 2
    """It did not begin: a flag, a setting, a port or the data directory can't work."""
    UNKNOWN = 3
    """What it asked of a cluster may or may not be done: look before you repeat it.

    Also what is done if its answer could not be printed."""
    REMOVED = 4
    """The cluster has removed this member: to start it again would not help."""
    INTERRUPTED = 130
    """Ctrl-c ended a command that has nothing to bring to an end."""
