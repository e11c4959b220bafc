"""One outgoing connection: queue, back-off, signs of life."""

from collections.abc import Iterator

import pytest

from raftwerk.core.messages import Message
from raftwerk.transport.codec import (
    FrameKind,
    decode_ping,
    decode_struct,
    encode_ping,
    encode_struct,
)
from raftwerk.transport.config import TransportConfig
from raftwerk.transport.handshake import (
    VERSION_MAX,
    VERSION_MIN,
    Hello,
    Refusal,
    RefusalCode,
    Welcome,
)
from raftwerk.transport.peer import Peer
from raftwerk.transport.peer import Stage as PeerStage
from tests.transport.helpers import (
    ONE,
    THREE,
    TWO,
    ListLink,
    append_entries,
    disk_report,
    heartbeat,
    identity,
    messages_of,
    snapshot,
)
from tests.transport.stage import Stage

CONFIG = TransportConfig(
    queue_messages_max=10, queue_bytes_max=2**20, message_bytes_max=2**26
)


@pytest.fixture(name="stage")
def _stage() -> Iterator[Stage]:
    stage = Stage(ONE, CONFIG)
    yield stage
    stage.close()


@pytest.fixture(name="peer")
def _peer(stage: Stage) -> Peer:
    peer = Peer(TWO, "192.0.2.2:2380", stage.surroundings)
    peer.start()
    return peer


def send(peer: Peer, *messages: Message) -> None:
    for message in messages:
        peer.offer(message)
    peer.flush()


def welcome(link: ListLink, version: int = 1) -> None:
    """Answer the handshake as the member that is wanted would."""
    link.open()
    answer = Welcome(version=version, identity=identity(TWO))
    link.session.received(encode_struct(FrameKind.WELCOME, answer))


def refuse(link: ListLink, code: str, reason: str) -> None:
    link.open()
    refusal = Refusal(code=code, reason=reason)
    link.session.received(encode_struct(FrameKind.REFUSAL, refusal))


def pong(link: ListLink) -> None:
    """Answer the newest ping."""
    number = [decode_ping(f) for f in link.frames if f.kind == FrameKind.PING][-1]
    link.session.received(encode_ping(FrameKind.PONG, number))


def test_it_says_hello_and_whom_it_wants(stage: Stage, peer: Peer) -> None:
    (link,) = stage.links
    link.open()
    (frame,) = link.frames
    assert decode_struct(frame, Hello) == Hello(
        version_min=VERSION_MIN,
        version_max=VERSION_MAX,
        receiver=TWO,
        identity=identity(ONE),
    )
    assert not peer.view(0).is_connected


def test_no_message_leaves_before_the_welcome(stage: Stage, peer: Peer) -> None:
    send(peer, append_entries(1), append_entries(2))
    (link,) = stage.links
    link.open()
    send(peer, append_entries(3))
    assert link.kinds() == ["HELLO"]
    link.session.received(
        encode_struct(FrameKind.WELCOME, Welcome(version=1, identity=identity(TWO)))
    )
    assert messages_of(link.frames) == [append_entries(n) for n in (1, 2, 3)]


def test_an_older_peer_is_not_told_what_it_does_not_know(
    stage: Stage, peer: Peer
) -> None:
    send(peer, disk_report(), heartbeat())
    welcome(stage.links[-1])
    send(peer, disk_report(), append_entries(1))
    assert messages_of(stage.links[-1].frames) == [heartbeat(), append_entries(1)]
    assert peer.view(0).dropped_messages == 0
    # It comes back as a newer build, and then as an older one again.
    for version, expected in ((2, [disk_report()]), (1, [])):
        stage.links[-1].session.lost("connection reset by peer")
        stage.wait(1.0)
        welcome(stage.links[-1], version)
        send(peer, disk_report())
        assert messages_of(stage.links[-1].frames) == expected


