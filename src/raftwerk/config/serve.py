"""What `raftwerk serve` is told, with etcd's names for its settings."""

import operator
from collections.abc import Callable
from typing import Final

import msgspec

from raftwerk.config.api import ApiSettings
from raftwerk.config.compaction import AutoCompaction
from raftwerk.config.discovery import DiscoveryConfig, Way
from raftwerk.config.flight import FlightSettings
from raftwerk.config.form import (
    bad_setting,
    require_name,
    require_one_of,
    require_setting,
    require_text,
)
from raftwerk.config.hooks import HookSettings
from raftwerk.config.url import Url

__all__ = [
    "CLUSTER_STATES",
    "LOG_FORMATS",
    "LOG_LEVELS",
    "InitialMember",
    "ServeConfig",
]

CLUSTER_STATES: Final = ("new", "existing")
"""Found a cluster, or be one more member of a running one."""

LOG_LEVELS: Final = ("debug", "info", "warn", "error", "panic", "fatal")
"""The levels that etcd knows; the last two mean the same here."""

LOG_FORMATS: Final = ("auto", "json", "console")
"""Lines for a machine or for a person; ``auto``: for a person on a terminal."""

TRANSPORTS: Final = ("tcp", "http")
"""How members speak to each other."""

REQUEST_BYTES_MAX: Final = 8 * 1024 * 1024
"""What ``max-request-bytes`` may be at most: peers must be able to pass it on."""

ELECTION_TIMEOUT_MILLIS_MAX: Final = 50_000
"""As in etcd: who waits longer than this for a leader waits for an operator."""


class InitialMember(msgspec.Struct, frozen=True, order=True):
    """One member of a cluster's first start: its name and where its peers reach it."""

    name: str
    peer_urls: tuple[Url, ...]


