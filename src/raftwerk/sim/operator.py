"""The operator of a simulated group: starts what is down, replaces what is damaged.

Nobody tells it anything: it looks at what some member knows, once a second.
"""

from typing import Final

from raftwerk.errors import RaftwerkError
from raftwerk.runtime.members import Member
from raftwerk.service.cluster_calls import (
    ClusterRequest,
    PromoteMember,
    RemoveMember,
    ReplaceMember,
)
from raftwerk.sim.calls import Caller, Lost, Unreached
from raftwerk.sim.machine import Machine
from raftwerk.sim.violation import Property
from raftwerk.sim.world import World

__all__ = ["Operator"]

LOOK_SECONDS: Final = 1.0

CALL_SECONDS: Final = 10.0


class Operator:
    """Keeps a group in repair.

    Parameters
    ----------
    world : World
        Where.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._caller = Caller(world, world.draw.fork("operator"))

    async def run(self) -> None:
        """Look, and do what is to be done, for ever."""
        while True:
            await self._world.sleep(LOOK_SECONDS)
            await self._look()

    async def mend(self, seconds: float) -> None:
        """Wait until there is nothing more to do, for a bounded time.

        Parameters
        ----------
        seconds : float
            How long.
        """
        await self._world.until(
            self._is_sound,
            seconds,
            Property.LIVENESS,
            "each member that was lost is replaced, and each learner votes",
        )

    def _is_sound(self) -> bool:
        """Tell whether all members run and vote."""
        leader = self._world.leader()
        if leader is None or not leader.is_ready:
            return False
        try:
            conf_state = leader.services.node.status().conf_state
            members = leader.services.node.members
        except RaftwerkError:
            return False
        machines = [self._world.machines.get(each.node_id) for each in members]
        return (
            not conf_state.learners
            and not conf_state.voters_outgoing
            and all(each is not None and each.is_ready for each in machines)
        )

    async def _look(self) -> None:
        """Do what is to be done now."""
        world = self._world
        for machine in list(world.machines.values()):
            if not (machine.is_up or machine.is_gone or world.is_held(machine)):
                await machine.start()
        for machine in [each for each in world.up if each.is_ready]:
            # Also without a leader: there may be none because one was not put up yet.
            try:
                members = list(machine.services.node.members)
            except RaftwerkError:
                continue
            for member in members:
                if member.node_id not in world.machines:
                    await world.put_up(member.node_id, member.peer_urls[0])
        leader = world.leader()
        if leader is None or not leader.is_ready or leader.is_paused:
            return
        try:
            members = list(leader.services.node.members)
            removed = leader.services.node.removed
            learners = leader.services.node.status().conf_state.learners
        except RaftwerkError:
            return
        for machine in list(world.machines.values()):
            if machine.node_id in removed and not machine.is_removed:
                world.tell(machine, "is switched off, for it was removed")
                machine.kill()
                machine.is_gone = machine.is_removed = True
        for member in members:
            await self._care_for(leader, member, member.node_id in learners)

    async def _care_for(
        self, leader: Machine, member: Member, is_learner: bool
    ) -> None:
        """Replace or promote a member."""
        world = self._world
        machine = world.machines.get(member.node_id)
        if machine is not None and machine.is_gone:
            request: ClusterRequest = RemoveMember(member.node_id)
            if not is_learner:
                urls = (f"http://{world.new_name()}:2380",)
                request = ReplaceMember(member.node_id, urls)
            await self._ask(leader, request)
        elif is_learner:
            await self._ask(leader, PromoteMember(member.node_id))

    async def _ask(self, machine: Machine, request: ClusterRequest) -> None:
        """Ask for a change; if it is refused, it is asked for again some time."""
        try:
            await self._caller.call(
                machine, lambda s: s.cluster.request(request), CALL_SECONDS
            )
            self._world.tell(machine, f"did {type(request).__name__} for the operator")
        except (Unreached, Lost, RaftwerkError) as error:
            self._world.murmur(machine, "refused", {"words": str(error)})