def test_what_was_offered_in_one_turn_is_one_frame(stage: Stage, peer: Peer) -> None:
    (link,) = stage.links
    welcome(link)
    send(peer, *(append_entries(number) for number in range(10)))
    assert link.kinds() == ["HELLO", "PING", "MESSAGES"]


def test_an_attempt_that_fails_is_followed_by_another_ever_more_slowly(
    stage: Stage, peer: Peer
) -> None:
    times = []
    for number in range(8):
        times.append(stage.host.clock.now())
        stage.links[number].session.lost("connection refused")
        while len(stage.links) == number + 1:
            stage.wait(0.001)
    waits = [after - before for before, after in zip(times, times[1:], strict=False)]
    bounds = [0.025, 0.05, 0.1, 0.2, 0.25, 0.25, 0.25]
    for wait, bound in zip(waits, bounds, strict=True):
        assert bound / 2 <= wait <= bound + 0.002
    assert peer.view(0).trouble == "connection refused"
    assert stage.lines.lines == [
        "30 peer is not reachable: node 2 at 192.0.2.2:2380; connection refused"
    ]


def test_an_attempt_takes_a_bounded_time(stage: Stage, peer: Peer) -> None:
    stage.wait(1.3)
    assert stage.calls_off == 1
    assert len(stage.links) == 2
    assert peer.view(0).trouble == "no handshake within 1.0 s"


def test_a_handshake_takes_a_bounded_time(stage: Stage, peer: Peer) -> None:
    stage.links[0].open()
    stage.wait(1.3)
    assert stage.links[0].end == "aborted"
    assert len(stage.links) == 2
    assert peer.stage is PeerStage.DIALLING


def test_a_lost_connection_is_told_once_however_long_it_stays_lost(
    stage: Stage, peer: Peer
) -> None:
    welcome(stage.links[0])
    stage.links[0].session.lost("connection reset by peer")
    for _ in range(20):
        send(peer, heartbeat())
        stage.wait(0.3)
        stage.links[-1].session.lost("connection refused")
    stage.wait(0.3)
    assert stage.receiver.unreachable == [TWO]
    welcome(stage.links[-1])
    stage.links[-1].session.lost("connection reset by peer")
    stage.wait(0.0)
    assert stage.receiver.unreachable == [TWO, TWO]


def test_a_first_attempt_that_fails_is_told_once(stage: Stage, peer: Peer) -> None:
    for _ in range(3):
        send(peer, heartbeat())
        stage.links[-1].session.lost("connection refused")
        stage.wait(0.3)
    assert stage.receiver.unreachable == [TWO]


def test_what_waited_for_an_attempt_is_lost_with_it(stage: Stage, peer: Peer) -> None:
    send(peer, heartbeat(1))
    stage.links[0].session.lost("connection refused")
    send(peer, heartbeat(2))
    stage.wait(0.3)
    welcome(stage.links[1])
    assert messages_of(stage.links[1].frames) == [heartbeat(2)]
    assert peer.view(0).dropped_messages == 1


def test_a_connection_that_lived_begins_again_with_the_shortest_wait(
    stage: Stage, peer: Peer
) -> None:
    for _ in range(6):
        stage.links[-1].session.lost("connection refused")
        stage.wait(0.3)
    welcome(stage.links[-1])
    for _ in range(5):
        pong(stage.links[-1])
        stage.wait(0.5)
    stage.links[-1].session.lost("connection reset by peer")
    before = len(stage.links)
    stage.wait(0.026)
    assert len(stage.links) == before + 1
    assert peer.stage is PeerStage.DIALLING


def test_one_that_breaks_at_once_each_time_is_not_tried_ever_faster(
    stage: Stage, peer: Peer
) -> None:
    begin = stage.host.clock.now()
    for _ in range(20):
        welcome(stage.links[-1])
        stage.links[-1].session.lost("connection reset by peer")
        while peer.stage is PeerStage.WAITING:
            stage.wait(0.01)
    assert stage.host.clock.now() - begin > 2.0


