"""Archiving beside a member's work: nothing is left out, and a gap is told."""

import asyncio
import logging
from typing import Any

from raftwerk.core.records import Entry, HardState, Snapshot
from raftwerk.host.draw import SplitMix64
from raftwerk.host.loop import VirtualLoop
from raftwerk.host.virtual import virtual_host
from raftwerk.runtime import bootstrap_snapshot
from raftwerk.runtime.archiver import Archiver
from raftwerk.runtime.manifest import Manifest
from raftwerk.storage.archive import Archive
from raftwerk.storage.memory import MemoryLog
from raftwerk.storage.memory_disk import MemoryDisk
from raftwerk.storage.memory_snapshots import MemorySnapshots
from raftwerk.storage.snapshot_protocol import Stores
from raftwerk.types import LogIndex, NodeId, Term

from .group import member_of, story

FOLDER = "/archive"


class Member:
    """A log that grows, and what archives it."""

    def __init__(self, disk: MemoryDisk, writer: str = "m1") -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        self.disk = disk
        self.told: list[tuple[int, str, dict[str, Any]]] = []
        self.log = MemoryLog(bootstrap_snapshot([member_of(1)]))
        self.snapshots = MemorySnapshots()
        self.archive = Archive(disk, FOLDER)
        self.archiver = Archiver(
            self.archive,
            Stores(self.log, self.snapshots),
            virtual_host(loop, SplitMix64(1)),
            interval_seconds=10.0,
            writer=writer,
            report=lambda level, event, **fields: self.told.append(
                (level, event, fields)
            ),
        )

    def apply(self, count: int) -> None:
        """Have entries applied, and noted."""
        begin = self.log.last_index() + 1
        self.log.append(
            HardState(Term(1), NodeId(1)),
            [Entry(Term(1), LogIndex(begin + place), b"x") for place in range(count)],
        )
        self.archiver.note(self.log.last_index())

    def compact(self) -> None:
        """Take a snapshot of all, and let the log go."""
        index = self.log.last_index()
        sink = self.snapshots.begin(index, Term(1))
        sink.write(b"state at %d" % index)
        sink.finish()
        base = self.log.snapshot()
        manifest = Manifest.decode(base.data)
        data = Manifest(members=manifest.members, chunks=(b"hash",)).encode()
        self.log.compact(Snapshot(index, Term(1), base.conf_state, data), 0)

    def archived(self) -> list[int]:
        """Return the indexes of all entries in the archive."""
        return [
            entry.index
            for segment in self.archive.segments()
            for piece in self.archive.read_segment(segment)
            for entry in piece.entries
        ]


@story
async def test_all_that_is_applied_comes_to_the_archive_once() -> None:
    member = Member(MemoryDisk())
    member.apply(5)
    await member.archiver.seal()
    member.apply(3)
    member.apply(4)
    await member.archiver.seal()
    await member.archiver.seal()
    assert member.archived() == list(range(2, 14))
    assert member.archiver.archived() == 13
    assert [name.applied_index for name in member.archive.states()] == [1]
    assert [segment[:2] for segment in member.archive.segments()] == [(2, 6), (7, 13)]
    assert not member.told


@story
async def test_a_later_life_goes_on_where_the_archive_ends() -> None:
    disk = MemoryDisk()
    first = Member(disk)
    first.apply(5)
    await first.archiver.seal()
    again = Member(disk)
    again.apply(9)
    assert again.archiver.archived() is None
    await again.archiver.seal()
    assert again.archived() == list(range(2, 11))


@story
async def test_a_folder_that_fails_is_tried_again_and_nothing_is_lost() -> None:
    member = Member(MemoryDisk())
    member.apply(5)
    await member.archiver.seal()
    member.apply(5)
    member.disk.fail_next("write")
    await member.archiver.seal()
    assert member.told[0][:2] == (logging.WARNING, "the archive can't be written")
    assert member.archiver.archived() == 6
    member.apply(5)
    await member.archiver.seal()
    assert member.archived() == list(range(2, 17))
    assert member.told[-1][:2] == (logging.INFO, "the archive is written again")


@story
async def test_a_gap_is_told_and_closed_by_a_state() -> None:
    member = Member(MemoryDisk())
    member.apply(5)
    await member.archiver.seal()
    member.apply(5)
    member.compact()
    member.apply(5)
    await member.archiver.seal()
    level, event, fields = member.told[0]
    assert (level, event) == (logging.WARNING, "the archive has a gap")
    assert fields == {"first_index": 7, "last_index": 11}
    assert [name.applied_index for name in member.archive.states()] == [1, 11]
    assert member.archived() == [*range(2, 7), *range(12, 17)]
    state, chunks = member.archive.read_state(member.archive.states()[-1])
    assert state.snapshot == member.log.snapshot()
    assert list(chunks) == [b"state at 11"]


@story
async def test_members_may_share_a_folder() -> None:
    disk = MemoryDisk()
    one, two = Member(disk), Member(disk, "m2")
    for member, counts in ((one, (4, 6)), (two, (7, 3))):
        for count in counts:
            member.apply(count)
            await member.archiver.seal()
    assert sorted(set(one.archived())) == list(range(2, 12))
    assert not [name for name in disk.list_directory(f"{FOLDER}/log") if "m1" in name]
