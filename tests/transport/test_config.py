"""The bounds of a transport are checked once."""

import pytest

from raftwerk.errors import ConfigError
from raftwerk.transport.conditions import Conditions
from raftwerk.transport.config import TransportConfig

BAD = [
    ({"queue_messages_max": 0}, "queue_messages_max is 0; it must be above 0"),
    ({"ping_seconds": -1.0}, "ping_seconds is -1.0; it must be above 0"),
    (
        {"frame_bytes_max": 1000},
        r"frame_bytes_max is 1000; it must be at least 2 \* FRAME_BODY_BYTES",
    ),
    ({"handshake_bytes_max": 1}, "handshake_bytes_max is 1; it must be at least 1024"),
    ({"message_bytes_max": 2**20}, "message_bytes_max is 1048576; it must be at least"),
    ({"silence_seconds": 0.9}, r"silence_seconds is 0.9; it must be at least 2 \*"),
    ({"retry_max_seconds": 0.01}, "retry_max_seconds is 0.01; it must be at least"),
]


@pytest.mark.parametrize(("settings", "words"), BAD)
def test_a_setting_that_cannot_work_is_named(
    settings: dict[str, float], words: str
) -> None:
    with pytest.raises(ConfigError, match=words):
        TransportConfig(**settings)  # type: ignore[arg-type]  # of all kinds


BAD_CONDITIONS = [
    ({"drop_rate": 1.5}, "drop_rate is 1.5; it must be 0 to 1"),
    ({"reorder_rate": -0.1}, "reorder_rate is -0.1; it must be 0 to 1"),
    ({"latency_min_seconds": 2.0}, "latency_min_seconds is 2.0; it must be from 0"),
    ({"late_seconds": -1.0}, "late_seconds is -1.0; it must be 0 or more"),
]


@pytest.mark.parametrize(("settings", "words"), BAD_CONDITIONS)
def test_conditions_that_cannot_be_are_named(
    settings: dict[str, float], words: str
) -> None:
    with pytest.raises(ConfigError, match=words):
        Conditions(**settings)