def test_a_refusal_is_told_once_and_tried_again_much_later(
    stage: Stage, peer: Peer
) -> None:
    for number in range(3):
        refuse(stage.links[number], RefusalCode.CLUSTER, "node 2 belongs elsewhere")
        assert stage.links[number].end == "aborted"
        stage.wait(0.9)
        assert len(stage.links) == number + 1
        stage.wait(1.2)
    assert peer.view(0).trouble == "node 2 belongs elsewhere"
    assert stage.lines.about("refused") == [
        "30 connection refused: node 2 at 192.0.2.2:2380; node 2 belongs elsewhere"
    ]


def test_a_busy_peer_is_tried_again_soon(stage: Stage, peer: Peer) -> None:
    refuse(stage.links[0], RefusalCode.BUSY, "64 connections are in their handshake")
    stage.wait(0.03)
    assert len(stage.links) == 2
    assert peer.stage is PeerStage.DIALLING


def test_whoever_else_answers_gets_no_message(stage: Stage, peer: Peer) -> None:
    send(peer, append_entries(1))
    (link,) = stage.links
    link.open()
    other = Welcome(version=1, identity=identity(THREE))
    link.session.received(encode_struct(FrameKind.WELCOME, other))
    assert link.kinds() == ["HELLO"]
    assert link.end == "aborted"
    assert peer.view(0).trouble == (
        "node 3 answers at the address of node 2: correct the address"
    )


NONSENSE = [
    b"HTTP/1.1 400 Bad Request\r\n\r\n",
    encode_ping(FrameKind.PONG, 1),
    encode_ping(FrameKind.PING, 1),
    encode_struct(FrameKind.WELCOME, Refusal(code="x", reason="y")),
    encode_struct(FrameKind.WELCOME, Welcome(version=7, identity=identity(TWO))),
]


@pytest.mark.parametrize("data", NONSENSE)
def test_nonsense_instead_of_a_welcome_costs_a_connection_and_a_line(
    stage: Stage, peer: Peer, data: bytes
) -> None:
    for _ in range(3):
        link = stage.links[-1]
        link.open()
        link.session.received(data)
        assert link.end == "aborted"
        stage.wait(0.3)
    assert len(stage.lines.about("peer breaks the protocol")) == 1
    assert not peer.view(0).is_connected


def test_nonsense_on_an_open_connection_costs_it(stage: Stage, peer: Peer) -> None:
    welcome(stage.links[0])
    stage.links[0].session.received(encode_ping(FrameKind.PONG, 99))
    assert stage.links[0].end == "aborted"
    assert peer.view(0).trouble == "ping 99 was answered and never asked"


def test_a_peer_that_answers_is_kept_and_its_round_trip_known(
    stage: Stage, peer: Peer
) -> None:
    (link,) = stage.links
    welcome(link)
    for _ in range(20):
        stage.wait(0.03)
        pong(link)
        stage.wait(0.47)
    view = peer.view(received_bytes=5)
    assert view.is_connected and view.received_bytes == 5 and not view.trouble
    assert view.round_trip_seconds == pytest.approx(0.03)


def test_a_peer_that_is_silent_is_given_up(stage: Stage, peer: Peer) -> None:
    (link,) = stage.links
    welcome(link)
    pong(link)
    stage.wait(1.9)
    assert peer.view(0).is_connected
    stage.wait(0.8)
    assert link.end == "aborted"
    assert stage.receiver.unreachable == [TWO]
    assert stage.lines.about("connection to peer lost") == [
        "30 connection to peer lost: node 2 at 192.0.2.2:2380; no answer for 2.0 s"
    ]
    assert peer.stage is not PeerStage.OPEN


def test_a_snapshot_has_arrived_when_the_ping_behind_it_is_answered(
    stage: Stage, peer: Peer
) -> None:
    (link,) = stage.links
    welcome(link)
    send(peer, snapshot(200_000))
    assert link.kinds()[-2:] == ["LAST_PART", "PING"]
    stage.wait(0.0)
    assert not stage.receiver.snapshots
    pong(link)
    stage.wait(0.0)
    assert stage.receiver.snapshots == [(TWO, True)]


