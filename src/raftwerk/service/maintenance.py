"""What operators do with one member: alarms, hashes, letting go, taking all of it.

Alarms are agreed upon; all else is about this member alone, and needs no leader.
"""

import asyncio
import hashlib
from collections.abc import AsyncGenerator, Iterator
from itertools import islice
from typing import Final, Protocol

import msgspec

from raftwerk.errors import InvariantViolation
from raftwerk.host.protocol import Threads
from raftwerk.kv import AlarmKind, AlarmResult, SetAlarm, Store, encode
from raftwerk.service.node import NodeLike
from raftwerk.service.turns import in_turns

__all__ = ["Alarm", "MaintenanceService", "Part", "StoreHash"]

PART_BYTES: Final = 32 * 1024
"""What a part of a snapshot holds, as in etcd."""

CHANGES_SCAVENGED_PER_TURN: Final = 200
"""Of a defragmentation, in about a third of a millisecond."""

CHUNKS_PER_CALL: Final = 8
"""Chunks of a snapshot that are made beside the loop in one go."""


class MaintenanceNode(NodeLike, Protocol):
    """A member that can take snapshots; `raftwerk.runtime.Node` is one."""

    def take_snapshot(self) -> bool:
        """Do as `Node.take_snapshot` says."""


class Alarm(msgspec.Struct, frozen=True, order=True):
    """An alarm that is raised.

    Parameters
    ----------
    kind : int
        One of `raftwerk.kv.AlarmKind`.
    member_id : int
        Whose it is.
    """

    kind: int
    member_id: int


class StoreHash(msgspec.Struct, frozen=True):
    """A number that equal stores share at a revision, and others hardly.

    Parameters
    ----------
    hash : int
        32 bits.
    hash_revision : int
        The revision.
    compact_revision : int
        The oldest that could be read; stores are compared that agree in it.
    """

    hash: int
    hash_revision: int
    compact_revision: int


class Part(msgspec.Struct, frozen=True):
    """Some bytes of a snapshot.

    Parameters
    ----------
    remaining_bytes : int
        How many follow; 0 in the last two parts.
    blob : bytes
        The next ones; the last part has the SHA-256 of all others.
    """

    remaining_bytes: int
    blob: bytes


class MaintenanceService:
    """The maintenance calls on one member.

    Parameters
    ----------
    node : MaintenanceNode
        The member.
    store : Store
        Its state machine.
    threads : Threads
        A worker that snapshots are made on.
    """

    def __init__(self, node: MaintenanceNode, store: Store, threads: Threads) -> None:
        self._node = node
        self._store = store
        self._threads = threads

    async def alarms(self) -> list[Alarm]:
        """Return all alarms that are raised.

        Returns
        -------
        list of Alarm
            Sorted.

        Raises
        ------
        NotProposed
            If no leader could be asked.
        """
        await self._node.read_barrier()
        return [Alarm(kind, member) for kind, member in self._store.alarms()]

    async def set_alarm(self, raised: bool, alarm: Alarm) -> list[Alarm]:
        """Raise an alarm, or end it.

        Parameters
        ----------
        raised : bool
            Whether it is to be raised.
        alarm : Alarm
            Which; nothing happens to one of no kind.

        Returns
        -------
        list of Alarm
            The alarm, if it was raised or ended; else none.

        Raises
        ------
        NotProposed
            If nothing happened and nothing will.
        OutcomeUnknown
            If it may or may not be done.
        """
        if alarm.kind == AlarmKind.NONE:
            return []
        command = SetAlarm(raised, alarm.member_id, alarm.kind)
        result = await self._node.propose(encode(command))
        if not isinstance(result, AlarmResult):
            raise InvariantViolation(f"an alarm does not end with {result!r}")
        return [alarm] if result.is_known else []

    async def hash(self, revision: int = 0) -> StoreHash:
        """Return what this member's store can be compared by.

        Parameters
        ----------
        revision : int
            At which revision; 0 or below for the newest.

        Returns
        -------
        StoreHash
            Made in steps, between which others have their turns.

        Raises
        ------
        FutureRevision
            If this member has not come to the revision yet.
        CompactedRevision
            If it is forgotten.
        """
        at = revision if revision > 0 else self._store.revision
        oldest = self._store.compact_revision
        number = await in_turns(self._store.digest_in_steps(at))
        return StoreHash(number, at, oldest)

    async def defragment(self) -> None:
        """Let go of what can't be read any more, in memory and on the disk.

        The memory is freed when this returns; the log is cut when the snapshot that
        begins here is durable.
        """
        while not self._store.scavenge(CHANGES_SCAVENGED_PER_TURN):
            await asyncio.sleep(0)
        self._node.take_snapshot()

    async def snapshot(self) -> AsyncGenerator[Part, None]:
        """Yield the whole store as it is now, as `Store.restore` takes it.

        Yields
        ------
        Part
            In order.
        """
        # Twice the same state: once to know how much there is.
        sizes, chunks = iter(self._store.snapshot()), iter(self._store.snapshot())
        remaining = 0
        while some := await self._threads.run(_draw, sizes):
            remaining += sum(map(len, some))
        hashed = hashlib.sha256()
        waiting = bytearray()
        is_drawn = False
        while not is_drawn or waiting:
            while len(waiting) < PART_BYTES and not is_drawn:
                some = await self._threads.run(_draw, chunks)
                is_drawn = not some
                waiting += b"".join(some)
            blob = bytes(waiting[:PART_BYTES])
            del waiting[:PART_BYTES]
            if blob:
                remaining -= len(blob)
                hashed.update(blob)
                yield Part(remaining, blob)
        yield Part(0, hashed.digest())


def _draw(chunks: Iterator[bytes]) -> list[bytes]:
    """Return the next chunks; none at the end."""
    return list(islice(chunks, CHUNKS_PER_CALL))
