"""What those who watch a node are told, and that nobody pays where nobody watches."""

import json
from typing import Any

import pytest

from raftwerk.config import NodeConfig
from raftwerk.core.events import (
    AcknowledgementUnneeded,
    BecameLeader,
    BecamePreCandidate,
    VoteCast,
)
from raftwerk.errors import QueueFull
from raftwerk.runtime.event_feed import SUBSCRIPTIONS_MAX, EventFeed, Subscription
from raftwerk.runtime.event_format import describe_event, encode_record
from raftwerk.runtime.meter import Meter
from raftwerk.runtime.tap import Tap
from raftwerk.types import LogIndex, NodeId, Term

from .group import Group, Process, story


class Rig:
    """The feed of one member of a group."""

    def __init__(self, member: Process) -> None:
        clock = member.host.clock
        self.meter = member.node.meter = Meter(clock)
        self.tap = Tap(member.transport, clock)
        self.alarms: list[tuple[str, NodeId]] = []
        self.feed = EventFeed(
            member.node,
            NodeConfig(node_id=member.node_id, name=member.name),
            member.host,
            log=member.log,
            tap=self.tap,
            meter=self.meter,
            alarms=lambda: self.alarms,
        )


async def told(subscription: Subscription) -> list[dict[str, Any]]:
    """Return what is told next."""
    return [json.loads(line) for line in await subscription.take()]


async def until_told(subscription: Subscription, kind: str) -> dict[str, Any]:
    """Return the next record of a type."""
    while records := await told(subscription):
        for record in records:
            if record["type"] == kind:
                return record
    raise AssertionError(f"the stream ended without a record of type {kind}")


@story
async def test_who_watches_is_told_how_things_stand_and_then_what_happens() -> None:
    group = await Group().start()
    leader = await group.until_led()
    rig = Rig(leader)
    subscription = rig.feed.subscribe()
    first = await told(subscription)
    kinds = [record["type"] for record in first]
    assert kinds[:2] == ["header", "members"]
    assert {"state", "peer"} <= set(kinds)
    assert (first[0]["format"], first[0]["version"]) == ("raftwerk-events", 1)
    await leader.propose(b"x")
    state = await until_told(subscription, "state")
    assert state["role"] == "LEADER"
    assert state["node"] == state["leader"] == str(leader.node_id)
    assert set(state["progress"]) == {str(other.node_id) for other in group.followers}
    assert state["window"]["writes"] == 1
    assert state["window"]["writes_millis"][0] > 0
    assert state["log"]["appended"] == state["log"]["applied"] > 0


@story
async def test_an_election_is_told_at_once() -> None:
    group = await Group().start()
    leader = await group.until_led()
    follower, other = group.followers
    subscription = Rig(follower).feed.subscribe()
    await told(subscription)
    other.kill()  # Or it might be the one who stands.
    leader.kill()
    took_part: list[str] = []
    while not took_part:
        records = await told(subscription)
        assert records
        took_part = [
            record["node"]
            for record in records
            if record.get("name") in ("BecamePreCandidate", "VoteCast")
        ]
    assert set(took_part) == {str(follower.node_id)}


@story
async def test_what_happens_again_and_again_hides_no_election() -> None:
    """Under load storage acknowledges what is known; that is no event to speak of."""
    group = await Group(voters=1).start()
    leader = await group.until_led()
    rig = Rig(leader)
    term, node = Term(leader.status.term), leader.node_id
    elected = BecameLeader(node=node, term=term)
    # pylint: disable-next=protected-access  # more at once than any node would tell
    happened = rig.feed._happened
    happened([elected])
    for index in range(1000):
        happened(
            [
                AcknowledgementUnneeded(node=node, index=LogIndex(index)),
                BecamePreCandidate(node=node, term=term),
            ]
        )
    first = await told(rig.feed.subscribe())
    names = [record["name"] for record in first if record["type"] == "event"]
    assert names[0] == "BecameLeader"
    assert set(names[1:]) == {"BecamePreCandidate"}