def test_of_every_snapshot_that_did_not_arrive_we_hear(
    stage: Stage, peer: Peer
) -> None:
    (link,) = stage.links
    welcome(link)
    send(peer, snapshot(100))  # In doubt: sent, not answered.
    link.takes = 1
    send(peer, snapshot(200_000))  # Sent in part.
    send(peer, snapshot(CONFIG.message_bytes_max))  # No room beside it: lost at once.
    peer.offer(snapshot(100))  # Lost before it was encoded.
    stage.wait(0.0)
    assert stage.receiver.snapshots == [(TWO, False)]
    link.session.lost("connection reset by peer")
    stage.wait(0.0)
    assert stage.receiver.snapshots == 4 * [(TWO, False)]


def test_a_peer_that_does_not_read_costs_no_more_than_the_bounds(
    stage: Stage, peer: Peer
) -> None:
    (link,) = stage.links
    welcome(link)
    link.takes = 1000
    for number in range(200):
        send(peer, append_entries(number, 100_000), heartbeat(number))
        view = peer.view(0)
        assert view.waiting_bytes <= 2 * CONFIG.queue_bytes_max
        assert view.waiting_messages <= 2 * CONFIG.queue_messages_max
    stage.wait(0.0)
    assert set(stage.receiver.unreachable) == {TWO}
    assert peer.view(0).dropped_messages > 300
    assert len(stage.lines.about("messages dropped")) == 1


def test_offers_within_one_turn_are_bounded_too(stage: Stage, peer: Peer) -> None:
    for number in range(25):
        peer.offer(heartbeat(number))
    assert peer.view(0).waiting_messages == CONFIG.queue_messages_max
    assert peer.view(0).dropped_messages == 15
    stage.wait(0.0)
    assert stage.receiver.unreachable == [TWO]


def test_a_heartbeat_overtakes_a_snapshot_of_50_mb_that_is_being_sent(
    stage: Stage, peer: Peer
) -> None:
    (link,) = stage.links
    welcome(link)
    link.takes = 200_000
    send(peer, snapshot(50_000_000))
    assert set(link.kinds()) == {"HELLO", "PING", "PART"}
    send(peer, heartbeat())
    written = len(link.frames)
    link.takes = 100_000
    link.session.resumed()
    assert link.kinds()[written:] == ["MESSAGES", "PART", "PART"]


def test_a_slow_line_is_no_dead_one(stage: Stage, peer: Peer) -> None:
    (link,) = stage.links
    welcome(link)
    pong(link)
    link.takes = 1
    send(peer, snapshot(1_000_000))
    for _ in range(10):
        stage.wait(1.0)
        assert not link.end
        link.takes = 1
        link.session.resumed()
    assert peer.stage is PeerStage.OPEN


def test_a_peer_that_was_heard_of_is_dialled_at_once(stage: Stage, peer: Peer) -> None:
    refuse(stage.links[0], RefusalCode.NOT_ADMITTED, "not yet")
    peer.hurry()
    assert len(stage.links) == 2
    peer.hurry()
    assert len(stage.links) == 2
    stage.wait(3.0)
    welcome(stage.links[-1])
    peer.hurry()
    assert peer.stage is PeerStage.OPEN


def test_stopping_sends_what_was_offered_and_closes(stage: Stage, peer: Peer) -> None:
    (link,) = stage.links
    welcome(link)
    peer.offer(heartbeat())
    peer.stop()
    assert messages_of(link.frames) == [heartbeat()]
    assert link.end == "closed"
    stage.wait(10.0)
    assert len(stage.links) == 1
    assert peer.stage is PeerStage.STOPPED


def test_stopping_calls_an_attempt_off(stage: Stage, peer: Peer) -> None:
    peer.stop()
    assert stage.calls_off == 1
    stage.wait(10.0)
    assert len(stage.links) == 1
