"""``replay``: a node's core, run again on what its flight recorder kept."""

import datetime
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import msgspec

from raftwerk.cli.exit_codes import ExitCode
from raftwerk.cli.output import write_json, write_lines
from raftwerk.config import bad_setting
from raftwerk.core.records import HardState
from raftwerk.core.replica import Replica
from raftwerk.core.roles import Role
from raftwerk.runtime.event_format import encode_record
from raftwerk.runtime.flight_events import FlightTold
from raftwerk.runtime.flight_form import Ended, Flight, Stepped, read_flight
from raftwerk.runtime.flight_replay import FlightReplay, Moment
from raftwerk.runtime.flight_ring import flight_names
from raftwerk.runtime.flight_words import asked, changes, flat, told
from raftwerk.types import LogIndex, NodeId, Term

__all__ = ["FlightReport", "show_state", "show_steps", "summarize", "write_events"]

MILLIS = 1000


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


class Storage(msgspec.Struct, frozen=True, kw_only=True):
    """What storage has, as far as the core can ask for it."""

    first_index: LogIndex
    last_index: LogIndex
    last_term: Term
    snapshot_index: LogIndex
    snapshot_term: Term
    hard_state: HardState


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


# ---- the whole --------------------------------------------------------------


def summarize(path: str, *, until: int | None, as_json: bool) -> ExitCode:
    """Replay all of a file, or of a folder of files, and say what happened.

    Parameters
    ----------
    path : str
        The file or folder.
    until : int or None
        So many records of each file at most.
    as_json : bool
        One JSON object for each file, instead of lines.

    Returns
    -------
    ExitCode
        `FAILED` if anything was otherwise than recorded, or an invariant broke.

    Raises
    ------
    ConfigError
        If there is no such file.
    StorageError
        If it is damaged, or of a format that we can't read.
    """
    worst = ExitCode.OK
    for flight in _read_all(path):
        report = _report(flight, until)
        worst = max(worst, report.code)
        if as_json:
            write_json(report)
        else:
            write_lines(list(_lines(report)))
    return worst


def _report(flight: Flight, until: int | None) -> FlightReport:
    """Replay a file."""
    replay = FlightReplay(flight)
    kinds: Counter[str] = Counter()
    standings = [_standing(replay.replica, 0, 0)]
    divergence = broken = None
    ended = ""
    at_millis = 0
    for moment in _moments(replay, until):
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


def _lines(report: FlightReport) -> Iterator[str]:
    """Yield a report for people."""
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


# ---- one moment -------------------------------------------------------------


def show_state(
    path: str, *, step: int | None, at: int | None, as_json: bool
) -> ExitCode:
    """Replay a file up to some moment, and show the complete state.

    Parameters
    ----------
    path : str
        The file.
    step : int or None
        After so many records.
    at : int or None
        When this index is committed.
    as_json : bool
        As one JSON object, instead of lines.

    Returns
    -------
    ExitCode
        `FAILED` if anything was otherwise than recorded up to there.

    Raises
    ------
    ConfigError
        If there is no such file or moment.
    StorageError
        If it is damaged, or of a format that we can't read.
    """
    flight = _read_one(path)
    if step is not None and step > len(flight.records):
        raise bad_setting("step", step, f"at most {len(flight.records)}, for this file")
    replay = FlightReplay(flight)
    moment: Moment | None = None
    log = replay.replica.state.log
    while (step is None or replay.number < step) and (
        at is None or log.commit_index < at
    ):
        moment = replay.next()
        if moment is None:
            raise bad_setting(
                "at", at, f"at most {log.commit_index}, the last commit index here"
            )
        if moment.divergence:
            break
    image = replay.image()
    stored = _stored(replay.replica)
    if as_json:
        words = None if moment is None else told(moment.record)
        write_json(
            {
                "record": replay.number,
                "told": words,
                "state": image,
                "storage": stored,
            }
        )
    else:
        found = flat(image) | flat(stored, "storage")
        write_lines(list(_state_lines(flight, moment, found)))
    if moment is not None and (moment.divergence or moment.broken):
        return ExitCode.FAILED
    return ExitCode.OK


def _state_lines(
    flight: Flight, moment: Moment | None, found: dict[str, str]
) -> Iterator[str]:
    """Yield a state for people."""
    if moment is None:
        yield f"the beginning of {flight.path}"
    else:
        yield from _moment_lines(moment)
    yield ""
    width = max(map(len, found))
    for path, words in found.items():
        yield f"{path:{width}}  {words}"


# ---- step by step -----------------------------------------------------------


