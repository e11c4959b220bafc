"""From words to checked values: texts by setting in, configuration out.

All values arrive as texts, whether from flags or (to come) from environment and files,
and are read here alone, so that a bad one is refused in the same words wherever it
stood. Several sources become one mapping by `collections.ChainMap`, strongest first.
"""

import ipaddress
from collections.abc import Mapping
from typing import Final

from raftwerk.config import (
    DemoConfig,
    InitialMember,
    MonitorConfig,
    ServeConfig,
    Url,
    bad_setting,
)

__all__ = ["demo_config", "monitor_config", "serve_config"]

INTEGER_DIGITS_MAX: Final = 12


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
    name = texts.get("name", usual.name)
    listen_client = _urls(texts, "listen-client-urls", usual.listen_client_urls)
    listen_peer = _urls(texts, "listen-peer-urls", usual.listen_peer_urls)
    advertise_peer = _urls(
        texts, "initial-advertise-peer-urls", _callable_urls(listen_peer)
    )
    election_millis = _integer(
        texts, "election-timeout", usual.election_timeout_min_millis
    )
    return ServeConfig(
        name=name,
        data_dir=texts.get("data-dir", f"{name}.raftwerk"),
        listen_client_urls=listen_client,
        advertise_client_urls=_urls(
            texts, "advertise-client-urls", _callable_urls(listen_client)
        ),
        listen_peer_urls=listen_peer,
        initial_advertise_peer_urls=advertise_peer,
        initial_cluster=_cluster(texts, (InitialMember(name, advertise_peer),)),
        initial_cluster_state=texts.get(
            "initial-cluster-state", usual.initial_cluster_state
        ),
        initial_cluster_token=texts.get(
            "initial-cluster-token", usual.initial_cluster_token
        ),
        heartbeat_interval_millis=_integer(
            texts, "heartbeat-interval", usual.heartbeat_interval_millis
        ),
        election_timeout_min_millis=election_millis,
        election_timeout_max_millis=2 * election_millis,
        snapshot_count=_integer(texts, "snapshot-count", usual.snapshot_count),
        log_level=texts.get("log-level", usual.log_level),
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
    return MonitorConfig(
        endpoints=_endpoints(texts, usual.endpoints),
        host=texts.get("host", usual.host),
        port=_integer(texts, "port", usual.port),
        refresh_millis=_integer(texts, "refresh-rate-millis", usual.refresh_millis),
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
    monitor_port = _integer(texts, "monitor-port", MonitorConfig().port)
    has_base_port = "base-port" in texts
    return DemoConfig(
        nodes=_integer(texts, "nodes", usual.nodes),
        data_dir=texts.get("data-dir"),
        base_port=_integer(texts, "base-port", 0) if has_base_port else None,
        monitor_port=monitor_port if with_monitor else None,
    )


def _integer(texts: Mapping[str, str], setting: str, otherwise: int) -> int:
    """Return a whole number in decimal digits; its bounds are the configuration's."""
    if setting not in texts:
        return otherwise
    text = texts[setting].strip()
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdigit()) or len(digits) > INTEGER_DIGITS_MAX:
        raise bad_setting(setting, texts[setting], "a whole number")
    return int(text)


def _urls(
    texts: Mapping[str, str], setting: str, otherwise: tuple[Url, ...]
) -> tuple[Url, ...]:
    """Return URLs that were separated by commas."""
    if setting not in texts:
        return otherwise
    items = [item.strip() for item in texts[setting].split(",")]
    return tuple(dict.fromkeys(Url.parse(setting, item) for item in items))


def _endpoints(texts: Mapping[str, str], otherwise: tuple[Url, ...]) -> tuple[Url, ...]:
    """Return client URLs; as with etcdctl, ``http://`` may be left out."""
    if "endpoints" not in texts:
        return otherwise
    items = [item.strip().removesuffix("/") for item in texts["endpoints"].split(",")]
    whole = [item if "://" in item else f"http://{item}" for item in items]
    return _urls({"endpoints": ",".join(whole)}, "endpoints", ())


def _cluster(
    texts: Mapping[str, str], otherwise: tuple[InitialMember, ...]
) -> tuple[InitialMember, ...]:
    """Return ``name=url,…`` by member; a name that is repeated has several URLs."""
    setting = "initial-cluster"
    if setting not in texts:
        return otherwise
    urls_by_name: dict[str, list[Url]] = {}
    for item in texts[setting].split(","):
        name, equals, text = item.strip().partition("=")
        if not (name and equals):
            raise bad_setting(setting, texts[setting], "of the form NAME=URL,NAME=URL")
        urls_by_name.setdefault(name, []).append(Url.parse(setting, text))
    return tuple(
        InitialMember(name, tuple(urls)) for name, urls in urls_by_name.items()
    )


def _callable_urls(listened: tuple[Url, ...]) -> tuple[Url, ...]:
    """Return the URLs with an address that can be called in place of "any"."""
    return tuple(Url(_callable_host(url.host), url.port) for url in listened)


def _callable_host(host: str) -> str:
    """Return this machine's own address in place of "any", else the host as it is."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host  # a name
    if not address.is_unspecified:
        return host
    return "127.0.0.1" if address.version == 4 else "::1"
