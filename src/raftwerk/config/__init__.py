"""Settings as pure values: each with its unit and its bound, checked once.

`table` names them all, for people, each as a `setting`. Where the values come from is
`cli.sources` (flags, environment, files), how a text becomes a value `cli.settings`.
"""

from raftwerk.config.api import ApiSettings
from raftwerk.config.demo import DemoConfig
from raftwerk.config.discovery import DiscoveryConfig, Way
from raftwerk.config.flight import FlightSettings
from raftwerk.config.form import BadSetting, bad_setting
from raftwerk.config.hooks import HookSettings
from raftwerk.config.ids import cluster_id_of, member_id_of
from raftwerk.config.monitor import MonitorConfig
from raftwerk.config.node import NodeConfig
from raftwerk.config.serve import (
    CLUSTER_STATES,
    LOG_FORMATS,
    LOG_LEVELS,
    InitialMember,
    ServeConfig,
)
from raftwerk.config.setting import PREFIX, Setting
from raftwerk.config.table import COMMANDS, SETTINGS, settings_of
from raftwerk.config.url import Url

__all__ = [
    "CLUSTER_STATES",
    "COMMANDS",
    "LOG_FORMATS",
    "LOG_LEVELS",
    "PREFIX",
    "SETTINGS",
    "ApiSettings",
    "BadSetting",
    "DemoConfig",
    "DiscoveryConfig",
    "FlightSettings",
    "HookSettings",
    "InitialMember",
    "MonitorConfig",
    "NodeConfig",
    "ServeConfig",
    "Setting",
    "Url",
    "Way",
    "bad_setting",
    "cluster_id_of",
    "member_id_of",
    "settings_of",
]