@story
async def test_an_alarm_is_told_when_it_is_raised_and_when_it_ends() -> None:
    group = await Group(voters=1).start()
    rig = Rig(await group.until_led())
    rig.alarms = [("CORRUPT", NodeId(7))]
    subscription = rig.feed.subscribe()
    first = await until_told(subscription, "alarms")
    assert first["alarms"] == [{"kind": "CORRUPT", "member": "7"}]
    rig.alarms = [("CORRUPT", NodeId(7)), ("NOSPACE", NodeId(9))]
    assert len((await until_told(subscription, "alarms"))["alarms"]) == 2
    rig.alarms = []
    assert (await until_told(subscription, "alarms"))["alarms"] == []
    await group.sleep(1.0)
    said_again = [each for each in await told(subscription) if each["type"] == "alarms"]
    assert not said_again, "only what is news is told"


@story
async def test_without_a_subscription_nothing_is_looked_at() -> None:
    group = await Group().start()
    leader = await group.until_led()
    rig = Rig(leader)
    assert not rig.meter.is_on
    one, other = rig.feed.subscribe(), rig.feed.subscribe()
    assert rig.meter.is_on
    assert rig.tap.send != leader.transport.send
    rig.feed.unsubscribe(one)
    assert rig.meter.is_on
    rig.feed.unsubscribe(other)
    assert not rig.meter.is_on
    assert rig.tap.send == leader.transport.send
    assert rig.feed.subscriptions == 0
    await leader.propose(b"x")
    assert rig.meter.writes.count == 0


@story
async def test_who_comes_late_is_told_what_happened_before() -> None:
    group = await Group().start()
    leader = await group.until_led()
    rig = Rig(leader)
    leader.node.transfer_leadership(group.followers[0].node_id)
    await group.sleep(1.0)
    names = {
        record["name"]
        for record in await told(rig.feed.subscribe())
        if record["type"] == "event"
    }
    assert {"TransferStarted", "BecameFollower"} <= names


@story
async def test_there_is_a_bound_on_those_who_watch() -> None:
    group = await Group(voters=1).start()
    rig = Rig(await group.until_led())
    for _ in range(SUBSCRIPTIONS_MAX):
        rig.feed.subscribe()
    with pytest.raises(QueueFull, match="watch through a monitor"):
        rig.feed.subscribe()


@story
async def test_the_end_of_the_node_is_the_end_of_what_it_tells() -> None:
    group = await Group(voters=1).start()
    leader = await group.until_led()
    subscription = Rig(leader).feed.subscribe()
    await told(subscription)
    await leader.stop()
    while await told(subscription):
        pass
    assert not await told(subscription)


@story
async def test_what_does_not_fit_is_dropped_and_counted() -> None:
    subscription = Subscription(waiting_bytes_max=10)
    for _ in range(5):
        subscription.put(b"12345", 1.0)
    assert await subscription.take() == [b"12345", b"12345"]
    subscription.put(b"1", 2.0)
    dropped, after = await subscription.take()
    assert json.loads(dropped) == {"type": "dropped", "t": 2.0, "count": 3}
    assert after == b"1"


def test_ids_are_texts_for_no_reader_may_round_them() -> None:
    event = VoteCast(
        node=NodeId(2**63 + 1),
        kind="RequestVote",
        candidate=NodeId(2**63 + 3),
        candidate_log_term=Term(1),
        candidate_log_index=LogIndex(2),
        term=Term(3),
        vote=None,
        last_log_term=Term(1),
        last_log_index=LogIndex(2),
    )
    record = json.loads(encode_record(describe_event(event, 1.5)))
    assert record["node"] == "9223372036854775809"
    assert record["data"]["candidate"] == "9223372036854775811"
    assert record["data"]["vote"] is None
    assert (record["type"], record["name"], record["t"]) == ("event", "VoteCast", 1.5)
