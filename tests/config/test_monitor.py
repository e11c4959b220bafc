"""What `raftwerk monitor` accepts."""

from typing import Any

import pytest

from raftwerk.config import MonitorConfig
from raftwerk.errors import ConfigError

REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"endpoints": ()}, "endpoints is empty; it must be at least one URL"),
    ({"host": ""}, "host is ''; it must be printable and not empty"),
    ({"port": 0}, "port is 0; it must be from 1 to 65535"),
    ({"port": 65_536}, "port is 65536; it must be from 1 to 65535"),
    ({"refresh_millis": 1}, "refresh-rate-millis is 1; it must be from 50 to 60000"),
]


@pytest.mark.parametrize(("settings", "message"), REFUSED)
def test_a_setting_that_cannot_work_is_refused(
    settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError) as refused:
        MonitorConfig(**settings)
    assert str(refused.value) == message


def test_the_page_is_on_port_8000_and_refreshed_each_second() -> None:
    config = MonitorConfig()
    assert (config.port, config.refresh_millis) == (8000, 1000)
