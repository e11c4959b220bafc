"""One incoming connection: who may come in, and what ends it."""

from collections.abc import Iterator

import pytest

from raftwerk.core.messages import Message
from raftwerk.transport.codec import (
    FrameKind,
    decode_ping,
    decode_struct,
    encode_message,
    encode_ping,
    encode_struct,
)
from raftwerk.transport.config import TransportConfig
from raftwerk.transport.door import Doorkeeper
from raftwerk.transport.frame import encode_frame
from raftwerk.transport.handshake import Hello, Refusal, Welcome
from raftwerk.transport.inbound import Inbound
from raftwerk.types import NodeId
from tests.transport.helpers import (
    ONE,
    THREE,
    TWO,
    ListLink,
    append_entries,
    disk_report,
    heartbeat,
    identity,
)
from tests.transport.stage import Stage

HELLO = encode_struct(
    FrameKind.HELLO,
    Hello(version_min=1, version_max=1, receiver=TWO, identity=identity(ONE)),
)
CONFIG = TransportConfig(
    handshakes_max=3,
    queue_bytes_max=2**20,
    message_bytes_max=2**20,
)


class House:
    """A member with a door, and those who knock."""

    def __init__(self) -> None:
        self.stage = Stage(TWO, CONFIG)
        self.heard_of: list[NodeId] = []
        self.door = Doorkeeper(CONFIG.handshakes_max, self.heard_of.append)

    def knock(self) -> ListLink:
        """Return a new connection."""
        link = ListLink(Inbound(self.stage.surroundings, self.door))
        link.open()
        return link

    def let_in(self) -> ListLink:
        """Return the connection of member 1."""
        link = self.knock()
        link.session.received(HELLO)
        assert link.kinds() == ["WELCOME"]
        return link


@pytest.fixture(name="house")
def _house() -> Iterator[House]:
    house = House()
    yield house
    house.stage.close()


def carrying(*messages: Message) -> bytes:
    head = bytes((0x90 + len(messages),))
    return encode_frame(FrameKind.MESSAGES, head, *map(encode_message, messages))


def refusal_of(link: ListLink) -> str:
    """Return the words with which a connection was ended."""
    assert link.kinds()[-1] == "REFUSAL" and link.end == "closed"
    return decode_struct(link.frames[-1], Refusal).words


def test_a_member_is_welcomed_and_heard(house: House) -> None:
    link = house.let_in()
    answer = decode_struct(link.frames[0], Welcome)
    assert answer == Welcome(version=1, identity=identity(TWO))
    link.session.received(carrying(append_entries(1), heartbeat(2)))
    house.stage.wait(0.0)
    assert house.stage.receiver.messages == [append_entries(1), heartbeat(2)]
    assert house.heard_of == [ONE]


def test_who_speaks_an_older_version_says_nothing_of_a_newer_one(house: House) -> None:
    link = house.let_in()
    link.session.received(carrying(disk_report()))
    assert "cannot read the messages" in refusal_of(link)
    newer = Hello(version_min=1, version_max=2, receiver=TWO, identity=identity(ONE))
    link = house.knock()
    link.session.received(encode_struct(FrameKind.HELLO, newer))
    link.session.received(carrying(disk_report()))
    house.stage.wait(0.0)
    assert house.stage.receiver.messages == [disk_report()]


def test_hello_and_messages_may_come_byte_by_byte(house: House) -> None:
    link = house.knock()
    for byte in HELLO + carrying(append_entries(1)):
        link.session.received(bytes((byte,)))
    house.stage.wait(0.0)
    assert house.stage.receiver.messages == [append_entries(1)]


def test_a_ping_is_answered_with_its_number(house: House) -> None:
    link = house.let_in()
    link.session.received(encode_ping(FrameKind.PING, 7))
    assert link.kinds() == ["WELCOME", "PONG"]
    assert decode_ping(link.frames[-1]) == 7


UNWANTED = [
    (b"GET / HTTP/1.1\r\n\r\n", "this is not the peer protocol of raftwerk: the first"),
    (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "this is not the peer protocol"),
    (bytes(8), "this is not the peer protocol of raftwerk: the first bytes are"),
    (encode_frame(FrameKind.HELLO, bytes(5000)), "this is not the peer protocol"),
    (encode_frame(FrameKind.HELLO, b"\xc0"), "cannot read the hello in a frame"),
    (carrying(heartbeat()), "this is not the peer protocol of raftwerk: no hello"),
    (encode_ping(FrameKind.PING, 1), "this is not the peer protocol of raftwerk: no"),
    (
        encode_struct(
            FrameKind.HELLO,
            Hello(
                version_min=1,
                version_max=1,
                receiver=TWO,
                identity=identity(ONE, 0xBAD),
            ),
        ),
        "node 1 belongs to cluster bad, node 2 to cluster c1",
    ),
]


@pytest.mark.parametrize(("data", "words"), UNWANTED)
def test_who_does_not_belong_here_is_refused_in_words_and_logged_once(
    house: House, data: bytes, words: str
) -> None:
    for _ in range(3):
        link = house.knock()
        link.session.received(data)
        assert refusal_of(link).startswith(words)
    house.stage.wait(10.0)
    assert len(house.stage.lines.lines) == 1
    assert not house.stage.receiver.messages and not house.heard_of


