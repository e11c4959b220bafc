"""A machine of a user's is named on the command line, tried, and kept if it fails."""

import json
from pathlib import Path

import pytest

from raftwerk.cli.exit_codes import ExitCode
from raftwerk.cli.main import run

BANK = "tests.sim.bank"

KV = str(next(Path(__file__).parents[1].joinpath("sim/scenarios").glob("*.json")))

WORDS = [
    *("sim", "--nodes", "3", "--seconds", "3"),
    *("--client", f"{BANK}:transfers"),
    *("--invariant", f"{BANK}:sum_is_kept", "--invariant", f"{BANK}:nobody_owes"),
    *("--judge", f"{BANK}:everyone_was_served"),
]


def test_right_machine_holds(capsys: pytest.CaptureFixture[str]) -> None:
    words = [*WORDS, "--machine", f"{BANK}:Bank", "--seeds", "1..2", "-o", "json"]
    assert run(words) == ExitCode.OK
    told = json.loads(capsys.readouterr().out)
    assert [each["seed"] for each in told["runs"]] == [1, 2]
    assert all(each["commands"] > 20 for each in told["runs"])


def test_wrong_one_is_told_of_and_its_scenario_fails_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    named = [*WORDS, "--machine", f"{BANK}:ClockedBank"]
    assert run([*named, "--seed", "1", "--evidence", str(tmp_path)]) == ExitCode.FAILED
    told = capsys.readouterr().out
    assert "states differ after entry" in told
    assert f"--machine {BANK}:ClockedBank" in told
    assert f"--invariant {BANK}:nobody_owes" in told
    again = [
        *WORDS[:1],
        *named[5:],
        "--scenario",
        str(tmp_path / "seed-1.json"),
        "--no-shrink",
    ]
    assert run([*again, "--evidence", str(tmp_path / "again")]) == ExitCode.FAILED
    assert "states differ after entry" in capsys.readouterr().out
    records = (tmp_path / "seed-1.events").read_bytes().splitlines()
    assert json.loads(records[0])["source"] == "simulator"
    # The mistake is the machine's: the cores did what they should.
    for member in (tmp_path / "seed-1.flights").iterdir():
        assert run(["replay", str(member)]) == ExitCode.OK


@pytest.mark.parametrize("text", ["raise ValueError('no')", "def broken("])
def test_module_that_can_not_be_imported_is_a_line_and_no_trace(
    text: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "broken_bank.py").write_text(text)
    assert run(["sim", "--machine", "broken_bank:Bank"]) == ExitCode.REFUSED
    (line,) = capsys.readouterr().err.splitlines()
    assert "machine is broken_bank:Bank" in line and "Error: " in line


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["--client", f"{BANK}:transfers"], "client is given; it needs a machine"),
        (["--machine", BANK], f"machine is {BANK}"),
        (["--machine", "no_such_module:Bank"], "machine is no_such_module:Bank"),
        (["--machine", f"{BANK}:Shop"], f"machine is {BANK}:Shop"),
        (["--machine", f"{BANK}:OPENED"], "something that can be called"),
        (["--machine", f"{BANK}:Bank", "--clients", "-1"], "clients is -1"),
        (["--clients", "3"], "clients is given; it needs a machine"),
        (["--machine", f"{BANK}:Bank", "--scenario", KV], "of keys and values"),
        (["--engine", "ray"], "engine is ray"),
        (["--engine", "dask"], "engine dask and scheduler"),
        (["--scheduler", "tcp://127.0.0.1:1"], "engine dask and scheduler"),
    ],
)
def test_what_can_not_be_tried_is_refused(
    words: list[str], named: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["sim", *words]) == ExitCode.REFUSED
    assert named in capsys.readouterr().err
