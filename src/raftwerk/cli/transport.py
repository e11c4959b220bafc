"""The way to the peers: TCP, or HTTP where the settings ask for it."""

from collections.abc import Callable

import structlog

from raftwerk.config import ServeConfig
from raftwerk.host.protocol import Host
from raftwerk.storage.protocol import DirectoryIdentity
from raftwerk.transport.protocol import Admission, Answerer, Identity, Transport
from raftwerk.transport.tcp import TcpTransport
from raftwerk.types import Term

__all__ = ["make_transport"]


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
    # Who does not use it need not wait at each start until it is loaded.
    # pylint: disable-next=import-outside-toplevel
    from raftwerk.cli.http_transport import make_http_transport

    return make_http_transport(config, ours, host, admit=admit, term_now=term_now)
