"""What a tap shows of what a node sends, and that it is nothing while it is closed."""

from collections.abc import Sequence

from raftwerk.core.messages import Heartbeat, Message, RequestVote
from raftwerk.runtime.tap import SAMPLE_SECONDS, Tap
from raftwerk.transport.memory import MemoryTransport
from raftwerk.types import LogIndex, NodeId, Term


class FakeClock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.time = 100.0

    def now(self) -> float:
        return self.time

    def wall(self) -> float:
        return self.time


class FakeTransport(MemoryTransport):
    """Keeps what is sent."""

    # pylint: disable-next=super-init-not-called  # it has no network and needs none
    def __init__(self) -> None:
        self.sent: list[Message] = []

    def send(self, messages: Sequence[Message]) -> None:
        self.sent.extend(messages)


def beat(receiver: int = 2) -> Heartbeat:
    return Heartbeat(sender=NodeId(1), receiver=NodeId(receiver), term=Term(3))


def ballot() -> RequestVote:
    return RequestVote(
        sender=NodeId(1),
        receiver=NodeId(2),
        term=Term(3),
        last_log_index=LogIndex(1),
        last_log_term=Term(1),
    )


class Rig:
    """A tap, what is behind it, and what it shows."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.transport = FakeTransport()
        self.tap = Tap(self.transport, self.clock)
        self.shown: list[tuple[Message, int]] = []

    def take(self, message: Message, count: int) -> None:
        self.shown.append((message, count))


def test_a_closed_tap_is_the_transport_itself() -> None:
    rig = Rig()

    def is_the_transport_itself() -> bool:
        return len({rig.tap.send, rig.transport.send}) == 1

    assert is_the_transport_itself()
    rig.tap.open(rig.take)
    assert not is_the_transport_itself()
    rig.tap.close()
    assert is_the_transport_itself()


def test_all_is_sent_and_a_sample_is_shown_that_says_for_how_many_it_stands() -> None:
    rig = Rig()
    rig.tap.open(rig.take)
    rig.tap.send([beat(), beat(), beat()])
    assert [count for _, count in rig.shown] == [1]
    rig.clock.time += SAMPLE_SECONDS
    rig.tap.send([beat()])
    assert [count for _, count in rig.shown] == [1, 3]
    assert len(rig.transport.sent) == 4


def test_each_peer_and_kind_has_a_sample_of_its_own() -> None:
    rig = Rig()
    rig.tap.open(rig.take)
    rig.tap.send([beat(2), beat(3)])
    assert [message.receiver for message, _ in rig.shown] == [2, 3]


def test_what_decides_elections_is_always_shown() -> None:
    rig = Rig()
    rig.tap.open(rig.take)
    rig.tap.send([ballot(), ballot(), ballot()])
    assert len(rig.shown) == 3
