"""A group whose disks hang: it goes on without them, and leadership doesn't wander."""

from collections.abc import Callable, Sequence

from raftwerk.core.events import (
    BecameLeader,
    BecamePreCandidate,
    Event,
    TransferAborted,
    TransferStarted,
)
from raftwerk.core.messages import Heartbeat, HeartbeatReply
from raftwerk.transport.disk_report import DiskReport

from .group import Group, Process, story

T = 0.3
"""The greatest election timeout of these groups, in seconds; the default."""
NEVER = 1e6


def disk_takes(seconds: float) -> Callable[[str], float]:
    """Return how long jobs take where a sync takes so long."""
    return lambda worker: seconds if worker == "disk" else 0.001


async def writes(group: Group, process: Process, count: int = 1) -> float:
    """Write here, one after the other, and return how long that took."""
    begin = group.loop.time()
    for number in range(count):
        outcome = await group.outcome(process.propose(b"write %d" % number))
        assert isinstance(outcome, int), outcome
    return group.loop.time() - begin


@story
async def test_a_leader_whose_disk_hangs_hands_over_and_writes_go_on() -> None:
    group = await Group().start()
    old, follower = group.leader, group.followers[0]
    await writes(group, follower, 5)
    stood = len(old.saw(BecamePreCandidate))
    old.latency = disk_takes(NEVER)
    asked = old.propose(b"hangs with it")
    begin = group.loop.time()
    await group.until(lambda: not old.is_leader, seconds=2 * T)
    await writes(group, follower, 2)
    assert group.loop.time() - begin < 3 * T, "within three election timeouts"
    assert len(old.saw(TransferStarted)) == 1
    term = group.leader.status.term
    await writes(group, follower, 50)
    await group.sleep(30 * T)
    assert group.leader.status.term == term, "and there it stays"
    assert len(old.saw(BecamePreCandidate)) == stood, "who can't vote doesn't stand"
    asked.cancel()


@story
async def test_a_disk_that_answers_again_is_caught_up_and_may_lead_again() -> None:
    group = await Group().start()
    old, follower = group.leader, group.followers[0]
    old.latency = disk_takes(4.0)
    await writes(group, follower, 2)
    await group.until(lambda: not old.is_leader, seconds=2 * T)
    old.latency = disk_takes(0.001)
    await writes(group, follower, 20)
    await group.until_equal()
    await group.sleep(10.0)
    group.leader.node.transfer_leadership(old.node_id)
    await group.until(lambda: old.is_leader)
    await writes(group, old, 3)


@story
async def test_with_all_disks_slow_leadership_does_not_wander() -> None:
    group = await Group(request_timeout_millis=60_000).start()
    leader, term = group.leader, group.leader.status.term
    for process in group:
        process.latency = disk_takes(1.5 * T)
    done = 0
    end = group.loop.time() + 200 * T
    while group.loop.time() < end:
        await writes(group, group.followers[0])
        done += 1
    assert done >= 40, f"only {done} writes: an idle run shows nothing"
    assert group.leader is leader and leader.status.term == term
    assert not leader.saw(TransferStarted)


@story
async def test_one_after_the_other_is_asked_no_sooner_than_after_ten_timeouts() -> None:
    group = await Group(5, request_timeout_millis=60_000).start()
    first = group.leader
    first.latency = disk_takes(NEVER)
    follower = group.followers[0]
    await writes(group, follower, 2)
    await group.until(lambda: not first.is_leader, seconds=2 * T)
    second = await group.until_led([p.node_id for p in group if p is not first])
    became = next(at for at, e in second.events if isinstance(e, BecameLeader))
    second.latency = disk_takes(NEVER)
    writer = next(p for p in group if p not in (first, second))
    await writes(group, writer, 2)
    await group.until(lambda: not second.is_leader)
    third = await group.until_led(
        [p.node_id for p in group if p not in (first, second)]
    )
    (moved,) = [at for at, e in second.events if isinstance(e, TransferStarted)]
    assert 10 * T <= moved - became <= 13 * T
    assert not third.saw(TransferStarted)


@story
async def test_whoever_could_not_hand_over_steps_down() -> None:
    group = await Group(request_timeout_millis=60_000).start()
    old = group.leader
    stood = len(old.saw(BecamePreCandidate))

    def lose(events: Sequence[Event]) -> None:
        """Lose what the heir is told, which is under way."""
        for event in events:
            if isinstance(event, TransferStarted):
                group.network.cut(old.node_id, event.transferee)

    old.node.observe(lose)
    old.latency = disk_takes(NEVER)
    asked = old.propose(b"hangs")
    await group.until(lambda: bool(old.saw(TransferAborted)), seconds=2 * T)
    await group.until(lambda: not old.is_leader, seconds=0.2 * T)
    others = [p.node_id for p in group if p is not old]
    leader = await group.until_led(others)
    await writes(group, leader, 5)
    assert len(old.saw(BecamePreCandidate)) == stood
    assert len(old.saw(TransferStarted)) == 1
    asked.cancel()


@story
async def test_whose_disk_hangs_does_not_stand_until_a_sync_has_returned() -> None:
    group = await Group(request_timeout_millis=60_000).start()
    leader = group.leader
    hangs, other = group.followers
    hangs.latency = disk_takes(20 * T)
    await writes(group, other, 3)
    await group.sleep(1.5 * T)
    began = len(hangs.saw(BecamePreCandidate))
    leader.kill()
    await group.sleep(10 * T)
    assert len(hangs.saw(BecamePreCandidate)) == began
    hangs.latency = disk_takes(0.001)
    await group.until(lambda: hangs.is_leader or other.is_leader, seconds=30 * T)


@story
async def test_sync_times_travel_beside_the_heartbeats() -> None:
    group = await Group().start()
    leader, slow = group.leader, group.followers[0]
    slow.latency = disk_takes(0.5 * T)
    for _ in range(3):
        await writes(group, leader)
        await group.sleep(T)
    reports = [r for r in slow.sent(DiskReport) if isinstance(r, DiskReport)]
    assert max(report.sync_seconds for report in reports) >= 0.5 * T - 0.1
    assert {report.receiver for report in reports} == {leader.node_id}
    for process, sign in ((leader, Heartbeat), (slow, HeartbeatReply)):
        signs, told = len(process.sent(sign)), len(process.sent(DiskReport))
        assert 0 < told <= signs, "one beside a sign of life, at most"


@story
async def test_reads_by_heartbeat_bring_no_flood_of_reports() -> None:
    group = await Group().start()
    leader = group.leader
    before = len(leader.sent(DiskReport))
    begin = group.loop.time()
    for _ in range(500):
        await group.outcome(leader.read())
    beats = (group.loop.time() - begin) / 0.05 + 1
    assert len(leader.sent(Heartbeat)) > 500
    assert len(leader.sent(DiskReport)) - before <= 2 * 2 * beats
