"""A newcomer asks without a handshake, and can do nothing but that."""

from collections.abc import Iterator

import msgspec
import pytest

from raftwerk.errors import PeerError
from raftwerk.transport.codec import FrameKind, encode_struct
from raftwerk.transport.config import TransportConfig
from raftwerk.transport.door import Doorkeeper
from raftwerk.transport.frame import encode_frame
from raftwerk.transport.handshake import Refusal
from raftwerk.transport.inbound import Inbound
from raftwerk.transport.question import Asking
from tests.transport.helpers import TWO, ListLink
from tests.transport.stage import Stage

QUESTION = encode_frame(FrameKind.QUESTION, b"who are you?")
ANSWER = encode_frame(FrameKind.ANSWER, b"nobody")


class Asker:
    """Somebody who asks, and what he hears."""

    def __init__(self) -> None:
        self.heard: list[bytes | str] = []
        self.link = ListLink(
            Asking(
                b"who are you?",
                2**16,
                on_answer=self.heard.append,
                on_failure=self.heard.append,
            )
        )


def test_a_question_is_the_first_frame_and_the_answer_the_last() -> None:
    asker = Asker()
    asker.link.open()
    assert [(f.kind, bytes(f.payload)) for f in asker.link.frames] == [
        (FrameKind.QUESTION, b"who are you?")
    ]
    asker.link.session.received(ANSWER[:9])
    assert not asker.heard
    asker.link.session.received(ANSWER[9:])
    assert asker.heard == [b"nobody"]
    assert asker.link.end


REFUSED = encode_struct(FrameKind.REFUSAL, Refusal(code="busy", reason="later\n"))


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (REFUSED, "later "),
        (encode_frame(FrameKind.WELCOME, b""), "a frame of kind 2 is no answer"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "not the peer protocol"),
    ],
)
def test_what_is_no_answer_is_told_in_words(said: bytes, words: str) -> None:
    asker = Asker()
    asker.link.open()
    asker.link.session.received(said)
    assert len(asker.heard) == 1
    assert words in str(asker.heard[0])


def test_a_lost_connection_is_told_once() -> None:
    asker = Asker()
    asker.link.session.lost("connection refused")
    assert asker.heard == ["connection refused"]
    late = Asker()
    late.link.open()
    late.link.session.received(ANSWER)
    late.link.session.lost("the other side closed it")
    assert late.heard == [b"nobody"]


class House:
    """A member that answers questions, or not."""

    def __init__(self) -> None:
        self.stage = Stage(TWO, TransportConfig())
        self.asked: list[bytes] = []
        self.refusal = ""
        self.door = Doorkeeper(3, lambda node_id: None)
        self.around = msgspec.structs.replace(
            self.stage.surroundings, answer=self._answer
        )

    def _answer(self, question: bytes) -> bytes:
        self.asked.append(question)
        if self.refusal:
            raise PeerError(self.refusal)
        return b"nobody"

    def knock(self) -> ListLink:
        link = ListLink(Inbound(self.around, self.door))
        link.open()
        return link


@pytest.fixture(name="house")
def _house() -> Iterator[House]:
    house = House()
    yield house
    house.stage.close()


def test_a_question_is_answered_and_the_connection_over(house: House) -> None:
    link = house.knock()
    link.session.received(QUESTION)
    assert house.asked == [b"who are you?"]
    assert [(f.kind, bytes(f.payload)) for f in link.frames] == [
        (FrameKind.ANSWER, b"nobody")
    ]
    assert link.end == "closed"


def test_a_question_opens_no_door(house: House) -> None:
    link = house.knock()
    link.session.received(QUESTION + QUESTION)
    assert len(house.asked) == 1
    assert link.kinds() == ["ANSWER"]
    assert not house.stage.receiver.messages


def test_who_is_not_answered_hears_why(house: House) -> None:
    house.refusal = "another token"
    link = house.knock()
    link.session.received(QUESTION)
    assert link.kinds() == ["REFUSAL"]
    assert b"another token" in bytes(link.frames[0].payload)


def test_without_an_answerer_nobody_is_answered(house: House) -> None:
    house.around = house.stage.surroundings
    link = house.knock()
    link.session.received(QUESTION)
    assert link.kinds() == ["REFUSAL"]
    assert b"not answered here" in bytes(link.frames[0].payload)


def test_a_large_question_is_not_read(house: House) -> None:
    link = house.knock()
    link.session.received(encode_frame(FrameKind.QUESTION, bytes(5000)))
    assert not house.asked
    assert link.kinds() == ["REFUSAL"]