class ServeConfig(msgspec.Struct, frozen=True, kw_only=True):
    """What `raftwerk serve` is told: one node, its data, its addresses, its peers.

    Parameters
    ----------
    name : str
        The member's name; one of those in `initial_cluster`.
    data_dir : str
        The folder with all that must survive.
    listen_client_urls : tuple of Url
        Where clients are answered.
    advertise_client_urls : tuple of Url
        Where clients are told to come; a proxy may stand there.
    listen_peer_urls : tuple of Url
        Where peers are answered.
    initial_advertise_peer_urls : tuple of Url
        Where peers are told to come, at the first start.
    initial_cluster : tuple of InitialMember
        The members of the first start; each node must be given the same.
    initial_cluster_state : str
        ``new`` founds a cluster, ``existing`` joins one.
    initial_cluster_token : str
        Keeps clusters apart that were founded with the same addresses.
    heartbeat_interval_millis : int
        Milliseconds between two heartbeats.
    election_timeout_min_millis : int
        Least election timeout in milliseconds.
    election_timeout_max_millis : int
        Greatest election timeout in milliseconds.
    snapshot_count : int
        Entries applied between two snapshots.
    max_request_bytes : int
        The most that one request may have.
    quota_backend_bytes : int
        What the store may take in memory; 0 for 2 GiB, below 0 for any.
    auto_compaction : AutoCompaction
        Which past is let go of without anybody asking.
    transport : str
        How members speak to each other.
    peer_secret : str
        What members that speak HTTP to each other prove themselves with.
    cors : tuple of str
        Origins whose pages may change things here; ``*`` for any.
    archive_dir : str or None
        Where the log is archived as it goes on; None for nowhere.
    archive_interval_seconds : int
        From one archived segment to the next at most, in seconds.
    record_events : str or None
        The file that events are recorded in; None for none.
    log_level : str
        The least level that is logged; one of `LOG_LEVELS`.
    log_format : str
        For whom lines are written; one of `LOG_FORMATS`.
    has_own_name : bool
        Whether the name was chosen, rather than taken from the machine.
    discovery : DiscoveryConfig
        How the others are found at the first start.
    api : ApiSettings
        How the documented API presents itself.
    hooks : HookSettings
        What is run when it begins or ceases to lead.
    flight : FlightSettings
        Whether what its core is told is recorded.

    Raises
    ------
    ConfigError
        If a setting can't work; the message names it, its value and what is allowed.
    """

    name: str = "default"
    data_dir: str = "default.raftwerk"
    listen_client_urls: tuple[Url, ...] = (Url("127.0.0.1", 2379),)
    advertise_client_urls: tuple[Url, ...] = (Url("127.0.0.1", 2379),)
    listen_peer_urls: tuple[Url, ...] = (Url("127.0.0.1", 2380),)
    initial_advertise_peer_urls: tuple[Url, ...] = (Url("127.0.0.1", 2380),)
    initial_cluster: tuple[InitialMember, ...] = (
        InitialMember("default", (Url("127.0.0.1", 2380),)),
    )
    initial_cluster_state: str = "new"
    initial_cluster_token: str = "raftwerk-cluster"
    heartbeat_interval_millis: int = 50
    election_timeout_min_millis: int = 150
    election_timeout_max_millis: int = 300
    snapshot_count: int = 10_000
    max_request_bytes: int = 1_572_864
    quota_backend_bytes: int = 0
    auto_compaction: AutoCompaction = AutoCompaction()
    transport: str = "tcp"
    peer_secret: str = ""
    cors: tuple[str, ...] = ()
    log_level: str = "info"
    archive_dir: str | None = None
    archive_interval_seconds: int = 60
    record_events: str | None = None
    log_format: str = "auto"
    has_own_name: bool = True
    discovery: DiscoveryConfig = DiscoveryConfig()
    api: ApiSettings = ApiSettings()
    hooks: HookSettings = HookSettings()
    flight: FlightSettings = FlightSettings()

    def __post_init__(self) -> None:
        """Check each setting, then those that depend on one another."""
        require_name("name", self.name)
        require_text("data-dir", self.data_dir)
        for setting, urls in (
            ("listen-client-urls", self.listen_client_urls),
            ("advertise-client-urls", self.advertise_client_urls),
            ("listen-peer-urls", self.listen_peer_urls),
            ("initial-advertise-peer-urls", self.initial_advertise_peer_urls),
        ):
            require_setting(bool(urls), setting, "empty", "at least one URL")
        require_one_of(
            "initial-cluster-state", self.initial_cluster_state, CLUSTER_STATES
        )
        require_text("initial-cluster-token", self.initial_cluster_token)
        self._check_transport()
        require_one_of("log-level", self.log_level, LOG_LEVELS)
        require_setting(self.record_events != "", "record-events", "", "not empty")
        require_setting(self.archive_dir != "", "archive-dir", "", "not empty")
        require_setting(
            self.archive_interval_seconds >= 1,
            "archive-interval",
            self.archive_interval_seconds,
            "at least 1",
        )
        require_one_of("log-format", self.log_format, LOG_FORMATS)
        require_setting(
            1 <= self.max_request_bytes <= REQUEST_BYTES_MAX,
            "max-request-bytes",
            self.max_request_bytes,
            f"from 1 to {REQUEST_BYTES_MAX}",
        )
        for origin in self.cors:
            _require_origin("cors", origin)
        require_setting(
            self.snapshot_count >= 1,
            "snapshot-count",
            self.snapshot_count,
            "at least 1",
        )
        self._check_addresses_differ()
        self._check_timing()
        self._check_initial_cluster()

    def _check_transport(self) -> None:
        """Refuse a way between members that theirs can't be."""
        require_one_of("transport", self.transport, TRANSPORTS)
        require_setting(
            self.transport == "tcp"
            or self.initial_cluster_state == "new"
            and self.discovery.way in (Way.INITIAL_CLUSTER, Way.ALONE),
            "transport",
            self.transport,
            "tcp where members are found by join, discovery-srv, APP_NAME or"
            " initial-cluster-state existing",
        )
        # It travels as a header; what it is stays out of the message.
        is_plain = all("!" <= character <= "~" for character in self.peer_secret)
        require_setting(
            is_plain, "peer-secret", "***", "visible characters of ASCII, no spaces"
        )

    def _check_addresses_differ(self) -> None:
        """Refuse one address for clients and peers: the second could not be bound."""
        shared = set(self.listen_client_urls) & set(self.listen_peer_urls)
        if shared:
            allowed = "another address than listen-client-urls has"
            raise bad_setting("listen-peer-urls", min(shared), allowed)

    def _check_timing(self) -> None:
        """Refuse timings under which followers would stand against a live leader."""
        heartbeat = self.heartbeat_interval_millis
        least, greatest = (
            self.election_timeout_min_millis,
            self.election_timeout_max_millis,
        )
        require_setting(
            heartbeat >= 1, "heartbeat-interval", heartbeat, "at least 1 (milliseconds)"
        )
        require_setting(
            1 <= least <= ELECTION_TIMEOUT_MILLIS_MAX,
            "election-timeout",
            least,
            f"from 1 to {ELECTION_TIMEOUT_MILLIS_MAX} (milliseconds)",
        )
        require_setting(
            least <= greatest <= 2 * ELECTION_TIMEOUT_MILLIS_MAX,
            "election-timeout-max",
            greatest,
            f"from election-timeout ({least}) to {2 * ELECTION_TIMEOUT_MILLIS_MAX}"
            " (milliseconds)",
        )
        require_setting(
            2 * heartbeat <= least,
            "heartbeat-interval",
            heartbeat,
            f"at most half of election-timeout ({least} milliseconds)",
        )

    def _check_initial_cluster(self) -> None:
        """Refuse a first cluster whose members can't be told apart."""
        setting, shown = "initial-cluster", self._shown_cluster()
        names = [member.name for member in self.initial_cluster]
        urls = [url for member in self.initial_cluster for url in member.peer_urls]
        for name in names:
            require_name(setting, name)
        require_setting(
            len(set(names)) == len(names), setting, shown, "without repeated members"
        )
        require_setting(
            len(set(urls)) == len(urls), setting, shown, "without repeated URLs"
        )

    def _shown_cluster(self) -> str:
        """Return the first cluster as it is written."""
        return ",".join(
            f"{member.name}={url}"
            for member in self.initial_cluster
            for url in member.peer_urls
        )

    def require_own_place(
        self, is_same: Callable[[Url, Url], bool] = operator.eq
    ) -> None:
        """Refuse a first cluster that can't be this node's.

        Only who has no data is asked: a later start goes by what the directory knows,
        and the node may have moved since (as in etcd).

        Parameters
        ----------
        is_same : callable
            Tells whether two URLs lead to the same place; without it, if they are
            written alike.

        Raises
        ------
        ConfigError
            If `initial_cluster` doesn't name the node, or with other peer URLs.
        """
        ours = self.initial_peer_urls(self.name)
        told = set(self.initial_advertise_peer_urls)
        require_setting(
            bool(ours),
            "initial-cluster",
            self._shown_cluster(),
            f"a list with this node's name ({self.name})",
        )
        require_setting(
            all(any(is_same(url, each) for each in told) for url in ours)
            and all(any(is_same(url, each) for each in ours) for url in told),
            "initial-advertise-peer-urls",
            ",".join(map(str, self.initial_advertise_peer_urls)),
            f"what initial-cluster says of {self.name} ({','.join(map(str, ours))})",
        )

    def initial_peer_urls(self, name: str) -> tuple[Url, ...]:
        """Return the peer URLs that `initial_cluster` gives to a member.

        Parameters
        ----------
        name : str
            The member's name.

        Returns
        -------
        tuple of Url
            Empty if there is no such member.
        """
        for member in self.initial_cluster:
            if member.name == name:
                return member.peer_urls
        return ()


def _require_origin(setting: str, origin: str) -> None:
    """Refuse what no browser sends as a page's origin."""
    scheme, separator, rest = origin.partition("://")
    is_origin = (
        scheme in ("http", "https")
        and bool(separator and rest)
        and rest.isprintable()
        and not set(rest) & set("/ ,?#@")
    )
    allowed = "* or origins like https://example.org, separated by commas"
    require_setting(origin == "*" or is_origin, setting, origin, allowed)
