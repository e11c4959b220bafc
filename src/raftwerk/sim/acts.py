"""What can go wrong in a simulated world, and what operators do to it.

Each act takes the world, the fault that the plan has, and a draw of the fault's own.
Whom it strikes is decided when it is time: often the leader, for there most can go
wrong. What it broke it mends after the fault's time; at the end all is mended anyhow.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from msgspec.structs import replace

from raftwerk.errors import RaftwerkError, RequestError
from raftwerk.host.draw import SplitMix64
from raftwerk.kv import Compact
from raftwerk.service.cluster_calls import (
    AddMember,
    ClusterRequest,
    ClusterView,
    RemoveMember,
    ReplaceMember,
    TransferLeadership,
)
from raftwerk.sim.calls import Caller, Lost, Unreached
from raftwerk.sim.disk import Trap
from raftwerk.sim.kv_machine import kv_services
from raftwerk.sim.machine import DISK_SECONDS, Machine, Strike
from raftwerk.sim.plan import Fault
from raftwerk.sim.strangers import knock
from raftwerk.sim.ways import CALM
from raftwerk.sim.world import World
from raftwerk.transport.conditions import Conditions

__all__ = ["ACTS", "Act"]

Act = Callable[[World, Fault, SplitMix64], Awaitable[None]]
"""Does one thing, and mends it."""

MEMBERS_SPARE: Final = 2
"""How many members there may be more or less than in the beginning."""

FLAPS: Final = 6

LOOP_SECONDS: Final = 1.0
"""A machine that dies again and again does so for this long at least."""

TURNS_MAX: Final = 60
"""Of so many turns at most a process is struck after one: a write takes about ten."""

AWAY_MILLIS: Final = 5_000
"""For so long at most a member is away that is to be sent a snapshot."""

AMID_SECONDS: Final = 1.5
"""How long to wait for what a disk seldom does."""

DEPOSED_MILLIS: Final = 2_000
"""A leader is away for so long at least, and less than twice as long."""


def _someone(world: World, draw: SplitMix64) -> Machine | None:
    """Return a machine whose member answers; often the leader's."""
    leader = world.leader()
    if leader is not None and leader.is_ready and draw.below(5) < 2:
        return leader
    ready = [machine for machine in world.up if machine.is_ready]
    return ready[draw.below(len(ready))] if ready else None


# ---- machines -------------------------------------------------------------------


async def _crash(world: World, fault: Fault, draw: SplitMix64) -> None:
    """Cut a machine's power; a part of what was not synced survives."""
    machine = _someone(world, draw)
    if machine is not None:
        machine.lose_power(draw if draw.below(3) else None)
        await world.bring_back(machine, fault.seconds)


async def _kill(world: World, fault: Fault, draw: SplitMix64) -> None:
    """Kill a process; its disk loses nothing."""
    machine = _someone(world, draw)
    if machine is not None:
        machine.kill()
        await world.bring_back(machine, fault.seconds)


async def _cut(world: World, fault: Fault, draw: SplitMix64) -> None:
    """Cut a machine's power in the middle of an operation of its disk."""
    machine = _someone(world, draw)
    if machine is not None:
        machine.disk.cut_power_after(draw.below(12))
        await world.sleep(fault.seconds / 2)
        # Where the disk had nothing to do, it is cut now.
        machine.lose_power(draw)
        await world.bring_back(machine, fault.seconds / 2)


async def _crashloop(world: World, fault: Fault, draw: SplitMix64) -> None:
    """Have a machine lose its power again and again, soon after it has come up.

    Where the other disks are slow, what it proposed in one of its short lives comes to
    effect in the next one. What it recovers may be cut off while it does so.
    """
    machine = _someone(world, draw)
    if machine is None:
        return
    world.relapsing = machine
    others = [each for each in world.machines.values() if each is not machine]
    if draw.below(3):
        for other in others:
            other.disk_seconds = (20 + draw.below(200)) / 1000
    end = world.now() + max(fault.seconds, LOOP_SECONDS)
    while world.now() < end and not machine.is_gone:
        machine.lose_power(draw)
        await world.bring_back(machine, draw.below(40) / 1000)
        if draw.below(3) == 0:
            machine.disk.cut_power_after(draw.below(40))
        await world.sleep((20 + draw.below(400)) / 1000)
    for other in others:
        other.disk_seconds = DISK_SECONDS
    world.relapsing = None


