"""Which member a node without data is: it asks its peers, before it has an id.

A node that finds its data directory empty was either never started, or has lost its
data. Only its peers can tell, so it asks them, also when it was told to found a cluster
(`docs/decisions/0070-no-return-without-the-data.md`).
"""

from collections.abc import Callable
from contextlib import ExitStack

from raftwerk.config import ServeConfig, Url, cluster_id_of, member_id_of
from raftwerk.discovery import (
    Newcomer,
    Place,
    Question,
    Roster,
    decode_roster,
    encode,
    find_place,
)
from raftwerk.host.protocol import Timers
from raftwerk.storage.directory import lock_directory
from raftwerk.storage.disk_protocol import Disk
from raftwerk.storage.wal import Wal
from raftwerk.transport.tcp_ask import ask

__all__ = ["find_own_place", "founding_place"]


def founding_place(config: ServeConfig) -> Place:
    """Return what a node is in the cluster that its flags would found.

    Parameters
    ----------
    config : ServeConfig
        What it was told.

    Returns
    -------
    Place
        The same ids as all the others compute.
    """
    token = config.initial_cluster_token
    ids = [member_id_of(each.peer_urls, token) for each in config.initial_cluster]
    own = member_id_of(config.initial_peer_urls(config.name), token)
    return Place(cluster_id_of(ids, token), own)


async def find_own_place(
    config: ServeConfig,
    disk: Disk,
    timers: Timers,
    tell_lost: Callable[[str], object],
) -> Place | None:
    """Return which member a node without data is to be.

    If its peers know it as one that has started, it waits until it is replaced, and
    says so once on its log.

    Parameters
    ----------
    config : ServeConfig
        What it was told.
    disk : Disk
        Where its data directory would be.
    timers : Timers
        For waits between two questions.
    tell_lost : callable
        Takes why it waits, in words.

    Returns
    -------
    Place or None
        None if it has data, which says who it is.

    Raises
    ------
    ConfigError
        If the data directory can't be used, or nobody has added this node.
    """
    if Wal.exists(disk, config.data_dir):
        return None
    question = encode(Question(token=config.initial_cluster_token))

    async def _ask(peer: Url) -> Roster:
        """Ask one member."""
        return decode_roster(await ask(peer.host_port, question, timers=timers))

    is_founder = config.initial_cluster_state == "new"
    newcomer = Newcomer(
        name=config.name,
        urls=config.initial_peer_urls(config.name),
        peers=tuple(
            url
            for member in config.initial_cluster
            if member.name != config.name
            for url in member.peer_urls
        ),
        founding=founding_place(config) if is_founder else None,
    )
    with ExitStack() as stack:

        def _wait(words: str) -> None:
            """Wait where data can be, and nobody else does; and say so."""
            holder = f"raftwerk {config.name}"
            stack.callback(lock_directory(disk, config.data_dir, holder).close)
            tell_lost(words)

        return await find_place(newcomer, _ask, timers, _wait)
