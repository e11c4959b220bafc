"""The nodes of a demo as child processes: started, watched, started again, ended.

None outlives the supervisor: see `cli.lifeline` for the case that it is killed.
"""

import asyncio
import signal
from collections.abc import Callable, Sequence
from typing import Final

from raftwerk.cli.child import Child
from raftwerk.host.protocol import Timers

__all__ = ["Supervisor"]

RESTART_SECONDS: Final = 1.0
"""How long a killed node stays away, so that one can watch the others go on."""

STOP_SECONDS: Final = 1.2
"""How long nodes may take to end when asked; then they are killed."""


def _tell_nobody(_child: Child) -> None:
    """Tell nobody."""


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
    changed : callable, optional
        Takes a child whose state is another one now.

    Attributes
    ----------
    children : list of Child
        The nodes that are there, those that have no process as well.
    """

    def __init__(
        self,
        children: Sequence[Child],
        tell: Callable[[str], object],
        *,
        timers: Timers,
        changed: Callable[[Child], object] = _tell_nobody,
    ) -> None:
        """Have no process yet."""
        self.children = list(children)
        self._tell = tell
        self._timers = timers
        self._changed = changed
        self._is_stopping = False
        self._keepers: dict[Child, asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Start all, start again those that are killed; return once none is left.

        Raises
        ------
        OSError
            If a process can't be started.
        """
        for child in self.children:
            self._begin(child)
        while running := [task for task in self._keepers.values() if not task.done()]:
            # One that was started again meanwhile is waited for in the next round.
            await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            for keeper in self._keepers.values():
                if keeper.done() and not keeper.cancelled():
                    keeper.result()  # raises what went wrong, a process that can't be

    def _begin(self, child: Child) -> None:
        """Keep a child from now on."""
        self._keepers[child] = asyncio.create_task(self._keep(child))

    async def stop(self) -> None:
        """Ask all to end, and kill those that do not; return once none is left."""
        self._is_stopping = True
        for child, keeper in self._keepers.items():
            if child.pid is None:
                keeper.cancel()
            child.send(signal.SIGTERM)
            child.send(signal.SIGCONT)  # one that was paused could not end
        if not self._keepers:
            return
        limit = asyncio.ensure_future(self._timers.sleep(STOP_SECONDS))
        ended = asyncio.gather(*self._keepers.values(), return_exceptions=True)
        await asyncio.wait((ended, limit), return_when=asyncio.FIRST_COMPLETED)
        limit.cancel()
        for child in self._keepers:
            child.send(signal.SIGKILL)
        await ended

    # ---- to be played with --------------------------------------------------

    def add(self, child: Child) -> None:
        """Keep one more.

        Parameters
        ----------
        child : Child
            With a name that nobody has.
        """
        self.children.append(child)
        self._begin(child)

    async def remove(self, child: Child) -> None:
        """End one for good.

        Parameters
        ----------
        child : Child
            One of ours.
        """
        await self.halt(child)
        keeper = self._keepers.pop(child)
        keeper.cancel()
        self.children.remove(child)

    async def halt(self, child: Child) -> None:
        """Ask one to end, and not to come back by itself.

        Parameters
        ----------
        child : Child
            One of ours; nothing happens if it has no process.
        """
        child.wanted.clear()
        if child.pid is None:
            self._set(child, "stopped")
            return
        child.send(signal.SIGTERM)
        child.send(signal.SIGCONT)
        ended = asyncio.ensure_future(child.wait())
        limit = asyncio.ensure_future(self._timers.sleep(STOP_SECONDS))
        await asyncio.wait((ended, limit), return_when=asyncio.FIRST_COMPLETED)
        limit.cancel()
        child.send(signal.SIGKILL)
        await ended

    def start(self, child: Child) -> None:
        """Have one run that does not.

        Parameters
        ----------
        child : Child
            One of ours; nothing happens if it has a process.
        """
        child.wanted.set()
        keeper = self._keepers.get(child)
        if child.pid is None and (keeper is None or keeper.done()):
            self._begin(child)

    def kill(self, child: Child) -> None:
        """Kill one as by ``kill -9``; it comes back by itself.

        Parameters
        ----------
        child : Child
            One of ours.
        """
        child.send(signal.SIGKILL)

    def pause(self, child: Child) -> None:
        """Stop one in the middle of whatever it does.

        Parameters
        ----------
        child : Child
            One of ours.
        """
        if child.pid is not None:
            child.send(signal.SIGSTOP)
            self._set(child, "paused")

    def resume(self, child: Child) -> None:
        """Let one go on.

        Parameters
        ----------
        child : Child
            One of ours.
        """
        if child.pid is not None:
            child.send(signal.SIGCONT)
            self._set(child, "running")

    def _set(self, child: Child, state: str) -> None:
        """Tell of a child's state if it is another one."""
        if child.state != state:
            child.state = state
            self._changed(child)

    async def _keep(self, child: Child) -> None:
        """Run one node, again each time it was killed."""
        while True:
            await child.wanted.wait()
            self._tell(f"{child.name} runs as process {await child.start()}")
            self._set(child, "running")
            code = await child.wait()
            if self._is_stopping:
                return
            if not child.wanted.is_set():
                self._tell(f"{child.name} was stopped")
                self._set(child, "stopped")
                continue
            if code >= 0:
                # By itself: started again, it would only end again.
                self._tell(f"{child.name} ended with exit code {code}")
                if code > 0:
                    self._tell(f"{child.name} said: {child.last_words()}")
                self._set(child, "stopped")
                return
            self._tell(
                f"{child.name} was killed by {signal.Signals(-code).name};"
                f" it comes back in {RESTART_SECONDS:g} s"
            )
            self._set(child, "killed")
            await self._timers.sleep(RESTART_SECONDS)
            if not child.wanted.is_set():
                self._set(child, "stopped")
