"""What commands that call a cluster find in the environment."""

import pytest

from raftwerk.cli.ctl import api_prefix, call
from raftwerk.client import Client
from raftwerk.errors import ConfigError


async def _prefix_of(client: Client) -> str:
    return client.api_prefix


@pytest.mark.parametrize("variable", ["RAFTWERK_API_PREFIX", "API_PREFIX"])
def test_commands_look_where_nodes_were_told_to_begin(
    variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert call("127.0.0.1:1", "1s", _prefix_of) == "/api"
    monkeypatch.setenv(variable, "/foo")
    assert call("127.0.0.1:1", "1s", _prefix_of) == "/foo"


def test_a_prefix_that_is_no_path_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_PREFIX", "foo/")
    with pytest.raises(ConfigError, match="api-prefix is foo/"):
        api_prefix()
