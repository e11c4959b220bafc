"""What clients are answered while a node looks for its cluster, and after that.

A node may wait long for the others of its first start. Whoever probes it must not take
it for dead meanwhile, and whoever asks what is wrong must be told what it waits for.
"""

from collections.abc import Callable

import msgspec

from raftwerk.api.asgi import (
    Answer,
    ASGIApp,
    Receive,
    Scope,
    Send,
    json_answer,
    send_answer,
    text_answer,
)
from raftwerk.api.raft_status import API_VERSION, envelope
from raftwerk.service.case import Case
from raftwerk.service.deposition import Deposition
from raftwerk.service.diagnose import explain
from raftwerk.service.interview import OWN_PATH

__all__ = ["Doorway"]

UNAVAILABLE = 14
"""The code of "try again later", in etcd's errors."""


class Doorway:
    """An ASGI application that is another one from some moment on.

    Parameters
    ----------
    name : str
        The node's.
    waits_for : callable
        Returns what it waits for, in words.
    prefix : str
        Where the documented API begins.
    app_name : str
        The service's, in error ids.
    """

    def __init__(
        self,
        name: str,
        waits_for: Callable[[], str],
        prefix: str = "/api",
        app_name: str = "raftwerk",
    ) -> None:
        self._name = name
        self._waits_for = waits_for
        self._app_name = app_name
        self._documented_prefix = f"{prefix}/"
        self._own_path = f"{prefix}{OWN_PATH}"
        self._explain_path = f"{prefix}/v1/explain"
        self._app: ASGIApp | None = None

    def open(self, app: ASGIApp) -> None:
        """Have all requests answered by the node itself from now on.

        Parameters
        ----------
        app : ASGIApp
            What it serves.
        """
        self._app = app

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
        if self._app is not None:
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            await send_answer(send, self._answer(scope["path"]))

    def _answer(self, path: str) -> Answer:
        """Return what is said before there is a cluster."""
        words = self._waits_for() or "it has just started"
        if path == "/livez":
            return text_answer(200, "ok\n")
        if path == "/readyz":
            return text_answer(503, f"not ready: no cluster yet: {words}\n")
        if path == "/health":
            health = {"health": "false", "reason": f"no cluster yet: {words}"}
            return text_answer(503, msgspec.json.encode(health).decode())
        own = Deposition(name=self._name, waits_for=words)
        if path == self._own_path:
            return json_answer(envelope(own))
        if path == self._explain_path:
            return json_answer(envelope(explain(Case(depositions=[own]))))
        refusal = f"raftwerk: {self._name} has not found its cluster yet: {words}"
        if path.startswith(self._documented_prefix):
            body = self._in_envelope(refusal)
        else:
            error = {"error": refusal, "code": UNAVAILABLE, "message": refusal}
            body = msgspec.json.encode(error)
        return json_answer(body, 503)

    def _in_envelope(self, refusal: str) -> bytes:
        """Return a refusal as the documented API says it; no term is known yet."""
        error = {
            "id": f"{self._app_name}.UNAVAILABLE",
            "message": refusal,
            "sender": self._name,
            "term": 0,
        }
        return msgspec.json.encode({"apiVersion": API_VERSION, "error": error})
