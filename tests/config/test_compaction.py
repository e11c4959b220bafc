"""What may be said of how much past is kept."""

import pytest

from raftwerk.config.compaction import AutoCompaction
from raftwerk.errors import ConfigError

DURATIONS = [
    ("0", 0.0),
    ("1", 3600.0),
    ("30m", 1800.0),
    ("1h30m", 5400.0),
    ("1.5h", 5400.0),
    ("90s", 90.0),
    ("500ms", 0.5),
    (" 5m ", 300.0),
]


@pytest.mark.parametrize(("text", "seconds"), DURATIONS)
def test_time_is_said_in_hours_or_as_a_duration(text: str, seconds: float) -> None:
    kept = AutoCompaction(retention=text)
    assert (kept.seconds, kept.revisions) == (seconds, 0)


def test_revisions_are_counted() -> None:
    kept = AutoCompaction(mode="revision", retention="1000")
    assert (kept.seconds, kept.revisions) == (0.0, 1000)


@pytest.mark.parametrize("text", ["", "x", "-1", "5 m", "5d", "m", "1h-3m", "1e3"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="auto-compaction-retention"):
        AutoCompaction(retention=text)


@pytest.mark.parametrize("text", ["30m", "", "-1", "1.5"])
def test_what_is_no_number_of_revisions_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="a number of revisions"):
        AutoCompaction(mode="revision", retention=text)


def test_an_unknown_mode_is_refused() -> None:
    with pytest.raises(ConfigError, match="auto-compaction-mode"):
        AutoCompaction(mode="sometimes")
