"""What `raftwerk demo` is told."""

from itertools import chain
from typing import Final

import msgspec

from raftwerk.config.form import PORT_MAX, bad_setting, require_setting
from raftwerk.config.url import Url

__all__ = ["DemoConfig"]

LOOPBACK: Final = "127.0.0.1"

CLIENT_PORTS: Final = (2379, 22379, 32379, 12379, 7379, 17379, 27379)
"""The first three are known from etcd's example; all lie below the ephemeral ports.

Seven, for more voters are unwise: each write waits for a majority of them.
"""


class DemoConfig(msgspec.Struct, frozen=True, kw_only=True):
    """A cluster on this machine, to be played with.

    Parameters
    ----------
    nodes : int
        How many nodes there are.
    data_dir : str or None
        Where their data is kept; None for a temporary folder.
    base_port : int or None
        The first of the nodes' ports, client and peer in turns; None for etcd's.
    monitor_port : int or None
        Where the page is served; None for no page.
    record_events : str or None
        The file that all events are recorded in; None for none.

    Raises
    ------
    ConfigError
        If a setting can't work; the message names it, its value and what is allowed.
    """

    nodes: int = 3
    data_dir: str | None = None
    base_port: int | None = None
    monitor_port: int | None = 8000
    record_events: str | None = None

    def __post_init__(self) -> None:
        """Check each setting, then that all ports exist and differ."""
        nodes_max = len(CLIENT_PORTS)
        require_setting(
            1 <= self.nodes <= nodes_max, "nodes", self.nodes, f"from 1 to {nodes_max}"
        )
        require_setting(self.data_dir != "", "data-dir", "", "not empty")
        require_setting(self.record_events != "", "record-events", "", "not empty")
        if self.base_port is not None:
            greatest = PORT_MAX + 1 - 2 * self.nodes
            require_setting(
                1 <= self.base_port <= greatest,
                "base-port",
                self.base_port,
                f"from 1 to {greatest}",
            )
        if self.monitor_port is not None:
            self._check_monitor_port(self.monitor_port)

    def _check_monitor_port(self, port: int) -> None:
        """Refuse a port that does not exist or that a node has."""
        require_setting(
            1 <= port <= PORT_MAX, "monitor-port", port, f"from 1 to {PORT_MAX}"
        )
        taken = {url.port for url in chain(self.client_urls, self.peer_urls)}
        if port in taken:
            raise bad_setting("monitor-port", port, "none of the nodes' ports")

    def urls_of(self, number: int) -> tuple[Url, Url]:
        """Return where a node answers clients and peers.

        Parameters
        ----------
        number : int
            Which node, from 0 to 6; also one that is not there at the start.

        Returns
        -------
        tuple of Url
            The client's, and the peers': one port above it.
        """
        if self.base_port is None:
            port = CLIENT_PORTS[number]
        else:
            port = self.base_port + 2 * number
        return Url(LOOPBACK, port), Url(LOOPBACK, port + 1)

    @property
    def names(self) -> tuple[str, ...]:
        """The nodes' names."""
        return tuple(f"n{number}" for number in range(1, self.nodes + 1))

    @property
    def client_urls(self) -> tuple[Url, ...]:
        """Where each node answers clients."""
        return tuple(self.urls_of(number)[0] for number in range(self.nodes))

    @property
    def peer_urls(self) -> tuple[Url, ...]:
        """Where each node answers its peers."""
        return tuple(self.urls_of(number)[1] for number in range(self.nodes))
