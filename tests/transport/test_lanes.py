"""What waits for a peer: by urgency, within bounds."""

from raftwerk.core.messages import Message
from raftwerk.transport.codec import FrameKind
from raftwerk.transport.config import FRAME_BODY_BYTES, TransportConfig
from raftwerk.transport.frame import Frame, FrameDecoder
from raftwerk.transport.lanes import Lanes, Loss
from tests.transport.helpers import (
    append_entries,
    chunk,
    heartbeat,
    heartbeat_reply,
    messages_of,
    snapshot,
)

MIB = 1024 * 1024


def taken(lanes: Lanes) -> list[Frame]:
    """Take what one call gives."""
    decoder = FrameDecoder(FRAME_BODY_BYTES)
    return [frame for data in lanes.take() for frame in decoder.feed(data)]


def all_taken(lanes: Lanes) -> list[Frame]:
    frames: list[Frame] = []
    while more := taken(lanes):
        frames += more
    return frames


def test_control_goes_before_entries_and_both_before_a_snapshot() -> None:
    lanes = Lanes(TransportConfig())
    lanes.put([snapshot(10), append_entries(1), heartbeat(1), append_entries(2)])
    lanes.put([heartbeat_reply(2)])
    assert messages_of(all_taken(lanes)) == [
        heartbeat(1),
        heartbeat_reply(2),
        append_entries(1),
        append_entries(2),
        snapshot(10),
    ]


def test_a_heartbeat_overtakes_a_snapshot_of_50_mb_at_the_next_frame() -> None:
    lanes = Lanes(TransportConfig())
    lanes.put([snapshot(50_000_000)])
    assert [frame.kind for frame in taken(lanes)] == [FrameKind.PART]
    lanes.put([heartbeat()])
    first, second = taken(lanes)
    assert messages_of([first]) == [heartbeat()]
    assert second.kind == FrameKind.PART


def test_a_heartbeat_overtakes_large_entries_at_the_next_frame() -> None:
    lanes = Lanes(TransportConfig())
    lanes.put([append_entries(number, MIB) for number in range(10)])
    assert [frame.kind for frame in taken(lanes)] == [FrameKind.PART]
    lanes.put([heartbeat()])
    assert messages_of(taken(lanes)[:1]) == [heartbeat()]


def test_one_take_is_about_a_frame() -> None:
    lanes = Lanes(TransportConfig())
    lanes.put([append_entries(number, 30_000) for number in range(20)])
    size = sum(len(frame.payload) for frame in taken(lanes))
    assert 0 < size <= 2 * FRAME_BODY_BYTES


def test_a_snapshot_counts_as_sent_with_its_last_part() -> None:
    lanes = Lanes(TransportConfig())
    lanes.put([snapshot(100_000)])
    taken(lanes)
    assert lanes.snapshots_sent == 0
    taken(lanes)
    assert lanes.snapshots_sent == 1
    assert not taken(lanes)


def test_messages_beyond_the_count_are_dropped_the_newest_first() -> None:
    lanes = Lanes(TransportConfig(queue_messages_max=3))
    assert lanes.put([heartbeat(1), heartbeat(2)]) == Loss(0, 0)
    assert lanes.put([heartbeat(3)]) == Loss(0, 0)
    assert lanes.put([heartbeat(4)]) == Loss(1, 0)
    assert messages_of(all_taken(lanes)) == [heartbeat(n) for n in (1, 2, 3)]


def test_entries_beyond_the_bytes_are_dropped_and_control_is_not() -> None:
    lanes = Lanes(TransportConfig(queue_bytes_max=3 * MIB))
    entries: list[Message] = [append_entries(number, MIB) for number in range(5)]
    assert lanes.put([*entries, heartbeat()]) == Loss(3, 0)
    assert lanes.waiting_bytes < 3 * MIB
    assert messages_of(all_taken(lanes)) == [heartbeat(), *entries[:2]]


def test_state_waits_up_to_the_size_of_one_message() -> None:
    lanes = Lanes(TransportConfig(queue_bytes_max=MIB, message_bytes_max=MIB))
    assert lanes.put([snapshot(MIB)]) == Loss(1, 1)
    assert lanes.put([snapshot(MIB // 2), snapshot(MIB // 2)]) == Loss(1, 1)
    assert lanes.put([chunk(MIB // 2)]) == Loss(1, 0)
    assert lanes.put([chunk(100), snapshot(100)]) == Loss(0, 0)
    all_taken(lanes)
    assert lanes.snapshots_sent == 2


def test_clearing_tells_what_waited_also_in_part() -> None:
    lanes = Lanes(TransportConfig())
    lanes.put([snapshot(200_000)])
    taken(lanes)
    lanes.put([heartbeat()])
    assert lanes.waiting_messages == 2
    assert lanes.clear() == Loss(2, 1)
    assert (lanes.waiting_messages, lanes.waiting_bytes) == (0, 0)
    assert not taken(lanes)
