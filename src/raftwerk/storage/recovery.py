"""Reading a log back, and telling a torn write from damage.

Un-synced blocks reach a disk in any order. So after a crash the last batch may have
holes, and sound records behind a hole say nothing. But a batch is begun only when the
one before is synced, and its mark says so. Hence:

- a place without a sound record, before the highest offset that any sound mark says
  was durable, or in a sealed segment, was durable once: **damage**; refuse.
- behind that it is what a crash leaves: **torn**; the log ends there.

What this can't decide is in ``docs/decisions/0011-torn-or-damaged.md``. Nothing here
changes a file.
"""

from typing import Final

import msgspec

from raftwerk.errors import InvariantViolation, StorageError, WalCorrupted
from raftwerk.storage.directory import SegmentName, list_segments
from raftwerk.storage.disk_protocol import Disk, storage_error
from raftwerk.storage.held_log import HeldLog
from raftwerk.storage.payloads import (
    AppendPayload,
    Base,
    CompactPayload,
    InstallPayload,
    LogPayload,
    decode_log_payload,
    decode_mark,
)
from raftwerk.storage.protocol import DirectoryIdentity
from raftwerk.storage.record import Record, RecordKind
from raftwerk.storage.scan import Opening, Scan, damage, read_opening, scan
from raftwerk.types import NO_TERM, LogIndex

__all__ = ["FoundSegment", "Recovered", "Torn", "read_file", "read_segment", "recover"]

_NO_OFFSET: Final = 0


class Torn(msgspec.Struct, frozen=True):
    """What a crash left behind the end of the log.

    None of it is known to have been acknowledged: the mark that would say so may be
    what is broken (decision 11, case 1).
    """

    path: str
    offset: int
    """Where the log ends, in bytes."""
    size_bytes: int
    """From there to the last byte that is not zero."""
    reason: str
    """Why the log ends there."""


class FoundSegment(msgspec.Struct, frozen=True):
    """One segment, read."""

    path: str
    data: bytes
    opening: Opening
    found: Scan


class _Opened(msgspec.Struct, frozen=True):
    """One segment, of which only the beginning is read."""

    path: str
    data: bytes
    opening: Opening


class Recovered(msgspec.Struct, frozen=True):
    """A sound log, read."""

    log: HeldLog
    identity: DirectoryIdentity
    last: FoundSegment
    sealed: list[tuple[str, LogIndex]]
    """The other segments, with the last index of the log where each ends."""
    records: int
    torn: Torn | None


class _Replay(HeldLog):
    """A log that grows by records, where the oldest segments may be gone.

    Entries that a segment's start speaks of, but that lie in segments dropped since,
    are not there; a later compaction must say that they are not needed.
    """

    def __init__(self, base: Base) -> None:
        super().__init__(base)
        self._claimed_first_index = base.first_index

    def apply(self, payload: LogPayload) -> None:
        """Change the log as a record says."""
        match payload:
            case AppendPayload(hard_state, entries):
                if entries and self._is_among_dropped(entries[0].index):
                    self._entries.clear()
                    self._previous_index = LogIndex(entries[0].index - 1)
                    self._previous_term = NO_TERM
                self.append(hard_state, entries)
            case CompactPayload(snapshot, first_index, previous_term):
                if first_index > self._previous_index:
                    self._drop_up_to(LogIndex(first_index - 1), previous_term)
                self._claimed_first_index = first_index
                self._take(snapshot)
            case InstallPayload(snapshot):
                self.install(snapshot)
                self._claimed_first_index = self.first_index()

    def missing(self) -> str | None:
        """Return which entries should be there and are not, if any."""
        first_index = self.first_index()
        if self._claimed_first_index == first_index:
            return None
        return f"entries {self._claimed_first_index} to {first_index - 1}"

    def _is_among_dropped(self, index: LogIndex) -> bool:
        """Whether an entry is claimed to be there, but in a segment that is gone."""
        return self._claimed_first_index <= index <= self._previous_index


def recover(disk: Disk, directory: str) -> Recovered:
    """Read the log of a data directory.

    Parameters
    ----------
    disk : Disk
        Where it is.
    directory : str
        The data directory.

    Returns
    -------
    Recovered
        The log, and where it ends.

    Raises
    ------
    StorageError
        If there is no log, or the disk fails.
    UnknownFormat
        If it was written in a format that we can't read.
    WalCorrupted
        If what was durable once is not there any more.
    """
    names = list_segments(disk, directory)
    if not names:
        raise StorageError(f"data directory {directory} has no log")
    _check_sequence(names)

    records = 0
    sealed: list[tuple[str, LogIndex]] = []
    segment = _read_named(disk, names[0])
    identity = segment.opening.start.identity
    log = _Replay(segment.opening.start.base)
    for name in names[1:]:
        following = _read_named(disk, name)
        found = _scan_sealed(segment, following.opening)
        _replay(log, found, segment.path)
        _check_start(log, identity, following)
        records += len(found.records)
        sealed.append((segment.path, following.opening.start.base.last_index))
        segment = following

    found = scan(segment.data, segment.opening)
    torn = _torn(segment, found)
    _replay(log, found, segment.path)
    missing = log.missing()
    if missing is not None:
        raise damage(names[0].path, _NO_OFFSET, f"{missing} in a segment before it")
    records += len(found.records)
    last = FoundSegment(segment.path, segment.data, segment.opening, found)
    return Recovered(log, identity, last, sealed, records, torn)


