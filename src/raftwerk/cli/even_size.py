"""A cluster of an even number of voters is told to be no safer than a smaller one."""

import structlog

from raftwerk.config import ServeConfig

__all__ = ["warn_of_even_size"]

_log = structlog.get_logger(__name__)


def warn_of_even_size(config: ServeConfig) -> None:
    """Warn of settings that ask for an even number of voters.

    A majority of 4 is 3, so that 4 go on without one of them, as 3 do. Who joins a
    cluster that exists asks for nothing: its list may be that of a moment.

    Parameters
    ----------
    config : ServeConfig
        What the node was told.
    """
    founds = config.initial_cluster_state == "new"
    for setting, count in (
        ("initial-cluster", len(config.initial_cluster) if founds else 0),
        ("num-replicas", config.discovery.num_replicas),
    ):
        if count and count % 2 == 0:
            _log.warning(
                "an even number of members tolerates no more failures than one less",
                setting=setting,
                members=count,
                failures=(count - 1) // 2,
            )
