"""The table of settings: every name once, the short ones among them."""

from collections import Counter

from raftwerk.config import COMMANDS, PREFIX, SETTINGS, settings_of

SEED = {
    "ADDRESS",
    "API_PREFIX",
    "APP_NAME",
    "BIND_HOST",
    "BIND_PORT",
    "ELECTION_TIMEOUT_LOWER_MILLIS",
    "ELECTION_TIMEOUT_UPPER_MILLIS",
    "FASTAPI_DESCR",
    "FASTAPI_DOCS",
    "FASTAPI_EMAIL",
    "FASTAPI_MAINT",
    "FASTAPI_SCHEM",
    "FASTAPI_TITLE",
    "HEARTBEAT_REPEAT_MILLIS",
    "HOSTNAME",
    "LOGGING",
    "MAIN_APP_NAME",
    "NUM_REPLICAS",
    "RAFT_SERVICE_NAME",
    "REFRESH_RATE_MILLIS",
    "ROOT_PATH",
    "SCRIPT_FOLLOWER_PATH",
    "SCRIPT_LEADER_PATH",
}


def test_the_seed_s_variables_are_understood() -> None:
    assert {alias for each in SETTINGS for alias in each.aliases} >= SEED


def test_no_two_settings_have_one_name() -> None:
    for command in COMMANDS:
        names = [setting.name for setting in settings_of(command)]
        assert len(set(names)) == len(names)
        variables = [name for each in settings_of(command) for name in each.variables]
        assert len(set(variables)) == len(variables)
    everywhere = Counter(name for setting in SETTINGS for name in setting.variables)
    shared = {name for name, count in everywhere.items() if count > 1}
    # Who asks nodes must look where they were told to answer.
    assert shared == {"RAFTWERK_API_PREFIX", "API_PREFIX"}


def test_our_own_variables_begin_alike() -> None:
    assert all(setting.variable.startswith(PREFIX) for setting in SETTINGS)
    assert {setting.command for setting in SETTINGS} == set(COMMANDS)


def test_a_setting_says_what_it_is() -> None:
    for setting in SETTINGS:
        assert setting.meaning.endswith("."), setting.name
        assert setting.default and setting.metavar, setting.name
