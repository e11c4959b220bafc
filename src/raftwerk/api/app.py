"""All of the client port as one ASGI application: who answers which path.

It is handed the node and the services, and starts and stops nothing itself.
"""

from collections.abc import MutableMapping
from typing import Any

from raftwerk.api.asgi import ASGIApp, Receive, Scope, Send, send_answer, text_answer
from raftwerk.api.gateway import PREFIXES, Gateway
from raftwerk.api.probes import Probes
from raftwerk.api.settings import ApiSettings
from raftwerk.api.v1 import make_documented_api
from raftwerk.service import KvService, NodeLike

__all__ = ["ClientApp"]


class ClientApp:
    """What one member serves to clients.

    Parameters
    ----------
    node : NodeLike
        The member.
    kv : KvService
        Its key-value calls.
    settings : ApiSettings, optional
        How the documented part presents itself.
    """

    def __init__(
        self, node: NodeLike, kv: KvService, settings: ApiSettings | None = None
    ) -> None:
        if settings is None:
            settings = ApiSettings()
        self._is_draining = False
        self._gateway = Gateway(kv)
        self._probes = Probes(node)
        self._documented: ASGIApp = make_documented_api(node, settings)
        self._documented_paths = (settings.docs_path, settings.schema_path)
        self._documented_prefixes = (
            f"{settings.api_prefix}/",
            f"{settings.docs_path}/",  # what the page of the docs asks for
        )

    def drain(self) -> None:
        """Say to whoever asks that no more requests should be sent here.

        Each answer is the last of its connection from now on: so clients leave between
        two requests, and never have one under way when the connection is closed.
        """
        self._is_draining = True
        self._probes.drain()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request.

        Parameters
        ----------
        scope : Scope
            The request.
        receive : Receive
            Gives its body.
        send : Send
            Takes the answer.
        """
        if scope["type"] != "http":
            # Web sockets and the lifespan protocol: Starlette knows how to say no.
            await self._documented(scope, receive, send)
            return
        if self._is_draining:
            send = _last_of_connection(send)
        path: str = scope["path"]
        if path.startswith(PREFIXES):
            await self._gateway(scope, receive, send)
        elif path in self._probes.routes:
            await self._probes(scope, receive, send)
        elif path in self._documented_paths or path.startswith(
            self._documented_prefixes
        ):
            await self._documented(scope, receive, send)
        else:
            await send_answer(send, text_answer(404, "404 page not found\n"))


def _last_of_connection(send: Send) -> Send:
    """Return what sends an answer and has its connection closed behind it."""

    async def send_last(message: MutableMapping[str, Any]) -> None:
        """Add the header to the beginning of the answer."""
        if message["type"] == "http.response.start":
            headers = [*message["headers"], (b"connection", b"close")]
            message = {**message, "headers": headers}
        await send(message)

    return send_last
