"""One node of a demo as a process: its command line, its log file, its state."""

import asyncio
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import msgspec

from raftwerk.config import Url
from raftwerk.errors import InvariantViolation

__all__ = ["Child", "NodePlan", "node_command"]

LOG_TAIL_BYTES: Final = 4096

Command = Sequence[str] | Callable[[], Sequence[str]]
"""What is run; or what says so whenever it is."""


class NodePlan(msgspec.Struct, frozen=True):
    """One node of a demo, as the others know it."""

    name: str
    client: Url
    peer: Url


def node_command(
    plan: NodePlan,
    cluster: Sequence[NodePlan],
    folder: Path,
    *,
    listens: Url | None = None,
    joins: bool = False,
) -> tuple[str, ...]:
    """Return the command line of one node of the demo.

    Parameters
    ----------
    plan : NodePlan
        The node.
    cluster : sequence of NodePlan
        All members, itself among them.
    folder : Path
        Where the data of all nodes is.
    listens : Url, optional
        Where it listens for peers, if that is not where they are told to come.
    joins : bool
        Whether the cluster is there already.

    Returns
    -------
    tuple of str
        Flags as a user would write them, but for ``--exit-with-parent``.
    """
    flags = {
        "--name": plan.name,
        "--data-dir": str(folder / f"{plan.name}.raftwerk"),
        "--listen-client-urls": str(plan.client),
        "--listen-peer-urls": str(listens or plan.peer),
        "--initial-cluster": ",".join(f"{each.name}={each.peer}" for each in cluster),
        "--initial-cluster-token": "raftwerk-demo",
        # Where the demo's page and buttons look, whatever the environment says.
        "--api-prefix": "/api",
    }
    if listens is not None:
        flags["--initial-advertise-peer-urls"] = str(plan.peer)
    if joins:
        flags["--initial-cluster-state"] = "existing"
    words = [f"{flag}={value}" for flag, value in flags.items()]
    return (sys.executable, "-m", "raftwerk", "serve", *words, "--exit-with-parent")


class Child:
    """One node: its command line, its log file, and its process while there is one.

    Parameters
    ----------
    name : str
        The node's name.
    command : sequence of str, or callable
        What is run.
    log : Path
        The file that takes all that it says.

    Attributes
    ----------
    name : str
        The node's name.
    state : str
        ``starting``, ``running``, ``paused``, ``killed`` or ``stopped``.
    wanted : Event
        Set as long as it is to run.
    """

    def __init__(self, name: str, command: Command, log: Path) -> None:
        """Have no process yet."""
        self.name = name
        self.state = "starting"
        self.wanted = asyncio.Event()
        self.wanted.set()
        self._command = command
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
        command = self._command() if callable(self._command) else self._command
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *command,
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
