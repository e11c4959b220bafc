"""``GET /api/v1/events``: what happens in this node, as server-sent events, for ever.

A plain ASGI handler, as of a hot route: a stream has no envelope, and what comes is
encoded already. Each event's data is one record; `docs/reference/events.md`. What is
refused is said in the envelope.
"""

import asyncio

from raftwerk.api.asgi import Receive, Scope, Send, json_answer, send_answer
from raftwerk.api.v1.context import ApiContext
from raftwerk.api.v1.error_form import describe_error
from raftwerk.errors import RequestError
from raftwerk.runtime.event_feed import EventFeed, Subscription

__all__ = ["EventStream"]

HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),  # a proxy that waits for more shows nothing
]


class EventStream:
    """The route.

    Parameters
    ----------
    feed : EventFeed
        What is told.
    context : ApiContext
        Who refuses, if too many listen.
    """

    def __init__(self, feed: EventFeed, context: ApiContext) -> None:
        self._feed = feed
        self._context = context

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send events until whoever asked goes, or the node ends.

        Parameters
        ----------
        scope : Scope
            The request.
        receive : Receive
            Says when the client has gone.
        send : Send
            Takes the stream.
        """
        if scope["method"] != "GET":
            await self._refuse(send, 405, "Method Not Allowed", (b"allow", b"GET"))
            return
        try:
            subscription = self._feed.subscribe()
        except RequestError as error:
            await self._refuse(send, 503, str(error))
            return
        gone = asyncio.ensure_future(_until_gone(receive))
        try:
            await send(
                {"type": "http.response.start", "status": 200, "headers": HEADERS}
            )
            sending = asyncio.ensure_future(_send_all(subscription, send))
            await asyncio.wait((gone, sending), return_when=asyncio.FIRST_COMPLETED)
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)
        finally:
            gone.cancel()
            self._feed.unsubscribe(subscription)

    async def _refuse(
        self, send: Send, status: int, message: str, *headers: tuple[bytes, bytes]
    ) -> None:
        """Say why there is no stream."""
        body = describe_error(self._context, status, message)
        await send_answer(send, json_answer(body, status, headers))


async def _until_gone(receive: Receive) -> None:
    """Return when the client has gone."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def _send_all(subscription: Subscription, send: Send) -> None:
    """Send what there is; a client that does not read holds up nobody but itself."""
    while lines := await subscription.take():
        body = b"".join([b"data: %b\n\n" % line for line in lines])
        await send({"type": "http.response.body", "body": body, "more_body": True})
    await send({"type": "http.response.body", "body": b""})