async def _between(world: World, fault: Fault, draw: SplitMix64) -> None:
    """End a process between two of its turns, also amid what happens at one moment."""
    machine = _someone(world, draw)
    if machine is None or machine.is_paused:
        return
    life, is_cut = machine.lives, draw.below(2) > 0

    def _strike() -> None:
        """Do it, if this is the same process."""
        if machine.is_up and machine.lives == life:
            world.tell(machine, "is struck between two turns")
            if is_cut:
                machine.lose_power(draw)
            else:
                machine.kill()

    machine.process.strike_after(1 + draw.below(TURNS_MAX), _strike)
    await world.sleep(fault.seconds / 2)
    await world.bring_back(machine, fault.seconds / 2)


async def _amid_members(
    world: World, machine: Machine, fault: Fault, draw: SplitMix64
) -> None:
    """Have members change, and end one's process as it learns of that."""

    def _strike() -> None:
        """Do it, if it is up still."""
        if machine.is_up:
            world.tell(machine, "is struck amid a change of members")
            machine.lose_power(draw)

    machine.amid_members = Strike(draw.below(3), _strike)
    await _member(world, fault, draw)
    await world.sleep(AMID_SECONDS)
    machine.amid_members = None
    await world.bring_back(machine, fault.seconds)


async def _during(world: World, fault: Fault, draw: SplitMix64) -> None:
    """Strike amid what is rare: snapshots, recoveries, changes of members.

    Nearly all operations are those of the log's newest segment; chance alone seldom
    comes upon another.
    """
    machine = _someone(world, draw)
    if machine is None:
        return
    kind = draw.below(6)
    trap = Trap("names" if kind == 1 else "snapshots", draw.below(8), draw.below(3) < 1)
    if kind == 5:
        await _amid_members(world, machine, fault, draw)
        return
    if kind > 1:  # it comes back
        machine.lose_power(draw)
        if kind == 2:
            machine.disk.cut_power_after(draw.below(12))
        else:  # to be sent a snapshot: the others have compacted meanwhile
            machine.disk.trap = trap
        away = draw.below(AWAY_MILLIS) / 1000 if kind > 2 else fault.seconds
        await world.bring_back(machine, away)
    elif machine.is_ready:
        machine.may_fail = trap.fails
        machine.disk.trap = trap
        machine.run(_take_snapshot(machine))
    await world.sleep(max(fault.seconds, AMID_SECONDS))
    machine.disk.trap = None
    await world.bring_back(machine, fault.seconds)


async def _blackout(world: World, fault: Fault, draw: SplitMix64) -> None:
    """Cut the power of all machines at once, perhaps while their disks are slow."""
    if draw.below(2):
        seconds = (1 + draw.below(300)) / 1000
        for machine in world.machines.values():
            machine.disk_seconds = seconds
        await world.sleep(0.1 + seconds)
        for machine in world.machines.values():
            machine.disk_seconds = DISK_SECONDS
    machines = list(world.up)
    for machine in machines:
        machine.lose_power(draw if draw.below(2) else None)
    for machine in machines:
        await world.bring_back(machine, fault.seconds * draw.below(1000) / 4000)


async def _stop(world: World, fault: Fault, draw: SplitMix64) -> None:
    """Stop a member in order, and start it again."""
    machine = _someone(world, draw)
    if machine is not None:
        await machine.stop()
        await world.bring_back(machine, fault.seconds)


async def _stall(world: World, fault: Fault, draw: SplitMix64) -> None:
    """Have a process do nothing for a while, and then believe that no time passed."""
    machine = _someone(world, draw)
    if machine is not None:
        life = machine.lives
        machine.pause()
        await world.sleep(fault.seconds)
        if machine.lives == life:
            machine.go_on()