def show_steps(path: str, *, until: int | None, as_json: bool) -> ExitCode:
    """Replay a file, and show each record with what it changed.

    Parameters
    ----------
    path : str
        The file.
    until : int or None
        So many records at most.
    as_json : bool
        As one JSON object a record, instead of lines.

    Returns
    -------
    ExitCode
        `FAILED` if anything was otherwise than recorded, or an invariant broke.

    Raises
    ------
    ConfigError
        If there is no such file.
    StorageError
        If it is damaged, or of a format that we can't read.
    """
    replay = FlightReplay(_read_one(path))
    code = ExitCode.OK
    before = flat(replay.image())
    for moment in _moments(replay, until):
        after = flat(replay.image())
        changed = changes(before, after)
        before = after
        if as_json:
            write_json(
                {
                    "record": moment.number,
                    "at_millis": moment.record.at_millis,
                    "told": told(moment.record),
                    "events": [type(each).__name__ for each in moment.events],
                    "changed": changed,
                    "divergence": moment.divergence,
                    "broken": moment.broken,
                }
            )
        else:
            lines = [*_moment_lines(moment), *(f"    {each}" for each in changed)]
            write_lines(lines)
        if moment.divergence or moment.broken:
            code = ExitCode.FAILED
    return code


def _moment_lines(moment: Moment) -> Iterator[str]:
    """Yield what happened at one record."""
    when = moment.record.at_millis / MILLIS
    yield f"record {moment.number}, {when:.3f}s: {told(moment.record)}"
    if moment.events:
        names = ", ".join(type(each).__name__ for each in moment.events)
        yield f"    events: {names}"
    if moment.ready is not None:
        yield from (f"    asks for {each}" for each in asked(moment.ready))
    if moment.divergence:
        yield f"    DIVERGED: {moment.divergence}"
    if moment.broken:
        yield f"    BROKEN: {moment.broken}"


# ---- for the page -----------------------------------------------------------


def write_events(path: str, target: str, *, until: int | None) -> ExitCode:
    """Replay a file, and write what the page can play.

    Parameters
    ----------
    path : str
        The file, or a folder of files that follow one another.
    target : str
        The event file; made anew.
    until : int or None
        So many records of each file at most.

    Returns
    -------
    ExitCode
        `FAILED` if anything was otherwise than recorded.

    Raises
    ------
    ConfigError
        If there is no such file, or the other one can't be written.
    StorageError
        If it is damaged, or of a format that we can't read.
    """
    code = ExitCode.OK
    flights = _read_all(path)
    try:
        with open(target, "wb") as file:
            for flight in flights:
                replay = FlightReplay(flight)
                story = FlightTold(replay)
                for record in story.beginning():
                    file.write(encode_record(record) + b"\n")
                for moment in _moments(replay, until):
                    for record in story.after(moment):
                        file.write(encode_record(record) + b"\n")
                    if moment.divergence or moment.broken:
                        code = ExitCode.FAILED
    except OSError as error:
        allowed = f"a file that can be written ({error.strerror})"
        raise bad_setting("events", target, allowed) from None
    return code


# ---- reading ----------------------------------------------------------------


def _read_all(path: str) -> list[Flight]:
    """Read a file, or all of a folder, oldest first."""
    place = Path(path)
    if not place.is_dir():
        return [_read_one(path)]
    names = [each.name for each in place.iterdir()]
    found = flight_names(names, failed=False) + flight_names(names, failed=True)
    if not found:
        raise bad_setting("FILE", path, "a flight file, or a folder with some")
    return [_read_one(str(place / name)) for name in sorted(found)]


def _read_one(path: str) -> Flight:
    """Read a file."""
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        allowed = f"a flight file that can be read ({error.strerror})"
        raise bad_setting("FILE", path, allowed) from None
    return read_flight(data, path)


def _moments(replay: FlightReplay, until: int | None) -> Iterator[Moment]:
    """Yield what each record led to, up to a divergence or a bound."""
    while until is None or replay.number < until:
        moment = replay.next()
        if moment is None:
            return
        yield moment
        if moment.divergence:
            return


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


def _stored(replica: Replica) -> Storage:
    """Return what storage has."""
    log = replica.state.log.stable
    snapshot = log.snapshot()
    return Storage(
        first_index=log.first_index(),
        last_index=log.last_index(),
        last_term=log.term(log.last_index()),
        snapshot_index=snapshot.index,
        snapshot_term=snapshot.term,
        hard_state=log.initial_state()[0],
    )


def _kind_of(moment: Moment) -> str:
    """Return what is counted."""
    record = moment.record
    kept = record.event if isinstance(record, Stepped) else record
    return type(kept).__name__


def _trouble(moment: Moment, words: str) -> Trouble:
    """Return what was found at a record."""
    return Trouble(record=moment.number, told=told(moment.record), words=words)
