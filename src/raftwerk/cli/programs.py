"""Programs of the user that a command runs: begun with an environment, and ended."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import Process
from collections.abc import Sequence

from raftwerk.errors import RequestError

__all__ = ["end_program", "start_program"]


async def start_program(command: Sequence[str], **environment: str) -> Process:
    """Start a program with our input and output.

    Parameters
    ----------
    command : sequence of str
        Its name and arguments.
    **environment : str
        What it finds in its environment beside ours.

    Returns
    -------
    Process
        It runs.

    Raises
    ------
    RequestError
        If there is no such program, or it can't be started.
    """
    sys.stdout.flush()
    try:
        return await asyncio.create_subprocess_exec(
            *command, env={**os.environ, **environment}
        )
    except OSError as error:
        raise RequestError(f"{command[0]}: {error.strerror}") from None


async def end_program(process: Process) -> None:
    """Ask a program to end, unless it has, and wait for it.

    Parameters
    ----------
    process : Process
        What `start_program` returned.
    """
    if process.returncode is None:
        try:
            # `terminate` would look whether it has ended, and so take its exit code
            # from under the loop's own watcher, which complains of that.
            os.kill(process.pid, signal.SIGTERM)
        except ProcessLookupError:
            pass
    await process.wait()
