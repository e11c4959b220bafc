"""Settings: what works, and what is named where it can't."""

from typing import Any

import pytest

from raftwerk.core.config import NO_LIMIT, CoreConfig
from raftwerk.errors import ConfigError
from raftwerk.types import NodeId

SETTINGS = [
    # settings that can't work  the setting that is named
    ({"node_id": 0}, "node_id is 0; it must be at least 1"),
    ({"heartbeat_ticks": 0}, "heartbeat_ticks is 0"),
    (
        {"election_ticks_min": 3, "election_ticks_max": 5, "heartbeat_ticks": 3},
        "election_ticks_min is 3; it must be more than heartbeat_ticks \\(3\\)",
    ),
    (
        {"election_ticks_min": 9, "election_ticks_max": 8},
        "election_ticks_max is 8; it must be at least election_ticks_min \\(9\\)",
    ),
    ({"lease_read": True, "check_quorum": False}, "lease_read is on but check_quorum"),
    ({"inflight_messages_max": 0}, "inflight_messages_max is 0"),
    ({"inflight_bytes_max": 0}, "inflight_bytes_max is 0"),
    ({"uncommitted_bytes_max": 0}, "uncommitted_bytes_max is 0"),
    ({"committed_bytes_max": 0}, "committed_bytes_max is 0"),
    ({"append_bytes_max": -1}, "append_bytes_max is -1"),
    ({"applied_index": -1}, "applied_index is -1"),
]


@pytest.mark.parametrize(("settings", "why"), SETTINGS)
def test_settings_that_cannot_work_are_named(settings: Any, why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        CoreConfig(**({"node_id": 1} | settings))


def test_settings_that_are_left_out_work_together() -> None:
    config = CoreConfig(node_id=NodeId(1))
    assert config.heartbeat_ticks < config.election_ticks_min
    # Twice the least, less one: no two draws are the same more often than need be, and
    # all leaders are missed within two timeouts.
    assert config.election_ticks_max == 2 * config.election_ticks_min - 1
    assert config.pre_vote and config.check_quorum and not config.lease_read


def test_bounds_at_their_limits_are_allowed() -> None:
    CoreConfig(
        node_id=NodeId(1),
        election_ticks_min=2,
        election_ticks_max=2,
        heartbeat_ticks=1,
        append_bytes_max=0,
        inflight_messages_max=1,
        inflight_bytes_max=1,
        uncommitted_bytes_max=1,
        committed_bytes_max=NO_LIMIT,
    )
