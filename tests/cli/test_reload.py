"""Settings that are read again: what can change does, what can't is named."""

from collections.abc import Callable

import msgspec
import pytest
import structlog

from raftwerk.cli.reload import Reloader
from raftwerk.config import ServeConfig, bad_setting
from raftwerk.errors import ConfigError


class Story:
    """A node's settings, and what became of them."""

    def __init__(self) -> None:
        self.said = ServeConfig()
        self.levels: list[str] = []
        self.refusal: ConfigError | None = None
        self.reloader = Reloader(
            self.said,
            self._read,
            {"log-level": self._take, "script-timeout": self._refuse},
        )

    def _read(self) -> ServeConfig:
        if self.refusal is not None:
            raise self.refusal
        return self.said

    def _take(self, config: ServeConfig) -> Callable[[], None]:
        return lambda: self.levels.append(config.log_level)

    def _refuse(self, config: ServeConfig) -> Callable[[], None]:
        raise bad_setting("script-timeout", str(config.hooks.timeout_millis), "another")

    def say(self, **settings: object) -> list[dict[str, object]]:
        """Reload after a change, and return what was logged."""
        self.said = msgspec.structs.replace(self.said, **settings)
        with structlog.testing.capture_logs() as logged:
            self.reloader.reload()
        return [dict(line) for line in logged]


@pytest.fixture(name="story")
def fixture_story() -> Story:
    return Story()


def test_what_can_change_is_taken_once(story: Story) -> None:
    expected = {
        "event": "settings were read again",
        "log_level": "info",
        "log-level": "debug",
    }
    assert story.say(log_level="debug") == [expected]
    assert story.say() == [{"event": expected["event"], "log_level": "info"}]
    assert story.levels == ["debug"]


def test_what_can_not_change_is_named_each_time(story: Story) -> None:
    for _ in range(2):
        warning, _ = story.say(snapshot_count=5, peer_secret="sesame")
        assert warning["event"] == "settings need a restart"
        assert (warning["snapshot-count"], warning["peer-secret"]) == ("5", "***")
    assert not story.levels


def test_a_mistake_changes_nothing(story: Story) -> None:
    story.refusal = bad_setting("log-level", "loud", "one of …")
    (line,) = story.say(log_level="debug")
    assert line["event"] == "settings are as before"
    assert line["reason"] == "log-level is loud; it must be one of …"
    assert not story.levels


def test_one_value_that_is_refused_keeps_the_others_from_being_taken(
    story: Story,
) -> None:
    good = story.said.hooks
    bad = msgspec.structs.replace(good, timeout_millis=7)
    (line,) = story.say(log_level="debug", hooks=bad)
    assert line["event"] == "settings are as before"
    assert not story.levels
    story.say(hooks=good)  # now the level alone
    assert story.levels == ["debug"]
