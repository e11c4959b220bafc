"""`raftwerk config`: every setting with its value and who said it, secrets masked."""

import json
from pathlib import Path

import pytest

from raftwerk.cli import main
from raftwerk.cli.config_command import rows_of
from raftwerk.cli.config_page import make_page
from raftwerk.cli.exit_codes import ExitCode
from raftwerk.cli.sources import read_sources
from raftwerk.config import SETTINGS

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "configuration.md"


@pytest.fixture(autouse=True)
def _alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Be where nobody has said anything."""
    monkeypatch.chdir(tmp_path)
    for setting in SETTINGS:
        for name in setting.variables:
            monkeypatch.delenv(name, raising=False)


def test_the_page_is_what_the_table_says() -> None:
    assert PAGE.read_text(encoding="utf-8") == make_page()


def test_each_setting_has_its_line_and_value() -> None:
    rows, _ = rows_of(read_sources({}, Path.cwd()), {})
    assert [(row.command, row.name) for row in rows] == [
        (setting.command, setting.name) for setting in SETTINGS
    ]
    values = {f"{row.command}.{row.name}": row.value for row in rows}
    assert values["serve.heartbeat-interval"] == "50"
    assert values["serve.election-timeout-max"] == "300"
    assert values["serve.initial-cluster"] == "default=http://127.0.0.1:2380"
    assert values["monitor.refresh-rate-millis"] == "1000"
    assert {row.source for row in rows} == {"default"}


def test_it_says_who_said_what(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOGGING", "DEBUG")
    monkeypatch.setenv("RAFTWERK_PEER_SECRET", "sesame")
    Path(".env").write_text("NUM_REPLICAS=5\nAPP_NAME=node\n", encoding="utf-8")
    Path("raftwerk.toml").write_text("[monitor]\nport = 9000\n", encoding="utf-8")
    assert main.run(["config", "--name=n1", "-o", "json"]) == ExitCode.OK
    said = capsys.readouterr()
    assert "sesame" not in said.out + said.err
    document = json.loads(said.out)
    found = {
        f"{row['command']}.{row['name']}": (row["value"], row["source"])
        for row in document["settings"]
    }
    assert found["serve.name"] == ("n1", "flag --name")
    assert found["serve.log-level"] == ("debug", "environment LOGGING")
    assert found["serve.peer-secret"] == ("***", "environment RAFTWERK_PEER_SECRET")
    assert found["serve.num-replicas"] == ("5", ".env NUM_REPLICAS")
    assert found["monitor.port"] == ("9000", "raftwerk.toml monitor.port")
    assert found["serve.data-dir"] == ("n1.raftwerk", "default")
    assert document["discovery"]["way"] == "dns"


def test_it_prints_columns_and_the_way(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["config"]) == ExitCode.OK
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == [
        "SETTING", "ENVIRONMENT", "FLAG", "TOML", "VALUE", "SOURCE"
    ]  # fmt: skip
    assert lines[1].split() == [
        "name", "RAFTWERK_NAME,", "HOSTNAME", "--name", "serve.name", "default",
        "default",
    ]  # fmt: skip
    assert lines[-1].startswith("The others are found by: alone (nothing names any")


def test_a_bad_value_ends_it_as_it_ends_a_node(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEARTBEAT_REPEAT_MILLIS", "fast")
    assert main.run(["config"]) == ExitCode.REFUSED
    assert capsys.readouterr().err == (
        "raftwerk: heartbeat-interval is fast; it must be a whole number"
        " (from environment HEARTBEAT_REPEAT_MILLIS)\n"
    )


def test_a_variable_that_is_none_of_ours_is_warned_about(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAFTWERK_NAEM", "n1")
    monkeypatch.setenv("RAFTWERK_FENCING_TOKEN", "7")
    assert main.run(["config", "-o", "json"]) == ExitCode.OK
    assert capsys.readouterr().err == (
        "raftwerk: warning: RAFTWERK_NAEM (environment) is no setting of raftwerk; did"
        " you mean RAFTWERK_NAME?\n"
    )
