"""A seeded world: machines, what is between them, and everything they tell.

Time is virtual, the network and the disks are twins, all else is the real thing. What a
plan says decides everything that happens, down to the order of events of one moment.
"""

import asyncio
import contextvars
from collections import deque
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from hashlib import blake2b
from types import TracebackType
from typing import Any, Final, TypeVar

from raftwerk.core.events import (
    BecameCandidate,
    BecameFollower,
    BecameLeader,
    Event,
    SnapshotRestored,
)
from raftwerk.core.records import Snapshot
from raftwerk.core.roles import Role
from raftwerk.errors import InvariantViolation, NotLeader
from raftwerk.host.draw import SplitMix64
from raftwerk.host.virtual import VirtualLoop, virtual_host
from raftwerk.runtime import Member, bootstrap_snapshot
from raftwerk.runtime.event_format import encode_record
from raftwerk.sim.agreement import Agreement
from raftwerk.sim.machine import DISK_SECONDS, Machine
from raftwerk.sim.plan import Plan
from raftwerk.sim.violation import Property, Violation
from raftwerk.sim.ways import Ways
from raftwerk.storage.memory_disk import MemoryDisk
from raftwerk.types import NodeId

__all__ = ["World", "first_snapshot"]

STORY_LINES_MAX: Final = 4_000
"""What is kept of a story: its end, which is where something went wrong."""

MachineMaker = Callable[..., Machine]

Result = TypeVar("Result")

_TOLD: Final = (BecameLeader, BecameFollower, BecameCandidate, SnapshotRestored)


def _founders_of(plan: Plan) -> list[Member]:
    """Return who begins a group."""
    return [
        Member(node_id=NodeId(number), peer_urls=(f"http://n{number}:2380",))
        for number in range(1, plan.nodes + 1)
    ]


def first_snapshot(plan: Plan) -> Snapshot:
    """Return what the first members of a group agree upon without a vote.

    Parameters
    ----------
    plan : Plan
        Says how many they are.

    Returns
    -------
    Snapshot
        What their logs begin with.
    """
    return bootstrap_snapshot(_founders_of(plan))


class _Checking:
    """Within it a violation ends the run."""

    def __init__(self, world: "World") -> None:
        self._world = world

    def __enter__(self) -> None:
        """Begin to check."""

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        """Tell the world what was found; it is raised all the same."""
        if isinstance(error, Violation):
            self._world.violated(error)


