"""From words to checked values: texts by setting in, configuration out.

All values arrive as texts, whether from flags, environment or files, and are read here
alone, so that a bad one is refused in the same words wherever it stood. `cli.sources`
makes one mapping of them.
"""

from collections.abc import Mapping
from typing import Final

from raftwerk.cli.texts import (
    callable_urls,
    endpoints,
    host_ports,
    initial_cluster,
    integer,
    items,
    page_address,
    urls,
)
from raftwerk.config import (
    ApiSettings,
    DemoConfig,
    DiscoveryConfig,
    FlightSettings,
    HookSettings,
    InitialMember,
    MonitorConfig,
    ServeConfig,
)
from raftwerk.config.compaction import AutoCompaction

__all__ = ["demo_config", "monitor_config", "serve_config"]

HOST_NAME_VARIABLE: Final = "HOSTNAME"
"""Set by container engines; a name that the machine was given, not the node."""

ETCD_HEARTBEAT_MILLIS: Final = 100
"""etcd's default, which its users' scripts may set."""

LEVEL_ALIASES: Final = {"warning": "warn", "critical": "fatal"}
"""Python's names of levels, which ``LOGGING`` may have."""

RECORD_ALIASES: Final = {"true": "full", "on": "full", "1": "full", "false": "off"}
"""How a switch is said in environments and TOML."""


def serve_config(texts: Mapping[str, str]) -> ServeConfig:
    """Return what `raftwerk serve` was told; what was not said follows from the rest.

    The data directory is named after the node, advertised URLs are those listened on,
    and without a cluster the node is one of its own, all as in etcd.

    Parameters
    ----------
    texts : mapping of str to str
        The text of each setting that was given, by its name without dashes before it.

    Returns
    -------
    ServeConfig
        Checked.

    Raises
    ------
    ConfigError
        If a setting can't work; the message names it, its value and what is allowed.
    """
    usual = ServeConfig()
    # The machine's name changes with each new container, the data must not.
    name = texts.get("name", texts.get(HOST_NAME_VARIABLE, usual.name))
    has_own_name = "name" in texts or HOST_NAME_VARIABLE not in texts
    folder = f"{name}.raftwerk" if has_own_name else usual.data_dir
    listen_client = urls(texts, "listen-client-urls", usual.listen_client_urls)
    listen_peer = urls(texts, "listen-peer-urls", usual.listen_peer_urls)
    advertise_peer = urls(
        texts, "initial-advertise-peer-urls", callable_urls(listen_peer)
    )
    beat_millis = integer(texts, "heartbeat-interval", usual.heartbeat_interval_millis)
    least_millis = integer(texts, "election-timeout", _usual_timeout(beat_millis))
    level = texts.get("log-level", usual.log_level).strip().lower()
    return ServeConfig(
        name=name,
        has_own_name=has_own_name,
        data_dir=texts.get("data-dir", folder),
        listen_client_urls=listen_client,
        advertise_client_urls=urls(
            texts, "advertise-client-urls", callable_urls(listen_client)
        ),
        listen_peer_urls=listen_peer,
        initial_advertise_peer_urls=advertise_peer,
        initial_cluster=initial_cluster(texts, (InitialMember(name, advertise_peer),)),
        initial_cluster_state=texts.get(
            "initial-cluster-state", usual.initial_cluster_state
        ),
        initial_cluster_token=texts.get(
            "initial-cluster-token", usual.initial_cluster_token
        ),
        discovery=_discovery(texts),
        heartbeat_interval_millis=beat_millis,
        election_timeout_min_millis=least_millis,
        election_timeout_max_millis=integer(
            texts, "election-timeout-max", 2 * least_millis
        ),
        snapshot_count=integer(texts, "snapshot-count", usual.snapshot_count),
        max_request_bytes=integer(texts, "max-request-bytes", usual.max_request_bytes),
        quota_backend_bytes=integer(
            texts, "quota-backend-bytes", usual.quota_backend_bytes
        ),
        auto_compaction=_auto_compaction(texts),
        transport=texts.get("transport", usual.transport),
        peer_secret=texts.get("peer-secret", usual.peer_secret),
        cors=items(texts, "cors"),
        log_level=LEVEL_ALIASES.get(level, level),
        archive_dir=texts.get("archive-dir"),
        archive_interval_seconds=integer(
            texts, "archive-interval", usual.archive_interval_seconds
        ),
        record_events=texts.get("record-events"),
        log_format=texts.get("log-format", usual.log_format),
        api=_api(texts),
        hooks=_hooks(texts),
        flight=_flight(texts),
    )


