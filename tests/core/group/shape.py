"""What one seed decides before anything happens: members, settings, and which faults.

Swarm testing (Groce and others, 2012): each run has only some of the faults, and its
own rates of them, for a run with everything on rarely gets near a deep state.
"""

from collections.abc import Collection

import msgspec

from raftwerk.core.config import NO_LIMIT, CoreConfig
from raftwerk.host.draw import SplitMix64
from raftwerk.types import NodeId

__all__ = ["FAULTS", "TICK", "Shape", "draw_shape"]

TICK = 1000
"""One tick in units of virtual time, by a clock that is right."""

FAULTS = (
    "campaigns",
    "changes",
    "compaction",
    "crashes",
    "drift",
    "duplication",
    "forgetting",
    "late",
    "loss",
    "partitions",
    "reads",
    "slow_disk",
    "transfers",
    "unreachable",
)
"""All that a run may have beside proposals; each can be left out of a run."""


class Shape(msgspec.Struct, frozen=True, kw_only=True):
    """One run's settings; times in units, rates in events of a thousand."""

    voters: int
    learners: int
    spares: int
    """Members that the first configuration does not have; changes may add them."""
    faults: frozenset[str]
    ticks: int
    """How long the faults last."""
    election_ticks_min: int
    election_ticks_max: int
    heartbeat_ticks: int
    pre_vote: bool
    check_quorum: bool
    lease_read: bool
    forward_proposals: bool
    step_down_on_removal: bool
    asynchronous: int
    """How many of a thousand members have asynchronous storage."""
    join_by_older_snapshot: bool
    snapshot_ticks_max: int
    append_bytes_max: int
    inflight_messages_max: int
    inflight_bytes_max: int
    uncommitted_bytes_max: int
    committed_bytes_max: int
    delay_max: int
    loss: int
    duplication: int
    late: int
    disk_max: int
    apply_max: int
    pause: int
    """The longest time between two acts of the driver's clients and of the faults."""
    is_lockstep: bool
    """Whether, once the group is whole, all members tick at the same moments."""

    @property
    def member_ids(self) -> tuple[NodeId, ...]:
        """All members there ever are."""
        count = self.voters + self.learners + self.spares
        return tuple(NodeId(number) for number in range(1, count + 1))

    def core_config(self, node_id: NodeId, *, asynchronous: bool) -> CoreConfig:
        """Return one member's settings."""
        return CoreConfig(
            node_id=node_id,
            election_ticks_min=self.election_ticks_min,
            election_ticks_max=self.election_ticks_max,
            heartbeat_ticks=self.heartbeat_ticks,
            pre_vote=self.pre_vote,
            check_quorum=self.check_quorum,
            lease_read=self.lease_read,
            forward_proposals=self.forward_proposals,
            step_down_on_removal=self.step_down_on_removal,
            asynchronous_storage=asynchronous,
            join_by_older_snapshot=self.join_by_older_snapshot,
            snapshot_ticks_max=self.snapshot_ticks_max,
            append_bytes_max=self.append_bytes_max,
            inflight_messages_max=self.inflight_messages_max,
            inflight_bytes_max=self.inflight_bytes_max,
            uncommitted_bytes_max=self.uncommitted_bytes_max,
            committed_bytes_max=self.committed_bytes_max,
        )


def _one_of(draw: SplitMix64, *choices: int) -> int:
    """Return one of the choices, each alike likely."""
    return choices[draw.below(len(choices))]


def draw_shape(
    draw: SplitMix64, without: Collection[str] = (), *, leases: bool = False
) -> Shape:
    """Return a shape; one in six serves reads by lease, and its clocks are right.

    Parameters
    ----------
    draw : SplitMix64
        What decides.
    without : collection of str
        Faults to leave out, whatever is drawn.
    leases : bool
        Whether reads are served by lease, whatever is drawn.

    Returns
    -------
    Shape
        Settings that can work together.
    """
    trusts_clocks = draw.below(6) == 0 or leases
    faults = frozenset(name for name in FAULTS if draw.below(2))
    if trusts_clocks:
        # A lease is as good as the clocks (thesis §6.4.1), and nobody stands before a
        # timeout but by the leader's order.
        faults -= {"campaigns", "drift"}
        faults |= {"reads"}
    faults -= frozenset(without)
    least = _one_of(draw, 3, 4, 6, 10)
    heartbeat = 1 if least < 6 else _one_of(draw, 1, 1, 2, 3)
    delay_max = _one_of(draw, 40, 300, 900, 2500)
    pre_vote, check_quorum = bool(draw.below(2)), bool(draw.below(2))
    if trusts_clocks or ("changes" in faults and not pre_vote):
        # Without either nobody tells a leader of a newer term but by standing: a member
        # that stood, and was made a learner in a lower term, is never heard again.
        check_quorum = True
    voters = _one_of(draw, 1, 2, 3, 3, 3, 4, 5, 5)
    return Shape(
        voters=voters,
        learners=_one_of(draw, 0, 0, 1),
        spares=_one_of(draw, 1, 2) if "changes" in faults else 0,
        faults=faults,
        ticks=_one_of(draw, 40, 80, 160),
        election_ticks_min=least,
        election_ticks_max=least + _one_of(draw, 3, least - 1, 2 * least),
        heartbeat_ticks=heartbeat,
        pre_vote=pre_vote,
        check_quorum=check_quorum,
        lease_read=trusts_clocks,
        forward_proposals=draw.below(4) > 0,
        step_down_on_removal=bool(draw.below(2)),
        asynchronous=_one_of(draw, 0, 500, 1000),
        join_by_older_snapshot=bool(draw.below(2)),
        snapshot_ticks_max=_one_of(draw, 1, 3, 5) * least,
        append_bytes_max=_one_of(draw, 0, 60, 200, NO_LIMIT),
        inflight_messages_max=_one_of(draw, 1, 2, 8, 256),
        inflight_bytes_max=_one_of(draw, 1, 80, NO_LIMIT),
        uncommitted_bytes_max=_one_of(draw, 100, 2000, NO_LIMIT),
        committed_bytes_max=_one_of(draw, 1, 100, NO_LIMIT),
        delay_max=delay_max,
        loss=_one_of(draw, 10, 50, 200) if "loss" in faults else 0,
        duplication=_one_of(draw, 20, 100, 300) if "duplication" in faults else 0,
        late=_one_of(draw, 10, 50) if "late" in faults else 0,
        disk_max=_one_of(draw, 1, 100, 1500) if "slow_disk" in faults else 50,
        apply_max=_one_of(draw, 1, 100, 1500) if "slow_disk" in faults else 50,
        pause=_one_of(draw, 200, 500, 1500),
        is_lockstep=bool(draw.below(2)),
    )
