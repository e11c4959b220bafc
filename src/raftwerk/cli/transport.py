"""The way to the peers: TCP, or HTTP where the settings ask for it."""

from collections.abc import Callable

import structlog

from raftwerk.api.peer_routes import PeerRoutes, Sender
from raftwerk.api.server import ApiServer
from raftwerk.config import ServeConfig
from raftwerk.host.protocol import Host
from raftwerk.storage.protocol import DirectoryIdentity
from raftwerk.transport.http import HttpSettings, HttpTransport
from raftwerk.transport.http_desk import HttpDesk
from raftwerk.transport.port_holder import holder_of
from raftwerk.transport.protocol import Admission, Answerer, Identity, Transport
from raftwerk.transport.tcp import TcpTransport
from raftwerk.types import Term

__all__ = ["make_transport"]

STOP_SECONDS = 1
"""How long letters in flight may take when the node stops."""


def make_transport(
    config: ServeConfig,
    identity: DirectoryIdentity,
    host: Host,
    *,
    admit: Admission,
    answer: Answerer,
    term_now: Callable[[], Term],
) -> Transport:
    """Return the way to the peers.

    Parameters
    ----------
    config : ServeConfig
        What the node is told.
    identity : DirectoryIdentity
        Who it is.
    host : Host
        Clock, timers and draws.
    admit : Admission
        Says who is refused.
    answer : Answerer
        Answers newcomers that have no id yet; over TCP alone.
    term_now : callable
        Returns the node's term.

    Returns
    -------
    Transport
        Not started yet.
    """
    ours = Identity(
        cluster_id=identity.cluster_id,
        node_id=identity.node_id,
        directory_id=identity.directory_id,
        epoch=identity.epoch,
        address=config.initial_advertise_peer_urls[0].host_port,
    )
    report = structlog.get_logger("raftwerk.transport").log
    if config.transport == "tcp":
        return TcpTransport(
            ours,
            [url.host_port for url in config.listen_peer_urls],
            host=host,
            report=report,
            admit=admit,
            answer=answer,
        )
    prefix = f"{config.api.api_prefix}/v1/raft"

    def _listen(desk: HttpDesk) -> ApiServer:
        """Answer members where they look for us."""
        return ApiServer(
            PeerRoutes(desk, Sender(config.api.app_name, config.name), prefix),
            config.listen_peer_urls,
            stop_seconds=STOP_SECONDS,
            holder_of=holder_of,
            is_for_peers=True,
        )

    return HttpTransport(
        ours,
        _listen,
        host=host,
        report=report,
        settings=HttpSettings(prefix=prefix, secret=config.peer_secret),
        term_now=term_now,
        admit=admit,
    )
