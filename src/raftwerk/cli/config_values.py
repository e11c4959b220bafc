"""The value of each setting as a node would have it, in the form of its text."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from raftwerk.config import DemoConfig, InitialMember, MonitorConfig, ServeConfig

__all__ = ["values_of"]

_Look = Callable[[Any], object]


def _api_prefix(config: Any) -> object:
    """Return where the API begins: a node's own, or that of the nodes watched."""
    api = config if isinstance(config, MonitorConfig) else config.api
    return api.api_prefix


_OTHER_NAMES: Final[Mapping[str, _Look]] = {
    "join": lambda config: config.discovery.join,
    "discovery-srv": lambda config: config.discovery.srv_domain,
    "app-name": lambda config: config.api.app_name,
    "num-replicas": lambda config: config.discovery.num_replicas,
    "dns-servers": lambda config: config.discovery.dns_servers,
    "remove-after": lambda config: config.discovery.remove_after_seconds,
    "heartbeat-interval": lambda config: config.heartbeat_interval_millis,
    "election-timeout": lambda config: config.election_timeout_min_millis,
    "election-timeout-max": lambda config: config.election_timeout_max_millis,
    "archive-interval": lambda config: config.archive_interval_seconds,
    "auto-compaction-mode": lambda config: config.auto_compaction.mode,
    "auto-compaction-retention": lambda config: config.auto_compaction.retention,
    "script-leader-path": lambda config: config.hooks.leader_path,
    "script-follower-path": lambda config: config.hooks.follower_path,
    "script-timeout": lambda config: config.hooks.timeout_millis,
    "record": lambda config: config.flight.record,
    "record-dir": lambda config: config.flight.directory or f"{config.data_dir}/flight",
    "record-files": lambda config: config.flight.files,
    "record-file-bytes": lambda config: config.flight.file_bytes,
    "api-title": lambda config: config.api.title,
    "api-description": lambda config: config.api.description,
    "api-maintainer": lambda config: config.api.contact_name,
    "api-email": lambda config: config.api.contact_email,
    "api-prefix": _api_prefix,
    "api-schema-path": lambda config: config.api.schema_path,
    "api-docs-path": lambda config: config.api.docs_path,
    "root-path": lambda config: config.api.root_path,
    "refresh-rate-millis": lambda config: config.refresh_millis,
}
"""Where a setting's value is not the attribute of its name."""


def values_of(
    config: ServeConfig | MonitorConfig | DemoConfig, names: Iterable[str]
) -> dict[str, str]:
    """Return the value of each setting, as it could be written.

    Parameters
    ----------
    config : ServeConfig, MonitorConfig or DemoConfig
        What a command was told.
    names : iterable of str
        The names of its settings.

    Returns
    -------
    dict of str to str
        By name; a value that is none is empty.

    Examples
    --------
    >>> values_of(MonitorConfig(), ["endpoints", "port"])
    {'endpoints': 'http://127.0.0.1:2379', 'port': '8000'}
    """
    return {name: _text_of(_value_of(config, name)) for name in names}


def _value_of(config: object, name: str) -> object:
    """Return a setting's value."""
    look = _OTHER_NAMES.get(name)
    return getattr(config, name.replace("-", "_")) if look is None else look(config)


def _text_of(value: object) -> str:
    """Return a value as one text."""
    match value:
        case None:
            return ""
        case InitialMember():
            return ",".join(f"{value.name}={url}" for url in value.peer_urls)
        case tuple():
            return ",".join(map(_text_of, value))
    return str(value)
