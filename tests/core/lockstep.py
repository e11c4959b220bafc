"""A group that serves reads by lease: clocks run alike, all else goes wrong.

A lease is as good as the clocks (thesis §6.4.1), so these groups have right ones, and
random turns of delay, loss, crashes, elections and orders to stand.
"""

from typing import Any, Final, NamedTuple

from raftwerk.core.inputs import ReadIndex, Tick, TransferLeadership
from raftwerk.core.messages import PeerMessage
from raftwerk.core.roles import Role
from raftwerk.host.draw import SplitMix64
from raftwerk.types import NodeId

from .cluster import Cluster
from .group.properties import Property, Violation

__all__ = ["ACTS", "CALM", "LEASE", "Lockstep", "Turn", "check_leases"]

LEASE: Final[dict[str, Any]] = {"check_quorum": True, "lease_read": True}

ACTS = (
    "nothing",
    "write",
    *(f"restart {number}" for number in (1, 2, 3)),
    *(f"transfer {number}" for number in (1, 2, 3)),
)
"""What may happen in a turn."""


class Turn(NamedTuple):
    """What happens to a group in some ticks."""

    ticks: int
    timeouts: tuple[int, int, int]
    """What each member's election timeout is changed to; 0: it stays."""
    cut: int
    """Whom nothing reaches and who reaches nobody; 0: nobody is cut off."""
    is_lost: bool
    """Whether what it sends and is sent is lost, or comes when the cut is mended."""
    act: str
    """What else happens: a read happens in each turn."""
    rounds: int
    """How far messages get in one tick."""


CALM = Turn(1, (0, 0, 0), 0, False, "write", 3)


class Lockstep:
    """A group whose clocks run alike, and whose messages take any time or get lost."""

    def __init__(self, pre_vote: bool, heartbeat_ticks: int) -> None:
        self.cluster = Cluster(
            [1, 2, 3],
            pre_vote=pre_vote,
            heartbeat_ticks=heartbeat_ticks,
            election_ticks_min=4,
            election_ticks_max=7,
            **LEASE,
        )
        self.cluster.elect(1)
        self.served = 0
        self._held: list[PeerMessage] = []
        self._context = 0

    def play(self, turn: Turn) -> None:
        """Let ticks pass for everyone, messages move on, and clients read."""
        for _ in range(turn.ticks):
            self._tick(turn)

    def _tick(self, turn: Turn) -> None:
        """Let one tick pass."""
        for member, timeout in zip(self.cluster, turn.timeouts, strict=True):
            if timeout and member.role is not Role.LEADER:
                member.replica.set_election_timeout(timeout)
            self.cluster.send(member.step(Tick()))
        if turn.act == "write":
            for member in self.cluster:
                if member.role is Role.LEADER and member.status.transferee is None:
                    self.cluster.send(member.propose(b"x"))
        elif turn.act.startswith("transfer"):
            for member in self.cluster:
                if member.role is Role.LEADER:
                    order = TransferLeadership(NodeId(int(turn.act[-1])))
                    self.cluster.send(member.step(order))
        elif turn.act != "nothing":
            self.cluster[int(turn.act[-1])].restart()
        for _ in range(turn.rounds):
            self._deliver(turn)
            self._read()

    def _deliver(self, turn: Turn) -> None:
        """Deliver what is on its way, but for whoever is cut off."""

        def is_cut(message: PeerMessage) -> bool:
            return turn.cut in (message.sender, message.receiver)

        old, new = self._held, self.cluster.bag
        self.cluster.bag = [one for one in (*old, *new) if not is_cut(one)]
        # What was on its way before arrives when the cut is mended, in any case.
        self._held = [one for one in old if is_cut(one)]
        if not turn.is_lost:
            self._held += [one for one in new if is_cut(one)]
        self.cluster.deliver(rounds=1)

    def _read(self) -> None:
        """Read at whoever thinks that it leads, and check that nothing is missed."""
        newest = max(member.status.commit_index for member in self.cluster)
        for member in self.cluster:
            if member.role is not Role.LEADER:
                continue
            self._context += 1
            member.replica.step(ReadIndex(self._context))
            # Only what a lease answers: rounds are another matter.
            for one in member.replica.state.read_states:
                self.served += one.context == self._context
                if one.read_index < newest and one.context == self._context:
                    raise Violation(
                        Property.READS,
                        f"member {member.status.node_id} serves a read from"
                        f" {one.read_index}; {newest} was committed before",
                    )
            self.cluster.send(member.run())


def check_leases(seed: int) -> None:
    """Let one group play some turns.

    Parameters
    ----------
    seed : int
        What decides everything.

    Raises
    ------
    Violation
        If a read misses what was committed before it.
    """
    draw = SplitMix64(seed)

    def one_of(*choices: int) -> int:
        return choices[draw.below(len(choices))]

    group = Lockstep(bool(draw.below(2)), one_of(1, 2))
    for _ in range(5 + draw.below(20)):
        timeouts = one_of(0, 0, 4, 5, 7), one_of(0, 0, 4, 5, 7), one_of(0, 0, 4, 5, 7)
        group.play(
            Turn(
                ticks=one_of(1, 1, 2, 3, 4, 5),
                timeouts=timeouts,
                cut=one_of(0, 0, 1, 2, 3),
                is_lost=bool(draw.below(2)),
                act=ACTS[draw.below(len(ACTS))],
                rounds=one_of(1, 2, 3, 9),
            )
        )
