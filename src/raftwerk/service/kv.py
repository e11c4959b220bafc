"""Put, range, delete, transaction, compaction: what they mean on any member."""

import asyncio
from collections.abc import Awaitable, Callable, Generator
from typing import Final, TypeAlias, TypeVar

from raftwerk.errors import InvariantViolation, NoRoom, NotLeader
from raftwerk.kv import (
    Command,
    Compact,
    CompactedRevision,
    CompactResult,
    DeleteRange,
    DeleteRangeResult,
    Put,
    PutResult,
    Range,
    RangeResult,
    Store,
    Txn,
    TxnResult,
    encode,
)
from raftwerk.kv.checks import check_delete_range, check_put, check_range, check_txn
from raftwerk.kv.txn import has_ranges, is_read_only, is_serializable
from raftwerk.service.errors import RequestTooLarge
from raftwerk.service.header import Header
from raftwerk.service.node import NodeLike
from raftwerk.service.quota import Quota
from raftwerk.service.turns import in_turns

__all__ = ["REQUEST_BYTES_MAX", "KvService", "ReadElsewhere"]

REQUEST_BYTES_MAX: Final = 1_572_864
"""1.5 MiB, etcd's ``--max-request-bytes``; of the encoded request."""

CHANGES_SCAVENGED_PER_TURN: Final = 200
"""What a physical compaction does in one turn, in about a third of a millisecond."""

_Result = TypeVar("_Result")

ReadElsewhere: TypeAlias = Callable[[Txn, NoRoom], Awaitable[TxnResult]]
"""Does a transaction that only reads and was refused here, or raises the refusal."""


async def _read_nowhere(_request: Txn, refusal: NoRoom) -> TxnResult:
    """Let it be."""
    raise refusal


