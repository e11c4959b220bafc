"""What the flight recorder can be told, and how the rest is refused."""

from typing import Any

import pytest

from raftwerk.config import FlightSettings
from raftwerk.errors import ConfigError


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"record": "all"}, "record is all; it must be one of off, full, shape"),
        ({"files": 1}, "record-files is 1; it must be from 2 to"),
        ({"file_bytes": 1000}, "record-file-bytes is 1000; it must be from 65536 to"),
    ],
)
def test_what_cannot_work_is_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        FlightSettings(**fields)


def test_nothing_is_recorded_unless_somebody_says_so() -> None:
    assert FlightSettings().record == "off"
