"""All of the client port as one ASGI application: who answers which path.

It is handed the node and the services, and starts and stops nothing itself.
"""

from collections.abc import Callable, Iterable, Mapping, MutableMapping
from typing import Any

from raftwerk.api.asgi import (
    ASGIApp,
    Receive,
    Scope,
    Send,
    json_answer,
    send_answer,
    text_answer,
)
from raftwerk.api.gateway import PREFIXES, Gateway, body_bytes_max
from raftwerk.api.hot import HotCall
from raftwerk.api.idempotency import Idempotency, is_once
from raftwerk.api.lazy import LazyApp, RunBeside
from raftwerk.api.metrics import MetricsPage
from raftwerk.api.probes import Probes
from raftwerk.api.raft_status import describe, envelope
from raftwerk.api.route import Routes
from raftwerk.api.streams import Streams
from raftwerk.api.v1.context import ApiContext
from raftwerk.errors import RequestError
from raftwerk.host.protocol import Timers
from raftwerk.service.interview import OWN_PATH

__all__ = ["ClientApp"]


class ClientApp:
    """What one member serves to clients.

    Parameters
    ----------
    context : ApiContext
        The member, its services, and how it presents itself.
    run_beside : callable, optional
        Runs a function beside the loop; the documented part is made there.
    events : ASGIApp, optional
        Answers those who watch; see `raftwerk.api.v1.events`.
    families : iterable of Routes
        The calls of the gateway beside the key-value ones.
    streams : Streams, optional
        What the streams among them were made with; they end when we drain.
    timers : Timers, optional
        Bound how long a probe may take.
    metrics : MetricsPage, optional
        What is counted.
    """

    def __init__(
        self,
        context: ApiContext,
        *,
        run_beside: RunBeside | None = None,
        events: ASGIApp | None = None,
        families: Iterable[Routes] = (),
        streams: Streams | None = None,
        timers: Timers | None = None,
        metrics: MetricsPage | None = None,
    ) -> None:
        settings = context.settings
        self._context = context
        self._is_draining = False
        self._gateway = Gateway(context.kv, *families)
        self._streams = Streams() if streams is None else streams
        self._probes = Probes(context.node, context.kv.alarms, timers)
        self._documented = LazyApp(self._make_documented, run_beside)
        self._idempotency = Idempotency(
            self._answer,
            f"{settings.api_prefix}/v1/",
            body_bytes_max(context.kv.request_bytes_max),
        )
        self._events = events
        self._metrics = metrics
        self._events_path = f"{settings.api_prefix}/v1/events"
        # Asked by monitors, and in the middle of what they ask about: plainly answered.
        self._plain = {
            f"{settings.api_prefix}/v1/raft/": self._status,
            f"{settings.api_prefix}{OWN_PATH}": self._own_words,
        }
        self._documented_paths = (settings.docs_path, settings.schema_path)
        self._documented_prefixes = (
            f"{settings.api_prefix}/",
            f"{settings.docs_path}/",  # what the page of the docs asks for
        )

    def drain(self) -> None:
        """Say to whoever asks that no more requests should be sent here.

        Each answer is the last of its connection from now on: so clients leave between
        two requests, and never have one under way when the connection is closed.
        Streams end.
        """
        self._is_draining = True
        self._probes.drain()
        self._streams.end()

    def hot_calls(self) -> Mapping[bytes, HotCall]:
        """Return what may be called without all of this; see `raftwerk.api.hot`.

        Returns
        -------
        mapping of bytes to callable
            By path.
        """
        return self._gateway.hot_calls()

    async def load(self) -> None:
        """Make the documented part now, rather than with the first request to it."""
        await self._documented.load()

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
        if is_once(scope):
            await self._idempotency(scope, receive, send)
        else:
            await self._answer(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Have a request answered by whoever answers its path."""
        path: str = scope["path"]
        if path.startswith(PREFIXES):
            await self._gateway(scope, receive, send)
        elif path in self._probes.routes:
            await self._probes(scope, receive, send)
        elif path == "/metrics" and self._metrics is not None:
            await self._say_metrics(self._metrics, scope, send)
        elif path in self._plain and scope["method"] == "GET":
            await self._say_plainly(self._plain[path], scope, receive, send)
        elif path == self._events_path and self._events is not None:
            await self._events(scope, receive, send)
        elif path in self._documented_paths or path.startswith(
            self._documented_prefixes
        ):
            await self._documented(scope, receive, send)
        else:
            await send_answer(send, text_answer(404, "404 page not found\n"))

    async def _say_metrics(
        self, metrics: MetricsPage, scope: Scope, send: Send
    ) -> None:
        """Say what this member has counted."""
        if scope["method"] == "GET":
            answer = metrics.answer()
        else:
            answer = text_answer(405, "Method Not Allowed\n", (b"allow", b"GET"))
        await send_answer(send, answer)

    async def _say_plainly(
        self, what: Callable[[], object], scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Say what this member knows of itself."""
        try:
            said = what()
        except RequestError:  # it does not run; there is a form to say so
            said = None
        if said is None:
            await self._documented(scope, receive, send)
        else:
            await send_answer(send, json_answer(envelope(said)))

    def _status(self) -> object:
        """Return what this member says of itself."""
        status = self._context.node.status()
        return describe(status, self._context.settings.app_name)

    def _own_words(self) -> object:
        """Return what this member would say to whoever looks for a fault."""
        explainer = self._context.explainer
        return None if explainer is None else explainer.testify()

    def _make_documented(self) -> ASGIApp:
        """Return the documented part; this takes most of a second."""
        # pylint: disable-next=import-outside-toplevel  # see `lazy`
        from raftwerk.api.v1.app import make_documented_api

        # With its document, which is kept by it; made here, it holds nobody up.
        return make_documented_api(self._context, self._gateway.routes)


def _last_of_connection(send: Send) -> Send:
    """Return what sends an answer and has its connection closed behind it."""

    async def send_last(message: MutableMapping[str, Any]) -> None:
        """Add the header to the beginning of the answer."""
        if message["type"] == "http.response.start":
            headers = [*message["headers"], (b"connection", b"close")]
            message = {**message, "headers": headers}
        await send(message)

    return send_last