def _usual_timeout(beat_millis: int) -> int:
    """Return the least wait for a leader that goes with a heartbeat.

    Three heartbeats, as the defaults are, so that etcd's 100 alone can work. A slower
    one does not: elections that take seconds are nothing to be had unawares.
    """
    usual = ServeConfig()
    least = usual.election_timeout_min_millis
    return min(max(least, 3 * beat_millis), 3 * ETCD_HEARTBEAT_MILLIS)


def _auto_compaction(texts: Mapping[str, str]) -> AutoCompaction:
    """Return which past is let go of without anybody asking."""
    usual = AutoCompaction()
    return AutoCompaction(
        mode=texts.get("auto-compaction-mode", usual.mode),
        retention=texts.get("auto-compaction-retention", usual.retention),
    )


def _hooks(texts: Mapping[str, str]) -> HookSettings:
    """Return what is run on a change of role."""
    return HookSettings(
        leader_path=texts.get("script-leader-path", ""),
        follower_path=texts.get("script-follower-path", ""),
        timeout_millis=integer(texts, "script-timeout", HookSettings().timeout_millis),
    )


def _flight(texts: Mapping[str, str]) -> FlightSettings:
    """Return what is recorded, and how much of it is kept."""
    usual = FlightSettings()
    record = texts.get("record", usual.record).strip().lower()
    return FlightSettings(
        record=RECORD_ALIASES.get(record, record),
        directory=texts.get("record-dir", usual.directory),
        files=integer(texts, "record-files", usual.files),
        file_bytes=integer(texts, "record-file-bytes", usual.file_bytes),
    )


def _discovery(texts: Mapping[str, str]) -> DiscoveryConfig:
    """Return how the others are found at the first start."""
    usual = DiscoveryConfig()
    return DiscoveryConfig(
        has_initial_cluster="initial-cluster" in texts,
        join=urls(texts, "join", ()),
        srv_domain=texts.get("discovery-srv", ""),
        app_name=texts.get("app-name", ""),
        num_replicas=integer(texts, "num-replicas", usual.num_replicas),
        dns_servers=host_ports(texts, "dns-servers"),
        remove_after_seconds=integer(texts, "remove-after", usual.remove_after_seconds),
    )


def _api(texts: Mapping[str, str]) -> ApiSettings:
    """Return how the documented API presents itself."""
    usual = ApiSettings()
    return ApiSettings(
        app_name=texts.get("app-name") or usual.app_name,
        title=texts.get("api-title", usual.title),
        description=texts.get("api-description", usual.description),
        contact_name=texts.get("api-maintainer", ""),
        contact_email=texts.get("api-email", ""),
        api_prefix=texts.get("api-prefix", usual.api_prefix),
        schema_path=texts.get("api-schema-path", usual.schema_path),
        docs_path=texts.get("api-docs-path", usual.docs_path),
        root_path=texts.get("root-path", ""),
    )


def monitor_config(texts: Mapping[str, str]) -> MonitorConfig:
    """Return what `raftwerk monitor` was told.

    Parameters
    ----------
    texts : mapping of str to str
        The text of each setting that was given, by its name.

    Returns
    -------
    MonitorConfig
        Checked.

    Raises
    ------
    ConfigError
        If a setting can't work; the message names it, its value and what is allowed.
    """
    usual = MonitorConfig()
    host, port = page_address(texts, usual)
    return MonitorConfig(
        endpoints=endpoints(texts, usual.endpoints),
        host=host,
        port=port,
        main_app_name=texts.get("main-app-name", ""),
        api_prefix=texts.get("api-prefix", usual.api_prefix),
        refresh_millis=integer(texts, "refresh-rate-millis", usual.refresh_millis),
    )


def demo_config(texts: Mapping[str, str], *, with_monitor: bool = True) -> DemoConfig:
    """Return what `raftwerk demo` was told.

    Parameters
    ----------
    texts : mapping of str to str
        The text of each setting that was given, by its name.
    with_monitor : bool
        Whether there is to be a page.

    Returns
    -------
    DemoConfig
        Checked.

    Raises
    ------
    ConfigError
        If a setting can't work; the message names it, its value and what is allowed.
    """
    usual = DemoConfig()
    monitor_port = integer(texts, "monitor-port", MonitorConfig().port)
    has_base_port = "base-port" in texts
    return DemoConfig(
        nodes=integer(texts, "nodes", usual.nodes),
        data_dir=texts.get("data-dir"),
        base_port=integer(texts, "base-port", 0) if has_base_port else None,
        monitor_port=monitor_port if with_monitor else None,
        record_events=texts.get("record-events"),
    )
