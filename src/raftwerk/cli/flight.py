"""A node's flight recorder, made from what the node was told."""

import secrets

import structlog

from raftwerk.config import ServeConfig
from raftwerk.host.protocol import Host
from raftwerk.runtime.flight import FlightPlan, FlightRecorder
from raftwerk.storage.disk_protocol import Disk

__all__ = ["make_recorder"]


def make_recorder(config: ServeConfig, host: Host, disk: Disk) -> FlightRecorder:
    """Return what notes all that a node's core is told.

    Parameters
    ----------
    config : ServeConfig
        What the process was told; it is told to record.
    host : Host
        Time, and a thread.
    disk : Disk
        Where the files are.

    Returns
    -------
    FlightRecorder
        To be given to the node.
    """
    told = config.flight
    plan = FlightPlan(
        directory=told.directory or f"{config.data_dir}/flight",
        # Kept nowhere: what it hides, nobody finds by trying.
        shape_key=secrets.token_bytes(16) if told.record == "shape" else None,
        files_max=told.files,
        file_bytes=told.file_bytes,
    )
    return FlightRecorder(
        plan,
        host,
        disk,
        heartbeat_millis=config.heartbeat_interval_millis,
        report=structlog.get_logger("raftwerk.flight").log,
    )
