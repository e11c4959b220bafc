"""A tap on what a node sends: nothing at all while it is closed, a sample when open.

A leader under load sends thousands of messages a second and an eye sees twenty. So of
each kind to each peer one passes in a while, and says for how many it stands; what
decides elections, moves leadership or carries a snapshot passes always.
"""

from collections.abc import Callable, Sequence
from typing import Final

from raftwerk.core.messages import (
    AppendEntriesRefusal,
    InstallSnapshot,
    Message,
    RequestPreVote,
    RequestPreVoteReply,
    RequestVote,
    RequestVoteReply,
    TimeoutNow,
)
from raftwerk.host.protocol import Clock
from raftwerk.transport.protocol import Transport
from raftwerk.types import NodeId

__all__ = ["SAMPLE_SECONDS", "Tap"]

SAMPLE_SECONDS: Final = 0.1
"""From one message of a kind to a peer to the next that passes."""

ALWAYS: Final = frozenset[type[Message]](
    {
        AppendEntriesRefusal,
        InstallSnapshot,
        RequestPreVote,
        RequestPreVoteReply,
        RequestVote,
        RequestVoteReply,
        TimeoutNow,
    }
)

Taker = Callable[[Message, int], None]
"""Takes a message, and for how many it stands."""


class _Seen:
    """What was shown of one kind of message to one peer."""

    __slots__ = ("next_time", "unseen")

    def __init__(self) -> None:
        self.next_time = 0.0
        self.unseen = 0


class Tap:
    """A `Transport` that shows what passes, as far as it is asked to.

    While nobody looks, its methods *are* those of the transport behind it.

    Parameters
    ----------
    transport : Transport
        What carries the messages.
    clock : Clock
        Spaces the samples.
    """

    def __init__(self, transport: Transport, clock: Clock) -> None:
        self.start = transport.start
        self.set_peers = transport.set_peers
        self.send = transport.send
        self.peers = transport.peers
        self.stop = transport.stop
        self._send = transport.send
        self._clock = clock
        self._taker: Taker | None = None
        self._seen: dict[tuple[type[Message], NodeId], _Seen] = {}

    def open(self, taker: Taker) -> None:
        """Show a sample from now on.

        Parameters
        ----------
        taker : callable
            It must return at once and not raise.
        """
        self._taker = taker
        self._seen.clear()
        self.send = self._send_and_show

    def close(self) -> None:
        """Show nothing more."""
        self._taker = None
        self.send = self._send

    def _send_and_show(self, messages: Sequence[Message]) -> None:
        """Send first: what is seen must not wait for being seen."""
        self._send(messages)
        taker = self._taker
        if taker is None:
            return
        now = self._clock.now()
        known = self._seen
        for message in messages:
            kind = type(message)
            key = (kind, message.receiver)
            seen = known.get(key)
            if seen is None:
                seen = known[key] = _Seen()
            seen.unseen += 1
            if now >= seen.next_time or kind in ALWAYS:
                count, seen.unseen = seen.unseen, 0
                seen.next_time = now + SAMPLE_SECONDS
                taker(message, count)
