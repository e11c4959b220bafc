"""How a node without data finds the others: which way is taken, and what it needs."""

import enum
from typing import Final

import msgspec

from raftwerk.config.form import require_setting
from raftwerk.config.url import Url

__all__ = ["DiscoveryConfig", "Way"]

REPLICAS_MAX: Final = 99
"""More than anybody should have; above this it is a mistake."""

REMOVE_AFTER_SECONDS_MIN: Final = 5
"""Below this a restart would look like an end."""

NAME_CHARACTERS_MAX: Final = 253
"""Of a name in DNS."""


class Way(enum.Enum):
    """How a node without data finds the others; the first that was told wins."""

    INITIAL_CLUSTER = "initial-cluster"
    """The members of the first start were listed."""
    JOIN = "join"
    """Through any member of a running cluster."""
    SRV = "discovery-srv"
    """By SRV records."""
    DNS = "dns"
    """By the addresses of the service's name."""
    ALONE = "alone"
    """Nothing was told: a cluster of one."""


class DiscoveryConfig(msgspec.Struct, frozen=True, kw_only=True):
    """What a node is told about finding the others.

    A data directory that knows its cluster wins over all of this.

    Parameters
    ----------
    has_initial_cluster : bool
        Whether the members of the first start were listed.
    join : tuple of Url
        Peer URLs of members of a running cluster.
    srv_domain : str
        The domain whose SRV records name the peers; empty for none.
    app_name : str
        The name in DNS that all replicas share; empty for none.
    num_replicas : int
        How many found a cluster that is found by DNS, and how many vote in it.
    dns_servers : tuple of str
        ``HOST:PORT`` of those who are asked; empty for the system's.
    remove_after_seconds : int
        How long a member may be away until the leader parts with it; 0: for ever.

    Raises
    ------
    ConfigError
        If a setting can't work; the message names it, its value and what is allowed.
    """

    has_initial_cluster: bool = False
    join: tuple[Url, ...] = ()
    srv_domain: str = ""
    app_name: str = ""
    num_replicas: int = 3
    dns_servers: tuple[str, ...] = ()
    remove_after_seconds: int = 0

    def __post_init__(self) -> None:
        """Check each setting."""
        for setting, name in (
            ("discovery-srv", self.srv_domain),
            ("app-name", self.app_name),
        ):
            is_name = name.isprintable() and not set(name) & set(" /,:@")
            require_setting(
                is_name and len(name) <= NAME_CHARACTERS_MAX,
                setting,
                name,
                f"a name in DNS, of at most {NAME_CHARACTERS_MAX} characters",
            )
        require_setting(
            1 <= self.num_replicas <= REPLICAS_MAX,
            "num-replicas",
            self.num_replicas,
            f"from 1 to {REPLICAS_MAX}",
        )
        require_setting(
            self.remove_after_seconds == 0
            or self.remove_after_seconds >= REMOVE_AFTER_SECONDS_MIN,
            "remove-after",
            self.remove_after_seconds,
            f"0, or at least {REMOVE_AFTER_SECONDS_MIN} (seconds)",
        )

    @property
    def way(self) -> Way:
        """The way that is taken where the data directory knows no cluster."""
        told = (
            (self.has_initial_cluster, Way.INITIAL_CLUSTER),
            (bool(self.join), Way.JOIN),
            (bool(self.srv_domain), Way.SRV),
            (bool(self.app_name), Way.DNS),
        )
        return next((way for is_told, way in told if is_told), Way.ALONE)