async def _clock(world: World, fault: Fault, draw: SplitMix64) -> None:
    """Have a clock run fast or slow for a while, or jump ahead."""
    machine = _someone(world, draw)
    if machine is None:
        return
    if draw.below(4) == 0:
        seconds = draw.below(10_000) / 1000
        machine.clock.change(jump_seconds=seconds)
        world.clocks_jumped = True
        world.tell(machine, f"its clock jumps by {seconds:g} s")
        return
    drift = (draw.below(1500) - 500) / 1000
    machine.set_drift(drift)
    await world.sleep(fault.seconds)
    machine.set_drift(0.0)


async def _depose(world: World, _fault: Fault, draw: SplitMix64) -> None:
    """Stall a leader, or cut it off, for so long that the others elect another one.

    It believes for a while that it leads, and its clients still reach it.
    """
    machine = world.leader()
    if machine is None or not machine.is_ready:
        return
    seconds = (DEPOSED_MILLIS + draw.below(DEPOSED_MILLIS)) / 1000
    if draw.below(2):
        life = machine.lives
        machine.pause()
        await world.sleep(seconds)
        if machine.lives == life:
            machine.go_on()
        return
    others = [each for each in world.machines.values() if each is not machine]
    world.tell(machine, f"is cut off for {seconds:g} s")
    for other in others:
        world.ways.cut(machine.node_id, other.node_id)
        world.ways.cut(other.node_id, machine.node_id)
    await world.sleep(seconds)
    for other in others:
        world.ways.heal(machine.node_id, other.node_id)
        world.ways.heal(other.node_id, machine.node_id)
    world.tell(machine, "is not cut off any more")


async def _amid(world: World, fault: Fault, draw: SplitMix64) -> None:
    """Strike when a state machine is amid a change: power, process, or a snapshot."""
    machine = _someone(world, draw)
    if machine is None:
        return
    struck: asyncio.Future[None] = world.loop.create_future()
    kind = draw.below(4)

    def _strike() -> None:
        """Do it, between two steps."""
        if not machine.is_up:
            return
        if kind == 0:
            machine.kill()
        elif kind == 1:
            machine.pause()
        elif kind == 2 and machine.is_ready:
            machine.run(_take_snapshot(machine))
        else:
            machine.lose_power(draw)
        if not struck.done():
            struck.set_result(None)

    machine.amid = Strike(draw.below(4), _strike)
    await struck
    await world.bring_back(machine, fault.seconds)
    machine.go_on()


# ---- the network ----------------------------------------------------------------


async def _partition(world: World, fault: Fault, draw: SplitMix64) -> None:
    """Cut members off from others for a while: both ways or one, once or often."""
    links = _drawn_links(world, draw)
    times = FLAPS if draw.below(4) == 0 else 1
    named = ", ".join(f"{a.name}->{b.name}" for a, b in links)
    world.tell(None, f"cut for {fault.seconds:g} s, {times} times: {named}")
    for _ in range(times):
        for one, other in links:
            world.ways.cut(one.node_id, other.node_id)
        await world.sleep(fault.seconds / (2 * times - 1))
        for one, other in links:
            world.ways.heal(one.node_id, other.node_id)
        if times > 1:
            await world.sleep(fault.seconds / (2 * times - 1))
    world.tell(None, f"healed: {named}")


def _drawn_links(world: World, draw: SplitMix64) -> list[tuple[Machine, Machine]]:
    """Return ways between members to be cut."""
    machines = [each for each in world.machines.values() if not each.is_gone]
    someone = _someone(world, draw) or machines[0]
    kind = draw.below(4)
    if kind == 0:
        side = {each.node_id for each in machines if draw.below(2)}
    else:
        side = {someone.node_id}
    links = [
        (one, other)
        for one in machines
        for other in machines
        if one.node_id in side and other.node_id not in side
    ]
    if kind < 2:
        links += [(other, one) for one, other in links]
    elif kind == 2:
        links = [(other, one) for one, other in links]
    return links


