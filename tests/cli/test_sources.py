"""Where the text of a setting comes from, and which of several wins."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from raftwerk.cli.settings import monitor_config, serve_config
from raftwerk.cli.sources import Found, read_sources, understand
from raftwerk.config import MonitorConfig, ServeConfig, Url, Way
from raftwerk.errors import ConfigError

TOML = """
[serve]
name = "from-toml"
election-timeout = 900
listen-client-urls = ["http://127.0.0.1:1", "http://127.0.0.1:2"]
"""


def find(
    folder: Path,
    environ: Mapping[str, str] | None = None,
    **flags: str,
) -> dict[str, Found]:
    """Return what is said of `raftwerk serve`."""
    return read_sources(environ or {}, folder).find("serve", dict(flags))


def serve(folder: Path, environ: Mapping[str, str]) -> ServeConfig:
    """Return the configuration that an environment says."""
    return understand(serve_config, find(folder, environ))


def test_flag_before_environment_before_dotenv_before_toml(tmp_path: Path) -> None:
    (tmp_path / "raftwerk.toml").write_text(TOML)
    assert find(tmp_path)["name"] == Found("from-toml", "raftwerk.toml serve.name")
    (tmp_path / ".env").write_text("# mine\nexport RAFTWERK_NAME='from dotenv'\n")
    assert find(tmp_path)["name"] == Found("from dotenv", ".env RAFTWERK_NAME")
    environ = {"RAFTWERK_NAME": "from-environment"}
    assert find(tmp_path, environ)["name"] == Found(
        "from-environment", "environment RAFTWERK_NAME"
    )
    flagged = find(tmp_path, environ, name="from-flag")
    assert flagged["name"] == Found("from-flag", "flag --name")


def test_our_own_variable_goes_before_the_seed_s(tmp_path: Path) -> None:
    environ = {"LOGGING": "DEBUG", "RAFTWERK_LOG_LEVEL": "error"}
    assert serve(tmp_path, environ).log_level == "error"
    assert serve(tmp_path, {"LOGGING": "WARNING"}).log_level == "warn"


def test_a_variable_set_to_nothing_says_nothing(tmp_path: Path) -> None:
    assert serve(tmp_path, {"RAFTWERK_JOIN": "", "NUM_REPLICAS": ""}) == ServeConfig()


def test_the_machine_s_name_names_a_node_but_not_its_data(tmp_path: Path) -> None:
    config = serve(tmp_path, {"HOSTNAME": "5bf1c"})
    assert (config.name, config.data_dir) == ("5bf1c", "default.raftwerk")
    assert not config.has_own_name
    (tmp_path / "raftwerk.toml").write_text(TOML)
    config = serve(tmp_path, {"HOSTNAME": "5bf1c"})
    assert (config.name, config.data_dir) == ("from-toml", "from-toml.raftwerk")
    assert config.has_own_name


def test_values_in_toml_may_be_numbers_and_lists(tmp_path: Path) -> None:
    (tmp_path / "raftwerk.toml").write_text(TOML)
    config = serve(tmp_path, {})
    assert config.election_timeout_min_millis == 900
    assert config.listen_client_urls == (Url("127.0.0.1", 1), Url("127.0.0.1", 2))


def test_another_toml_file_may_be_named(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(TOML)
    for sources in (
        read_sources({}, tmp_path, "mine.toml"),
        read_sources({"RAFTWERK_CONFIG_FILE": "mine.toml"}, tmp_path),
    ):
        found = sources.find("serve", {})
        assert found["name"] == Found("from-toml", "mine.toml serve.name")
    with pytest.raises(ConfigError, match=r"^other.toml can't be read: No such file"):
        read_sources({}, tmp_path, "other.toml")


def test_a_number_longer_than_any_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "raftwerk.toml").write_text(f"[serve]\nsnapshot-count = {'9' * 5000}")
    with pytest.raises(ConfigError, match=r"^raftwerk.toml can't be read: "):
        find(tmp_path)


def test_the_seed_s_environment_is_understood(tmp_path: Path) -> None:
    config = serve(
        tmp_path,
        {
            "FASTAPI_TITLE": "Mine",
            "FASTAPI_MAINT": "Ada",
            "FASTAPI_EMAIL": "ada@example.org",
            "FASTAPI_DESCR": "What it is.",
            "FASTAPI_SCHEM": "/schema.json",
            "FASTAPI_DOCS": "/try",
            "API_PREFIX": "/consensus",
            "ROOT_PATH": "/behind",
            "APP_NAME": "node",
            "ELECTION_TIMEOUT_LOWER_MILLIS": "200",
            "ELECTION_TIMEOUT_UPPER_MILLIS": "500",
            "HEARTBEAT_REPEAT_MILLIS": "60",
            "NUM_REPLICAS": "5",
        },
    )
    assert (config.api.title, config.api.contact_name) == ("Mine", "Ada")
    assert (config.api.schema_path, config.api.docs_path) == ("/schema.json", "/try")
    assert (config.api.api_prefix, config.api.root_path) == ("/consensus", "/behind")
    assert (config.api.app_name, config.discovery.app_name) == ("node", "node")
    assert config.discovery.way is Way.DNS
    assert config.discovery.num_replicas == 5
    assert config.election_timeout_min_millis == 200
    assert config.election_timeout_max_millis == 500
    assert config.heartbeat_interval_millis == 60


def test_the_seed_s_monitor_is_understood(tmp_path: Path) -> None:
    def read(environ: dict[str, str]) -> MonitorConfig:
        found = read_sources(environ, tmp_path).find("monitor", {})
        return understand(monitor_config, found)

    config = read({"ADDRESS": "0.0.0.0:9000", "REFRESH_RATE_MILLIS": "500"})
    assert (config.host, config.port, config.refresh_millis) == ("0.0.0.0", 9000, 500)
    config = read({"BIND_HOST": "0.0.0.0", "BIND_PORT": "9000"})
    assert (config.host, config.port) == ("0.0.0.0", 9000)
    assert read({"MAIN_APP_NAME": "a", "RAFT_SERVICE_NAME": "b"}).main_app_name == "a"
    assert read({"RAFT_SERVICE_NAME": "b"}).main_app_name == "b"
    assert read({"ADDRESS": "::1"}).host == "::1"


def test_a_bad_value_is_told_with_where_it_stood(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as refused:
        serve(
            tmp_path,
            {
                "HEARTBEAT_REPEAT_MILLIS": "500",
                "ELECTION_TIMEOUT_LOWER_MILLIS": "150",
                "ELECTION_TIMEOUT_UPPER_MILLIS": "300",
            },
        )
    assert str(refused.value) == (
        "heartbeat-interval is 500; it must be at most half of election-timeout (150"
        " milliseconds) (from environment HEARTBEAT_REPEAT_MILLIS)"
    )


def test_a_variable_of_ours_that_nobody_knows_is_told_with_the_nearest(
    tmp_path: Path,
) -> None:
    (tmp_path / ".env").write_text("RAFTWERK_ZZZ=1\n")
    environ = {"RAFTWERK_NAEM": "n1", "RAFTWERK_NAME": "n1", "OTHER": "1"}
    assert read_sources(environ, tmp_path).warnings() == [
        "RAFTWERK_NAEM (environment) is no setting of raftwerk; did you mean"
        " RAFTWERK_NAME?",
        "RAFTWERK_ZZZ (.env) is no setting of raftwerk; `raftwerk config` lists all",
    ]


BAD_FILES = [
    ("[serve]\nnaem = 'x'", "has serve.naem, which is no setting; did you mean"),
    ("[server]\nname = 'x'", "has server; it must have settings in [serve], [monitor]"),
    ("name = 'x'", "has name; it must have settings in [serve]"),
    ("[serve]\nname = true", "has serve.name = True; it must be a text"),
    ("[serve]\nname = {a = 1}", "has serve.name = {'a': 1}; it must be a text"),
    ("[serve", "can't be read: "),
]


@pytest.mark.parametrize(("text", "told"), BAD_FILES)
def test_a_toml_file_with_a_mistake_is_refused(
    tmp_path: Path, text: str, told: str
) -> None:
    (tmp_path / "raftwerk.toml").write_text(text)
    with pytest.raises(ConfigError) as refused:
        read_sources({}, tmp_path)
    assert str(refused.value).startswith(f"raftwerk.toml {told}")


@pytest.mark.parametrize("content", [b"=x\n", b"A='\n", b"A=\xff\n"])
def test_a_dotenv_file_with_a_mistake_is_refused(
    tmp_path: Path, content: bytes
) -> None:
    (tmp_path / ".env").write_bytes(content)
    with pytest.raises(ConfigError, match=r"^\.env can't be read"):
        read_sources({}, tmp_path)
