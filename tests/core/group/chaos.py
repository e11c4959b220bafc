"""What clients, operators and bad luck do to a group, until its time is up."""

from collections.abc import Callable, Mapping
from typing import Final

from raftwerk.core.inputs import (
    Campaign,
    ForgetLeader,
    Propose,
    ReportUnreachable,
    TransferLeadership,
)
from raftwerk.core.membership import reconfigure
from raftwerk.core.messages import Proposal
from raftwerk.core.records import (
    Change,
    ChangeKind,
    ConfChange,
    ConfState,
    EntryKind,
    Transition,
)
from raftwerk.errors import InvalidChange, InvariantViolation
from raftwerk.types import NodeId

from .member import Member
from .properties import Property, Violation
from .shape import TICK
from .world import World

__all__ = ["cause_chaos"]

_BACKLOG_MAX = 50
"""How many entries may wait for a commit before clients wait too."""


def cause_chaos(world: World) -> None:
    """Act on a group for as long as its shape says."""
    end = world.now + world.shape.ticks * TICK
    acts = [
        (act, weight)
        for act, (fault, weight) in _ACTS.items()
        if fault is None or fault in world.shape.faults
    ]
    total = sum(weight for _, weight in acts)
    while world.now < end:
        world.run(1 + world.draw.below(world.shape.pause))
        chosen = world.draw.below(total)
        for act, weight in acts:
            chosen -= weight
            if chosen < 0:
                act(world)
                break


def _tell(world: World, text: str) -> None:
    """Tell what is done, if anybody listens."""
    if world.story is not None:
        world.story.line(text)


def _someone(world: World) -> Member | None:
    """Return a member that lives; often one that leads, or believes that it does."""
    if world.draw.below(3) == 0:
        leaders = world.leaders()
        if leaders:
            # There most can go wrong, and even more where another leads already.
            return world.pick(leaders)
    living = [member for member in world.members.values() if member.is_up]
    return world.pick(living) if living else None


def _propose(world: World) -> None:
    """Propose some commands, small and large."""
    member = _someone(world)
    if member is None or member.replica.state.log.last_index > (
        world.ledger.commit_index + _BACKLOG_MAX
    ):
        return
    proposals = tuple(
        Proposal(b"%d" % world.name() + b"." * (world.draw.below(4) * 15))
        for _ in range(1 + world.draw.below(3))
    )
    member.step(Propose(proposals))


def _read(world: World) -> None:
    """Begin a read."""
    member = _someone(world)
    if member is not None:
        world.read(member)


def _change(world: World) -> None:
    """Propose a membership change that fits what the proposer knows."""
    member = _someone(world)
    if member is None:
        return
    change = _draw_change(world, member.replica.state.tracker.conf_state)
    try:
        reconfigure(member.replica.state.tracker.conf_state, change)
    except InvalidChange:
        return
    except InvariantViolation as error:
        raise Violation(Property.INVARIANT, str(error)) from error
    is_simple = len(change.changes) == 1 and change.transition is Transition.AUTO
    kind = EntryKind.CONF_CHANGE
    if is_simple and world.draw.below(2):
        kind = EntryKind.SIMPLE_CHANGE
    _tell(world, f"{member.id} is asked for {change}")
    member.step(Propose((Proposal(change.encode(), kind),)))


def _draw_change(world: World, conf_state: ConfState) -> ConfChange:
    """Return some change of a configuration."""
    if conf_state.voters_outgoing:
        return ConfChange()
    ids = tuple(world.members)
    count = world.pick((1, 1, 2, 3))
    changed = {world.pick(ids): world.pick(_KINDS) for _ in range(count)}
    return ConfChange(
        tuple(Change(kind, node_id) for node_id, kind in changed.items()),
        world.pick(tuple(Transition)),
    )


def _compact(world: World) -> None:
    """Have a member take a snapshot."""
    member = _someone(world)
    if member is not None:
        member.compact(world.pick((0, 0, 2, 5)))


def _transfer(world: World) -> None:
    """Ask for another leader."""
    member = _someone(world)
    if member is not None:
        target = world.pick(tuple(world.members))
        _tell(world, f"{member.id} is asked to let {target} lead")
        member.step(TransferLeadership(target))


def _campaign(world: World) -> None:
    """Have a member stand."""
    member = _someone(world)
    if member is not None:
        member.step(Campaign())


def _forget(world: World) -> None:
    """Have a member forget its leader."""
    member = _someone(world)
    if member is not None:
        member.step(ForgetLeader())


def _report_unreachable(world: World) -> None:
    """Report a peer as unreachable, rightly or wrongly."""
    member = _someone(world)
    if member is not None:
        member.step(ReportUnreachable(world.pick(tuple(world.members))))


def _crash(world: World) -> None:
    """Crash a member, or two at once, and restart each after a while."""
    for _ in range(world.pick((1, 1, 2))):
        member = _someone(world)
        if member is None:
            return
        kept = world.draw.below(member.store.unsynced + 1)
        _tell(world, f"{member.id} crashes, {kept} writes survive by luck")
        member.crash(kept)
        world.at(world.draw.below(8 * TICK), _restart, world, member)


def _restart(world: World, member: Member) -> None:
    """Start a member again."""
    if not member.is_up:
        member.start()
        _tell(world, f"{member.id} restarts")


def _stall(world: World) -> None:
    """Have a disk do nothing for a while."""
    member = _someone(world)
    if member is not None:
        member.stalled_until = world.now + world.draw.below(10 * TICK)


def _partition(world: World) -> None:
    """Cut some links for a while: between two groups, around one, or one direction."""
    ids = tuple(world.members)
    kind = world.draw.below(3)
    if kind == 0:
        side = {node_id for node_id in ids if world.draw.below(2)}
    else:
        someone = _someone(world)
        side = {someone.id if someone is not None else ids[0]}
    links = {(a, b) for a in ids for b in ids if (a in side) and (b not in side)}
    if kind != 2:
        links |= {(b, a) for a, b in links}
    elif world.draw.below(2):
        links = {(b, a) for a, b in links}
    _tell(world, f"nothing gets through from and to {sorted(links)}")
    world.network.cut |= links
    world.at(world.draw.below(25 * TICK), _heal, world, links)


def _heal(world: World, links: set[tuple[NodeId, NodeId]]) -> None:
    """Let these links work again."""
    world.network.cut -= links


_KINDS: Final = (
    ChangeKind.ADD_VOTER,
    ChangeKind.ADD_VOTER,
    ChangeKind.ADD_LEARNER,
    ChangeKind.REMOVE,
    ChangeKind.UPDATE,
)

_ACTS: Final[Mapping[Callable[[World], None], tuple[str | None, int]]] = {
    _propose: (None, 40),
    _read: ("reads", 15),
    _change: ("changes", 10),
    _compact: ("compaction", 10),
    _crash: ("crashes", 5),
    _partition: ("partitions", 4),
    _transfer: ("transfers", 4),
    _campaign: ("campaigns", 3),
    _stall: ("slow_disk", 3),
    _forget: ("forgetting", 2),
    _report_unreachable: ("unreachable", 4),
}
"""Each act, the fault that it belongs to, and how often it comes."""
