"""A role hook that is a program of the user's."""

from collections.abc import Callable

from raftwerk.errors import HookFailed
from raftwerk.host.programs import Programs
from raftwerk.runtime.hooks import Hook, RoleChange

__all__ = ["environment_of", "script_hook"]


def environment_of(change: RoleChange) -> dict[str, str]:
    """Return what a script is told, as environment variables.

    Parameters
    ----------
    change : RoleChange
        What happened.

    Returns
    -------
    dict of str to str
        Value by name.

    Examples
    --------
    >>> from raftwerk.core.roles import Role
    >>> from raftwerk.types import Term
    >>> change = RoleChange(
    ...     role=Role.LEADER, term=Term(7), leader="n1", node="n1", fencing_token=15
    ... )
    >>> for name, value in environment_of(change).items():
    ...     print(f"{name}={value}")
    RAFTWERK_ROLE=LEADER
    RAFTWERK_TERM=7
    RAFTWERK_LEADER=n1
    RAFTWERK_NODE=n1
    RAFTWERK_FENCING_TOKEN=15
    """
    return {
        "RAFTWERK_ROLE": change.role.value,
        "RAFTWERK_TERM": str(change.term),
        "RAFTWERK_LEADER": change.leader,
        "RAFTWERK_NODE": change.node,
        "RAFTWERK_FENCING_TOKEN": str(change.fencing_token),
    }


def script_hook(
    path: str, programs: Programs, tell_line: Callable[[RoleChange, str], object]
) -> Hook:
    """Return a hook that runs a script, and is done when the script is.

    Parameters
    ----------
    path : str
        The executable file.
    programs : Programs
        Starts it.
    tell_line : callable
        Called with each line that it writes.

    Returns
    -------
    Hook
        Cancelled, it ends the script, and all that the script started, first.
    """

    async def _run(change: RoleChange) -> None:
        """Run the script once."""

        def _tell(line: str) -> None:
            """Say what it was about."""
            tell_line(change, line)

        try:
            program = await programs.start(path, environment_of(change), _tell)
        except OSError as error:
            raise HookFailed(f"{path} can't be started: {error.strerror}") from error
        try:
            exit_code = await program.wait()
        except BaseException:
            program.end()
            await program.wait()  # two may not run at once
            raise
        if exit_code < 0:
            raise HookFailed(f"{path} was ended by signal {-exit_code}")
        if exit_code:
            raise HookFailed(f"{path} ended with exit code {exit_code}")

    return _run
