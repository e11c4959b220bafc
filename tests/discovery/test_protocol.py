"""The forms of question and answer, and what is neither."""

import msgspec
import pytest

from raftwerk.discovery.protocol import (
    KnownMember,
    Question,
    Roster,
    decode_question,
    decode_roster,
    encode,
)
from raftwerk.errors import PeerError
from raftwerk.types import NodeId


def test_what_is_said_is_what_is_heard() -> None:
    member = KnownMember(node_id=NodeId(2**63), name="n", peer_urls=("http://n:1",))
    roster = Roster(cluster_id=7, members=(member,), removed=(NodeId(3),))
    assert decode_roster(encode(roster)) == roster
    assert decode_question(encode(Question(token="t"))) == Question(token="t")


def test_what_a_later_version_adds_is_passed_over() -> None:
    data = msgspec.msgpack.encode({"token": "t", "mood": "good"})
    assert decode_question(data) == Question(token="t")


@pytest.mark.parametrize("data", [b"", b"\xc1", msgspec.msgpack.encode({"token": 1})])
def test_garbage_is_neither(data: bytes) -> None:
    with pytest.raises(PeerError, match="no question"):
        decode_question(data)
    with pytest.raises(PeerError, match="no list of members"):
        decode_roster(data)
