"""What came of replaying a flight file: counts, standings, and the first trouble."""

import datetime
from collections import Counter
from collections.abc import Iterator
from typing import Final

import msgspec

from raftwerk.cli.exit_codes import ExitCode
from raftwerk.core.replica import Replica
from raftwerk.core.roles import Role
from raftwerk.runtime.flight_form import Ended, Flight, Stepped
from raftwerk.runtime.flight_replay import FlightReplay, Moment
from raftwerk.runtime.flight_words import told
from raftwerk.types import LogIndex, NodeId, Term

__all__ = ["MILLIS", "FlightReport", "make_report", "report_lines"]

MILLIS: Final = 1000
"""In a second: records tell the time in the former, people read the latter."""


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """How a core stands, in short, after some record."""

    record: int
    at_millis: int
    role: Role
    term: Term
    leader: NodeId | None
    commit_index: LogIndex
    applied_index: LogIndex
    first_index: LogIndex
    last_index: LogIndex


class Trouble(msgspec.Struct, frozen=True, kw_only=True):
    """What was found, and at which record."""

    record: int
    told: str
    words: str


class FlightReport(msgspec.Struct, frozen=True, kw_only=True):
    """What came of replaying one file.

    Parameters
    ----------
    path : str
        The file.
    program : str
        Who wrote it.
    node_id : NodeId
        Whose core it is.
    sequence : int
        Which of the member's files it is.
    began_seconds : float
        When, since 1970.
    is_shape : bool
        Whether payloads were left out.
    records : int
        How many were replayed.
    kinds : dict of str to int
        How many of each kind.
    standings : tuple of Standing
        In the beginning, whenever role or term changed, and at the end.
    ended : str
        Why the file ends; empty if nobody wrote that down.
    torn_bytes : int
        What a crash left behind the last sound frame.
    divergence, broken : Trouble or None
        The first of each kind.
    """

    path: str
    program: str
    node_id: NodeId
    sequence: int
    began_seconds: float
    is_shape: bool
    records: int
    kinds: dict[str, int]
    standings: tuple[Standing, ...]
    ended: str
    torn_bytes: int
    divergence: Trouble | None = None
    broken: Trouble | None = None

    @property
    def code(self) -> ExitCode:
        """How the command ends."""
        is_sound = self.divergence is None and self.broken is None
        return ExitCode.OK if is_sound else ExitCode.FAILED


def make_report(flight: Flight, until: int | None) -> FlightReport:
    """Replay a file, and say what came of it.

    Parameters
    ----------
    flight : Flight
        The file.
    until : int or None
        So many records at most.

    Returns
    -------
    FlightReport
        Up to the first divergence, if there was one.
    """
    replay = FlightReplay(flight)
    kinds: Counter[str] = Counter()
    standings = [_standing(replay.replica, 0, 0)]
    divergence = broken = None
    ended = ""
    at_millis = 0
    for moment in replay.moments(until):
        kinds[_kind_of(moment)] += 1
        at_millis = moment.record.at_millis
        if isinstance(moment.record, Ended):
            ended = moment.record.reason
        now = _standing(replay.replica, moment.number, at_millis)
        if (now.role, now.term) != (standings[-1].role, standings[-1].term):
            standings.append(now)
        if moment.divergence:
            divergence = _trouble(moment, moment.divergence)
            break
        if moment.broken and broken is None:
            broken = _trouble(moment, moment.broken)
    standings.append(_standing(replay.replica, replay.number, at_millis))
    beginning = flight.beginning
    return FlightReport(
        path=flight.path,
        program=beginning.program,
        node_id=beginning.node_id,
        sequence=beginning.sequence,
        began_seconds=beginning.wall_seconds,
        is_shape=beginning.is_shape,
        records=replay.number,
        kinds=dict(sorted(kinds.items())),
        standings=tuple(standings),
        ended=ended,
        torn_bytes=flight.torn_bytes,
        divergence=divergence,
        broken=broken,
    )


def report_lines(report: FlightReport) -> Iterator[str]:
    """Yield a report for people.

    Parameters
    ----------
    report : FlightReport
        What came of it.

    Yields
    ------
    str
        A line.
    """
    began = datetime.datetime.fromtimestamp(report.began_seconds, datetime.UTC)
    payloads = "sizes and hashes for payloads" if report.is_shape else "all"
    yield f"flight    {report.path}: file {report.sequence}, by {report.program}"
    yield f"member    {report.node_id:x}, from {began:%Y-%m-%d %H:%M:%S} UTC on"
    counts = ", ".join(f"{count} {kind}" for kind, count in report.kinds.items())
    yield f"records   {report.records} ({payloads}): {counts or 'none'}"
    for each in report.standings:
        yield _line_of(each)
    if report.torn_bytes:
        yield f"torn      {report.torn_bytes} bytes at the end: a crash cut them off"
    if report.ended:
        yield f"ended     {report.ended}"
    if report.divergence is not None:
        where = f"record {report.divergence.record} ({report.divergence.told})"
        yield f"diverged  at {where}: {report.divergence.words}"
    if report.broken is not None:
        where = f"record {report.broken.record} ({report.broken.told})"
        yield f"broken    at {where}: {report.broken.words}"
    if report.code is ExitCode.OK:
        yield "replayed  every step as recorded; all invariants hold"


def _line_of(standing: Standing) -> str:
    """Return how a core stands, in one line."""
    leader = "nobody" if standing.leader is None else f"{standing.leader:x}"
    return (
        f"{standing.at_millis / MILLIS:>8.3f}s record {standing.record}:"
        f" {standing.role.value} in term {standing.term}, led by {leader};"
        f" log {standing.first_index} to {standing.last_index}, committed"
        f" {standing.commit_index}, applied {standing.applied_index}"
    )


def _standing(replica: Replica, record: int, at_millis: int) -> Standing:
    """Return how a core stands."""
    state = replica.state
    log = state.log
    return Standing(
        record=record,
        at_millis=at_millis,
        role=state.role,
        term=state.term,
        leader=state.leader,
        commit_index=log.commit_index,
        applied_index=log.applied_index,
        first_index=log.first_index,
        last_index=log.last_index,
    )


def _kind_of(moment: Moment) -> str:
    """Return what is counted."""
    record = moment.record
    kept = record.event if isinstance(record, Stepped) else record
    return type(kept).__name__


def _trouble(moment: Moment, words: str) -> Trouble:
    """Return what was found at a record."""
    return Trouble(record=moment.number, told=told(moment.record), words=words)
