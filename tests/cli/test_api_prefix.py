"""Commands look for the documented API where nodes are told that it begins."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from raftwerk.cli.api_prefix import api_prefix, take_api_prefix
from raftwerk.cli.ctl import ENDPOINT, Endpoints, call
from raftwerk.client import Client
from raftwerk.errors import ConfigError


async def _prefix_of(client: Client) -> str:
    return client.api_prefix


@pytest.fixture(name="folder", autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Have a working directory without settings."""
    monkeypatch.chdir(tmp_path)
    yield tmp_path


@pytest.mark.parametrize("variable", ["RAFTWERK_API_PREFIX", "API_PREFIX"])
def test_commands_look_where_nodes_were_told_to_begin(
    variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert call("127.0.0.1:1", "1s", _prefix_of) == "/api"
    monkeypatch.setenv(variable, "/foo")
    assert call("127.0.0.1:1", "1s", _prefix_of) == "/foo"


def test_of_several_that_say_it_the_strongest_counts(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = typer.Typer()

    @app.command("one")
    def _one(endpoints: Endpoints = ENDPOINT) -> None:
        print(call(endpoints, "1s", _prefix_of))

    @app.command("other")
    def _other() -> None:
        """Call nobody."""

    take_api_prefix(app)

    def said(*flags: str) -> str:
        return CliRunner().invoke(app, ["one", *flags]).stdout.strip()

    assert said() == "/api"
    (folder / "raftwerk.toml").write_text('[serve]\napi-prefix = "/toml"\n')
    assert said() == "/toml"
    (folder / ".env").write_text("API_PREFIX=/dotenv\n")
    assert said() == "/dotenv"
    monkeypatch.setenv("API_PREFIX", "/seed")
    assert said() == "/seed"
    monkeypatch.setenv("RAFTWERK_API_PREFIX", "/own")
    assert said() == "/own"
    assert said("--api-prefix=/flag") == "/flag"
    assert said() == "/own", "a flag is for one command"
    refused = CliRunner().invoke(app, ["other", "--api-prefix=/flag"])
    assert refused.exit_code == 2, "who calls nobody has no such flag"


def test_a_prefix_that_is_no_path_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_PREFIX", "foo/")
    with pytest.raises(
        ConfigError, match=r"api-prefix is foo/.*\(from environment API_PREFIX\)"
    ):
        api_prefix()
