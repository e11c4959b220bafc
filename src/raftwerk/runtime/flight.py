"""The flight recorder: all that a core is told, kept in a ring of files that replay.

It sits at one seam, around the replica. What reaches the core by any other way than as
an argument is kept with the call in which it did: what it drew, and which entries it
read of storage. What storage is given is kept too, in order with the calls, so that a
replay knows at each step what storage held. A call is noted after it was made, an error
with it; all the rest (hashes, encoding, files) is done by a thread, from a bounded
queue. Where that can't keep up, or the disk refuses, the rest of a file is given up and
the next file begins with the state of that moment: the node never waits.
"""

import asyncio
import logging
from bisect import bisect_right
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

import msgspec

from raftwerk import __version__
from raftwerk.core.config import CoreConfig
from raftwerk.core.image import take_image
from raftwerk.core.inputs import Propose
from raftwerk.core.messages import (
    AppendEntries,
    ForwardProposal,
    InstallSnapshot,
)
from raftwerk.core.ready import Ready
from raftwerk.core.records import Entry
from raftwerk.core.replica import Replica
from raftwerk.core.sizes import entries_bytes
from raftwerk.core.stable import StableLog
from raftwerk.errors import InvariantViolation, MemberRemoved
from raftwerk.host.protocol import Host, Timer
from raftwerk.runtime.disk_guard import report_nothing
from raftwerk.runtime.flight_form import (
    Beginning,
    Ended,
    Read,
    StoredLog,
)
from raftwerk.runtime.flight_log import RecordedLog
from raftwerk.runtime.flight_replica import RecordedReplica
from raftwerk.runtime.flight_ring import FlightRing
from raftwerk.runtime.flight_shape import tokens
from raftwerk.runtime.flight_writer import FlightWriter, Noted, TookReady
from raftwerk.storage.disk_protocol import Disk
from raftwerk.storage.snapshot_protocol import Stores
from raftwerk.transport.protocol import Report
from raftwerk.types import NO_INDEX, LogIndex, Term

__all__ = ["FlightPlan", "FlightRecorder"]

FLUSH_SECONDS: Final = 0.1
"""How long a record waits at most before it is written: what a kill may cost."""

BATCH_RECORDS: Final = 1_000
"""So many are written at once, and not later."""

WAITING_RECORDS_MAX: Final = 50_000
"""Of what the disk did not take yet; then the rest of the file is given up."""

WAITING_BYTES_MAX: Final = 32 * 1024 * 1024
"""The same for payloads."""

AGAIN_SECONDS: Final = 10.0
"""How long a disk that refused is left alone."""


class FlightPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be recorded, and where.

    Parameters
    ----------
    directory : str
        The folder of the files.
    shape_key : bytes or None
        Secret bytes, up to 64: sizes and hashes made with them stand in for payloads.
        None: payloads are kept.
    files_max : int
        How many files are kept.
    file_bytes : int
        At which size the next one is begun.
    """

    directory: str
    shape_key: bytes | None = None
    files_max: int = 8
    file_bytes: int = 8 * 1024 * 1024


class FlightRecorder:
    """Notes what one core is told, from its start to its end.

    Parameters
    ----------
    plan : FlightPlan
        What is to be recorded, and where.
    host : Host
        Time, and a thread.
    disk : Disk
        Where the files are.
    heartbeat_millis : int
        How long a heartbeat interval is; for those who read it.
    report : Report
        Told what people must know.

    Attributes
    ----------
    plan : FlightPlan
        As it was given.
    """

    def __init__(
        self,
        plan: FlightPlan,
        host: Host,
        disk: Disk,
        *,
        heartbeat_millis: int = 0,
        report: Report = report_nothing,
    ) -> None:
        self.plan = plan
        self._clock = host.clock
        self._timers = host.timers
        self._threads = host.threads("flight")
        self._heartbeat_millis = heartbeat_millis
        self._report = report
        self._writer = FlightWriter(
            FlightRing(disk, plan.directory, plan.files_max),
            None if plan.shape_key is None else tokens(plan.shape_key),
        )
        # What waits, and how much it is.
        self._waiting: list[Noted] = []
        self._waiting_bytes = 0
        self._writing: asyncio.Future[int] | None = None
        self._timer: Timer | None = None
        # The file that is being written.
        self._is_recording = False
        self._is_due = False
        self._not_before = 0.0
        self._began = 0.0
        self._known_from = NO_INDEX
        self._loaded: set[tuple[LogIndex, Term]] = set()
        # The call that is being made.
        self._is_inside = False
        self._reads: list[Read] = []
        self._draws: list[int] = []
        self._count = 0
        self._failure: str | None = None
        self._is_closed = False

    # ---- what a driver is given ---------------------------------------------

    def stores(self, stores: Stores) -> Stores:
        """Return the same stores, with a log whose changes are noted.

        Parameters
        ----------
        stores : Stores
            The member's.

        Returns
        -------
        Stores
            To be read and written from now on.
        """
        return stores._replace(log=RecordedLog(stores.log, self._saw, self._note))

    def replica(
        self, config: CoreConfig, log: StableLog, draw: Callable[[int], int]
    ) -> Replica:
        """Return a replica whose calls are noted.

        Parameters
        ----------
        config, log, draw : CoreConfig, StableLog, callable
            As `Replica` has them; the log is that of `stores`.

        Returns
        -------
        Replica
            The one that is recorded.
        """
        return RecordedReplica(config, log, self._drawing(draw), self)

    def failed(self, error: BaseException) -> None:
        """Keep what led to a failure, whatever comes after it.

        Parameters
        ----------
        error : BaseException
            What ended the member.
        """
        if self._failure is None and not isinstance(error, MemberRemoved):
            self._failure = f"{type(error).__name__}: {error}"
            # Others may say what they were given: no payload gets out by their words.
            is_plain = isinstance(error, InvariantViolation)
            if self.plan.shape_key is not None and not is_plain:
                self._failure = type(error).__name__
            self._give_up(self._failure)

    async def close(self) -> None:
        """End the file, and let go of it; says where it is if the member failed."""
        if self._is_closed:
            return
        self._is_closed = True
        if self._is_recording:
            self._give_up("the member was stopped")
        self._stop_timer()
        while self._writing is not None:
            await asyncio.wait([self._writing])
        self.flush()
        if self._writing is not None:
            await asyncio.wait([self._writing])
        try:
            path = await self._threads.run(self._writer.end, self._failure is not None)
        except OSError as error:
            self._say_refused(error)
        else:
            if path and self._failure is not None:
                self._report(
                    logging.ERROR,
                    "what led to this is kept: replay it",
                    command=f"raftwerk replay {path}",
                    reason=self._failure,
                )
        self._threads.close()

    # ---- calls --------------------------------------------------------------

    def enter(self, replica: Replica) -> None:
        """Know that a call of the core begins.

        Parameters
        ----------
        replica : Replica
            The core, as it is before it.
        """
        if self._is_due or not self._is_recording:
            self._begin(replica)
        self._is_inside = True

    def leave(
        self, error: BaseException | None, kind: Callable[..., Noted], **fields: object
    ) -> None:
        """Know that a call of the core has ended.

        Parameters
        ----------
        error : BaseException or None
            What it raised.
        kind : callable
            Makes the record of it.
        **fields : object
            What the record says beside the rest.
        """
        self._is_inside = False
        self._note(
            kind,
            **fields,
            reads=tuple(self._reads),
            draws=tuple(self._draws),
            outcome="" if error is None else type(error).__name__,
        )
        if self._reads or self._draws:
            self._reads, self._draws = [], []

    def took(self, ready: Ready) -> None:
        """Know that a `Ready` was taken.

        Parameters
        ----------
        ready : Ready
            What it was; it is hashed later.
        """
        self.leave(None, partial(TookReady, ready=ready))

    def _saw(self, start: LogIndex, entries: Sequence[Entry]) -> None:
        """Keep what the core reads, if the file has it not yet."""
        if not self._is_inside:
            return  # somebody else reads
        new: list[Entry] = []
        if start < self._known_from:
            new = [
                entry
                for entry in entries
                if entry.index < self._known_from
                and (entry.index, entry.term) not in self._loaded
            ]
            self._loaded.update((entry.index, entry.term) for entry in new)
            self._waiting_bytes += entries_bytes(new)
        self._reads.append(Read(start, len(entries), tuple(new)))

    def _drawing(self, draw: Callable[[int], int]) -> Callable[[int], int]:
        """Return a draw whose numbers are kept."""

        def below(bound: int) -> int:
            """Draw a number."""
            number = draw(bound)
            if self._is_inside:
                self._draws.append(number)
            return number

        return below

    def _note(self, kind: Callable[..., Noted], **fields: object) -> None:
        """Have a record wait, and give up the file if too many do."""
        self._count += 1
        if not self._is_recording:
            return
        millis = int((self._clock.now() - self._began) * 1000)
        self._waiting.append(kind(at_millis=millis, **fields))
        self._waiting_bytes += _weight(fields.get("event"))
        if (
            len(self._waiting) > WAITING_RECORDS_MAX
            or self._waiting_bytes > WAITING_BYTES_MAX
        ):
            self._report(
                logging.WARNING,
                "the flight recorder's disk is too slow; it leaves out a part",
                directory=self.plan.directory,
            )
            self._give_up("more came than the disk could take")
        elif self._writing is None:
            if len(self._waiting) >= BATCH_RECORDS:
                self.flush()
            elif self._timer is None:
                self._timer = self._timers.call_later(FLUSH_SECONDS, self.flush)

    # ---- files --------------------------------------------------------------

    def _begin(self, replica: Replica) -> None:
        """Begin a file with all that the core remembers, unless it is not time yet."""
        now = self._clock.now()
        if self._is_closed or self._failure is not None:
            return
        if not self._is_recording and (
            self._waiting or self._writing is not None or now < self._not_before
        ):
            return
        log = replica.state.log
        self._is_recording, self._is_due = True, False
        self._began = now
        self._known_from = log.unstable.offset
        self._loaded = set()
        self._waiting.append(
            Beginning(
                program=f"raftwerk {__version__}",
                node_id=replica.state.id,
                sequence=0,
                step=self._count,
                wall_seconds=self._clock.wall(),
                heartbeat_millis=self._heartbeat_millis,
                is_shape=self.plan.shape_key is not None,
                image=take_image(replica),
                log=_stored(log.stable),
            )
        )

    def _give_up(self, reason: str) -> None:
        """Have the file end here; the next one begins when there is room for it."""
        if self._is_recording:
            millis = int((self._clock.now() - self._began) * 1000)
            self._waiting.append(Ended(at_millis=millis, reason=reason))
            self._is_recording = self._is_due = False
            if self._writing is None:
                self.flush()

    def flush(self) -> None:
        """Have the thread write what waits; records come by themselves, but later."""
        self._stop_timer()
        if not self._waiting:
            return
        batch, self._waiting, self._waiting_bytes = self._waiting, [], 0
        self._writing = asyncio.ensure_future(
            self._threads.run(self._writer.write, batch)
        )
        self._writing.add_done_callback(self._wrote)

    def _wrote(self, done: "asyncio.Future[int]") -> None:
        """Go on with what came meanwhile."""
        self._writing = None
        if done.cancelled():
            return
        error = done.exception()
        if error is not None:
            # Whatever it is: the node has nothing to do with it.
            self._is_recording = self._is_due = False
            self._waiting, self._waiting_bytes = [], 0
            self._not_before = self._clock.now() + AGAIN_SECONDS
            self._say_refused(error)
            return
        self._is_due = self._is_recording and done.result() >= self.plan.file_bytes
        if self._waiting and not self._is_closed:
            if len(self._waiting) >= BATCH_RECORDS or not self._is_recording:
                self.flush()
            elif self._timer is None:
                self._timer = self._timers.call_later(FLUSH_SECONDS, self.flush)

    def _say_refused(self, error: BaseException) -> None:
        """Tell that a file was lost."""
        self._report(
            logging.WARNING,
            "the flight recorder lost a file",
            directory=self.plan.directory,
            reason=str(error),
        )

    def _stop_timer(self) -> None:
        """Call the next flush off."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def _stored(log: StableLog) -> StoredLog:
    """Return what storage holds, but for the entries themselves."""
    runs: list[tuple[Term, int]] = []
    index, last_index = log.first_index(), log.last_index()
    while index <= last_index:
        term = log.term(index)
        # Terms never go back, so the end of a run is found by halves.
        places = range(index, last_index + 1)
        count = bisect_right(places, term, key=lambda i: log.term(LogIndex(i)))
        runs.append((term, count))
        index = LogIndex(index + count)
    before = LogIndex(log.first_index() - 1)
    return StoredLog(
        hard_state=log.initial_state()[0],
        snapshot=log.snapshot(),
        previous_index=before,
        previous_term=log.term(before),
        terms=tuple(runs),
    )


def _weight(event: object) -> int:
    """Return how many bytes of payload an input has."""
    match event:
        case AppendEntries():
            return entries_bytes(event.entries)
        case Propose() | ForwardProposal():
            return sum([len(each.data) for each in event.proposals])
        case InstallSnapshot():
            return len(event.snapshot.data)
    return 0
