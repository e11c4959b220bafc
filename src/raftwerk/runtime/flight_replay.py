"""A flight, flown again: the same core, told the same, one record after the other.

Each step is held against what was recorded: the error it raised, what it drew and read,
and the hash of each `Ready`. After each the cheap invariants are checked by the core
itself, and now and then, in the measure of the log's length, the dear ones.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from typing import Final, TypeVar

import msgspec

from raftwerk.core.config import NO_LIMIT
from raftwerk.core.events import Event
from raftwerk.core.image import ReplicaImage, make_replica, take_image
from raftwerk.core.invariants import check_all
from raftwerk.core.ready import Ready
from raftwerk.core.records import Entry
from raftwerk.core.replica import Replica
from raftwerk.errors import InvariantViolation, RaftwerkError
from raftwerk.runtime.flight_form import (
    Advanced,
    Beginning,
    Call,
    Compacted,
    ConfApplied,
    Ended,
    Flight,
    Installed,
    Read,
    Record,
    Stepped,
    StoredLog,
    TimeoutSet,
    Took,
    Wrote,
)
from raftwerk.runtime.flight_shape import digest, fill, mapped, token_of_filled
from raftwerk.storage.held_log import HeldLog
from raftwerk.storage.payloads import Base
from raftwerk.types import LogIndex, Term

__all__ = ["FlightReplay", "Moment", "ReplayedLog"]

ENTRIES_A_LOOK: Final = 50
"""A step pays for a look at so many entries: the dear invariants cost the log's length,
so they are checked when that many steps have paid for it."""


Value = TypeVar("Value")


class _Diverged(Exception):
    """The core did something else than what was recorded; the words say what."""


class ReplayedLog(HeldLog):
    """What storage held, as far as the core has to know.

    Terms are all there. What an entry says is there once the core has read it, or has
    handed it out; before, its data is empty.

    Parameters
    ----------
    stored : StoredLog
        What it held in the beginning.
    entries : sequence of Entry
        What the core had not known to be stored; some of them may have been.
    """

    def __init__(self, stored: StoredLog, entries: Sequence[Entry]) -> None:
        index, term = stored.previous_index, stored.previous_term
        first = LogIndex(index + 1)
        base = Base(stored.hard_state, stored.snapshot, first, term, index, term)
        super().__init__(base)
        self._handed_out: dict[tuple[LogIndex, Term], Entry] = {}
        self._expected: deque[Read] | None = None
        for run_term, count in stored.terms:
            for _ in range(count):
                index = LogIndex(index + 1)
                self._entries.append(Entry(run_term, index))
        for entry in entries:
            self.know(entry)
        self.hand_out(entries)

    def know(self, entry: Entry) -> None:
        """Know what an entry says, if it is stored.

        Parameters
        ----------
        entry : Entry
            The whole of it.
        """
        place = entry.index - self.first_index()
        if 0 <= place < len(self._entries):
            if self._entries[place].term == entry.term:
                self._entries[place] = entry

    def hand_out(self, entries: Sequence[Entry]) -> None:
        """Know what may be stored from now on.

        Parameters
        ----------
        entries : sequence of Entry
            What the core wants stored.
        """
        self._handed_out.update(((each.index, each.term), each) for each in entries)

    def write(self, record: Wrote) -> None:
        """Store what was stored.

        Parameters
        ----------
        record : Wrote
            Which entries.
        """
        entries = []
        for index, term in enumerate(record.terms, record.first):
            place = LogIndex(index)
            blank = Entry(term, place)
            entries.append(self._handed_out.pop((place, term), blank))
        self.append(record.hard_state, entries)

    def expect(self, reads: Sequence[Read] | None) -> None:
        """Know what the core will read; it is held to that.

        Parameters
        ----------
        reads : sequence of Read or None
            In order; None: others read, and may read what they like.

        Raises
        ------
        _Diverged
            If the core did not read all that it was expected to.
        """
        if self._expected:
            raise _Diverged(f"it did not read entry {self._expected[0].start} on")
        self._expected = None if reads is None else deque(reads)

    def forget(self) -> None:
        """Expect nothing any more."""
        self._expected = None

    def read(self, start: LogIndex, stop: LogIndex, bytes_max: int) -> Sequence[Entry]:
        """Do as `LogStore.read` says, within the bounds that there were."""
        if self._expected is None:
            return super().read(start, stop, bytes_max)
        entries = super().read(start, stop, NO_LIMIT)  # raises as it did
        if not self._expected or self._expected[0].start != start:
            raise _Diverged(f"it read entry {start} on, which it had not")
        recorded = self._expected.popleft()
        for entry in recorded.entries:
            self.know(entry)
        if recorded.entries:
            entries = super().read(start, stop, NO_LIMIT)
        return entries[: recorded.count]


class Moment(msgspec.Struct, frozen=True, kw_only=True):
    """What one record led to.

    Parameters
    ----------
    number : int
        Which record of the file it was, from 1.
    record : Record
        What was told.
    ready : Ready or None
        What was taken, if that was the call.
    events : tuple of Event
        What happened.
    divergence : str
        What was otherwise than recorded; empty: nothing.
    broken : str
        Which invariant does not hold; empty: all do.
    """

    number: int
    record: Record
    ready: Ready | None = None
    events: tuple[Event, ...] = ()
    divergence: str = ""
    broken: str = ""


class FlightReplay:
    """One file, replayed.

    Parameters
    ----------
    flight : Flight
        The file.

    Attributes
    ----------
    beginning : Beginning
        How it begins, with stand-ins where there are no payloads.
    replica : Replica
        The core, as it is after `number` records; to look at.
    number : int
        How many records were replayed.
    """

    def __init__(self, flight: Flight) -> None:
        self._flight = flight
        self._leaf = token_of_filled if flight.beginning.is_shape else None
        self.beginning: Beginning = self._filled(flight.beginning)
        image = self.beginning.image
        self._log = ReplayedLog(self.beginning.log, image.state.log.unstable.entries)
        self.replica: Replica = make_replica(image, self._log, self._draw)
        self.number = 0
        self._draws: deque[int] = deque()
        self._unpaid = 0

    def image(self) -> ReplicaImage:
        """Return the complete state.

        Returns
        -------
        ReplicaImage
            As it is now.
        """
        return take_image(self.replica)

    def next(self) -> Moment | None:
        """Replay one record.

        Returns
        -------
        Moment or None
            None at the end. After a divergence nothing that follows means anything.
        """
        if self.number >= len(self._flight.records):
            return None
        record = self._flight.records[self.number]
        self.number += 1
        if isinstance(record, Took):
            reads = self._filled(record.reads)
            record = msgspec.structs.replace(record, reads=reads)
        else:
            record = self._filled(record)
        ready: Ready | None = None
        divergence = broken = ""
        try:
            ready, broken = self._call(record)
            if not broken:
                self._look_at_all()
        except _Diverged as error:
            divergence = str(error)
        except InvariantViolation as error:
            broken = str(error)
        self._log.forget()
        return Moment(
            number=self.number,
            record=record,
            ready=ready,
            events=tuple(self.replica.take_events()),
            divergence=divergence,
            broken=broken,
        )

    def moments(self, until: int | None = None) -> Iterator[Moment]:
        """Replay record after record, up to a divergence or a bound.

        Parameters
        ----------
        until : int or None
            So many records of the file at most; None: all.

        Yields
        ------
        Moment
            What each led to. One that diverged is the last.
        """
        while until is None or self.number < until:
            moment = self.next()
            if moment is None:
                return
            yield moment
            if moment.divergence:
                return

    def _filled(self, value: Value) -> Value:
        """Return what was recorded, with stand-ins in full size."""
        return value if self._leaf is None else mapped(value, fill)

    def _call(self, record: Record) -> tuple[Ready | None, str]:
        """Make the recorded call, and hold all that it does against the record."""
        self._draws = deque(record.draws)
        self._log.expect(record.reads)
        ready: Ready | None = None
        outcome = broken = ""
        try:
            ready = self._do(record)
        except RaftwerkError as error:
            outcome = type(error).__name__
            if isinstance(error, InvariantViolation):
                broken = str(error)
        if outcome != record.outcome:
            raise _Diverged(
                f"it ended with {outcome or 'no error'}{': ' if broken else ''}{broken}"
                f" instead of {record.outcome or 'none'}"
            )
        self._log.expect(None)
        if self._draws:
            raise _Diverged("it drew fewer numbers")
        if ready is not None:
            self._log.hand_out(ready.entries)
            self._compare(ready, record)
        return ready, broken

    def _do(self, record: Record) -> Ready | None:
        """Tell the core, or its storage, what it was told."""
        match record:
            case Stepped():
                self.replica.step(record.event)
            case Took():
                return self.replica.ready()
            case Advanced():
                self.replica.advance()
            case ConfApplied():
                self.replica.apply_conf_change(record.change)
            case TimeoutSet():
                self.replica.set_election_timeout(record.ticks)
            case Wrote():
                self._log.write(record)
            case Installed():
                self._log.install(record.snapshot)
            case Compacted():
                self._log.compact(record.snapshot, record.keep)
            case Ended():
                pass
        return None

    def _compare(self, ready: Ready, record: Call) -> None:
        """Hold a `Ready` against the recorded hash."""
        if isinstance(record, Took) and digest(ready, self._leaf) != record.digest:
            raise _Diverged("it handed out another Ready")

    def _draw(self, bound: int) -> int:
        """Draw what was drawn."""
        if not self._draws:
            raise _Diverged("it drew one more number")
        number = self._draws.popleft()
        if number >= bound:
            raise _Diverged(f"it drew a number below {bound} instead of {number}")
        return number

    def _look_at_all(self) -> None:
        """Check the dear invariants, if enough steps have paid for that."""
        state = self.replica.state
        self._unpaid += ENTRIES_A_LOOK
        if self._unpaid > state.log.last_index - state.log.first_index:
            self._unpaid = 0
            seen = state.seen
            term, commit_index = seen.term, seen.commit_index
            check_all(state)
            # What the next step is judged by is what the last one left.
            seen.term, seen.commit_index = term, commit_index
