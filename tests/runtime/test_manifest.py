"""What a snapshot's data says."""

import msgspec
import pytest

from raftwerk.errors import UnknownFormat
from raftwerk.runtime.manifest import Manifest, bootstrap_snapshot
from raftwerk.types import NodeId

from .group import member_of


def test_a_manifest_is_read_as_it_was_written() -> None:
    manifest = Manifest(
        members=(member_of(1),), removed=(NodeId(9),), chunks=(b"a", b"b")
    )
    assert Manifest.decode(manifest.encode()) == manifest


def test_no_data_is_the_manifest_of_a_member_that_knows_nothing() -> None:
    assert Manifest.decode(b"") == Manifest()


def test_a_newer_format_is_refused_whatever_else_is_in_it() -> None:
    data = msgspec.msgpack.encode({"format": 2, "members": "not what it was"})
    with pytest.raises(UnknownFormat, match="format 2; this version.*reads format 1"):
        Manifest.decode(data)


def test_what_is_no_manifest_is_refused_in_words() -> None:
    with pytest.raises(UnknownFormat, match="can't be read"):
        Manifest.decode(b"\xc1garbage")


def test_first_members_make_the_same_snapshot_from_the_same_list_in_any_order() -> None:
    snapshot = bootstrap_snapshot([member_of(3), member_of(1), member_of(2)])
    assert snapshot == bootstrap_snapshot([member_of(1), member_of(2), member_of(3)])
    assert (snapshot.index, snapshot.term) == (1, 1)
    assert snapshot.conf_state.voters == (1, 2, 3)
    assert Manifest.decode(snapshot.data).chunks is None