# pylint: disable-next=too-many-instance-attributes  # all that there is
class World:
    """Machines, what is between them, and what they have shown.

    Parameters
    ----------
    loop : VirtualLoop
        The running one.
    plan : Plan
        What decides.
    ledger : Agreement
        Is told what members show; begun with `first_snapshot`.
    make_machine : callable
        Makes a machine, of this world, the id of its member, what its log begins with,
        and its name.

    Attributes
    ----------
    draw : SplitMix64
        To be forked.
    now : callable
        Returns the true time, in seconds.
    ways : Ways
        What is between the machines.
    machines : dict of NodeId to Machine
        All that ever were.
    ledger : Agreement
        What they agreed upon.
    clock : Clock
        That of the network and of all who are no members: it is right.
    recording : list of bytes or None
        What members tell those who watch; None: nobody does.
    flights : MemoryDisk or None
        Where their flight recorders write, a folder for each; None: they have none.
    violation : Violation or None
        The first property that did not hold.
    lines : deque of str
        The story, as far as it is kept.
    """

    def __init__(
        self,
        loop: VirtualLoop,
        plan: Plan,
        ledger: Agreement,
        make_machine: MachineMaker,
    ) -> None:
        self.loop = loop
        self.plan = plan
        self.draw = SplitMix64(plan.seed)
        host = virtual_host(loop, self.draw.fork("world"))
        self.clock = host.clock
        self.now = host.clock.now
        self.recording: list[bytes] | None = None
        self.flights: MemoryDisk | None = None
        self.timers = host.timers
        self.ways = Ways(self)
        loop.sockets = self.ways.streams
        self.ledger = ledger
        self._make_machine = make_machine
        self.machines = {
            member.node_id: make_machine(self, member.node_id, ledger.first)
            for member in _founders_of(plan)
        }
        self.violation: Violation | None = None
        self.error: BaseException | None = None
        self.lines: deque[str] = deque(maxlen=STORY_LINES_MAX)
        self.on_start: Callable[[Machine], None] = lambda machine: None
        self.clocks_jumped = False
        self.lagging: Machine | None = None
        """Whose lines are bad, while those of all others may be good."""
        self.relapsing: Machine | None = None
        """Who dies again and again."""
        self._digest = blake2b(digest_size=8)
        self._checking = _Checking(self)
        self._number = 0
        self._names = 0
        self._held: dict[NodeId, int] = {}
        self._context = contextvars.copy_context()
        self._over: asyncio.Future[None] = loop.create_future()

    # ---- telling ------------------------------------------------------------

    def tell(self, machine: Machine | None, what: str) -> None:
        """Add a line to the story.

        Parameters
        ----------
        machine : Machine or None
            Of whom it tells; None: of the world.
        what : str
            What happened.
        """
        name = "-" if machine is None else machine.name
        line = f"{self.now():12.6f}  {name:<4} {what}"
        self.lines.append(line)
        self._digest.update(line.encode() + b"\n")

    def happened(self, machine: Machine, event: Event) -> None:
        """Take an event of a core into the story, if people care for it.

        Parameters
        ----------
        machine : Machine
            Whose.
        event : Event
            What happened.
        """
        if isinstance(event, _TOLD):
            fields = ", ".join(
                f"{name} {getattr(event, name)}"
                for name in event.__struct_fields__
                if name != "node"
            )
            self.tell(machine, f"{type(event).__name__} ({fields})")

    def record_process(self, machine: Machine, state: str) -> None:
        """Put into a recording what became of a process.

        Parameters
        ----------
        machine : Machine
            Where.
        state : str
            As `docs/reference/events.md` names it.
        """
        if self.recording is not None:
            record = {
                "type": "process",
                "t": self.clock.wall(),
                "name": machine.name,
                "state": state,
                "pid": machine.lives,
            }
            self.recording.append(encode_record(record))

    def murmur(
        self, machine: Machine, event: str, fields: Mapping[str, object]
    ) -> None:
        """Take what a transport tells into the digest, and not into the story.

        Parameters
        ----------
        machine : Machine
            Whose.
        event : str
            What happened.
        fields : mapping
            More of it.
        """
        line = f"{self.now()!r} {machine.name} {event} {dict(fields)!r}\n"
        self._digest.update(line.encode())

    @property
    def digest(self) -> str:
        """A number of all that was told: equal runs have equal ones."""
        return self._digest.hexdigest()

    # ---- violations ---------------------------------------------------------

    def violated(self, violation: Violation) -> None:
        """Know that a property does not hold: the run is over.

        Parameters
        ----------
        violation : Violation
            The first one counts.
        """
        if self.violation is None:
            self.violation = violation
            self.tell(None, f"VIOLATION {violation}")
            self.end()

    def broke(self, error: BaseException) -> None:
        """Know that code raised what it never should: the run is over.

        Parameters
        ----------
        error : BaseException
            The first one counts.
        """
        if self.error is None:
            self.error = error
            self.tell(None, f"ERROR {type(error).__name__}: {error}")
            self.end()

    def checking(self) -> "_Checking":
        """End the run if what is done within finds a violation.

        Returns
        -------
        _Checking
            To be entered; always the same, for much is checked.
        """
        return self._checking

    def outside(self, callback: Callable[[], None]) -> None:
        """Do something at once, and not as a part of the process that runs now.

        Parameters
        ----------
        callback : callable
            What is done; it may end the process.
        """
        self.loop.call_soon(callback, context=self._context.copy())

    def next_number(self) -> int:
        """Return a number that nothing else in this world has.

        Returns
        -------
        int
            From 1.
        """
        self._number += 1
        return self._number

    def end(self) -> None:
        """Have `guard` return."""
        if not self._over.done():
            self._over.set_result(None)

    async def guard(self, story: Coroutine[Any, Any, None]) -> None:
        """Run a story until it ends, or a property does not hold.

        Parameters
        ----------
        story : Coroutine
            What is to happen.
        """
        telling = asyncio.ensure_future(story)
        await asyncio.wait((telling, self._over), return_when=asyncio.FIRST_COMPLETED)
        if not telling.done():
            telling.cancel()
            await asyncio.wait((telling,))
            return
        try:
            telling.result()
        except Violation as violation:
            self.violated(violation)
        except InvariantViolation as error:
            self.violated(Violation(Property.INVARIANT, str(error)))

    # ---- machines -----------------------------------------------------------

    async def put_up(self, node_id: NodeId, url: str) -> None:
        """Put up a machine whose member joins the group, and start it.

        Parameters
        ----------
        node_id : NodeId
            What the group calls it; nothing happens if it has a machine.
        url : str
            Where the group reaches it.
        """
        if node_id in self.machines:
            return
        name = url.removeprefix("http://").partition(":")[0]
        machine = self._make_machine(self, node_id, Snapshot(), name)
        self.machines[node_id] = machine
        self.tell(machine, f"is put up for the new member {node_id:x}")
        await machine.start()

    async def bring_back(self, machine: Machine, seconds: float) -> None:
        """Start a machine's process after a while.

        Parameters
        ----------
        machine : Machine
            Nothing happens if it is up by then.
        seconds : float
            The while.
        """
        self._held[machine.node_id] = self._held.get(machine.node_id, 0) + 1
        await self.sleep(seconds)
        self._held[machine.node_id] -= 1
        if not self._held[machine.node_id]:
            await machine.start()

    def is_removed(self, node_id: NodeId) -> bool:
        """Tell whether any member that runs knows that one was removed.

        Parameters
        ----------
        node_id : NodeId
            Of whom.

        Returns
        -------
        bool
            False: it may be a member.
        """
        for machine in self.up:
            with suppress(NotLeader, AttributeError):  # it starts, or has failed
                if node_id in machine.services.node.removed:
                    return True
        return False

    def is_held(self, machine: Machine) -> bool:
        """Tell whether a fault keeps a machine down.

        Parameters
        ----------
        machine : Machine
            Which.

        Returns
        -------
        bool
            Whether it is to stay down.
        """
        return self._held.get(machine.node_id, 0) > 0

    async def done_within(self, task: "asyncio.Task[Any]", seconds: float) -> bool:
        """Return when a task is done, or a time is over.

        Parameters
        ----------
        task : asyncio.Task
            It may never be done if its process is killed.
        seconds : float
            The time.

        Returns
        -------
        bool
            Whether it is done.
        """
        over: asyncio.Future[None] = self.loop.create_future()

        def _finish(_task: object = None) -> None:
            """End the wait, once."""
            if not over.done():
                over.set_result(None)

        task.add_done_callback(_finish)
        timer = self.timers.call_later(seconds, _finish)
        await over
        timer.cancel()
        if task.done() and not task.cancelled():
            task.exception()  # whoever cares has heard of it
        return task.done()

    def may_rot(self, machine: Machine) -> bool:
        """Tell whether a quorum would be sound still if this disk were damaged.

        Parameters
        ----------
        machine : Machine
            Whose.

        Returns
        -------
        bool
            Never with two damaged machines at a time.
        """
        if self.is_weakened(but=machine):
            return False
        leader = self.leader()
        if leader is None or not leader.is_ready:
            return False
        try:
            conf_state = leader.services.node.status().conf_state
        except NotLeader:
            return False  # it has failed in this moment
        # Who takes the place of a damaged one has no vote at first.
        sound = {
            each.node_id
            for each in self.machines.values()
            if each is not machine and not each.is_gone
        }
        return all(
            2 * len(sound & set(half)) > len(half)
            for half in (conf_state.voters, conf_state.voters_outgoing)
            if half
        )

    def is_weakened(self, but: Machine | None = None) -> bool:
        """Tell whether some member's disk lies: the others are all that the group has.

        Parameters
        ----------
        but : Machine, optional
            Not to be counted.

        Returns
        -------
        bool
            Whether one of the others is damaged, and a member still.
        """
        return any(
            each.has_rotted and not each.is_removed
            for each in self.machines.values()
            if each is not but
        )

    def new_name(self) -> str:
        """Return a name that no machine has.

        Returns
        -------
        str
            Short.
        """
        self._names += 1
        return f"m{self._names}"

    def calm_down(self) -> None:
        """End all faults but those of machines that are down."""
        self._held.clear()
        self.lagging = self.relapsing = None
        self.ways.calm_down()
        for machine in self.machines.values():
            machine.go_on()
            if machine.is_up:
                machine.process.resume()  # nor is it struck after some turns
            machine.amid = machine.amid_members = None
            machine.disk.calm_down()
            machine.disk_seconds = DISK_SECONDS

    @property
    def up(self) -> list[Machine]:
        """All machines whose members run, stalled ones among them."""
        return [machine for machine in self.machines.values() if machine.is_up]

    def leader(self) -> Machine | None:
        """Return who leads in the newest term, if anybody believes to.

        Returns
        -------
        Machine or None
            One that is up.
        """
        newest, found = -1, None
        for machine in self.up:
            try:
                state = machine.services.node.replica.state
            except (AttributeError, NotLeader):
                continue  # it is starting, or has failed
            if state.role is Role.LEADER and state.term > newest:
                newest, found = state.term, machine
        return found

    async def sleep(self, seconds: float) -> None:
        """Let time pass.

        Parameters
        ----------
        seconds : float
            How much.
        """
        await self.timers.sleep(seconds)

    async def until(
        self, condition: Callable[[], bool], seconds: float, kind: Property, what: str
    ) -> None:
        """Wait for something, for a bounded time.

        Parameters
        ----------
        condition : callable
            What is waited for.
        seconds : float
            How long at most.
        kind : Property
            What is violated if it does not come.
        what : str
            The same in words.

        Raises
        ------
        Violation
            If it does not come.
        """
        end = self.now() + seconds
        while not condition():
            if self.now() >= end:
                raise Violation(kind, f"not within {seconds:g} s: {what}")
            await self.timers.sleep(0.01)
