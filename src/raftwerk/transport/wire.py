"""Joins one connection of asyncio to one session: no decisions are made here.

asyncio wants a `Protocol`, a session wants a `Link`; this is both. Once the session has
closed its link it hears nothing more, whatever the connection still does.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Final

from raftwerk.host.protocol import Timer, Timers
from raftwerk.transport.config import FRAME_BODY_BYTES
from raftwerk.transport.link import Session

__all__ = ["Wire"]

_WRITE_BYTES_MAX: Final = FRAME_BODY_BYTES
"""What asyncio may hold of ours before it tells us to pause."""


class Wire(asyncio.Protocol):
    """One connection, made or still to be made.

    Parameters
    ----------
    session : Session
        Whose connection it is.
    timers : Timers
        Bound how long a closed connection may take to send the rest.
    close_seconds : float
        That bound.
    on_made : callable
        Called with the wire and its connection, before the session.
    on_gone : callable
        Called with the wire when the connection is closed on our side too.
    words_of : callable
        Makes the reason for a lost connection of the exception, if there is one.
    """

    def __init__(
        self,
        session: Session,
        *,
        timers: Timers,
        close_seconds: float,
        on_made: "Callable[[Wire, asyncio.Transport], None]",
        on_gone: "Callable[[Wire], None]",
        words_of: Callable[[Exception | None], str],
    ) -> None:
        """Wait for the connection."""
        self._session: Session | None = session
        self._transport: asyncio.Transport | None = None
        self._timers = timers
        self._close_seconds = close_seconds
        self._on_made = on_made
        self._on_gone = on_gone
        self._words_of = words_of
        self._close_timer: Timer | None = None

    # -- What asyncio tells ------------------------------------------------------------

    def connection_made(self, transport: Any) -> None:
        """Introduce the session to its link.

        Parameters
        ----------
        transport : asyncio.Transport
            The connection.
        """
        self._transport = transport
        self._on_made(self, transport)
        if self._session is None:
            transport.abort()
            return
        transport.set_write_buffer_limits(high=_WRITE_BYTES_MAX)
        self._session.opened(self)

    def data_received(self, data: bytes) -> None:
        """Pass on what arrived.

        Parameters
        ----------
        data : bytes
            Any piece of the stream.
        """
        if self._session is not None:
            self._session.received(data)

    def pause_writing(self) -> None:
        """Pass on that the peer reads too slowly."""
        if self._session is not None:
            self._session.paused()

    def resume_writing(self) -> None:
        """Pass on that there is room again."""
        if self._session is not None:
            self._session.resumed()

    def connection_lost(self, exc: Exception | None) -> None:
        """Pass on that it is over.

        Parameters
        ----------
        exc : Exception, optional
            Why; None if the peer closed it.
        """
        if self._close_timer is not None:
            self._close_timer.cancel()
        self.fail(exc)
        self._on_gone(self)

    # -- What the session does ---------------------------------------------------------

    def remote(self) -> str:
        """Do as `Link.remote` says."""
        name = self._transport and self._transport.get_extra_info("peername")
        return str(name[0]) if name else "an unknown address"

    def write(self, frames: Sequence[bytes]) -> None:
        """Do as `Link.write` says."""
        if self._transport is not None:
            self._transport.write(frames[0] if len(frames) == 1 else b"".join(frames))

    def close(self) -> None:
        """Do as `Link.close` says."""
        self._session = None
        if self._transport is not None and self._close_timer is None:
            self._transport.close()
            self._close_timer = self._timers.call_later(
                self._close_seconds, self._transport.abort
            )

    def abort(self) -> None:
        """Do as `Link.abort` says."""
        self._session = None
        if self._transport is not None:
            self._transport.abort()

    # -- What the dialler tells --------------------------------------------------------

    def fail(self, error: Exception | None) -> None:
        """Tell the session that there is no connection.

        Parameters
        ----------
        error : Exception, optional
            Why.
        """
        session, self._session = self._session, None
        if session is not None:
            session.lost(self._words_of(error))
