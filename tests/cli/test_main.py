"""The command line: one line for each mistake, and the promised exit codes."""

import platform

import pytest

import raftwerk
from raftwerk.cli import main, settings
from raftwerk.cli.exit_codes import ExitCode
from raftwerk.errors import (
    ConfigError,
    DirectoryLocked,
    OutputLost,
    RaftwerkError,
    StorageError,
    UnknownFormat,
    WalCorrupted,
)
from raftwerk.host.compiled import build_kind

MISTAKES = [
    (["--nonsense"], "raftwerk: No such option: --nonsense"),
    (["nonsense"], "raftwerk: No such command 'nonsense'."),
    (["serve", "--name"], "raftwerk: Option '--name' requires an argument."),
    (["serve", "more"], "raftwerk: Got unexpected extra argument"),
    (
        ["serve", "--heartbeat-interval=0"],
        "raftwerk: heartbeat-interval is 0; it must be at least 1 (milliseconds)",
    ),
    (["demo", "--nodes=0"], "raftwerk: nodes is 0; it must be from 1 to 7"),
    (["get", "--limit=x", "k"], "raftwerk: limit is x; it must be a whole number"),
    (["lease", "grant", "1.5"], "raftwerk: ttl is 1.5; it must be a whole number"),
    (["sim", "--seconds="], "raftwerk: seconds is ''; it must be a number"),
    (["monitor", "--port=0"], "raftwerk: port is 0; it must be from 1 to 65535"),
]

FAILURES = [
    (ConfigError, ExitCode.REFUSED),
    (DirectoryLocked, ExitCode.REFUSED),
    (UnknownFormat, ExitCode.REFUSED),
    (WalCorrupted, ExitCode.REFUSED),
    (OutputLost, ExitCode.UNKNOWN),
    (StorageError, ExitCode.FAILED),
    (RaftwerkError, ExitCode.FAILED),
]


@pytest.mark.parametrize(("arguments", "line"), MISTAKES)
def test_a_mistake_is_told_in_one_line(
    arguments: list[str], line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main.run(arguments) == ExitCode.REFUSED
    said = capsys.readouterr()
    assert said.err.startswith(line)
    assert said.err.count("\n") == 1
    assert said.out == ""


@pytest.mark.parametrize(("kind", "code"), FAILURES)
def test_an_error_says_by_the_exit_code_whether_anything_began(
    kind: type[RaftwerkError],
    code: ExitCode,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(_texts: object) -> None:
        raise kind("it broke\nin two lines")

    monkeypatch.setattr(settings, "serve_config", fail)
    assert main.run(["serve"]) == code
    assert capsys.readouterr().err == "raftwerk: it broke in two lines\n"


def test_version_python_and_platform_are_one_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main.run(["--version"]) == ExitCode.OK
    line = capsys.readouterr().out
    assert line.count("\n") == 1
    for part in (
        raftwerk.__version__,
        build_kind(),
        platform.python_version(),
        platform.platform(),
    ):
        assert part in line


@pytest.mark.parametrize("arguments", [[], ["--help"], ["-h"]])
def test_help_names_the_commands(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main.run(arguments) == ExitCode.OK
    text = capsys.readouterr().out
    for command in ("serve", "demo", "monitor"):
        assert f"\n  {command} " in text


@pytest.mark.parametrize("group", [[], ["lease"], ["member"], ["snapshot"]])
def test_help_cuts_no_sentence_off_on_a_narrow_terminal(
    group: list[str],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert main.run([*group, "--help"]) == ExitCode.OK
    _, _, commands = capsys.readouterr().out.partition("Commands:")
    assert commands
    assert "..." not in commands


def test_help_shows_the_flags_of_etcd_whole(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["serve", "--help"]) == ExitCode.OK
    text = capsys.readouterr().out
    for flag in ("--initial-advertise-peer-urls", "--initial-cluster-token"):
        assert flag in text
    assert "--exit-with-parent" not in text
