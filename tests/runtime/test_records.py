"""The runtime's own records, as bytes."""

import msgspec
import pytest

from raftwerk.errors import UnknownFormat
from raftwerk.runtime.drift import DriftReport
from raftwerk.runtime.members import PublishMember
from raftwerk.runtime.records import Record, decode_record, encode_record
from raftwerk.types import LogIndex, NodeId

from .group import member_of


@pytest.mark.parametrize(
    "record",
    [
        PublishMember(member_of(1)),
        DriftReport(LogIndex(256), ((NodeId(1), b"link"),)),
    ],
)
def test_a_record_is_read_as_it_was_written(record: Record) -> None:
    assert decode_record(encode_record(record)) == record


def test_a_record_of_a_newer_version_is_not_guessed_at() -> None:
    with pytest.raises(UnknownFormat, match="start a newer version"):
        decode_record(msgspec.msgpack.encode({"type": "Unheard", "x": 1}))
    with pytest.raises(UnknownFormat, match="can't be read"):
        decode_record(b"\xc1garbage")
