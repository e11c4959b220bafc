"""``raftwerk replay``: what it shows of a file, and how it ends."""

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from raftwerk.cli.main import run as run_command
from raftwerk.core.inputs import Propose, Tick
from raftwerk.runtime.event_format import FORMAT, VERSION
from raftwerk.runtime.flight import FlightPlan, FlightRecorder
from raftwerk.runtime.flight_form import FlightFile, Stepped, read_flight
from raftwerk.storage.memory_disk import MemoryDisk
from tests.runtime.group import Group, Process, story

PLAN = FlightPlan(directory="/flight", files_max=9, file_bytes=8_000)


def make_flights(folder: Path) -> list[Path]:
    """Have a lone member elect itself and write; return its files."""
    disk = MemoryDisk()

    @story
    async def tell() -> None:
        group = Group(voters=1)

        def recorder(process: Process) -> FlightRecorder:
            return FlightRecorder(PLAN, process.host, disk, heartbeat_millis=50)

        group.recorder = recorder
        await group.start()
        for number in range(40):
            await group[1].propose(b"command %d" % number)
            await group.sleep(0.1)
        await group[1].stop()

    tell()
    files = []
    for name in disk.list_directory("/flight"):
        files.append(folder / name)
        files[-1].write_bytes(disk.read_file(f"/flight/{name}"))
    assert len(files) > 1
    return files


@pytest.fixture(name="folder", scope="module")
def _folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("flights")
    make_flights(folder)
    return folder


@pytest.fixture(name="file")
def _file(folder: Path) -> str:
    return str(folder / "00000001.flight")


Said = pytest.CaptureFixture[bytes]


def replay(said: Said, *words: str, code: int = 0) -> str:
    """Run the command, demand its exit code, and return what it printed."""
    said.readouterr()
    ended = run_command(["replay", *words])
    printed = said.readouterr()
    assert ended == code, printed
    return (printed.out + printed.err).decode()


def replay_json(said: Said, *words: str, code: int = 0) -> list[Any]:
    """The same, with one JSON value a line."""
    printed = replay(said, *words, "-o", "json", code=code)
    return [msgspec.json.decode(line) for line in printed.splitlines()]


def without_proposal(file: str, target: Path) -> int:
    """Write a file in which a proposal became a tick; return which record it was."""
    flight = read_flight(Path(file).read_bytes(), file)
    records = list(flight.records)
    place = next(
        place
        for place, record in enumerate(records)
        if isinstance(record, Stepped) and isinstance(record.event, Propose)
    )
    records[place] = Stepped(at_millis=0, event=Tick(1))
    form = FlightFile()
    target.write_bytes(form.begin(flight.beginning) + form.add(records))
    return place + 1


def test_a_summary_tells_roles_and_that_all_is_as_recorded(
    file: str, capsysbinary: Said
) -> None:
    printed = replay(capsysbinary, file)
    for words in ("FOLLOWER in term 1", "LEADER in term 2", "every step as recorded"):
        assert words in printed
    (report,) = replay_json(capsysbinary, file)
    assert report["node_id"] == 1
    assert report["kinds"]["Propose"] > 5
    assert [each["role"] for each in report["standings"]][-1] == "LEADER"


def test_a_folder_is_replayed_file_by_file(folder: Path, capsysbinary: Said) -> None:
    reports = replay_json(capsysbinary, str(folder))
    assert [report["sequence"] for report in reports] == list(
        range(1, len(reports) + 1)
    )
    assert reports[-1]["ended"] == "the member was stopped"


def test_any_moment_can_be_seen_by_number_or_by_commit(
    file: str, capsysbinary: Said
) -> None:
    beginning = replay(capsysbinary, file, "--step=0")
    assert re.search(r"state\.role +FOLLOWER", beginning)
    (at_five,) = replay_json(capsysbinary, file, "--at=5")
    assert at_five["state"]["state"]["log"]["commit_index"] == 5
    (before,) = replay_json(capsysbinary, file, f"--step={at_five['record'] - 1}")
    assert before["state"]["state"]["log"]["commit_index"] == 4
    assert before["storage"]["last_index"] >= 4


