"""The store's face: batches of commands in, results out; reads; snapshots."""

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from itertools import islice
from typing import ClassVar, Final, TypeVar

from raftwerk.errors import require
from raftwerk.kv import (
    compaction,
    digest,
    effects,
    past,
    ranges,
    reading,
    renewal,
    result_codec,
    snapshot,
    txn,
    writing,
)
from raftwerk.kv.commands import Command, Compact, Put, Range, Txn, decode
from raftwerk.kv.handlers import carry_out, carry_out_in_steps, is_large
from raftwerk.kv.leases import Lease
from raftwerk.kv.records import Event
from raftwerk.kv.results import PutResult, RangeResult, Result, TxnResult
from raftwerk.kv.state import State

__all__ = ["Store"]

Made = TypeVar("Made")

CHANGES_SCAVENGED_PER_BATCH: Final = 500
"""What a batch does for the memory beside its work: about half a millisecond."""


# pylint: disable-next=too-many-public-methods  # the one face of all that it does
class Store:
    """A multi-version key-value store, as a deterministic state machine.

    It keeps the promises of `raftwerk.runtime.StateMachine`. Its commands are made by
    `encode`; what is refused becomes a `KvError` among the results.

    Examples
    --------
    >>> from raftwerk.kv import Put, Range, encode
    >>> store = Store()
    >>> store.apply(1, [encode(Put(b"name", b"value"))])
    [PutResult(revision=2, prev_kv=None)]
    >>> store.range(Range(b"name")).kvs[0].value
    b'value'
    """

    __slots__ = ("_applied_index", "_change_observer", "_lease_observer", "_state")

    is_quick: ClassVar = True
    """A node may apply a batch on its loop, where requests read the store as well."""

    def __init__(self) -> None:
        self._state = State()
        self._applied_index = 0
        self._change_observer: Callable[[], None] | None = None
        self._lease_observer: Callable[[Sequence[int]], None] | None = None

    @property
    def revision(self) -> int:
        """The newest revision; 1 in a new store."""
        return self._state.revision

    @property
    def compact_revision(self) -> int:
        """The oldest revision that can be read; -1 if none was ever compacted."""
        return self._state.compact_revision

    @property
    def applied_index(self) -> int:
        """The log index of the last batch; 0 before the first one."""
        return self._applied_index

    def __len__(self) -> int:
        return len(self._state.index)

    def apply(self, index: int, commands: Sequence[bytes]) -> list[Result]:
        """Apply a batch of commands, in one go.

        Parameters
        ----------
        index : int
            The log index of the last of them.
        commands : sequence of bytes
            Made by `encode`.

        Returns
        -------
        list of Result
            One for each, in order; a `KvError` for what was refused.

        Raises
        ------
        UnknownFormat
            If a newer version wrote one of them; then none was applied.
        InvariantViolation
            If one is no command at all; the same.
        """
        return ranges.finish(self._apply(index, commands, in_steps=False))

    def apply_in_steps(
        self, index: int, commands: Sequence[bytes]
    ) -> Generator[None, None, list[Result]]:
        """Apply a batch, in steps of a bounded length where a command is a large one.

        Parameters
        ----------
        index : int
            As in `apply`.
        commands : sequence of bytes
            The same.

        Returns
        -------
        generator
            Yields between two steps, never for what is small; returns what `apply`
            would have returned, or raises as it does. Between two steps the store may
            be read, and is as it was before the command that is under way; nothing else
            may be applied.
        """
        return self._apply(index, commands, in_steps=True)

    def _apply(
        self, index: int, commands: Sequence[bytes], *, in_steps: bool
    ) -> Generator[None, None, list[Result]]:
        """Apply a batch."""
        state = self._state
        require(not state.is_held, "a batch is applied when the one before it is whole")
        results: list[Result] = []
        state.effects = []
        for command in [decode(command) for command in commands]:
            if not isinstance(command, Put):  # as most are
                if isinstance(command, Compact):
                    self._tell()  # while what it forgets can still be told
                elif in_steps and is_large(state, command):
                    results.append((yield from self._carry_out_in_steps(command)))
                    continue
            result = carry_out(state, command)
            results.append(result)
            if not isinstance(result, PutResult):  # it says no more than its change
                state.effects.append(result)
        self._applied_index = index
        self._tell_of_leases()
        self._tell()
        if not state.is_scavenged:
            compaction.scavenge(state, CHANGES_SCAVENGED_PER_BATCH)
        return results

    def _carry_out_in_steps(self, command: Command) -> Generator[None, None, Result]:
        """Carry out a large command, and tell of each step what it did."""
        state = self._state
        self._tell_of_leases()  # of what was done before it, for others have a turn
        self._tell()
        result = yield from self._told(carry_out_in_steps(state, command))
        yield from self._told(_tell_parts(state, result))
        return result

    def _told(self, work: Generator[None, None, Made]) -> Generator[None, None, Made]:
        """Do what is done in steps; in each turn is told what was done in it."""
        state = self._state
        while True:
            try:
                for _ in range(writing.STEPS_PER_TURN):
                    next(work)
            except StopIteration as end:
                made: Made = end.value
                return made
            yield
            require(self._state is state, "a batch ends before the store is restored")
            state.effects = []

    def effects(self) -> bytes:
        """Return what the last batch, or step of one, changed and answered.

        Returns
        -------
        bytes
            As `raftwerk.runtime.state_machine.TellsEffects` wants it.
        """
        return effects.encode(self._state.effects)

    def encode_result(self, result: object) -> bytes:
        """Return a result as bytes, for an answer that is kept.

        Parameters
        ----------
        result : object
            What `apply` returned for a command.

        Returns
        -------
        bytes
            For `decode_result`, on any member.
        """
        return result_codec.encode_result(result)

    def encode_result_in_steps(self, result: object) -> Iterator[bytes]:
        """Return the same bytes in pieces, each made when it is drawn.

        Parameters
        ----------
        result : object
            As in `encode_result`.

        Returns
        -------
        iterator of bytes
            Of a bounded length each.
        """
        return result_codec.encode_result_in_steps(result)

    def decode_result(self, data: bytes) -> object:
        """Return a result again.

        Parameters
        ----------
        data : bytes
            From `encode_result`.

        Returns
        -------
        object
            An equal one.
        """
        return result_codec.decode_result(data)

    def inspect(self, place: bytes) -> tuple[bytes, bytes]:
        """Return a stretch of what is stored now, of a bounded length.

        Parameters
        ----------
        place : bytes
            Where the last stretch ended; empty for the beginning.

        Returns
        -------
        tuple of bytes
            As `raftwerk.runtime.state_machine.ShowsState` wants it.
        """
        return effects.stretch(self._state, place)

    def range(self, request: Range) -> RangeResult:
        """Read keys, in one go.

        Parameters
        ----------
        request : Range
            Which, and how.

        Returns
        -------
        RangeResult
            The answer.

        Raises
        ------
        FutureRevision
            If the store has not come to the wanted revision yet.
        CompactedRevision
            If the wanted revision is forgotten.
        """
        return ranges.read(self._state, request)

    def range_in_steps(self, request: Range) -> Generator[None, None, RangeResult]:
        """Read keys in steps of a bounded length, between which the store may change.

        Parameters
        ----------
        request : Range
            Which, and how.

        Returns
        -------
        generator
            Yields between two steps; returns what `range` would have returned when this
            was called, or raises as it does.
        """
        return ranges.read_in_steps(self._state, request)

    def read_txn(self, request: Txn) -> TxnResult:
        """Do a transaction that writes nothing, without the log and in one go.

        Parameters
        ----------
        request : Txn
            One that `raftwerk.kv.txn.is_read_only`.

        Returns
        -------
        TxnResult
            The answer.

        Raises
        ------
        KvError
            If one of its ranges can't be read.
        """
        if self._state.is_held:
            return ranges.finish(reading.read_in_steps(self._state, request))
        return txn.run(self._state, request)

    def read_txn_in_steps(self, request: Txn) -> Generator[None, None, TxnResult]:
        """Do such a transaction in steps of a bounded length.

        Parameters
        ----------
        request : Txn
            As in `read_txn`.

        Returns
        -------
        generator
            Yields between two steps, between which the store may change; returns what
            `read_txn` would have returned when the first step was made, or raises as
            it does.
        """
        return reading.read_in_steps(self._state, request)

    def events(self, revision: int, events_max: int | None = None) -> list[Event]:
        """Return changes in order, for those who watch.

        Parameters
        ----------
        revision : int
            The first revision that is wanted; 0 or below for the oldest there is.
        events_max : int, optional
            How many at most, from 1; but the last revision of them is always whole.

        Returns
        -------
        list of Event
            Empty if the revision is still to come.

        Raises
        ------
        CompactedRevision
            If the revision is forgotten.
        """
        return past.events(self._state, revision, events_max)

    def events_since(self, revision: int) -> Iterator[Event]:
        """Return the changes from a revision on, as they are now.

        Parameters
        ----------
        revision : int
            The first revision that is wanted; 0 or below for the oldest there is.

        Returns
        -------
        iterator of Event
            In order; drawn at any time, while the store may change, it gives the
            changes up to the revision that is the newest now.

        Raises
        ------
        CompactedRevision
            If the revision is forgotten.
        """
        return past.events_since(self._state, revision)

    def observe_changes(self, observer: Callable[[], None]) -> None:
        """Have somebody told whenever there may be changes to tell of.

        Parameters
        ----------
        observer : callable
            Called after each batch, before each compaction, and after a restore: then
            in the thread of that.
        """
        self._change_observer = observer

    def _tell(self) -> None:
        """Tell who observes that there may be changes."""
        if self._change_observer is not None:
            self._change_observer()

    def _tell_of_leases(self) -> None:
        """Tell who observes which leases there are or are no more."""
        if self._state.leases.has_news:
            news = self._state.leases.take_news()
            if self._lease_observer is not None:
                self._lease_observer(news)

    def observe_leases(self, observer: Callable[[Sequence[int]], None]) -> None:
        """Have somebody told of leases that begin and end, and who counts them.

        Parameters
        ----------
        observer : callable
            Called after each batch that granted or ended leases, with their ids, or
            after which the leader of another term counts. Nobody is told of what a
            snapshot brings: a leader, who counts, never has its state from another.
        """
        self._lease_observer = observer

    @property
    def lease_term(self) -> int:
        """The term whose leader counts the leases; 0 before the first one."""
        return self._state.leases.term

    def lease(self, lease_id: int) -> Lease | None:
        """Return a lease.

        Parameters
        ----------
        lease_id : int
            Which.

        Returns
        -------
        Lease or None
            None if there is none.
        """
        return self._state.leases.get(lease_id)

    def leases(self) -> list[Lease]:
        """Return all leases.

        Returns
        -------
        list of Lease
            In no useful order; later changes don't change it.
        """
        return self._state.leases.all()

    def lease_keys_in_steps(self, lease_id: int) -> Generator[None, None, list[bytes]]:
        """Return what is attached to a lease, in steps of a bounded length.

        Parameters
        ----------
        lease_id : int
            Which.

        Returns
        -------
        list of bytes
            The keys in order, as they were at the first step.

        Yields
        ------
        None
            Between two steps, between which the store may change; never if there are
            few keys.
        """
        keys = yield from self._state.leases.keys_in_steps(lease_id)
        found = list(islice(keys, ranges.KEYS_PER_STEP))
        while some := list(islice(keys, ranges.KEYS_PER_STEP)):
            yield
            found += some
        return found

    def lease_keys(self, lease_id: int) -> list[bytes]:
        """Return what is attached to a lease.

        Parameters
        ----------
        lease_id : int
            Which.

        Returns
        -------
        list of bytes
            The keys in order; none if there is no such lease.
        """
        return self._state.leases.keys(lease_id)

    @property
    def size_bytes(self) -> int:
        """About what all versions that are kept take in memory.

        Returns
        -------
        int
            In bytes; members that have come further with forgetting say less.
        """
        return self._state.index.bytes

    def alarms(self) -> list[tuple[int, int]]:
        """Return the alarms that are raised.

        Returns
        -------
        list of tuple of int
            The kind of each, and the member whose it is; sorted.
        """
        return sorted(self._state.alarms)

    def digest_in_steps(self, revision: int = 0) -> Generator[None, None, int]:
        """Return a number that equal stores share at a revision, and others hardly.

        Parameters
        ----------
        revision : int
            Up to which; 0 or below for the newest.

        Returns
        -------
        generator
            Yields between two steps of a bounded length, between which the store may
            change; returns 32 bits.

        Raises
        ------
        FutureRevision
            If the store has not come to the revision yet.
        CompactedRevision
            If the revision is forgotten.
        """
        ranges.check_revision(self._state, revision)
        at = revision if revision > 0 else self._state.revision
        return digest.digest_in_steps(self._state, at)

    def scavenge(self, changes_max: int) -> bool:
        """Let go of a part of what a compaction left behind.

        Each batch does a little of it by itself.

        Parameters
        ----------
        changes_max : int
            How many changes to look at, about a microsecond each.

        Returns
        -------
        bool
            Whether nothing is left to do.
        """
        return compaction.scavenge(self._state, changes_max)

    def snapshot(self) -> Iterable[bytes]:
        """Return the whole store as it is now, with its readable past.

        Returns
        -------
        iterable of bytes
            Chunks, made while they are drawn: once, at any time, in any thread.
        """
        return filter(None, snapshot.take(self._state))

    def snapshot_in_steps(self) -> Iterable[bytes]:
        """Return what `snapshot` does, to be drawn where nothing may take long.

        Returns
        -------
        iterable of bytes
            Each takes about a millisecond to draw; empty ones are pauses.
        """
        return snapshot.take(self._state)

    def restore(self, chunks: Iterable[bytes]) -> None:
        """Become the store that `snapshot` was called on.

        Parameters
        ----------
        chunks : iterable of bytes
            What it returned; they may be cut otherwise by now.

        Raises
        ------
        UnknownFormat
            If a newer version wrote it; then nothing has changed.
        StorageError
            If it is not whole; the same.
        """
        self._state = snapshot.read(chunks)
        self._tell()

    def begin_anew(self, bump: int = 0, *, mark_compacted: bool = False) -> None:
        """Become the first state of another cluster, with all keys and leases.

        Alarms are not kept, for they are about members.

        Parameters
        ----------
        bump : int
            Revisions that are left out, so that none is used again that somebody may
            have seen in the cluster before.
        mark_compacted : bool
            Whether no older revision can be read or watched any more: who remembers one
            is told so, and reads all anew.

        Raises
        ------
        MisuseError
            If revisions are to be left out and the past is not to be.
        """
        self._state = renewal.renewed(self._state, bump, mark_compacted)
        self._tell()

    def check(self) -> None:
        """Raise unless what must be true of any store is true of this one.

        It looks at every version of every key: for tests and the simulator.

        Raises
        ------
        InvariantViolation
            If it is not.
        """
        self._state.check()


def _tell_parts(state: State, result: Result) -> Generator[None, None, None]:
    """Tell of a result, in parts if it is a long one."""
    for number, part in enumerate(effects.parts_of(result)):
        if number:
            yield
        state.effects.append(part)
