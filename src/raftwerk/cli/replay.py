"""``replay``: a node's core, run again on what its flight recorder kept."""

from collections.abc import Iterator
from pathlib import Path

import msgspec

from raftwerk.cli.exit_codes import ExitCode
from raftwerk.cli.output import write_json, write_lines
from raftwerk.cli.replay_report import MILLIS, make_report, report_lines
from raftwerk.config import bad_setting
from raftwerk.core.records import HardState
from raftwerk.core.replica import Replica
from raftwerk.runtime.event_format import encode_record
from raftwerk.runtime.flight_events import FlightTold
from raftwerk.runtime.flight_form import Flight, read_flight
from raftwerk.runtime.flight_replay import FlightReplay, Moment
from raftwerk.runtime.flight_ring import flight_names
from raftwerk.runtime.flight_words import asked, changes, flat, told
from raftwerk.types import LogIndex, Term

__all__ = ["show_state", "show_steps", "summarize", "write_events"]


class Storage(msgspec.Struct, frozen=True, kw_only=True):
    """What storage has, as far as the core can ask for it."""

    first_index: LogIndex
    last_index: LogIndex
    last_term: Term
    snapshot_index: LogIndex
    snapshot_term: Term
    hard_state: HardState


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
        report = make_report(flight, until)
        worst = max(worst, report.code)
        if as_json:
            write_json(report)
        else:
            write_lines(list(report_lines(report)))
    return worst


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
    for moment in replay.moments(until):
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
    if any(_is_same(target, flight.path) for flight in flights):
        raise bad_setting("events", target, "another file than the one that is read")
    try:
        with open(target, "wb") as file:
            for flight in flights:
                replay = FlightReplay(flight)
                story = FlightTold(replay)
                for record in story.beginning():
                    file.write(encode_record(record) + b"\n")
                for moment in replay.moments(until):
                    for record in story.after(moment):
                        file.write(encode_record(record) + b"\n")
                    if moment.divergence or moment.broken:
                        write_lines([flight.path, *_moment_lines(moment)])
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


def _is_same(one: str, other: str) -> bool:
    """Tell whether two paths name one file."""
    try:
        return Path(one).samefile(other)
    except OSError:
        return False  # it is still to be made


def _read_one(path: str) -> Flight:
    """Read a file."""
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        allowed = f"a flight file that can be read ({error.strerror})"
        raise bad_setting("FILE", path, allowed) from None
    return read_flight(data, path)
