"""Programs on this machine: each in a session of its own, so that all of it can end."""

import asyncio
import os
import signal
import subprocess  # nosec B404: what is started is what the operator named
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import IO, Final, TypeVar, cast

from raftwerk.errors import ConfigError

__all__ = ["GRACE_SECONDS", "RealProgram", "RealPrograms", "require_executable"]

Value = TypeVar("Value")

GRACE_SECONDS: Final = 2.0
"""From the request to end until the end is made."""

LINE_CHARACTERS_MAX: Final = 4_096
"""What is longer is told in pieces."""


class RealProgram:
    """A process and all that it starts; it does as `Program` says.

    Parameters
    ----------
    process : Popen
        It leads a session of its own; what it writes comes through a pipe.
    loop : AbstractEventLoop
        Where the outcome is awaited.
    """

    def __init__(
        self, process: subprocess.Popen[str], loop: asyncio.AbstractEventLoop
    ) -> None:
        self._process = process
        self._loop = loop
        self._exit_code: asyncio.Future[int] = loop.create_future()
        # A thread that waits is the one way that no kind of event loop minds.
        threading.Thread(target=self._wait, name="hook-exit", daemon=True).start()

    def _wait(self) -> None:
        """Wait beside the loop, and tell it."""
        exit_code = self._process.wait()
        _tell(self._loop, self._ended, exit_code)

    def _ended(self, exit_code: int) -> None:
        """Wake who waits."""
        if not self._exit_code.done():
            self._exit_code.set_result(exit_code)

    async def wait(self) -> int:
        """Do as `Program.wait` says."""
        return await asyncio.shield(self._exit_code)

    def end(self) -> None:
        """Do as `Program.end` says."""
        self._signal(signal.SIGTERM)
        # It may be gone by then, and what it left behind may not.
        self._loop.call_later(GRACE_SECONDS, self._signal, signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        """Send a signal to all of the session's first process group."""
        try:
            os.killpg(self._process.pid, number)
        except ProcessLookupError:
            pass  # all of it has ended


class RealPrograms:
    """Starts programs on this machine; it does as `Programs` says."""

    async def start(
        self,
        path: str,
        environment: Mapping[str, str],
        output: Callable[[str], object],
    ) -> RealProgram:
        """Do as `Programs.start` says."""
        starting = asyncio.ensure_future(_started(path, environment, output))
        try:
            return await asyncio.shield(starting)
        except asyncio.CancelledError:
            # The thread that starts it can't be called back, and nobody else will
            # ever know of what it has started.
            with suppress(OSError):
                program = await starting
                program.end()
                await program.wait()
            raise


async def _started(
    path: str, environment: Mapping[str, str], output: Callable[[str], object]
) -> RealProgram:
    """Return a program that runs and is listened to."""
    loop = asyncio.get_running_loop()
    # The file may lie on a slow disk: the loop does not wait for it.
    process = await loop.run_in_executor(None, _start, path, environment)
    threading.Thread(
        target=_read,
        args=(process, loop, output),
        name="hook-output",
        daemon=True,
    ).start()
    return RealProgram(process, loop)


def _start(path: str, environment: Mapping[str, str]) -> subprocess.Popen[str]:
    """Start a process that reads nothing and writes to us."""
    return subprocess.Popen(  # pylint: disable=consider-using-with  # RealProgram waits
        [path],
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        text=True,
        errors="replace",
    )  # nosec B603: no shell, and the path is the operator's


def _read(
    process: subprocess.Popen[str],
    loop: asyncio.AbstractEventLoop,
    output: Callable[[str], object],
) -> None:
    """Tell each line until nobody can write any more."""
    pipe = cast(IO[str], process.stdout)
    with pipe:
        while line := pipe.readline(LINE_CHARACTERS_MAX):
            if not _tell(loop, output, line.rstrip("\r\n")):
                return


def _tell(
    loop: asyncio.AbstractEventLoop, function: Callable[[Value], object], value: Value
) -> bool:
    """Call a function in the loop; tell whether the loop is still there."""
    try:
        loop.call_soon_threadsafe(function, value)
    except RuntimeError:  # it was closed meanwhile: nobody listens
        return False
    return True


def require_executable(setting: str, path: str) -> None:
    """Refuse a script that can't be run.

    Parameters
    ----------
    setting : str
        Where it was named.
    path : str
        The file.

    Raises
    ------
    ConfigError
        If it is missing, no file, or not executable.
    """
    if not os.path.exists(path):
        raise ConfigError(f"{setting} {path!r}: there is no such file")
    if not os.path.isfile(path):
        raise ConfigError(f"{setting} {path!r}: it is no file")
    if not os.access(path, os.X_OK):
        raise ConfigError(f"{setting} {path!r} is not executable: chmod +x {path}")
