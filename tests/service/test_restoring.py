"""Going back to a revision or a time, made of an archive; nothing is passed over."""

import pytest

from raftwerk.core.records import Entry
from raftwerk.errors import ConfigError, StorageError
from raftwerk.kv import Command, DeleteRange, Put, Range, Store, encode
from raftwerk.runtime import Member, bootstrap_snapshot
from raftwerk.runtime.envelope import EnvelopeKind, Sender
from raftwerk.service.restoring import Wish, report_on_archive, restore
from raftwerk.storage.archive import Archive, ArchivedState, Piece
from raftwerk.storage.memory_disk import MemoryDisk
from raftwerk.types import LogIndex, NodeId, Term

MEMBER = Member(node_id=NodeId(1), peer_urls=("http://n1:2380",))
EVERYTHING = Range(b"\0", b"\0")

COMMANDS: list[Command] = [
    *(Put(b"k%d" % number, b"v") for number in range(8)),
    DeleteRange(b"\0", b"\0"),  # the mistake, at revision 10
    Put(b"after", b"v"),
]


def entries() -> list[Entry]:
    """Return the log: each command from index 2 on."""
    sender = Sender(NodeId(1), 7)
    return [
        Entry(
            Term(1),
            LogIndex(2 + place),
            sender.wrap(EnvelopeKind.COMMAND, place, encode(command)),
        )
        for place, command in enumerate(COMMANDS)
    ]


def archived(*cuts: tuple[int, int]) -> tuple[MemoryDisk, Archive]:
    """Return an archive with segments from and to these places, a second an entry."""
    disk = MemoryDisk()
    archive = Archive(disk, "/archive")
    archive.add_state(ArchivedState(0, bootstrap_snapshot([MEMBER])), (), "m1")
    log = entries()
    for begin, end in cuts:
        pieces = [
            Piece(1000 * place, (log[place - 2],)) for place in range(begin, end + 1)
        ]
        archive.add_segment(pieces, "m1")
    return disk, archive


def keys(store: Store) -> list[bytes]:
    return [kv.key for kv in store.range(EVERYTHING).kvs]


@pytest.mark.parametrize("revision", range(1, 12))
def test_a_store_is_as_it_was_at_a_revision(revision: int) -> None:
    _, archive = archived((2, 4), (5, 9), (10, 11))
    store, reached = restore(archive, Wish(revision=revision))
    expected = Store()
    for number, command in enumerate(COMMANDS[: revision - 1], 2):
        expected.apply(number, [encode(command)])
    assert store.range(EVERYTHING) == expected.range(EVERYTHING)
    assert store.events(0) == expected.events(0)
    assert (reached.revision, reached.state_index) == (revision, 1)


def test_a_store_is_as_it_was_at_a_time() -> None:
    _, archive = archived((2, 11))
    store, reached = restore(archive, Wish(at_millis=9_999))
    assert len(keys(store)) == 8
    assert (reached.at_millis, reached.index) == (9_000, 9)
    store, _ = restore(archive, Wish())
    assert keys(store) == [b"after"]


def test_segments_of_several_members_may_overlap() -> None:
    _, archive = archived((2, 6), (4, 9), (8, 11), (2, 3))
    store, _ = restore(archive, Wish(revision=9))
    assert len(keys(store)) == 8
    assert not report_on_archive(archive).gaps


def test_a_gap_is_named_and_never_passed_over() -> None:
    _, archive = archived((2, 4), (7, 11))
    assert report_on_archive(archive).gaps == ((5, 6),)
    assert len(keys(restore(archive, Wish(revision=3))[0])) == 2
    with pytest.raises(StorageError, match="entries 5 to 6 are missing"):
        restore(archive, Wish(revision=9))
    with pytest.raises(StorageError, match="a gap"):
        restore(archive, Wish())


def test_a_damaged_segment_ends_the_restore_unless_another_covers_it() -> None:
    disk, archive = archived((2, 6), (7, 11))
    path = archive.segments()[0].path
    disk.flip_bit(path, 8 * len(disk.read_file(path)) // 2)
    with pytest.raises(StorageError, match="a gap.*is damaged at byte"):
        restore(archive, Wish(revision=9))
    log = entries()
    archive.add_segment([Piece(5_000, tuple(log[0:7]))], "m2")
    assert len(keys(restore(archive, Wish(revision=9))[0])) == 8


def test_what_lies_outside_of_the_archive_is_refused() -> None:
    _, archive = archived((2, 11))
    with pytest.raises(ConfigError, match="goes up to revision 11"):
        restore(archive, Wish(revision=12))
    with pytest.raises(ConfigError, match="begins later"):
        restore(archive, Wish(at_millis=-1))
    with pytest.raises(StorageError, match="no state to begin with"):
        restore(Archive(MemoryDisk(), "/empty"), Wish())
