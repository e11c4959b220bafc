"""Who proposed what, and for whom."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raftwerk.errors import UnknownFormat
from raftwerk.runtime.envelope import (
    HEADER_BYTES,
    EnvelopeKind,
    Sender,
    content_of,
    kind_of,
)
from raftwerk.runtime.versions import READABLE_VERSION
from raftwerk.types import NodeId

ids = st.integers(1, 2**64 - 1)


@given(st.sampled_from(EnvelopeKind), ids, ids, ids, st.binary())
def test_a_sender_knows_its_envelopes_again(
    kind: EnvelopeKind, node_id: int, incarnation: int, number: int, content: bytes
) -> None:
    sender = Sender(NodeId(node_id), incarnation)
    data = sender.wrap(kind, number, content)
    assert (kind_of(data), content_of(data)) == (kind, content)
    assert sender.number_of(data) == number
    assert len(data) == HEADER_BYTES + len(content)


def test_what_another_member_or_an_earlier_life_proposed_is_nobodys() -> None:
    data = Sender(NodeId(1), 5).wrap(EnvelopeKind.COMMAND, 7, b"content")
    assert Sender(NodeId(2), 5).number_of(data) is None
    assert Sender(NodeId(1), 6).number_of(data) is None


def test_a_ticket_is_known_again_by_its_sender_alone() -> None:
    sender = Sender(NodeId(1), 5)
    assert sender.number_of_ticket(sender.ticket(9)) == 9
    assert Sender(NodeId(1), 6).number_of_ticket(sender.ticket(9)) is None
    assert sender.number_of_ticket(b"") is None


def test_an_envelope_of_an_unknown_kind_names_what_helps() -> None:
    with pytest.raises(UnknownFormat, match="kind 77.*start a newer version"):
        kind_of(bytes([77, 1]) + bytes(HEADER_BYTES))


def test_an_envelope_of_a_newer_version_names_the_version_that_it_needs() -> None:
    version = READABLE_VERSION + 1
    data = Sender(NodeId(1), 5).wrap(EnvelopeKind.COMMAND, 7, b"content", version)
    with pytest.raises(UnknownFormat, match=f"needs cluster version {version}.*newer"):
        kind_of(data)


def test_the_form_of_an_envelope_is_part_of_the_log_and_stays() -> None:
    data = Sender(NodeId(2), 3).wrap(EnvelopeKind.RECORD, 4, b"x")
    numbers = [2] + [0] * 7 + [3] + [0] * 7 + [4] + [0] * 7
    assert data == b"\x02\x01" + bytes(numbers) + b"x"
