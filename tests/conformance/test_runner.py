"""What the command tells of scripts that do not agree."""

from pathlib import Path

import pytest

from .__main__ import main
from .runner import rewrite_script, run_script

GOOD = "vote cfg=(1) votes=(y)\n----\nVoteWon\n"
BAD = "# why\nvote cfg=(1) votes=(y)\n----\nVoteLost\n\nvote\n----\nnothing\n"


def script(folder: Path, name: str, text: str) -> Path:
    """Write a script."""
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, "utf-8")
    return path


def test_first_difference_is_named_with_its_line(tmp_path: Path) -> None:
    difference = run_script(script(tmp_path, "bad.txt", BAD))
    assert difference is not None
    assert (difference.line, difference.directive) == (2, "vote cfg=(1) votes=(y)")
    assert "-VoteLost\n+VoteWon" in str(difference)


def test_output_must_agree_to_the_last_blank(tmp_path: Path) -> None:
    path = script(tmp_path, "blank.txt", "vote\n----\nVoteWon \n")
    assert run_script(path) is not None


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("add-nodes x\n----\nok\n", "not a number"),
        ("campaign 1\n----\nok\n", "there is no node 1"),
        ("add-nodes 1 colour=red\n----\nok\n", "no option 'colour'"),
        ("deliver-msgs 1 drop=(1)\n----\nno messages\n", "both deliver and drop"),
        ("deliver-msgs type=MsgFoo\n----\nno messages\n", "no message type 'MsgFoo'"),
    ],
)
def test_script_that_cannot_be_meant_fails(tmp_path: Path, text: str, why: str) -> None:
    difference = run_script(script(tmp_path, "odd.txt", text))
    assert difference is not None
    assert why in difference.actual


def test_command_that_nobody_knows_says_so(tmp_path: Path) -> None:
    path = script(tmp_path, "odd.txt", "dance\n----\nunknown command\n")
    assert run_script(path) is None


def test_errors_are_never_silent(tmp_path: Path) -> None:
    text = (
        "log-level none\n----\nok\n\n"
        "add-nodes 1 voters=(1)\n----\n"
        "index must be specified as > 1 due to bootstrap\n\n"
        "add-nodes 1 voters=(1) index=2 read-only=maybe\n----\n"
        'invalid read-only option "maybe"\n\n'
        "add-nodes 1 voters=(1) index=2\n----\nok\n\n"
        "propose 1 x\n----\nraft proposal dropped\n\n"
        "log-level loud\n----\n"
        "log levels must be either of [DEBUG INFO WARN ERROR FATAL NONE]\n\n"
        "compact 1 2\n----\nrequested index is unavailable due to compaction\n\n"
        "log-level info\n----\nok\n\n"
        "process-append-thread 1\n----\nno append work to perform\n\n"
        "process-apply-thread 1\n----\nno apply work to perform\n\n"
        "deliver-msgs 1\n----\nno messages\n\n"
        "process-ready 1\n----\n<empty Ready>\n"
    )
    difference = run_script(script(tmp_path, "errors.txt", text))
    assert difference is None, f"\n{difference}"


def test_command_counts_files_and_fails_if_any_failed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = script(tmp_path, "good.txt", GOOD)
    script(tmp_path, "deeper/bad.txt", BAD)
    script(tmp_path, "deeper/ignored.md", "not a script")
    assert main([str(good)]) == 0
    assert capsys.readouterr().out == "1 passed, 0 failed\n"
    assert main([str(tmp_path), str(good)]) == 1
    printed = capsys.readouterr().out
    assert printed.splitlines()[-1] == "1 passed, 1 failed"
    assert "bad.txt:2: vote" in printed


def test_command_without_a_path_or_with_a_wrong_one_says_what_it_needs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([]) == 2
    assert main([str(tmp_path / "nowhere")]) == 2
    assert "nowhere" in capsys.readouterr().err


def test_a_folder_without_a_script_proves_nothing_and_fails(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    full = script(tmp_path / "full", "good.txt", GOOD).parent
    empty = script(tmp_path / "empty", "notes.md", "not a script").parent
    assert main([str(empty), str(full)]) == 2
    told = capsys.readouterr()
    assert told.err.startswith(f"there is no script (*.txt) below {empty}\n")
    assert "passed" not in told.out


def test_rewriting_leaves_a_script_that_agrees_and_all_else_as_it_was(
    tmp_path: Path,
) -> None:
    path = script(tmp_path, "bad.txt", BAD)
    rewrite_script(path)
    assert run_script(path) is None
    assert path.read_text("utf-8") == (
        "# why\nvote cfg=(1) votes=(y)\n----\nVoteWon\n\nvote\n----\nVoteWon\n"
    )