def read_segment(disk: Disk, path: str) -> FoundSegment:
    """Read one segment alone, whatever it holds.

    Parameters
    ----------
    disk : Disk
        Where it is.
    path : str
        Its path.

    Returns
    -------
    FoundSegment
        What is there; nothing says whether it should.

    Raises
    ------
    StorageError
        If it can't be read.
    UnknownFormat
        If it was written in a format that we can't read.
    WalCorrupted
        If not even its beginning is sound.
    """
    data = read_file(disk, path)
    opening = read_opening(data, path)
    return FoundSegment(path, data, opening, scan(data, opening))


def read_file(disk: Disk, path: str) -> bytes:
    """Return all that is in a file.

    Parameters
    ----------
    disk : Disk
        Where it is.
    path : str
        Its path.

    Returns
    -------
    bytes
        Its content.

    Raises
    ------
    StorageError
        If it can't be read.
    """
    try:
        file = disk.open_to_read(path)
        try:
            return file.read_at(0, file.size())
        finally:
            file.close()
    except OSError as error:
        raise storage_error("read", path, error) from error


def _check_sequence(names: list[SegmentName]) -> None:
    """Refuse a log with a hole: segments are removed from its beginning only."""
    for before, name in zip(names, names[1:], strict=False):
        if name.sequence != before.sequence + 1:
            expected = f"segment {before.sequence + 1} before it; that file is missing"
            raise damage(name.path, _NO_OFFSET, expected)


def _read_named(disk: Disk, name: SegmentName) -> _Opened:
    """Read a segment; it must be the one that its name says."""
    data = read_file(disk, name.path)
    opening = read_opening(data, name.path)
    start = opening.start
    first_index = start.base.last_index + 1
    if (start.sequence, first_index) != (name.sequence, name.first_index):
        expected = (
            "the segment that the file's name says; it is segment"
            f" {start.sequence} from entry {first_index}"
        )
        raise damage(name.path, _NO_OFFSET, expected)
    return _Opened(name.path, data, opening)


def _scan_sealed(segment: _Opened, following: Opening) -> Scan:
    """Read a segment of which the next one says where it ends."""
    end = following.start.previous_end
    checksum = following.start.previous_checksum
    # What lies behind is no part of the log: a write that failed may have left it.
    found = scan(segment.data[:end], segment.opening)
    if found.end != end:
        expected = f"records up to byte {end}, for the next segment follows them"
        if found.bad is not None:
            expected = found.bad.expected
        raise damage(segment.path, found.end, expected)
    if found.chain != checksum:
        expected = (
            f"checksum {checksum:08x} in the last record; it is {found.chain:08x}"
        )
        raise damage(segment.path, found.end, expected)
    return found


def _torn(segment: _Opened, found: Scan) -> Torn | None:
    """Return what a crash left in the last segment; refuse what none can leave."""
    if found.bad is not None:
        if found.end < found.marked_end:
            raise damage(segment.path, found.end, found.bad.expected)
        reason = found.bad.expected
    elif (size := segment.opening.start.size_bytes) > len(segment.data):
        # No crash of ours leaves that, and what was there can't be known. It is taken
        # for the zeros that it was made of, and told.
        reason = f"a file of {size} bytes; it has {len(segment.data)}"
    else:
        return None
    return Torn(segment.path, found.end, found.torn_bytes, reason)


def _check_start(log: HeldLog, identity: DirectoryIdentity, following: _Opened) -> None:
    """Refuse a segment that continues another log than the one before it."""
    start = following.opening.start
    if start.identity != identity:
        expected = f"the log of {identity}; it is that of {start.identity}"
        raise damage(following.path, _NO_OFFSET, expected)
    # Where the log begins is left out: it may be known from a later record only.
    ends = [
        (b.hard_state, b.snapshot, b.last_index, b.last_term)
        for b in (start.base, log.base())
    ]
    if ends[0] != ends[1]:
        expected = f"a segment that follows {ends[1]}; it follows {ends[0]}"
        raise damage(following.path, _NO_OFFSET, expected)


def _replay(log: _Replay, found: Scan, path: str) -> None:
    """Change the log as the records of one segment say."""
    for record in found.records:
        try:
            if record.kind is RecordKind.MARK:
                _check_mark(log, record)
            else:
                log.apply(decode_log_payload(record))
        except (InvariantViolation, msgspec.MsgspecError) as error:
            # Sound bytes that can't be meant: no crash leaves such.
            raise _senseless(path, record, error) from error


def _check_mark(log: HeldLog, record: Record) -> None:
    """Refuse a mark that speaks of another log."""
    mark = decode_mark(record)
    if mark is None or mark.durable_index != log.last_index():
        raise msgspec.DecodeError(f"the log ends at entry {log.last_index()}")


def _senseless(path: str, record: Record, error: Exception) -> WalCorrupted:
    """Return the error for a sound record that says what can't be."""
    expected = f"a {record.kind.name} record that fits the log; {error}"
    return damage(path, record.offset, expected)
