"""An application that is made beside the loop, and not before it is wanted.

Importing FastAPI takes longer than a whole election. A node that waited for it would
be ready later than it could be, and one that imported it in its loop would miss
heartbeats.
"""

import asyncio
from collections.abc import Awaitable, Callable

from raftwerk.api.asgi import ASGIApp, Receive, Scope, Send

__all__ = ["LazyApp", "RunBeside"]

RunBeside = Callable[[Callable[[], ASGIApp]], Awaitable[ASGIApp]]
"""Runs a function beside the loop: `raftwerk.host.protocol.Threads.run`, say."""


class LazyApp:
    """Passes requests on to an application that is made with the first of them.

    Parameters
    ----------
    make : callable
        Makes it; it is called once.
    run_beside : callable, optional
        Where to make it; without this, right here.
    """

    def __init__(
        self, make: Callable[[], ASGIApp], run_beside: RunBeside | None = None
    ) -> None:
        self._make = make
        self._run_beside = run_beside
        self._app: ASGIApp | None = None
        self._making: asyncio.Future[ASGIApp] | None = None

    async def load(self) -> ASGIApp:
        """Make the application, unless it is made already.

        Returns
        -------
        ASGIApp
            The application.
        """
        if self._app is None:
            if self._run_beside is None:
                self._app = self._make()
            else:
                if self._making is None:
                    self._making = asyncio.ensure_future(self._run_beside(self._make))
                # Who asks first may go away; the others still wait for the same.
                self._app = await asyncio.shield(self._making)
        return self._app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on.

        Parameters
        ----------
        scope : Scope
            The request.
        receive : Receive
            Gives its body.
        send : Send
            Takes the answer.
        """
        app = self._app or await self.load()
        await app(scope, receive, send)
