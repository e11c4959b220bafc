"""Frames ↔ messages: what was packed comes out, and what can't be read is an error."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from raftwerk.core.messages import Message, PeerMessage
from raftwerk.errors import PeerError
from raftwerk.transport.calls import CallMessage
from raftwerk.transport.chunks import ChunkMessage
from raftwerk.transport.codec import (
    SINCE,
    Assembler,
    FrameKind,
    decode_ping,
    decode_struct,
    encode_message,
    encode_ping,
    encode_struct,
    may_say,
)
from raftwerk.transport.disk_report import DiskReport
from raftwerk.transport.frame import Frame, FrameDecoder
from raftwerk.transport.handshake import VERSION_MIN, Hello, Refusal
from raftwerk.transport.refusals import ProposalsRefused
from tests.transport.helpers import (
    ONE,
    TWO,
    append_entries,
    example_of,
    heartbeat,
    identity,
)

KINDS = (
    *PeerMessage.__args__,
    *ChunkMessage.__args__,
    *CallMessage.__args__,
    ProposalsRefused,
    DiskReport,
)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: str(kind.__name__))
def test_every_kind_of_message_comes_out_as_it_went_in(kind: type[Message]) -> None:
    message = example_of(kind)
    frame = Frame(FrameKind.MESSAGES, b"\x91" + encode_message(message))
    assert list(Assembler(1000).take(frame)) == [message]


def test_a_kind_that_came_later_is_unknown_to_who_speaks_an_older_version() -> None:
    for kind, version in SINCE.items():
        message = example_of(kind)
        frame = Frame(FrameKind.MESSAGES, b"\x91" + encode_message(message))
        assert may_say(message, version) and not may_say(message, version - 1)
        assert list(Assembler(1000, version).take(frame)) == [message]
        with pytest.raises(PeerError, match="cannot read the messages"):
            Assembler(1000, version - 1).take(frame)


def test_all_that_the_first_version_had_it_understands_for_ever() -> None:
    for kind in KINDS:
        message = example_of(kind)
        frame = Frame(FrameKind.MESSAGES, b"\x91" + encode_message(message))
        if kind not in SINCE:
            assert list(Assembler(1000, VERSION_MIN).take(frame)) == [message]


def test_large_messages_of_different_lanes_are_put_together_side_by_side() -> None:
    first, second = append_entries(1, 3000), append_entries(2, 3000)
    pieces = []
    for lane, message in ((1, first), (2, second)):
        data = encode_message(message)
        head, middle, tail = data[:1000], data[1000:2000], data[2000:]
        kinds = (FrameKind.PART, FrameKind.PART, FrameKind.LAST_PART)
        pieces.append(
            [
                Frame(kind, bytes((lane,)) + part)
                for kind, part in zip(kinds, (head, middle, tail), strict=True)
            ]
        )
    assembler = Assembler(10_000)
    arrived: list[Message] = []
    for pair in zip(*pieces, strict=True):
        for frame in pair:
            arrived += assembler.take(frame)
    assert arrived == [first, second]


UNREADABLE = [
    (Frame(FrameKind.MESSAGES, b""), "cannot read the messages in a frame"),
    (Frame(FrameKind.MESSAGES, b"\x91\xc0"), "cannot read the messages in a frame"),
    (Frame(FrameKind.MESSAGES, b"\xdd\xff\xff\xff\xff"), "cannot read the messages"),
    (Frame(FrameKind.MESSAGES, b"\x91\x81\xa4type\xa3Foo"), "Invalid value 'Foo'"),
    (Frame(FrameKind.MESSAGES, b"\x91" * 5000), "cannot read the messages"),
    (Frame(FrameKind.PART, b""), "a part names no lane"),
    (Frame(FrameKind.PART, b"\x03x"), "a part names no lane"),
    (Frame(FrameKind.LAST_PART, b"\x01"), "cannot read the message in a frame"),
    (Frame(FrameKind.HELLO, b""), "a frame of kind 1 does not belong here"),
    (Frame(77, b""), "a frame of kind 77 does not belong here"),
]


@pytest.mark.parametrize(("frame", "words"), UNREADABLE)
def test_what_cannot_be_read_is_the_peers_error(frame: Frame, words: str) -> None:
    with pytest.raises(PeerError, match=words):
        Assembler(1000).take(frame)


@given(st.binary(max_size=300))
def test_no_payload_whatever_raises_anything_else(payload: bytes) -> None:
    for kind in (FrameKind.MESSAGES, FrameKind.PART, FrameKind.LAST_PART):
        try:
            Assembler(100).take(Frame(kind, payload))
        except PeerError:
            pass
    for value in (Hello, Refusal):
        try:
            decode_struct(Frame(FrameKind.HELLO, payload), value)
        except PeerError:
            pass


def test_a_message_in_parts_is_bounded() -> None:
    assembler = Assembler(1000)
    part = Frame(FrameKind.PART, b"\x02" + bytes(400))
    assembler.take(part)
    assembler.take(part)
    words = r"a message exceeds message_bytes_max \(1000 bytes\)"
    with pytest.raises(PeerError, match=words):
        assembler.take(part)


def test_values_of_the_handshake_come_out_as_they_went_in() -> None:
    hello = Hello(version_min=1, version_max=3, receiver=TWO, identity=identity(ONE))
    (frame,) = FrameDecoder(1000).feed(encode_struct(FrameKind.HELLO, hello))
    assert frame.kind == FrameKind.HELLO
    assert decode_struct(frame, Hello) == hello


def test_fields_of_a_newer_handshake_are_passed_over() -> None:
    newer = {"code": "version", "reason": "too old", "moon": {"phase": [1, 2]}}
    frame = Frame(FrameKind.REFUSAL, msgspec.msgpack.encode(newer))
    assert decode_struct(frame, Refusal) == Refusal(code="version", reason="too old")


def test_pings_carry_their_number() -> None:
    (frame,) = FrameDecoder(1000).feed(encode_ping(FrameKind.PONG, 2**40))
    assert (frame.kind, decode_ping(frame)) == (FrameKind.PONG, 2**40)
    with pytest.raises(PeerError, match="carries 3 bytes instead of 8"):
        decode_ping(Frame(FrameKind.PING, b"abc"))


def test_a_heartbeat_is_small() -> None:
    assert len(encode_message(heartbeat())) < 100
