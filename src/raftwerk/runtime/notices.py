"""News of what is committed that can wait for the next entries to take them along.

When entries are committed, a leader tells its followers with an append without entries,
and each answers: four messages for something that the next append says anyway. Where
one write follows the other, that comes within a millisecond or two. So there such an
append is kept back for a moment, and dropped if another one is sent to the same peer
meanwhile: to the core it is as if the network had lost it, and nothing depends on one
(Raft paper §5.3: each append tells the commit index, and the newest says it all).

What is committed after a pause is told at once, and so is a change of configuration,
for until its followers know it they ask other quorums than the leader does. So is a
follower at which somebody waits, because it handed a proposal on.
"""

from collections.abc import Sequence
from typing import Final

from raftwerk.core.messages import AppendEntries, ForwardProposal, Message
from raftwerk.core.progress_view import ProgressState
from raftwerk.core.state import State
from raftwerk.host.protocol import Host, Timer
from raftwerk.transport.protocol import Transport
from raftwerk.types import LogIndex, NodeId

__all__ = ["Notices"]

KEPT_SECONDS: Final = 0.002
"""How long a follower may not know that an entry is committed, if nothing follows."""

PAUSE_SECONDS: Final = 0.005
"""After so long without news the next is told at once."""


class Notices:
    """Sends what the core sends, but for what can wait.

    Parameters
    ----------
    state : State
        The core's; whether a follower is known to have what came before is looked up.
    transport : Transport
        Where messages go.
    host : Host
        Time, to send what nothing took along.
    """

    def __init__(self, state: State, transport: Transport, host: Host) -> None:
        self._state = state
        self._transport = transport
        self._clock = host.clock
        self._timers = host.timers
        self._kept: dict[NodeId, AppendEntries] = {}
        self._news_at: dict[NodeId, float] = {}
        self._waited_for: dict[NodeId, LogIndex] = {}
        self._timer: Timer | None = None

    def handed_on(self, message: ForwardProposal) -> None:
        """Know that somebody waits at a peer.

        Parameters
        ----------
        message : ForwardProposal
            Just made entries of, so ours are the last ones of the log.
        """
        self._waited_for[message.sender] = self._state.log.last_index

    def send(self, messages: Sequence[Message]) -> None:
        """Send messages, now or a moment later.

        Parameters
        ----------
        messages : sequence of Message
            Of one `Ready`.
        """
        kept = self._kept
        to_send: list[Message] = []
        for message in messages:
            if isinstance(message, AppendEntries):
                if self._can_wait(message):
                    kept[message.receiver] = message
                    continue
                kept.pop(message.receiver, None)
            to_send.append(message)
        if to_send:
            self._transport.send(to_send)
        if kept and self._timer is None:
            self._timer = self._timers.call_later(KEPT_SECONDS, self._send_kept)

    def _can_wait(self, message: AppendEntries) -> bool:
        """Tell whether a message says nothing but what is committed."""
        if message.entries:
            return False
        peer = message.receiver
        progress = self._state.tracker.progress.get(peer)
        # Others are probes, whose answer is what the core goes on with.
        if progress is None or progress.state is not ProgressState.REPLICATE:
            return False
        if self._state.pending_conf_index > self._state.log.applied_index:
            return False
        now = self._clock.now()
        is_after_pause = now - self._news_at.get(peer, 0.0) >= PAUSE_SECONDS
        self._news_at[peer] = now
        waited_for = self._waited_for.get(peer)
        if waited_for is None:
            return not is_after_pause
        if message.commit_index >= waited_for:
            del self._waited_for[peer]
        return False

    def _send_kept(self) -> None:
        """Send what nothing took along."""
        self._timer = None
        kept, self._kept = self._kept, {}
        self._transport.send(list(kept.values()))

    def stop(self) -> None:
        """Send nothing any more."""
        self._kept.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
