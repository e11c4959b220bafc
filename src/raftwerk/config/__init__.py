"""Settings as pure values: each with its unit and its bound, checked once.

Where the values come from (flags; later environment and files) is `cli.settings`.
"""

from raftwerk.config.demo import DemoConfig
from raftwerk.config.form import bad_setting
from raftwerk.config.ids import cluster_id_of, member_id_of
from raftwerk.config.monitor import MonitorConfig
from raftwerk.config.node import NodeConfig
from raftwerk.config.serve import (
    CLUSTER_STATES,
    LOG_LEVELS,
    InitialMember,
    ServeConfig,
)
from raftwerk.config.url import Url

__all__ = [
    "CLUSTER_STATES",
    "LOG_LEVELS",
    "DemoConfig",
    "InitialMember",
    "MonitorConfig",
    "NodeConfig",
    "ServeConfig",
    "Url",
    "bad_setting",
    "cluster_id_of",
    "member_id_of",
]
