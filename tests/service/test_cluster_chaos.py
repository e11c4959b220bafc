"""Members come and go while others die, sleep and are cut off, from one seed each.

Whatever happens: nothing acknowledged is lost, no id is used twice, all agree in the
end on who belongs to the group, and the group works again as soon as it is whole.
"""

import asyncio
from functools import partial
from typing import Any

import pytest

from raftwerk.errors import NotProposed, OutcomeUnknown, RequestError
from raftwerk.host.draw import SplitMix64
from raftwerk.service import cluster_calls as calls
from raftwerk.service.cluster import ClusterService
from raftwerk.types import NodeId
from tests.runtime.group import Group, Process, story

SEEDS = range(1, 9)

STEPS = 40


class Chaos:
    """A group, what befalls it, and what is asked of it meanwhile."""

    def __init__(self, group: Group, seed: int) -> None:
        self.group = group
        self.draw = SplitMix64(seed)
        self.services: dict[NodeId, ClusterService] = {}
        self.added: list[NodeId] = []
        self.acknowledged: list[bytes] = []
        self.outcomes: list[str] = []
        self.asked: list[asyncio.Task[Any]] = []
        self.commands = 0
        self.addresses = len(group.members)

    def serve(self, process: Process) -> None:
        """Give a member that has just started its service."""
        host = process.host
        service = ClusterService(process.node, host.timers, host.draw)
        process.process.start(service.run())
        self.services[process.node_id] = service

    async def start(self, process: Process) -> None:
        """Start a member, as its operator would."""
        await process.start()
        self.serve(process)

    def pick(self, among: list[Process]) -> Process:
        return among[self.draw.below(len(among))]

    @property
    def up(self) -> list[Process]:
        return [process for process in self.group if process.is_up]

    # ---- what happens -----------------------------------------------------------

    async def step(self) -> None:
        """Have one thing happen, and a while pass."""
        happenings = (
            self.write,
            self.write,
            self.write,
            self.add,
            self.promote,
            self.remove,
            self.replace,
            self.transfer,
            self.kill,
            self.revive,
            self.revive,
            self.cut,
            self.heal,
            self.heal,
        )
        await happenings[self.draw.below(len(happenings))]()
        await self.group.sleep(self.draw.below(600) / 1000)

    async def write(self) -> None:
        """Write through any member."""
        self.commands += 1
        command = b"%d" % self.commands
        process = self.pick(self.up)

        async def propose() -> None:
            await process.node.propose(command)
            self.acknowledged.append(command)

        self.ask(process, propose())

    async def add(self) -> None:
        """Add a learner, and start it if that was heard."""
        self.addresses += 1
        address = self.addresses
        request = calls.AddMember((f"http://node{address}:2380",), is_learner=True)
        await self.bring(request, address)

    async def replace(self) -> None:
        """Put a new member in the place of any."""
        old = self.pick(list(self.group))
        self.addresses += 1
        address = self.addresses
        urls = (f"http://node{address}:2380",)
        await self.bring(calls.ReplaceMember(old.node_id, urls), address)

    async def bring(self, request: calls.ClusterRequest, address: int) -> None:
        """Have a member added, and start it once it is."""
        service = self.services[self.pick(self.up).node_id]

        async def join() -> None:
            view = await service.request(request)
            assert view.subject not in self.added, "an id was given out twice"
            self.added.append(view.subject)
            if len(self.group.members) < 9:
                await self.start(self.group.add(view.subject, f"node{address}"))

        # The new member's process is not a part of the one that was asked.
        self.asked.append(asyncio.ensure_future(self.settle(join())))

    async def promote(self) -> None:
        self.request(calls.PromoteMember(self.pick(list(self.group)).node_id))

    async def remove(self) -> None:
        if len(self.group.members) > 3:
            self.request(calls.RemoveMember(self.pick(list(self.group)).node_id))

    async def transfer(self) -> None:
        self.request(calls.TransferLeadership(self.pick(list(self.group)).node_id))

    async def kill(self) -> None:
        """Kill a member, if a majority of the processes stays."""
        if len(self.up) > len(self.group.members) // 2 + 1:
            self.pick(self.up).kill()

    async def revive(self) -> None:
        down = [process for process in self.group if not process.is_up]
        if down:
            await self.start(self.pick(down))

    async def cut(self) -> None:
        self.group.isolate(self.pick(self.up).node_id)

    async def heal(self) -> None:
        self.group.heal()

    # ---- what is asked ----------------------------------------------------------

    def request(self, request: calls.ClusterRequest) -> None:
        """Ask any member for a change."""
        process = self.pick(self.up)
        self.ask(process, self.services[process.node_id].request(request))

    def ask(self, process: Process, work: Any) -> None:
        """Have a member do something in its own process, with which it may die."""
        self.asked.append(process.process.start(self.settle(work)))

    async def settle(self, work: Any) -> None:
        """Note how something ended."""
        try:
            await work
        except OutcomeUnknown:
            self.outcomes.append("unknown")
        except NotProposed:
            self.outcomes.append("nothing happened")
        except RequestError as error:
            self.outcomes.append(type(error).__name__)
        else:
            self.outcomes.append("done")


def agreed(chaos: Chaos) -> bool:
    """Tell whether all members that are up know the same group, and no joint one."""
    leaders = [process for process in chaos.up if process.is_leader]
    if not leaders:
        return False
    leader = max(leaders, key=lambda process: process.status.term)
    conf_state = leader.status.conf_state
    members = {*conf_state.voters, *conf_state.learners}
    views = {
        (process.status.conf_state, tuple(m.node_id for m in process.node.members))
        for process in chaos.up
        if process.node_id in members
    }
    return not conf_state.voters_outgoing and len(views) == 1


def has_all(process: Process, leader: Process) -> bool:
    """Tell whether a member has applied all that the leader has."""
    return process.status.applied_index == leader.status.applied_index


@pytest.mark.parametrize("seed", SEEDS)
@story
async def test_members_come_and_go_under_faults(seed: int) -> None:
    group = await Group(seed=seed).start()
    chaos = Chaos(group, seed)
    for process in group:
        chaos.serve(process)
    for _ in range(STEPS):
        await chaos.step()

    group.heal()
    for process in group:
        if not process.is_up:
            await chaos.start(process)
    await group.until(lambda: agreed(chaos), 60.0)
    leader = group.leader
    assert await group.outcome(leader.propose(b"last")) is not None
    await group.sleep(10.0)  # virtual: whatever was asked has ended by now
    members = {member.node_id for member in leader.node.members}
    for process in chaos.up:
        if process.node_id in members:
            await group.until(partial(has_all, process, leader))
            lost = set(chaos.acknowledged) - set(process.machine.commands)
            assert not lost, f"member {process.node_id:x} lacks {lost}"
    assert not members & leader.node.removed
    print(f"seed {seed}: {len(chaos.acknowledged)} writes, {chaos.outcomes}")
