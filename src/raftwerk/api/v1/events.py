"""``GET /api/v1/events``: what happens in this node, as server-sent events, for ever.

A plain ASGI handler, as of a hot route: a stream has no envelope, and what comes is
encoded already. Each event's data is one record; `docs/reference/events.md`.
"""

import asyncio

from raftwerk.api.asgi import Receive, Scope, Send, send_answer, text_answer
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
    """

    def __init__(self, feed: EventFeed) -> None:
        self._feed = feed

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
            allow = (b"allow", b"GET")
            await send_answer(send, text_answer(405, "Method Not Allowed\n", allow))
            return
        try:
            subscription = self._feed.subscribe()
        except RequestError as error:
            await send_answer(send, text_answer(503, f"{error}\n"))
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
