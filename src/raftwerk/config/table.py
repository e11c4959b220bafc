"""Every setting once: what it is called in flags, environment and files, and its words.

The command line, the readers of environment and files, ``raftwerk config`` and the page
``docs/reference/configuration.md`` are all made from this table. What a value may be
is checked in one place too: where the value lives, in `ServeConfig` and its like.
"""

from typing import Final

from raftwerk.config.setting import Setting, variable_of

__all__ = ["COMMANDS", "SETTINGS", "settings_of"]

COMMANDS: Final = ("serve", "monitor", "demo")
"""The commands with settings, in the order of the page."""


def settings_of(command: str) -> tuple[Setting, ...]:
    """Return the settings of a command.

    Parameters
    ----------
    command : str
        One of `COMMANDS`.

    Returns
    -------
    tuple of Setting
        In the order in which they are explained.

    Examples
    --------
    >>> [each.variable for each in settings_of("monitor")][:2]
    ['RAFTWERK_ENDPOINTS', 'RAFTWERK_MONITOR_HOST']
    """
    return tuple(setting for setting in SETTINGS if setting.command == command)


def _serve(
    name: str,
    metavar: str,
    meaning: str,
    default: str,
    *aliases: str,
    is_secret: bool = False,
    is_live: bool = False,
) -> Setting:
    """Return a setting of ``raftwerk serve``."""
    return Setting(
        command="serve",
        name=name,
        metavar=metavar,
        meaning=meaning,
        default=default,
        aliases=aliases,
        is_secret=is_secret,
        is_live=is_live,
    )


def _monitor(
    name: str, metavar: str, meaning: str, default: str, *aliases: str
) -> Setting:
    """Return a setting of ``raftwerk monitor``."""
    return Setting(
        command="monitor",
        name=name,
        metavar=metavar,
        meaning=meaning,
        default=default,
        aliases=aliases,
        own_variable=(
            "" if name in ("endpoints", "api-prefix") else variable_of("monitor", name)
        ),
    )


def _demo(name: str, metavar: str, meaning: str, default: str) -> Setting:
    """Return a setting of ``raftwerk demo``."""
    return Setting(
        command="demo",
        name=name,
        metavar=metavar,
        meaning=meaning,
        default=default,
        own_variable=variable_of("demo", name),
    )


