"""``raftwerk sim``: which words it takes, and which exit codes it gives."""

import json
from pathlib import Path

import pytest

from raftwerk.cli.exit_codes import ExitCode
from raftwerk.cli.main import run
from raftwerk.cli.simulate import sim
from raftwerk.sim.faults import draw_plan
from raftwerk.sim.plan import Plan, decode_plan, encode_plan
from raftwerk.sim.report import command_of
from raftwerk.sim.run import Outcome


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["--seeds", "5..3"], "seeds is 5..3"),
        (["--seeds", "many"], "seeds is many"),
        (["--seed", "1", "--seeds", "1..2"], "seed and seeds are both given"),
        (["--seed", "-1"], "seed is -1"),
        (["--faults", "gremlins"], "faults is gremlins"),
        (["--nodes", "0"], "nodes is 0"),
        (["--seconds", "0"], "seconds is 0"),
        (["--seconds", "nan"], "seconds is nan"),
        (["--seconds", "1", "--hours", "1"], "seconds and hours are both given"),
        (["--jobs", "0"], "jobs is 0"),
        (["--scenario", "/no/such/file"], "scenario is /no/such/file"),
        (["--scenario", "x", "--seed", "1"], "seed and scenario are both given"),
        (["--scenario", "x", "--nodes", "3"], "nodes and scenario are both given"),
        (["--scenario", "x", "--hours", "1"], "hours and scenario are both given"),
        (["--scenario", "x", "--faults", "all"], "faults and scenario are both given"),
        (["--seed", str(2**64)], "seed is 18446744073709551616"),
        (["--seeds", f"0..{2**64}"], "seeds is 0..18446744073709551616"),
        (["--seeds", "0..100000"], "no more than 100000 at a time"),
        (["--seeds", "\u0663..\u0664"], "seeds is \u0663"),
        (["--clients", "0"], "clients is given; it needs a machine"),
        (["--evidence", ""], "evidence is ''; it must be a directory"),
        (["--evidence", __file__], "it must be a directory"),
        (
            ["--engine", "dask", "--scheduler", "tcp://h:1", "--jobs", "2"],
            "jobs is given; with engine dask",
        ),
        (["--engine", "dask", "--scheduler", "h"], "scheduler is h; it must be like"),
        (["-o", "xml"], "output is xml"),
    ],
)
def test_what_can_not_work_is_refused(
    words: list[str], named: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["sim", *words]) == ExitCode.REFUSED
    out, error = capsys.readouterr()
    assert not out
    assert named in error


def test_json_is_all_there_is_on_standard_output(
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = ["sim", "--seed", "2", "--nodes", "1", "--seconds", "1", "--faults", "calm"]
    assert run([*words, "-o", "json"]) == ExitCode.OK
    told = json.loads(capsys.readouterr().out)
    assert told["summary"]["runs"] == 1
    assert told["summary"]["failed"] == []
    assert told["runs"][0]["commands"] > 0


def test_scenario_that_fails_is_told_by_its_file_and_evidence_that_can_not_be_kept(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def run_plan(plan: Plan) -> tuple[Outcome, list[str]]:
        outcome = Outcome(
            seed=plan.seed, nodes=plan.nodes, seconds=plan.seconds, violation="never"
        )
        return outcome, []

    monkeypatch.setattr("raftwerk.sim.campaign.run_plan", run_plan)
    kept = tmp_path / "a plan.json"
    kept.write_bytes(encode_plan(draw_plan(1, nodes=1, seconds=1.0)))
    words = ["sim", "--scenario", str(kept), "--evidence", str(kept / "below")]
    assert run(words) == ExitCode.FAILED
    out, error = capsys.readouterr()
    assert f"again: raftwerk sim --scenario '{kept}'\n" in out
    assert "where nothing can be kept: Not a directory" in error


def test_scenario_of_a_user_s_machine_says_which_one_it_needs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tried = ["--machine", "tests.sim.bank:LosingBank"]
    tried += ["--client", "tests.sim.bank:transfers"]
    tried += ["--invariant", "tests.sim.bank:sum_is_kept"]
    words = ["sim", "--seed", "1", "--nodes", "1", "--seconds", "4", "--no-shrink"]
    kept = str(tmp_path / "seed-1.json")
    assert run([*words, *tried, "--evidence", str(tmp_path)]) == ExitCode.FAILED
    first = capsys.readouterr().out
    assert run(["sim", "--scenario", kept]) == ExitCode.REFUSED
    error = capsys.readouterr().err
    assert f"scenario is {kept}, of a machine of yours" in error
    assert " ".join(tried) in error
    words = ["sim", "--scenario", kept, *tried, "--no-shrink"]
    assert run([*words, "--evidence", str(tmp_path / "again")]) == ExitCode.FAILED
    again = capsys.readouterr().out
    assert first.splitlines()[:2] == again.splitlines()[:2]


def test_length_in_a_command_is_exact() -> None:
    outcome = Outcome(seed=1, nodes=3, seconds=1234567.25)
    command = "raftwerk sim --seed 1 --nodes 3 --seconds 1234567.25 --faults all"
    assert command_of(outcome, "all") == command


def test_failing_run_is_shown_made_small_and_kept(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def run_plan(plan: Plan) -> tuple[Outcome, list[str]]:
        kinds = [fault.kind for fault in plan.faults]
        violation = "some property" if "crash" in kinds else ""
        outcome = Outcome(
            seed=plan.seed,
            nodes=plan.nodes,
            seconds=plan.seconds,
            violation=violation,
            story="what was seen" if violation else "",
        )
        return outcome, [f"{len(kinds)} faults"]

    monkeypatch.setattr("raftwerk.sim.campaign.run_plan", run_plan)
    plan = draw_plan(1, faults="all")
    assert any(fault.kind == "crash" for fault in plan.faults)
    code = sim(
        [plan],
        again=lambda outcome: f"again with {outcome.seed}",
        jobs=1,
        as_json=False,
        evidence=tmp_path,
        shrinks=True,
    )
    assert code == ExitCode.FAILED
    shown = capsys.readouterr().out
    assert "seed 1: some property" in shown
    assert "again: again with 1" in shown
    assert "1 faults" in shown
    kept = decode_plan((tmp_path / "seed-1.json").read_bytes(), "seed-1.json")
    assert [fault.kind for fault in kept.faults] == ["crash"]
    assert "what was seen" in (tmp_path / "seed-1.txt").read_text()
