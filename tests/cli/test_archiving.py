"""Archiving as a node does it: a failure is told in the log, a mistake is refused."""

import asyncio
from pathlib import Path

import msgspec
import pytest
import structlog

from raftwerk.cli.archiving import check_archive, make_archiver
from raftwerk.config import ServeConfig
from raftwerk.core.records import Entry, HardState
from raftwerk.errors import ConfigError
from raftwerk.host.draw import SplitMix64
from raftwerk.host.loop import VirtualLoop
from raftwerk.host.virtual import virtual_host
from raftwerk.runtime import bootstrap_snapshot
from raftwerk.storage.disk import RealDisk
from raftwerk.storage.memory import MemoryLog
from raftwerk.storage.memory_disk import MemoryDisk
from raftwerk.storage.memory_snapshots import MemorySnapshots
from raftwerk.storage.protocol import DirectoryIdentity
from raftwerk.storage.snapshot_protocol import Stores
from raftwerk.types import LogIndex, NodeId, Term
from tests.runtime.group import member_of, story

CONFIG = msgspec.structs.replace(ServeConfig(), archive_dir="/archive")


@story
async def test_a_write_that_fails_is_a_line_in_the_log_and_so_is_its_end() -> None:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    disk = MemoryDisk()
    log = MemoryLog(bootstrap_snapshot([member_of(1)]))
    log.append(HardState(Term(1), NodeId(1)), [Entry(Term(1), LogIndex(2), b"x")])
    identity = DirectoryIdentity(1, NodeId(1), 1)
    with structlog.testing.capture_logs() as logged:
        archiver = make_archiver(
            CONFIG,
            disk,
            virtual_host(loop, SplitMix64(1)),
            identity,
            Stores(log, MemorySnapshots()),
        )
        assert archiver is not None
        archiver.note(LogIndex(2))
        disk.fail_next("write")
        await archiver.seal()
        await archiver.seal()
    assert [(line["log_level"], line["event"]) for line in logged] == [
        ("warning", "the archive can't be written"),
        ("info", "the archive is written again"),
    ]


def test_a_folder_that_can_not_be_made_is_refused(tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.touch()
    for folder in (plain, plain / "archive"):
        config = msgspec.structs.replace(CONFIG, archive_dir=str(folder))
        with pytest.raises(ConfigError, match="archive-dir .*plain.* can't be made"):
            check_archive(config, RealDisk())


def test_a_folder_that_is_there_is_taken(tmp_path: Path) -> None:
    folder = tmp_path / "of all" / "archive"
    config = msgspec.structs.replace(CONFIG, archive_dir=str(folder))
    for _ in range(2):
        check_archive(config, RealDisk())
    assert folder.is_dir()