SETTINGS: Final[tuple[Setting, ...]] = (
    _serve(
        "name",
        "NAME",
        "This node's name, for people; what the directory knows decides who it is.",
        "default",
        "HOSTNAME",
    ),
    _serve("data-dir", "DIR", "All that must survive.", "NAME.raftwerk"),
    _serve(
        "listen-client-urls",
        "URLS",
        "Where clients are answered: this machine alone, unless told otherwise.",
        "http://127.0.0.1:2379",
    ),
    _serve(
        "advertise-client-urls",
        "URLS",
        "Where clients are told to come.",
        "those listened on",
    ),
    _serve(
        "listen-peer-urls",
        "URLS",
        "Where peers are answered: this machine alone, unless told otherwise.",
        "http://127.0.0.1:2380",
    ),
    _serve(
        "initial-advertise-peer-urls",
        "URLS",
        "Where peers are told to come.",
        "those listened on",
    ),
    _serve(
        "initial-cluster",
        "NAME=URL,…",
        "The members of the first start, the same on each of them.",
        "this node",
    ),
    _serve(
        "initial-cluster-state",
        "STATE",
        "Found a cluster (new) or join one (existing).",
        "new",
    ),
    _serve(
        "initial-cluster-token",
        "TOKEN",
        "Keeps clusters apart that have the same addresses.",
        "raftwerk-cluster",
    ),
    _serve(
        "join",
        "URLS",
        "Join a running cluster through any of these members' peer URLs.",
        "none",
    ),
    _serve(
        "discovery-srv",
        "DOMAIN",
        "Find the peers by the SRV records of this domain.",
        "none",
    ),
    _serve(
        "app-name",
        "NAME",
        "The service's name, in error ids. Where it is set, the peers are found by"
        " the addresses of this name in DNS.",
        "consensus-cluster-service, not looked up",
        "APP_NAME",
    ),
    _serve(
        "num-replicas",
        "N",
        "How many nodes found a cluster that is found by DNS, and how many vote"
        " in it.",
        "3",
        "NUM_REPLICAS",
    ),
    _serve(
        "dns-servers",
        "HOST:PORT,…",
        "Who is asked for names.",
        "the system's",
        is_live=True,
    ),
    _serve(
        "remove-after",
        "SECONDS",
        "How long a member may be away until a learner takes its place, or it is"
        " removed, where no majority is endangered; 0: for ever.",
        "0",
    ),
    _serve(
        "heartbeat-interval",
        "MILLISECONDS",
        "From one heartbeat to the next; at most half of the election timeout.",
        "50",
        "HEARTBEAT_REPEAT_MILLIS",
    ),
    _serve(
        "election-timeout",
        "MILLISECONDS",
        "The least wait for a leader.",
        "three heartbeats, 150 to 300",
        "ELECTION_TIMEOUT_LOWER_MILLIS",
    ),
    _serve(
        "election-timeout-max",
        "MILLISECONDS",
        "The longest wait for a leader; each wait is drawn anew.",
        "twice the least",
        "ELECTION_TIMEOUT_UPPER_MILLIS",
    ),
    _serve(
        "snapshot-count",
        "ENTRIES",
        "From one snapshot to the next.",
        "10000",
    ),
    _serve(
        "archive-dir",
        "DIR",
        "Archive the log here as it goes on, for restores to any revision or time.",
        "none",
    ),
    _serve(
        "archive-interval",
        "SECONDS",
        "From one archived segment to the next at most.",
        "60",
    ),
    _serve(
        "max-request-bytes",
        "BYTES",
        "The most that one request may have.",
        "1572864",
    ),
    _serve(
        "quota-backend-bytes",
        "BYTES",
        "What the store may take in memory; 0 for 2 GiB, below 0 for any.",
        "0",
    ),
    _serve(
        "auto-compaction-mode",
        "NAME",
        "What auto-compaction-retention counts: periodic (time) or revision.",
        "periodic",
    ),
    _serve(
        "auto-compaction-retention",
        "AMOUNT",
        "How much past is kept: hours or a duration like 30m, or a number of"
        " revisions; 0 keeps all until somebody compacts.",
        "0",
    ),
    _serve(
        "transport",
        "NAME",
        "How members speak to each other: tcp or http.",
        "tcp",
    ),
    _serve(
        "peer-secret",
        "TEXT",
        "What members that speak HTTP to each other prove themselves with.",
        "none",
        is_secret=True,
    ),
    _serve(
        "cors",
        "ORIGINS",
        "Pages of these origins may change things here; * for any.",
        "none",
    ),
    _serve(
        "record-events",
        "FILE",
        "Record what this node tells those who watch it, for the page to play.",
        "none",
    ),
    _serve(
        "record",
        "KIND",
        "Keep what the core is told, for raftwerk replay: off, full, or shape (without"
        " payloads); the flag alone means full.",
        "off",
    ),
    _serve(
        "record-dir",
        "DIR",
        "Where that is kept.",
        "flight, in the data directory",
    ),
    _serve(
        "record-files",
        "COUNT",
        "How many of its files are kept; the oldest goes.",
        "8",
    ),
    _serve(
        "record-file-bytes",
        "BYTES",
        "At which size the next of them is begun.",
        "8388608",
    ),
    _serve(
        "log-level",
        "LEVEL",
        "debug, info, warn, error, panic or fatal.",
        "info",
        "LOGGING",
        is_live=True,
    ),
    _serve(
        "log-format",
        "FORM",
        "json, console (for people), or auto: console on a terminal.",
        "auto",
    ),
    _serve(
        "script-leader-path",
        "FILE",
        "A program to be run when the node begins to lead.",
        "none",
        "SCRIPT_LEADER_PATH",
        is_live=True,
    ),
    _serve(
        "script-follower-path",
        "FILE",
        "A program to be run when it starts as follower, or ceases to lead.",
        "none",
        "SCRIPT_FOLLOWER_PATH",
        is_live=True,
    ),
    _serve(
        "script-timeout",
        "MILLISECONDS",
        "How long either program may take before it is ended.",
        "30000",
        is_live=True,
    ),
    _serve(
        "api-title",
        "TEXT",
        "The application's name in the API's description.",
        "Consensus Cluster Service",
        "FASTAPI_TITLE",
    ),
    _serve(
        "api-description",
        "TEXT",
        "What the API's description says of it.",
        "a text of our own",
        "FASTAPI_DESCR",
    ),
    _serve(
        "api-maintainer",
        "NAME",
        "Who is responsible, in the API's description.",
        "none",
        "FASTAPI_MAINT",
    ),
    _serve(
        "api-email",
        "ADDRESS",
        "How to reach them.",
        "none",
        "FASTAPI_EMAIL",
    ),
    _serve(
        "api-prefix",
        "PATH",
        "Where the documented API begins; commands look there too.",
        "/api",
        "API_PREFIX",
    ),
    _serve(
        "api-schema-path",
        "PATH",
        "Where its OpenAPI schema is.",
        "/openapi.json",
        "FASTAPI_SCHEM",
    ),
    _serve(
        "api-docs-path",
        "PATH",
        "Where it can be tried in a browser.",
        "/docs",
        "FASTAPI_DOCS",
    ),
    _serve(
        "root-path",
        "PATH",
        "At which path a proxy serves all this.",
        "none",
        "ROOT_PATH",
    ),
    _monitor("endpoints", "URL,…", "The nodes' client URLs.", "http://127.0.0.1:2379"),
    _monitor(
        "host",
        "ADDRESS",
        "Where the page is served; HOST or HOST:PORT.",
        "127.0.0.1",
        "ADDRESS",
        "BIND_HOST",
    ),
    _monitor("port", "PORT", "Where the page is served.", "8000", "BIND_PORT"),
    _monitor(
        "main-app-name",
        "NAME",
        "Watch all nodes that have this name in DNS, beside the endpoints.",
        "none",
        "MAIN_APP_NAME",
        "RAFT_SERVICE_NAME",
    ),
    _monitor(
        "api-prefix",
        "PATH",
        "Where the nodes' documented API begins.",
        "/api",
        "API_PREFIX",
    ),
    _monitor(
        "refresh-rate-millis",
        "MILLISECONDS",
        "From one look to the next.",
        "1000",
        "REFRESH_RATE_MILLIS",
    ),
    _demo("nodes", "N", "How many nodes, at most 7.", "3"),
    _demo("data-dir", "DIR", "Keep the data here.", "a temporary folder"),
    _demo("base-port", "PORT", "First of the nodes' ports.", "2379, 22379, 32379 …"),
    _demo("monitor-port", "PORT", "Where the page is served.", "8000"),
    _demo("record-events", "FILE", "Record all events, for the page to play.", "none"),
)
"""All of them, in the order of the page."""
