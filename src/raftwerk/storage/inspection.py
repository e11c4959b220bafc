"""A log as it lies there, for people: segments, records, damage; nothing is changed.

No lock is taken, so a log may be looked at while a member writes it; its last batch may
look torn then.
"""

from collections.abc import Iterator

import msgspec

from raftwerk.core.records import HardState, Snapshot
from raftwerk.errors import StorageError, UnknownFormat, WalCorrupted
from raftwerk.storage.directory import SegmentName, list_segments
from raftwerk.storage.disk_protocol import Disk
from raftwerk.storage.payloads import (
    LogPayload,
    Mark,
    StartPayload,
    decode_log_payload,
    decode_mark,
)
from raftwerk.storage.protocol import DirectoryIdentity
from raftwerk.storage.record import PREAMBLE_BYTES, Record, RecordKind
from raftwerk.storage.recovery import Torn, read_segment, recover
from raftwerk.types import LogIndex

__all__ = [
    "LogReport",
    "RecordReport",
    "SegmentReport",
    "inspect_log",
    "read_records",
]


class SegmentReport(msgspec.Struct, frozen=True, kw_only=True):
    """One file of the log."""

    path: str
    sequence: int
    first_index: LogIndex
    """One above the last index of the log when the segment was made."""
    size_bytes: int = 0
    used_bytes: int = 0
    """Up to the end of the last sound record."""
    records: int = 0
    """Sound ones from the beginning, that of the start not counted."""
    damage: str | None = None
    """Why not even its beginning can be read."""


class LogReport(msgspec.Struct, frozen=True, kw_only=True):
    """A whole log; what it holds is known only if it is sound."""

    segments: tuple[SegmentReport, ...]
    damage: str | None = None
    """Why a member would not start."""
    torn: Torn | None = None
    """What a member would cut off at its start."""
    identity: DirectoryIdentity | None = None
    hard_state: HardState | None = None
    snapshot: Snapshot | None = None
    first_index: LogIndex | None = None
    last_index: LogIndex | None = None


class RecordReport(msgspec.Struct, frozen=True, kw_only=True):
    """One sound record."""

    path: str
    offset: int
    """Where it is, in bytes."""
    size_bytes: int
    kind: RecordKind
    content: StartPayload | Mark | LogPayload | None
    """What it says; None if that can't be decoded."""


def inspect_log(disk: Disk, directory: str) -> LogReport:
    """Look at the log of a data directory.

    Parameters
    ----------
    disk : Disk
        Where it is.
    directory : str
        The data directory.

    Returns
    -------
    LogReport
        Also where the log is damaged, or of an unknown format.

    Raises
    ------
    ConfigError
        If the path can't be a data directory.
    StorageError
        If there is no log, or it can't be read.
    """
    names = list_segments(disk, directory)
    segments = tuple(_report(disk, name) for name in names)
    try:
        found = recover(disk, directory)
    except (WalCorrupted, UnknownFormat) as error:
        return LogReport(segments=segments, damage=str(error))
    base = found.log.base()
    return LogReport(
        segments=segments,
        torn=found.torn,
        identity=found.identity,
        hard_state=base.hard_state,
        snapshot=base.snapshot,
        first_index=base.first_index,
        last_index=base.last_index,
    )


def read_records(disk: Disk, directory: str) -> Iterator[RecordReport]:
    """Return all records that can be read, up to the first bad one of each segment.

    Parameters
    ----------
    disk : Disk
        Where the log is.
    directory : str
        The data directory.

    Yields
    ------
    RecordReport
        In the order in which they were written.

    Raises
    ------
    ConfigError
        If the path can't be a data directory.
    StorageError
        If the beginning of a segment is not sound, or it can't be read.
    """
    for name in list_segments(disk, directory):
        segment = read_segment(disk, name.path)
        yield RecordReport(
            path=name.path,
            offset=PREAMBLE_BYTES,
            size_bytes=segment.opening.end - PREAMBLE_BYTES,
            kind=RecordKind.START,
            content=segment.opening.start,
        )
        for record in segment.found.records:
            yield RecordReport(
                path=name.path,
                offset=record.offset,
                size_bytes=record.end - record.offset,
                kind=record.kind,
                content=_content(record),
            )


def _report(disk: Disk, name: SegmentName) -> SegmentReport:
    """Look at one segment."""
    try:
        segment = read_segment(disk, name.path)
    except StorageError as error:
        return SegmentReport(
            path=name.path,
            sequence=name.sequence,
            first_index=name.first_index,
            damage=str(error),
        )
    return SegmentReport(
        path=name.path,
        sequence=name.sequence,
        first_index=name.first_index,
        size_bytes=len(segment.data),
        used_bytes=segment.found.end,
        records=len(segment.found.records),
    )


def _content(record: Record) -> Mark | LogPayload | None:
    """Return what a record says, if that can be decoded."""
    if record.kind is RecordKind.MARK:
        return decode_mark(record)
    try:
        return decode_log_payload(record)
    except msgspec.MsgspecError:
        return None
