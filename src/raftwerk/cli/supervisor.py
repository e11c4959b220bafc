"""The nodes of a demo as child processes: started, watched, started again, ended.

None outlives the supervisor: see `cli.lifeline` for the case that it is killed.
"""

import asyncio
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from raftwerk.config import DemoConfig
from raftwerk.errors import InvariantViolation
from raftwerk.host.protocol import Timers

__all__ = ["Child", "Supervisor", "node_command"]

RESTART_SECONDS: Final = 1.0
"""How long a killed node stays away, so that one can watch the others go on."""

STOP_SECONDS: Final = 1.5
"""How long nodes may take to end when asked; then they are killed."""

LOG_TAIL_BYTES: Final = 4096


def node_command(config: DemoConfig, number: int, folder: Path) -> tuple[str, ...]:
    """Return the command line of one node of the demo.

    Parameters
    ----------
    config : DemoConfig
        The cluster.
    number : int
        Which node, from 0.
    folder : Path
        Where the data of all nodes is.

    Returns
    -------
    tuple of str
        Flags as a user would write them, but for ``--exit-with-parent``.
    """
    name = config.names[number]
    cluster = zip(config.names, config.peer_urls, strict=True)
    flags = {
        "--name": name,
        "--data-dir": str(folder / f"{name}.raftwerk"),
        "--listen-client-urls": str(config.client_urls[number]),
        "--listen-peer-urls": str(config.peer_urls[number]),
        "--initial-cluster": ",".join(f"{member}={url}" for member, url in cluster),
        "--initial-cluster-token": "raftwerk-demo",
    }
    words = [f"{flag}={value}" for flag, value in flags.items()]
    return (sys.executable, "-m", "raftwerk", "serve", *words, "--exit-with-parent")


class Child:
    """One node: its command line, its log file, and its process while there is one.

    Parameters
    ----------
    name : str
        The node's name.
    command : sequence of str
        What is run.
    log : Path
        The file that takes all that it says.
    """

    def __init__(self, name: str, command: Sequence[str], log: Path) -> None:
        """Have no process yet."""
        self.name = name
        self._command = tuple(command)
        self._log = log
        self._process: Process | None = None

    @property
    def pid(self) -> int | None:
        """The id of its process; None if there is none."""
        process = self._process
        return process.pid if process and process.returncode is None else None

    async def start(self) -> int:
        """Start a process.

        Returns
        -------
        int
            Its id.

        Raises
        ------
        OSError
            If the system makes none.
        """
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=PIPE,
                stdout=log,
                stderr=log,
                # A group of its own: ctrl-c on the terminal is for the supervisor
                # alone, which then asks each node once. To be asked twice means "at
                # once" to a node.
                process_group=0,
            )
        return self._process.pid

    async def wait(self) -> int:
        """Wait for the end of the process that was started.

        Returns
        -------
        int
            Its exit code; the negative number of the signal if one ended it.
        """
        if self._process is None:
            raise InvariantViolation(f"{self.name} is waited for, but was not started")
        return await self._process.wait()

    def send(self, number: signal.Signals) -> None:
        """Send a signal, if there is a process.

        Parameters
        ----------
        number : Signals
            Which.
        """
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(number)

    def last_words(self) -> str:
        """Return what it said last.

        Returns
        -------
        str
            The last line of its log that is not empty.
        """
        size = self._log.stat().st_size
        with self._log.open("rb") as log:
            log.seek(max(0, size - LOG_TAIL_BYTES))
            lines = log.read().decode(errors="replace").split("\n")
        return next((line.strip() for line in reversed(lines) if line.strip()), "")


class Supervisor:
    """Keeps the nodes of a demo running until it is stopped.

    Parameters
    ----------
    children : sequence of Child
        The nodes.
    tell : callable
        Takes a line for people whenever a node came or went.
    timers : Timers
        Waits before a killed node is started again, and for nodes that end.
    """

    def __init__(
        self,
        children: Sequence[Child],
        tell: Callable[[str], object],
        *,
        timers: Timers,
    ) -> None:
        """Have no process yet."""
        self._children = tuple(children)
        self._tell = tell
        self._timers = timers
        self._is_stopping = False
        self._keepers: list[asyncio.Task[None]] = []

    async def run(self) -> None:
        """Start all, start again those that are killed; return once none is left.

        Raises
        ------
        OSError
            If a process can't be started.
        """
        self._keepers = [
            asyncio.create_task(self._keep(child)) for child in self._children
        ]
        done, _ = await asyncio.wait(self._keepers, return_when=asyncio.FIRST_EXCEPTION)
        for keeper in done:
            if not keeper.cancelled():
                keeper.result()  # raises what went wrong, a process that can't be made

    async def stop(self) -> None:
        """Ask all to end, and kill those that do not; return once none is left."""
        self._is_stopping = True
        for child, keeper in zip(self._children, self._keepers, strict=True):
            if child.pid is None:
                keeper.cancel()
            child.send(signal.SIGTERM)
            child.send(signal.SIGCONT)  # one that was paused could not end
        if not self._keepers:
            return
        limit = asyncio.ensure_future(self._timers.sleep(STOP_SECONDS))
        ended = asyncio.gather(*self._keepers, return_exceptions=True)
        await asyncio.wait((ended, limit), return_when=asyncio.FIRST_COMPLETED)
        limit.cancel()
        for child in self._children:
            child.send(signal.SIGKILL)
        await ended

    async def _keep(self, child: Child) -> None:
        """Run one node, again each time it was killed."""
        while True:
            self._tell(f"{child.name} runs as process {await child.start()}")
            code = await child.wait()
            if self._is_stopping:
                return
            if code >= 0:
                # By itself: started again, it would only end again.
                self._tell(f"{child.name} ended with exit code {code}")
                if code > 0:
                    self._tell(f"{child.name} said: {child.last_words()}")
                return
            self._tell(
                f"{child.name} was killed by {signal.Signals(-code).name};"
                f" it comes back in {RESTART_SECONDS:g} s"
            )
            await self._timers.sleep(RESTART_SECONDS)
