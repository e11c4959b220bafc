"""Groups that take snapshots, members that lag behind, and disks that refuse."""

import asyncio
from typing import Any

from raftwerk.errors import StorageError
from raftwerk.runtime.driver import Driver
from raftwerk.storage.memory_snapshots import MemorySnapshots
from raftwerk.types import LogIndex, Term

from .group import Group, Process

EVERY = 20


async def write(group: Group, count: int, prefix: bytes = b"") -> None:
    """Have so many commands applied, some at a time."""
    leader = group.leader
    for begin in range(0, count, 10):
        numbers = range(begin, min(begin + 10, count))
        await asyncio.gather(*[leader.propose(prefix + b"%d" % n) for n in numbers])


def names(process: Process) -> list[int]:
    """Return the indexes of the snapshots that a member keeps."""
    # pylint: disable-next=protected-access  # to look at; nothing else needs all
    finished = process.snapshots._finished
    return sorted(index for index, _ in finished)


async def until_snapshot(group: Group, process: Process, index: int) -> None:
    """Wait until a member's log names a snapshot at least at an index."""
    await group.until(lambda: process.log.snapshot().index >= index)


def lag(group: Group) -> Process:
    """Take one follower off the network."""
    follower = group.followers[0]
    group.isolate(follower.node_id)
    return follower


async def until_caught_up(
    group: Group, process: Process, seconds: float = 30.0
) -> None:
    """Wait until a member has all that the leader has applied."""
    await group.until(
        lambda: process.machine.commands == group.leader.machine.commands, seconds
    )


async def lagging(**settings: Any) -> tuple[Group, Process]:
    """Return a group whose leader has compacted what one follower lacks."""
    settings = {"snapshot_entries": EVERY, "snapshot_keep_entries": 0} | settings
    group = await Group(**settings).start()
    follower = lag(group)
    await write(group, 50)
    await until_snapshot(group, group.leader, EVERY)
    return group, follower


def driver_of(process: Process) -> Driver:
    """Return what the node drives."""
    return process.node._driver()  # pylint: disable=protected-access  # to look into it


class Trouble(MemorySnapshots):
    """Snapshots on a disk that raises."""

    error: StorageError | None = None

    def begin(self, index: LogIndex, term: Term) -> Any:
        if self.error is not None:
            raise self.error
        return super().begin(index, term)
