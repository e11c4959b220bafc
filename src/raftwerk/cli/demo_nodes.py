"""Who the nodes of a demo are: their names and addresses, and how each is started."""

import os
import socket
from itertools import chain, cycle, islice
from pathlib import Path
from typing import Final

from raftwerk.cli.child import Child, NodePlan, node_command
from raftwerk.cli.demo_refusal import DemoRefusal
from raftwerk.cli.relay import Relay
from raftwerk.config import DemoConfig, Url

__all__ = ["NODES_MAX", "DemoNodes", "plan_of"]

NODES_MAX: Final = 7

PORTS: Final = range(13_000, 17_000)
"""Where nodes listen behind the relay, unless that is taken: below the ports that the
system gives out by itself, or one of those might have it while a node is down."""


def plan_of(config: DemoConfig, number: int) -> NodePlan:
    """Return a node's name and addresses.

    Parameters
    ----------
    config : DemoConfig
        The demo.
    number : int
        Which node, from 0; also one that is not there at the start.

    Returns
    -------
    NodePlan
        The next ones in the row of the demo's ports.
    """
    client, peer = config.urls_of(number)
    return NodePlan(f"n{number + 1}", client, peer)


class DemoNodes:
    """The plans of all nodes, and the processes that are made of them.

    Parameters
    ----------
    config : DemoConfig
        The demo.
    folder : Path
        Where the nodes' data is.
    relay : Relay or None
        What their lines lead through; without one they listen where peers are told.

    Attributes
    ----------
    plans : dict of str to NodePlan
        By name, in the order in which they came.
    """

    def __init__(self, config: DemoConfig, folder: Path, relay: Relay | None) -> None:
        self._config = config
        self._folder = folder
        self._relay = relay
        numbers = range(config.nodes)
        self._founders = tuple(plan_of(config, number) for number in numbers)
        self.plans = {plan.name: plan for plan in self._founders}
        # Several demos at once begin at different places.
        first = os.getpid() * 16 % len(PORTS)
        self._ports = cycle(chain(PORTS[first:], PORTS[:first]))

    def founders(self) -> list[Child]:
        """Return the processes of those that found the cluster, still to be started.

        Returns
        -------
        list of Child
            One a plan.
        """
        return [self._make_child(plan, joins=False) for plan in self._founders]

    def next_plan(self) -> NodePlan:
        """Return the plan of one more node, and put away what one like it has left.

        Returns
        -------
        NodePlan
            With a name that nobody has.

        Raises
        ------
        DemoRefusal
            If there are enough.
        """
        if len(self.plans) >= NODES_MAX:
            raise DemoRefusal(f"{NODES_MAX} nodes are enough for one page")
        numbers = (n for n in range(NODES_MAX) if f"n{n + 1}" not in self.plans)
        plan = plan_of(self._config, next(numbers))
        folder = self._folder / f"{plan.name}.raftwerk"
        if folder.exists():  # of one that was removed: what it was, it is no more
            spent = len(list(self._folder.glob("*.removed-*")))
            folder.rename(folder.with_suffix(f".removed-{spent}"))
        return plan

    def add(self, plan: NodePlan) -> Child:
        """Have one more node, that joins the others.

        Parameters
        ----------
        plan : NodePlan
            What `next_plan` returned.

        Returns
        -------
        Child
            Its process, still to be started.
        """
        self.plans[plan.name] = plan
        return self._make_child(plan, joins=True)

    def _make_child(self, plan: NodePlan, *, joins: bool) -> Child:
        """Return a node's process that is still to be started."""

        def command() -> tuple[str, ...]:
            """Return what is run: behind the relay, on a port that is free now."""
            cluster = tuple(self.plans.values()) if joins else self._founders
            listens = None
            if self._relay is not None:
                listens = Url(plan.peer.host, self._free_port(plan.peer.host))
                self._relay.lead_to(plan.name, listens)
            return node_command(
                plan, cluster, self._folder, listens=listens, joins=joins
            )

        return Child(plan.name, command, self._folder / f"{plan.name}.log")

    def _free_port(self, host: str) -> int:
        """Return a port that nobody has at this moment."""
        for port in islice(self._ports, len(PORTS)):
            with socket.socket() as trial:
                try:
                    trial.bind((host, port))
                except OSError:
                    continue
            return port
        raise DemoRefusal(f"all ports from {PORTS[0]} to {PORTS[-1]} are taken")
