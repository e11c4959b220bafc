"""The cluster of a demo, and all that can be done to it: every act on real processes.

The nodes contain no switch for any of this: processes get signals, lines are cut in the
relay between them, and the rest are calls that any operator could make.
"""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Final

import httpx

from raftwerk.cli.child import Child
from raftwerk.cli.demo_calls import DemoCalls
from raftwerk.cli.demo_nodes import DemoNodes
from raftwerk.cli.demo_refusal import DemoRefusal
from raftwerk.cli.relay import Relay
from raftwerk.cli.supervisor import Supervisor
from raftwerk.config import DemoConfig, Url
from raftwerk.host.protocol import Timers
from raftwerk.monitor.hub import Hub
from raftwerk.monitor.poller import Poller

__all__ = ["DemoCluster"]

PROMOTE_TRIES: Final = 60
PROMOTE_SECONDS: Final = 0.5
"""How often, and how far apart, a learner is tried to be promoted: it must catch up."""


class DemoCluster:
    """Nodes, the lines between them, and what is done to both.

    Parameters
    ----------
    config : DemoConfig
        The demo.
    folder : Path
        Where the nodes' data is.
    tell : callable
        Takes lines for people at the terminal.
    timers : Timers
        For the supervisor.
    hub : Hub, optional
        Shows to pages what is done; without it nothing can be cut, for there is no
        relay.
    """

    def __init__(
        self,
        config: DemoConfig,
        folder: Path,
        tell: Callable[[str], object],
        *,
        timers: Timers,
        hub: Hub | None,
    ) -> None:
        self._timers = timers
        self._hub = hub
        self._tasks: set[asyncio.Task[None]] = set()
        self._poller: Poller | None = None
        self._slow_millis = 0
        self.relay = Relay()
        self._nodes = DemoNodes(config, folder, None if hub is None else self.relay)
        self._calls = DemoCalls(lambda: self.client_urls)
        self.supervisor = Supervisor(
            self._nodes.founders(), tell, timers=timers, changed=self._show_child
        )

    @property
    def http(self) -> httpx.AsyncClient:
        """The connections to nodes, for calls to one and no other."""
        return self._calls.http

    # ---- who is there -------------------------------------------------------

    @property
    def names(self) -> list[str]:
        """The names of all nodes, in the order in which they came."""
        return list(self._nodes.plans)

    @property
    def running(self) -> list[str]:
        """The names of those that run and are not paused."""
        children = self.supervisor.children
        return [child.name for child in children if child.state == "running"]

    @property
    def client_urls(self) -> list[Url]:
        """Where running nodes answer clients."""
        return [self._nodes.plans[name].client for name in self.running]

    async def start(self, poller: Poller) -> None:
        """Have the lines between the nodes in our hands.

        Parameters
        ----------
        poller : Poller
            Told of nodes that come and go.
        """
        self._poller = poller
        if self._hub is not None:
            for plan in self._nodes.plans.values():
                await self.relay.add(plan.name, plan.peer)
            self._show_links()
            for child in self.supervisor.children:
                self._show_child(child)

    async def stop(self) -> None:
        """End all that is under way, and all nodes."""
        for task in self._tasks:
            task.cancel()
        await self.supervisor.stop()
        await self.relay.stop()
        await self._calls.close()

    def _child(self, name: str) -> Child:
        """Return a node by its name."""
        for child in self.supervisor.children:
            if child.name == name:
                return child
        known = ", ".join(self._nodes.plans)
        raise DemoRefusal(f"there is no node {name!r}; there are {known}")

    def client_url(self, name: str) -> Url:
        """Return where a node answers clients.

        Parameters
        ----------
        name : str
            The node's.

        Returns
        -------
        Url
            Its client URL.

        Raises
        ------
        DemoRefusal
            If there is no such node.
        """
        self._child(name)
        return self._nodes.plans[name].client

    # ---- what is shown ------------------------------------------------------

    def act(self, text: str) -> None:
        """Show on the timeline what was done.

        Parameters
        ----------
        text : str
            In the past tense.
        """
        if self._hub is not None:
            self._hub.publish({"type": "act", "text": text})

    def _show_child(self, child: Child) -> None:
        """Show in which state a node's process is."""
        if self._hub is not None:
            record = {
                "type": "process",
                "name": child.name,
                "state": child.state,
                "pid": child.pid,
            }
            self._hub.publish(record, key=child.name)

    def _show_links(self) -> None:
        """Show which lines are cut, and how slow all of them are."""
        if self._hub is not None:
            record = {
                "type": "links",
                "cut": self.relay.cuts,
                "slow_millis": self._slow_millis,
            }
            self._hub.publish(record, key="links")

    # ---- processes ----------------------------------------------------------

    def kill(self, name: str) -> None:
        """Kill a node as by ``kill -9``.

        Parameters
        ----------
        name : str
            The node's.
        """
        child = self._child(name)
        if child.pid is None:
            raise DemoRefusal(f"{name} has no process to kill")
        self.act(f"kill -9 {name} (process {child.pid})")
        self.supervisor.kill(child)

    async def halt(self, name: str) -> None:
        """Ask a node to end in order.

        Parameters
        ----------
        name : str
            The node's.
        """
        child = self._child(name)
        self.act(f"stopped {name}")
        await self.supervisor.halt(child)

    def begin(self, name: str) -> None:
        """Start a node that is stopped.

        Parameters
        ----------
        name : str
            The node's.
        """
        child = self._child(name)
        self.act(f"started {name}")
        self.supervisor.start(child)

    def pause(self, name: str) -> None:
        """Stop a node in the middle of whatever it does.

        Parameters
        ----------
        name : str
            The node's.
        """
        child = self._child(name)
        if child.pid is None:
            raise DemoRefusal(f"{name} has no process to pause")
        self.act(f"paused {name}")
        self.supervisor.pause(child)

    def resume(self, name: str) -> None:
        """Let a paused node go on.

        Parameters
        ----------
        name : str
            The node's.
        """
        child = self._child(name)
        self.act(f"resumed {name}")
        self.supervisor.resume(child)

    # ---- lines --------------------------------------------------------------

    @property
    def has_cuts(self) -> bool:
        """Whether any line is cut."""
        return bool(self.relay.cuts)

    def cut_off(self, name: str) -> None:
        """Cut a node off from all others.

        Parameters
        ----------
        name : str
            The node's.
        """
        self._child(name)
        self.relay.cut_off(name)
        self.act(f"cut {name} off from all others")
        self._show_links()

    def cut_way(self, sender: str, receiver: str) -> None:
        """Cut one direction between two nodes.

        Parameters
        ----------
        sender, receiver : str
            Their names.
        """
        self._child(sender)
        self._child(receiver)
        if sender == receiver:
            raise DemoRefusal("a way leads from one node to another")
        self.relay.line(sender, receiver).cut()
        self.act(f"cut the way from {sender} to {receiver}")
        self._show_links()

    def heal(self, name: str | None = None) -> None:
        """Make lines whole.

        Parameters
        ----------
        name : str, optional
            Of this node only.
        """
        self.relay.heal(name)
        self.act("healed all lines" if name is None else f"healed the lines of {name}")
        self._show_links()

    def slow_down(self, millis: int) -> None:
        """Delay all that travels between nodes.

        Parameters
        ----------
        millis : int
            How long each way takes.
        """
        self._slow_millis = millis
        self.relay.slow_down(millis / 1000)
        self.act(f"each way takes {millis} ms" if millis else "no way is slow any more")
        self._show_links()

    # ---- calls that any operator could make ---------------------------------

    async def transfer(self, name: str) -> None:
        """Let another node lead.

        Parameters
        ----------
        name : str
            The one that is to.
        """
        self._child(name)
        self.act(f"asked for {name} to lead")
        await self._calls.call("POST", "/transfer", {"target": await self._id_of(name)})

    async def _id_of(self, name: str) -> str:
        """Return the id of a node, as the group knows it."""
        return await self._calls.member_id(name, self._nodes.plans[name].peer)

    async def add(self) -> str:
        """Add a node: a learner first, a voter when it has caught up.

        Returns
        -------
        str
            Its name.

        Raises
        ------
        DemoRefusal
            If there are enough, or the group refuses it.
        """
        plan = self._nodes.next_plan()
        new = {"peer_urls": [str(plan.peer)], "is_learner": True}
        if self._hub is not None:
            try:
                await self.relay.add(plan.name, plan.peer)
            except OSError as error:
                raise DemoRefusal(f"{plan.peer}: {error.strerror}") from error
        try:
            answer = await self._calls.call("POST", "/members", new)
        except DemoRefusal:
            if self._hub is not None:
                self.relay.remove(plan.name)
            raise
        child = self._nodes.add(plan)
        if self._poller is not None:
            self._poller.add(plan.client)
        self.supervisor.add(child)
        self._show_child(child)
        self.act(f"added {plan.name} as a learner")
        task = asyncio.create_task(self._promote(plan.name, answer["member"]["id"]))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return plan.name

    async def _promote(self, name: str, member_id: str) -> None:
        """Let a learner vote once it has caught up."""
        for _ in range(PROMOTE_TRIES):
            await self._timers.sleep(PROMOTE_SECONDS)
            try:
                await self._calls.call("POST", f"/members/{member_id}/promote")
            except DemoRefusal:
                continue
            self.act(f"{name} has caught up and votes now")
            return
        self.act(f"{name} did not catch up; it stays a learner")

    async def remove(self, name: str) -> None:
        """Remove a node from the group for good, and end it.

        Parameters
        ----------
        name : str
            The node's.
        """
        child = self._child(name)
        if len(self._nodes.plans) == 1:
            raise DemoRefusal(f"{name} is the last one")
        await self._calls.call("DELETE", f"/members/{await self._id_of(name)}")
        self.act(f"removed {name}")
        await self.supervisor.remove(child)
        plan = self._nodes.plans.pop(name)
        if self._poller is not None:
            self._poller.remove(plan.client)
        if self._hub is not None:
            self.relay.remove(name)
            self._hub.forget("process", name)
            self._hub.publish({"type": "process", "name": name, "state": "removed"})
            self._show_links()
