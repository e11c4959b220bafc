"""Which lane a message takes, and how many of them share a frame."""

from itertools import zip_longest

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raftwerk.core.messages import Message, PeerMessage
from raftwerk.transport.chunks import ChunkMessage
from raftwerk.transport.codec import LANES_MAX, FrameKind
from raftwerk.transport.config import FRAME_BODY_BYTES
from raftwerk.transport.frame import Frame, FrameDecoder
from raftwerk.transport.parcel import Lane, lane_of, pack, whole_frame
from tests.transport.helpers import (
    append_entries,
    example_of,
    heartbeat,
    messages_of,
    snapshot,
)

LOG = {"AppendEntries", "ForwardProposal"}
BULK = {"InstallSnapshot", "SnapshotChunk"}
KINDS = (*PeerMessage.__args__, *ChunkMessage.__args__)


def frames_of(lane: Lane, messages: list[Message]) -> list[Frame]:
    decoder = FrameDecoder(FRAME_BODY_BYTES)
    frames: list[Frame] = []
    for parcel in pack(lane, messages):
        while not parcel.is_sent:
            frames += decoder.feed(parcel.next_frame())
    return frames


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: str(kind.__name__))
def test_only_entries_and_state_leave_the_lane_of_control(
    kind: type[Message],
) -> None:
    expected = Lane.CONTROL
    if kind.__name__ in LOG:
        expected = Lane.LOG
    elif kind.__name__ in BULK:
        expected = Lane.BULK
    assert lane_of(example_of(kind)) == expected


def test_every_lane_has_a_place_where_parts_are_put_together() -> None:
    assert [lane.value for lane in Lane] == list(range(LANES_MAX))


def test_small_messages_share_a_frame() -> None:
    messages: list[Message] = [heartbeat(number) for number in range(100)]
    frames = frames_of(Lane.CONTROL, messages)
    assert [frame.kind for frame in frames] == [FrameKind.MESSAGES]
    assert messages_of(frames) == messages


@pytest.mark.parametrize("size", [0, 100, FRAME_BODY_BYTES - 300, FRAME_BODY_BYTES])
def test_a_message_alone_has_the_frame_of_its_parcel_or_needs_parts(size: int) -> None:
    message = append_entries(1, size)
    parcels = list(pack(lane_of(message), [message]))
    frame = whole_frame(message)
    assert (frame is None) == parcels[0].is_large == (size == FRAME_BODY_BYTES)
    assert frame is None or frame == parcels[0].next_frame()


def test_a_large_message_travels_in_parts() -> None:
    frames = frames_of(Lane.BULK, [snapshot(3 * FRAME_BODY_BYTES)])
    assert [frame.kind for frame in frames] == 3 * [FrameKind.PART] + [
        FrameKind.LAST_PART
    ]
    assert messages_of(frames) == [snapshot(3 * FRAME_BODY_BYTES)]


@given(st.lists(st.sampled_from([0, 100, 30_000, 65_300, 65_536, 200_000]), max_size=9))
def test_any_sizes_arrive_in_order_and_no_frame_exceeds_the_bound(
    sizes: list[int],
) -> None:
    messages: list[Message] = [append_entries(i, size) for i, size in enumerate(sizes)]
    frames = frames_of(Lane.LOG, messages)
    for sent, arrived in zip_longest(messages, messages_of(frames)):
        assert sent == arrived
    assert all(len(frame.payload) < FRAME_BODY_BYTES for frame in frames)