async def _weather(world: World, fault: Fault, draw: SplitMix64) -> None:
    """Have messages be late, lost, doubled, overtaken for a while: all, or some."""
    conditions = Conditions(
        latency_min_seconds=0.000_3,
        latency_max_seconds=(0.005, 0.03, 0.12)[draw.below(3)],
        drop_rate=(0.0, 0.01, 0.1, 0.3)[draw.below(4)],
        duplicate_rate=(0.0, 0.02, 0.2)[draw.below(3)],
        reorder_rate=(0.0, 0.05, 0.3)[draw.below(3)],
        late_seconds=(0.05, 0.5)[draw.below(2)],
        damage_rate=(0.0, 0.0, 0.01, 0.1)[draw.below(4)],
    )
    if draw.below(2):
        # On the lines of one machine: it lags behind, and its clients don't.
        machine = _someone(world, draw)
        if machine is not None:
            doubled = replace(conditions, duplicate_rate=0.3, late_seconds=0.5)
            world.ways.set_conditions_of(machine, doubled)
            world.lagging = machine
            await world.sleep(fault.seconds)
            world.ways.set_conditions_of(machine, CALM)
            world.lagging = None
        return
    world.ways.set_conditions(conditions)
    await world.sleep(fault.seconds)
    if world.ways.conditions is conditions:
        world.ways.set_conditions(CALM)


async def _stranger(world: World, fault: Fault, draw: SplitMix64) -> None:
    """Have somebody knock who is no member, and send what no member sends."""
    machine = _someone(world, draw)
    if machine is not None and world.plan.wires == "streams":
        world.tell(machine, "a stranger knocks")
        await knock(world, machine, draw, fault.seconds)


# ---- disks ----------------------------------------------------------------------


async def _slow(world: World, fault: Fault, draw: SplitMix64) -> None:
    """Have a disk take long for a while."""
    machine = _someone(world, draw)
    if machine is not None:
        machine.disk_seconds = (0.01, 0.1, 0.5)[draw.below(3)]
        world.tell(machine, f"its disk takes {machine.disk_seconds:g} s for a sync")
        await world.sleep(fault.seconds)
        machine.disk_seconds = DISK_SECONDS


async def _full(world: World, fault: Fault, draw: SplitMix64) -> None:
    """Have a disk be nearly full for a while."""
    machine = _someone(world, draw)
    if machine is not None:
        machine.disk.capacity_bytes = machine.disk.used_bytes + draw.below(20_000)
        world.tell(machine, "its disk is full")
        await world.sleep(fault.seconds)
        machine.disk.capacity_bytes = None
        world.tell(machine, "its disk has room")


async def _fail(world: World, fault: Fault, draw: SplitMix64) -> None:
    """Have an operation of a disk fail."""
    machine = _someone(world, draw)
    if machine is not None:
        kind = ("sync", "sync", "write", "sync_directory")[draw.below(4)]
        machine.may_fail = True
        machine.disk.fail_next(kind, after=draw.below(8))
        world.tell(machine, f"its disk is about to fail: {kind}")
        life = machine.lives
        await world.sleep(fault.seconds)
        if machine.lives == life and draw.below(2):
            machine.lose_power(None)
            await world.bring_back(machine, fault.seconds)


async def _rot(world: World, fault: Fault, draw: SplitMix64) -> None:
    """Damage what a disk has kept for some time; of one machine at a time."""
    machine = _someone(world, draw)
    if machine is None or not world.may_rot(machine):
        return
    kind = ("flipped", "lost", "misdirected")[draw.below(3)]
    damage = machine.disk.rot(draw, kind)
    if damage:
        machine.has_rotted = machine.may_fail = True
        world.tell(machine, damage)
        if draw.below(3):  # It shows at a restart, or when a snapshot is asked for.
            machine.lose_power(draw)
            await world.bring_back(machine, fault.seconds)


# ---- operators ------------------------------------------------------------------


