"""What `raftwerk monitor` is told."""

import msgspec

from raftwerk.config.api import ApiSettings, require_path
from raftwerk.config.form import PORT_MAX, require_setting, require_text
from raftwerk.config.url import Url

__all__ = ["MonitorConfig"]


class MonitorConfig(msgspec.Struct, frozen=True, kw_only=True):
    """What `raftwerk monitor` is told.

    Parameters
    ----------
    endpoints : tuple of Url
        The client URL of each node to watch.
    host : str
        The address that the page is served on.
    port : int
        The port that the page is served on.
    main_app_name : str
        A name in DNS whose addresses are watched too; empty for none.
    api_prefix : str
        Where the nodes' documented API begins.
    refresh_millis : int
        Milliseconds between two looks at a node, and of the page at the monitor.

    Raises
    ------
    ConfigError
        If a setting can't work; the message names it, its value and what is allowed.
    """

    endpoints: tuple[Url, ...] = (Url("127.0.0.1", 2379),)
    host: str = "127.0.0.1"
    port: int = 8000
    main_app_name: str = ""
    api_prefix: str = ApiSettings().api_prefix
    refresh_millis: int = 1000

    def __post_init__(self) -> None:
        """Check each setting."""
        require_setting(bool(self.endpoints), "endpoints", "empty", "at least one URL")
        require_text("host", self.host)
        require_setting(
            1 <= self.port <= PORT_MAX, "port", self.port, f"from 1 to {PORT_MAX}"
        )
        require_path("api-prefix", self.api_prefix)
        require_setting(
            50 <= self.refresh_millis <= 60_000,
            "refresh-rate-millis",
            self.refresh_millis,
            "from 50 to 60000",
        )
