"""One open connection, as seen from both its ends inside this process.

The two kinds of session, `peer` and `inbound`, know bytes and time but no sockets;
`tcp` knows sockets and nothing of what is said. They meet in these two protocols, and a
test puts a list of bytes in the place of a socket.
"""

from collections.abc import Callable, Sequence
from typing import Protocol

import msgspec

from raftwerk.host.protocol import Host
from raftwerk.transport.config import TransportConfig
from raftwerk.transport.inbox import Inbox
from raftwerk.transport.news import News
from raftwerk.transport.protocol import Admission, Answerer, Identity

__all__ = ["Link", "Session", "Surroundings"]


class Link(Protocol):
    """What a session does to its connection; after the last two it hears no more."""

    def remote(self) -> str:
        """Return the other side's host, for people; its port is new each time.

        Returns
        -------
        str
            A name or an address.
        """

    def write(self, frames: Sequence[bytes]) -> None:
        """Send these, in order; may call `Session.paused` before it returns.

        Parameters
        ----------
        frames : sequence of bytes
            Taken whatever their size: a session stops when it is paused.
        """

    def close(self) -> None:
        """Send what was written, for a bounded time, then close."""

    def abort(self) -> None:
        """Close at once; what was written may be lost."""


class Session(Protocol):
    """What a connection tells its session; nothing after `lost`."""

    def opened(self, link: Link) -> None:
        """Begin to speak.

        Parameters
        ----------
        link : Link
            The new connection.
        """

    def received(self, data: bytes) -> None:
        """Take the next bytes.

        Parameters
        ----------
        data : bytes
            Any piece of the stream.
        """

    def paused(self) -> None:
        """Write no more: the peer reads more slowly than we write."""

    def resumed(self) -> None:
        """Write again."""

    def lost(self, reason: str) -> None:
        """Know that there is no connection, or was never one, and why.

        Parameters
        ----------
        reason : str
            For people; equal where the cause is.
        """


class Surroundings(msgspec.Struct, frozen=True, kw_only=True):
    """What all sessions of one transport share."""

    identity: Identity
    config: TransportConfig
    host: Host
    admit: Admission
    inbox: Inbox
    news: News
    dial: Callable[[str, Session], Callable[[], None]]
    """Connects to ``host:port``; what it returns calls that off, and then the session
    hears nothing of it."""
    answer: Answerer | None = None
    """Answers the questions of newcomers; None: none is answered."""
