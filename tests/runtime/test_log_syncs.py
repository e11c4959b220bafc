"""A log's syncs, beside the loop where that can be, and in a thread where it must."""

import asyncio
import errno
from collections.abc import Callable

import pytest

from raftwerk.core.records import Entry
from raftwerk.errors import DiskFull, StorageError
from raftwerk.host.draw import SplitMix64
from raftwerk.host.protocol import Host
from raftwerk.host.virtual import VirtualLoop, virtual_host
from raftwerk.runtime.log_syncs import LogSyncs
from raftwerk.runtime.worker import Worker
from raftwerk.storage.memory_disk import MemoryDisk
from raftwerk.storage.segment import Segment
from raftwerk.storage.wal import Wal
from raftwerk.types import LogIndex, Term
from tests.storage.values import BOOTSTRAP, IDENTITY

from .group import story

SEGMENT_BYTES = 1 << 16
Done = Callable[[OSError | None], None]


class Syncs:
    """`FileSyncs` that end when a test says so."""

    def __init__(self) -> None:
        self.asked: list[Done] = []
        self.takes = True

    def sync(self, descriptor: int, done: Done) -> bool:
        assert descriptor == 7
        if self.takes:
            self.asked.append(done)
        return self.takes


class Rig:
    """A log on a disk in memory, whose files have a number where a test wants one."""

    def __init__(self, *, has_syncs: bool = True) -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        self.loop = loop
        self.disk = MemoryDisk()
        self.log = Wal.create(
            self.disk,
            "/data",
            IDENTITY,
            BOOTSTRAP,
            holder="n1",
            segment_bytes=SEGMENT_BYTES,
        )
        for _ in range(2):
            self.log.sync()  # the first ones begin the file of the next segment
        self.file_syncs = Syncs()
        self.errors: list[BaseException] = []
        self.ended: list[tuple[float, BaseException | None]] = []
        made = virtual_host(loop, SplitMix64(1), latency=lambda name: 1.0)
        host = Host(
            clock=made.clock,
            timers=made.timers,
            threads=made.threads,
            draw=made.draw,
            file_syncs=self.file_syncs if has_syncs else None,
        )
        self.worker = Worker(host.threads("disk"), self.errors.append)
        self.syncs = LogSyncs(self.log, self.worker, host, self.errors.append)

    def begin(self, size: int = 10) -> None:
        """Append an entry, and sync."""
        index = LogIndex(self.log.last_index() + 1)
        self.log.append(None, [Entry(Term(1), index, data=b"x" * size)])
        self.syncs.begin(lambda error: self.ended.append((self.loop.time(), error)))

    def durable(self) -> int:
        """Return the last index that a crash leaves."""
        self.disk.crash()
        return Wal.open(
            self.disk, "/data", holder="n1", segment_bytes=SEGMENT_BYTES
        ).last_index()


@pytest.fixture(autouse=True)
def _numbered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give the files in memory a number, as the system's have one."""
    monkeypatch.setattr(Segment, "descriptor", 7)


@story
async def test_what_the_host_syncs_takes_no_thread() -> None:
    rig = Rig()
    rig.begin()
    await asyncio.sleep(5)
    assert not rig.ended and rig.worker.is_idle
    for path in rig.disk.list_directory("/data/wal"):
        file = rig.disk.open(f"/data/wal/{path}")
        file.sync()  # what the kernel does meanwhile
        file.close()
    assert len(rig.file_syncs.asked) == 1
    done = rig.file_syncs.asked[0]
    done(None)
    assert rig.ended == [(5.0, None)]
    rig.begin()
    assert len(rig.file_syncs.asked) == 2, "and so the next one"
    assert rig.durable() == 2


@story
async def test_nothing_is_durable_before_the_host_says_so() -> None:
    rig = Rig()
    rig.begin()
    assert rig.durable() == 1, "it was written, and not synced"


@story
async def test_without_a_quicker_way_a_thread_syncs_and_no_more() -> None:
    rig = Rig(has_syncs=False)
    rig.begin()
    await asyncio.sleep(2)
    assert rig.ended == [(1.0, None)]
    assert rig.durable() == 2


@story
async def test_a_host_that_takes_no_more_leaves_it_to_the_thread() -> None:
    rig = Rig()
    rig.file_syncs.takes = False
    rig.begin()
    await asyncio.sleep(2)
    assert rig.ended == [(1.0, None)]
    assert rig.durable() == 2


@story
async def test_what_takes_more_than_one_write_is_the_threads() -> None:
    rig = Rig()
    rig.begin(size=SEGMENT_BYTES)
    assert not rig.file_syncs.asked, "the segment is too small for it"
    await asyncio.sleep(2)
    assert rig.ended == [(1.0, None)]
    assert rig.durable() == 2


@story
async def test_what_the_thread_has_is_not_touched_beside_it() -> None:
    rig = Rig()
    rig.worker.run(rig.log.mark, lambda _: None)
    rig.begin()
    assert not rig.file_syncs.asked
    await asyncio.sleep(3)
    assert rig.ended == [(2.0, None)]


@story
async def test_an_error_of_the_disk_is_the_end_of_the_log() -> None:
    rig = Rig()
    rig.begin()
    rig.file_syncs.asked[0](OSError(errno.EIO, "Input/output error"))
    error = rig.ended.pop()[1]
    assert not rig.ended
    assert isinstance(error, StorageError) and not isinstance(error, DiskFull)
    assert "cannot sync /data/wal/" in str(error) and "Input/output" in str(error)
    with pytest.raises(StorageError, match="nothing is written any more"):
        rig.log.sync()


@story
async def test_a_write_that_fails_is_told_in_a_later_turn() -> None:
    rig = Rig()
    rig.disk.fail_next("write", errno.ENOSPC)
    rig.begin()
    assert not rig.ended
    await asyncio.sleep(0.001)
    error = rig.ended.pop()[1]
    assert not rig.ended
    assert isinstance(error, DiskFull)
    rig.syncs.begin(lambda error: rig.ended.append((0.0, error)))
    assert len(rig.file_syncs.asked) == 1, "when there is room again, it is written"


@story
async def test_who_closes_waits_for_the_host_and_is_told_nothing() -> None:
    rig = Rig()
    rig.begin()
    await rig.worker.close()
    closing = asyncio.ensure_future(rig.syncs.close())
    await asyncio.sleep(1)
    assert not closing.done()
    rig.file_syncs.asked[0](None)
    await closing
    assert not rig.ended


@story
async def test_a_log_that_is_closed_after_a_sync_was_begun_is_whole() -> None:
    for has_syncs in (True, False):
        rig = Rig(has_syncs=has_syncs)
        rig.begin()
        closing = asyncio.ensure_future(rig.worker.close())
        await asyncio.sleep(0)
        for done in rig.file_syncs.asked:
            done(None)
        await closing
        await rig.syncs.close()
        rig.log.close()
        assert not rig.ended
        assert rig.durable() == 2


@story
async def test_what_goes_wrong_afterwards_is_the_end() -> None:
    rig = Rig()

    def broken(_: BaseException | None) -> None:
        raise ValueError("no way on")

    rig.syncs.begin(broken)
    await asyncio.sleep(2)
    rig.begin()
    assert [str(error) for error in rig.errors] == ["no way on"]