def test_each_step_tells_what_it_changed(file: str, capsysbinary: Said) -> None:
    printed = replay(capsysbinary, file, "--diff", "--until=40")
    for words in (
        "state.role: CANDIDATE -> LEADER",
        "events: VoteReceived, VotesCounted, BecameLeader",
        "asks for storing 2 to ",
        "storage given entries 2 to ",
    ):
        assert words in printed, words
    steps = replay_json(capsysbinary, file, "--diff", "--until=40")
    assert [step["record"] for step in steps] == list(range(1, 41))


def test_events_are_written_in_the_form_that_the_page_plays(
    file: str, tmp_path: Path, capsysbinary: Said
) -> None:
    target = tmp_path / "events.jsonl"
    assert replay(capsysbinary, file, f"--events={target}") == ""
    records = [msgspec.json.decode(line) for line in target.read_bytes().splitlines()]
    header = records[0]
    assert (header["format"], header["version"]) == (FORMAT, VERSION)
    kinds = {record["type"] for record in records}
    assert kinds >= {"header", "members", "state", "event"}
    roles = [each["role"] for each in records if each["type"] == "state"]
    assert roles[0] == "FOLLOWER" and roles[-1] == "LEADER"
    times = [record["t"] for record in records]
    assert times == sorted(times)


def test_events_do_not_take_the_place_of_the_file_that_they_are_made_of(
    file: str, folder: Path, capsysbinary: Said
) -> None:
    before = Path(file).read_bytes()
    for source in (file, str(folder)):
        said = replay(capsysbinary, source, f"--events={file}", code=2)
        assert "another file than the one that is read" in said
    assert Path(file).read_bytes() == before


def test_a_core_that_does_otherwise_is_found_at_its_first_step(
    file: str, tmp_path: Path, capsysbinary: Said
) -> None:
    wrong = str(tmp_path / "wrong.flight")
    number = without_proposal(file, Path(wrong))
    printed = replay(capsysbinary, wrong, code=1)
    found = re.search(r"diverged  at record (\d+)", printed)
    assert found and int(found[1]) > number
    (report,) = replay_json(capsysbinary, wrong, code=1)
    assert report["divergence"]["record"] == int(found[1])
    assert replay(capsysbinary, wrong, "--diff", code=1).count("DIVERGED") == 1
    told = replay(capsysbinary, wrong, f"--events={tmp_path / 'events'}", code=1)
    assert told.count("DIVERGED") == 1


def test_what_a_crash_tore_is_told_and_is_no_failure(
    file: str, tmp_path: Path, capsysbinary: Said
) -> None:
    torn = tmp_path / "torn.flight"
    torn.write_bytes(Path(file).read_bytes()[:-5])
    assert "bytes at the end: a crash cut them off" in replay(capsysbinary, str(torn))


def test_a_damaged_file_is_refused_in_one_line(
    file: str, tmp_path: Path, capsysbinary: Said
) -> None:
    data = bytearray(Path(file).read_bytes())
    data[300] ^= 1
    damaged = tmp_path / "damaged.flight"
    damaged.write_bytes(data)
    printed = replay(capsysbinary, str(damaged), code=2)
    assert printed.count("\n") == 1
    assert "is no sound flight file: byte" in printed


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (("--step=99999",), "step is 99999; it must be at most"),
        (("--at=99999",), "at is 99999; it must be at most"),
        (("--until=-1",), "until is -1; it must be 0 or more"),
        (("--step=1", "--diff"), "asked for one of"),
        (("--events=/nowhere/at/all",), "a file that can be written"),
        (("--step=1", "--until=3"), "until is given; --step and --at end"),
        (("--at=1", "--until=3"), "until is given; --step and --at end"),
        (("--events=x", "--output=json"), "output is json; --events writes a file"),
    ],
)
def test_what_cannot_be_shown_is_refused(
    file: str, words: tuple[str, ...], part: str, capsysbinary: Said
) -> None:
    assert part in replay(capsysbinary, file, *words, code=2)


def test_a_folder_without_flights_is_refused(
    tmp_path: Path, capsysbinary: Said
) -> None:
    assert "a folder with some" in replay(capsysbinary, str(tmp_path), code=2)