class KvService:
    """The key-value calls on one member; any member takes any of them.

    Parameters
    ----------
    node : NodeLike
        The member.
    store : Store
        Its state machine.
    request_bytes_max : int
        The most that a request may have, encoded.
    quota : Quota, optional
        What the store may take; without it, as much as there is.

    Attributes
    ----------
    read_elsewhere : callable
        Does a transaction that only reads and was refused here for lack of room, or
        raises the refusal; `LeaderReads` sets one that asks the leader.
    """

    def __init__(
        self,
        node: NodeLike,
        store: Store,
        *,
        request_bytes_max: int = REQUEST_BYTES_MAX,
        quota: Quota | None = None,
    ) -> None:
        self._node = node
        self._quota = quota
        self._store = store
        self._request_bytes_max = request_bytes_max
        self._header: Header | None = None
        """The last one."""
        self.read_elsewhere: ReadElsewhere = _read_nowhere

    @property
    def request_bytes_max(self) -> int:
        """The most that a request may have, encoded."""
        return self._request_bytes_max

    @property
    def size_bytes(self) -> int:
        """What the store takes in memory, about."""
        return self._store.size_bytes

    def alarms(self) -> list[tuple[int, int]]:
        """Return the alarms that this member knows.

        Returns
        -------
        list of tuple of int
            The kind of each, and the member whose it is.
        """
        return self._store.alarms()

    def header(self, revision: int | None = None) -> Header:
        """Return what stands above an answer.

        Parameters
        ----------
        revision : int, optional
            That of the answer; without it, the store's.

        Returns
        -------
        Header
            With this member's ids and term.

        Raises
        ------
        NotLeader
            If the member does not run, and no header was asked for while it did.
        """
        try:
            if self._header is None:
                status = self._node.status()
                self._header = Header(status.cluster_id, status.node_id, 0, status.term)
            term = self._node.term()
        except NotLeader:
            # It stopped after the request was done. What is done stays done and is
            # said, with the last term that we know.
            if self._header is None:
                raise
            term = self._header.raft_term
        known = self._header
        if revision is None:
            revision = self._store.revision
        header = Header(known.cluster_id, known.member_id, revision, term)
        self._header = header
        return header

    async def put(self, request: Put) -> PutResult:
        """Set a key.

        Parameters
        ----------
        request : Put
            Which, and to what.

        Returns
        -------
        PutResult
            With the version before, if that was asked for.

        Raises
        ------
        KvError
            If it can't be meant, or not be done.
        RequestTooLarge
            If it has too many bytes.
        NotProposed
            If nothing happened and nothing will.
        OutcomeUnknown
            If it may or may not be done.
        """
        check_put(request)
        return await self._propose(request, PutResult)

    async def delete_range(self, request: DeleteRange) -> DeleteRangeResult:
        """Delete keys.

        Parameters
        ----------
        request : DeleteRange
            Which.

        Returns
        -------
        DeleteRangeResult
            How many there were, and they, if that was asked for.

        Raises
        ------
        KvError
            If it can't be meant.
        RequestTooLarge
            If it has too many bytes.
        NotProposed
            If nothing happened and nothing will.
        OutcomeUnknown
            If it may or may not be done.
        """
        check_delete_range(request)
        return await self._propose(request, DeleteRangeResult)

    async def range(self, request: Range) -> RangeResult:
        """Read keys.

        Parameters
        ----------
        request : Range
            Which, and how. Unless it is `serializable`, it sees all that was done
            before it came; if it is, it is answered from what this member has.

        Returns
        -------
        RangeResult
            All of one revision, which is `RangeResult.revision` unless an older one
            was asked for.

        Raises
        ------
        KvError
            If it can't be meant, or its revision can't be read.
        NotProposed
            If no leader could be asked, or too many reads wait.
        """
        check_range(request)
        try:
            await self._may_read(request.serializable)
        except NoRoom as refusal:
            done = await self.read_elsewhere(Txn(success=(request,)), refusal)
            (result,) = done.responses
            assert isinstance(result, RangeResult)  # nosec B101: for the type checker
            return result
        if not request.range_end:
            return self._store.range(request)
        return await self._read_in_turns(lambda: self._store.range_in_steps(request))

    async def txn(self, request: Txn) -> TxnResult:
        """Do a transaction.

        Parameters
        ----------
        request : Txn
            What to compare, and what to do then or else. If it writes nothing it is a
            read, and needs no entry in the log.

        Returns
        -------
        TxnResult
            With the answer of each operation that was done.

        Raises
        ------
        KvError
            If it can't be meant, or one of its operations not be done; then none was.
        RequestTooLarge
            If it has too many bytes.
        NotProposed
            If nothing happened and nothing will.
        OutcomeUnknown
            If it may or may not be done.
        """
        check_txn(request)
        if not is_read_only(request):
            return await self._propose(request, TxnResult)
        try:
            return await self.read_here(request)
        except NoRoom as refusal:
            return await self.read_elsewhere(request, refusal)

    async def read_here(self, request: Txn) -> TxnResult:
        """Do a transaction that only reads, from what this member has.

        Parameters
        ----------
        request : Txn
            What to compare, and what to read then or else.

        Returns
        -------
        TxnResult
            With the answer of each operation that was done.

        Raises
        ------
        KvError
            If one of its operations can't be done.
        NotProposed
            If no leader could be asked, or this member lacks the room to follow.
        """
        await self._may_read(is_serializable(request))
        if not has_ranges(request):
            return self._store.read_txn(request)
        return await self._read_in_turns(lambda: self._store.read_txn_in_steps(request))

    async def compact(
        self, request: Compact, *, is_physical: bool = False
    ) -> CompactResult:
        """Make a revision the oldest that can be read.

        Parameters
        ----------
        request : Compact
            Which revision.
        is_physical : bool
            Whether to return only when this member has let go of what lies behind.

        Returns
        -------
        CompactResult
            The store's revision, which a compaction leaves alone.

        Raises
        ------
        KvError
            If the revision is compacted already or still to come.
        NotProposed
            If nothing happened and nothing will.
        OutcomeUnknown
            If it may or may not be done.
        """
        result = await self._propose(request, CompactResult)
        if is_physical:
            while not self._store.scavenge(CHANGES_SCAVENGED_PER_TURN):
                await asyncio.sleep(0)
        return result

    async def _may_read(self, serializable: bool) -> None:
        """Return when the store may be read."""
        if serializable:
            self._node.require_sound()
        else:
            await self._node.read_barrier()

    async def _read_in_turns(
        self, begin: Callable[[], Generator[None, None, _Result]]
    ) -> _Result:
        """Read at the newest revision, with turns for others if there is much."""
        while True:
            newest = self._store.revision
            try:
                return await in_turns(begin())
            except CompactedRevision:
                if self._store.compact_revision <= newest:
                    raise  # the request named the revision that can't be read
                # What was the newest is forgotten by now: begin with what is it now.

    async def _propose(self, command: Command, expected: type[_Result]) -> _Result:
        """Have a command agreed upon, and return what the store made of it."""
        data = encode(command)
        if len(data) > self._request_bytes_max:
            raise RequestTooLarge(
                f"a request has {len(data)} bytes; it may have"
                f" {self._request_bytes_max}"
            )
        if self._quota is not None and not self._quota.has_room_for(command):
            await self._quota.refuse()
        result = await self._node.propose(data)
        if not isinstance(result, expected):
            raise InvariantViolation(
                f"a {type(command).__name__} ends with a {expected.__name__}, not with"
                f" {result!r}"
            )
        return result
