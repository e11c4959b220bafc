"""The way to the peers over HTTP: routes on the peers' address, letters to theirs."""

from collections.abc import Callable
from typing import Final

import structlog

from raftwerk.api.peer_routes import PeerRoutes, Sender
from raftwerk.api.server import ApiServer
from raftwerk.config import ServeConfig
from raftwerk.host.protocol import Host
from raftwerk.transport.http import HttpSettings, HttpTransport
from raftwerk.transport.http_desk import HttpDesk
from raftwerk.transport.port_holder import holder_of
from raftwerk.transport.protocol import Admission, Identity
from raftwerk.types import Term

__all__ = ["make_http_transport"]

STOP_SECONDS: Final = 1
"""How long letters in flight may take when the node stops."""


def make_http_transport(
    config: ServeConfig,
    ours: Identity,
    host: Host,
    *,
    admit: Admission,
    term_now: Callable[[], Term],
) -> HttpTransport:
    """Return the way to the peers.

    Parameters
    ----------
    config : ServeConfig
        What the node is told.
    ours : Identity
        Who it is.
    host : Host
        Clock, timers and draws.
    admit : Admission
        Says who is refused.
    term_now : callable
        Returns the node's term.

    Returns
    -------
    HttpTransport
        Not started yet.
    """
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
        report=structlog.get_logger("raftwerk.transport").log,
        settings=HttpSettings(prefix=prefix, secret=config.peer_secret),
        term_now=term_now,
        admit=admit,
    )