BROKEN = [
    (carrying(heartbeat(sender=THREE)), "a Heartbeat from node 3 to node 2 came from"),
    (
        carrying(heartbeat(receiver=THREE)),
        "a Heartbeat from node 1 to node 3 came from",
    ),
    (HELLO, "a frame of kind 1 does not belong here"),
    (encode_frame(99), "a frame of kind 99 does not belong here"),
    (encode_frame(FrameKind.MESSAGES, b"\x91\xc0"), "cannot read the messages"),
    (b"\xff\xff\xff\xff????", "a frame of 4294967295 bytes; 1 to 1048576 are allowed"),
    (b"\x05\0\0\0????12345", "a frame of 5 bytes fails its checksum"),
]


@pytest.mark.parametrize(("data", "words"), BROKEN)
def test_a_member_that_breaks_the_protocol_is_cut_off_and_changes_nothing(
    house: House, data: bytes, words: str
) -> None:
    for _ in range(3):
        link = house.let_in()
        link.session.received(data)
        assert refusal_of(link).startswith(words)
    house.stage.wait(10.0)
    assert not house.stage.receiver.messages


def test_what_came_before_the_damage_is_delivered(house: House) -> None:
    link = house.let_in()
    link.session.received(carrying(heartbeat(1)) + bytes(8))
    house.stage.wait(0.0)
    assert house.stage.receiver.messages == [heartbeat(1)]


def test_a_message_in_parts_is_bounded(house: House) -> None:
    link = house.let_in()
    part = encode_frame(FrameKind.PART, b"\x02", bytes(300_000))
    for _ in range(4):
        assert not link.end
        link.session.received(part)
    assert refusal_of(link).startswith("a message exceeds message_bytes_max")


def test_a_handshake_takes_a_bounded_time(house: House) -> None:
    link = house.knock()
    for byte in HELLO[:20]:
        link.session.received(bytes((byte,)))
        house.stage.wait(0.06)
        if link.end:
            break
    assert refusal_of(link) == "no handshake within 1.0 s"


def test_handshakes_at_a_time_are_bounded_and_members_do_not_count(
    house: House,
) -> None:
    house.let_in()
    links = [house.knock() for _ in range(5)]
    assert [link.end for link in links] == ["", "", "", "closed", "closed"]
    assert refusal_of(links[4]) == "3 connections are in their handshake"
    links[0].session.lost("gone")
    assert not house.knock().end


def test_a_connection_that_fell_silent_is_closed(house: House) -> None:
    link = house.let_in()
    for number in range(20):
        link.session.received(encode_ping(FrameKind.PING, number))
        house.stage.wait(0.5)
    assert link.kinds()[-1] == "PONG"
    house.stage.wait(5.0)
    assert link.end == "aborted"
    assert len(house.stage.lines.about("it was silent for too long")) == 1


def test_one_that_asks_and_does_not_read_is_closed(house: House) -> None:
    link = house.let_in()
    link.takes = 1
    link.session.received(10 * encode_ping(FrameKind.PING, 1))
    assert link.end == "aborted"
    assert link.kinds() == ["WELCOME", "PONG"]


def test_a_new_connection_of_a_member_ends_its_old_one(house: House) -> None:
    old = house.let_in()
    new = house.let_in()
    assert (old.end, new.end) == ("aborted", "")
    new.session.received(carrying(heartbeat()))
    house.stage.wait(0.0)
    assert house.stage.receiver.messages == [heartbeat()]


def test_what_came_from_a_member_is_counted_over_all_its_connections(
    house: House,
) -> None:
    first = house.let_in()
    assert house.door.received_bytes(ONE) == len(HELLO)
    first.session.lost("connection reset by peer")
    house.let_in().session.received(carrying(heartbeat()))
    expected = 2 * len(HELLO) + len(carrying(heartbeat()))
    assert house.door.received_bytes(ONE) == expected


def test_a_member_that_is_none_any_more_is_shown_out(house: House) -> None:
    link, stranger = house.let_in(), house.knock()
    house.door.keep_only([THREE])
    assert [link.end, stranger.end] == ["aborted", ""]
    assert house.door.received_bytes(ONE) == 0
    house.door.close_all()
    assert stranger.end == "aborted"


def test_a_peer_that_only_looks_who_we_are_is_told_once_however_often(
    house: House,
) -> None:
    """As members do with one that lost its data directory, once a second."""
    for _ in range(5):
        house.let_in().session.lost("the other side closed it")
    (line,) = house.stage.lines.lines
    assert line.startswith("30 peer closed its connection: node 1 at ")


def test_a_peer_that_stays_is_told_with_its_first_word_and_its_end_is_news_again(
    house: House,
) -> None:
    for _ in range(2):
        link = house.let_in()
        for number in range(3):
            link.session.received(encode_ping(FrameKind.PING, number))
        link.session.lost("the other side closed it")
    lines = house.stage.lines.lines
    assert [line.split(":")[0] for line in lines] == [
        "20 peer connected to us",
        "30 peer closed its connection",
    ] * 2