async def _snapshot(world: World, _fault: Fault, draw: SplitMix64) -> None:
    """Have a member take a snapshot now."""
    machine = _someone(world, draw)
    if machine is not None:
        await _as_operator(world, machine, draw, "take a snapshot", _take_snapshot)


async def _take_snapshot(machine: Machine) -> object:
    """Take a snapshot."""
    return machine.services.node.take_snapshot()


async def _compact(world: World, _fault: Fault, draw: SplitMix64) -> None:
    """Have old revisions forgotten."""
    machine = _someone(world, draw)
    if machine is not None:
        revision = max(1, kv_services(machine.services).store.revision - draw.below(30))
        await _as_operator(
            world,
            machine,
            draw,
            f"compact to {revision}",
            lambda m: kv_services(m.services).kv.compact(Compact(revision)),
        )


async def _transfer(world: World, _fault: Fault, draw: SplitMix64) -> None:
    """Hand leadership over."""
    machine = _someone(world, draw)
    target = _someone(world, draw)
    if machine is not None and target is not None:
        request = TransferLeadership(target.node_id)
        await _change(world, machine, draw, f"let {target.name} lead", request)


async def _member(world: World, _fault: Fault, draw: SplitMix64) -> None:
    """Add, remove or replace a member."""
    machine = _someone(world, draw)
    if machine is None:
        return
    try:
        known = machine.services.node.members
    except RaftwerkError:
        return
    victim = known[draw.below(len(known))]
    kind = draw.below(3)
    damaged = world.machines.get(victim.node_id)
    if kind and world.is_weakened(but=damaged):
        return  # whom the group still has, it needs
    urls = (f"http://{world.new_name()}:2380",)
    if kind == 0 and len(known) < world.plan.nodes + MEMBERS_SPARE:
        request: ClusterRequest = AddMember(urls, is_learner=draw.below(4) > 0)
        words = f"add {urls[0]}"
    elif kind == 1 and len(known) > max(1, world.plan.nodes - MEMBERS_SPARE):
        request, words = RemoveMember(victim.node_id), f"remove {victim.name}"
    else:
        request = ReplaceMember(victim.node_id, urls)
        words = f"replace {victim.name} by {urls[0]}"
    await _change(world, machine, draw, words, request)


async def _change(
    world: World,
    machine: Machine,
    draw: SplitMix64,
    words: str,
    request: ClusterRequest,
) -> None:
    """Ask for a change of the group."""
    view = await _as_operator(
        world, machine, draw, words, lambda m: m.services.cluster.request(request)
    )
    if isinstance(view, ClusterView) and isinstance(request, AddMember | ReplaceMember):
        await world.put_up(view.subject, request.peer_urls[0])


async def _as_operator(
    world: World,
    machine: Machine,
    draw: SplitMix64,
    words: str,
    request: Callable[[Machine], Awaitable[object]],
) -> object:
    """Ask a member for something, tell how that ended, and return what it was told."""

    async def ask(_services: object) -> object:
        return await request(machine)

    world.tell(machine, f"is asked to {words}")
    told: object = None
    try:
        told = await Caller(world, draw).call(machine, ask, 10.0)
        outcome = "done"
    except (Unreached, Lost) as error:
        outcome = f"{type(error).__name__.lower()} ({error})"
    except RequestError as error:
        outcome = f"refused ({error})"
    world.tell(machine, f"{words}: {outcome}")
    return told


ACTS: Final[Mapping[str, Act]] = {
    "amid": _amid,
    "between": _between,
    "blackout": _blackout,
    "clock": _clock,
    "compact": _compact,
    "crash": _crash,
    "crashloop": _crashloop,
    "cut": _cut,
    "depose": _depose,
    "during": _during,
    "fail": _fail,
    "full": _full,
    "kill": _kill,
    "member": _member,
    "partition": _partition,
    "rot": _rot,
    "slow": _slow,
    "snapshot": _snapshot,
    "stall": _stall,
    "stop": _stop,
    "stranger": _stranger,
    "transfer": _transfer,
    "weather": _weather,
}
"""By name, as plans have them."""
