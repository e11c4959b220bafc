"""What arrived in one turn of the loop, handed to the receiver in one go."""

from collections.abc import Iterable, Sequence

from raftwerk.core.messages import Message
from raftwerk.host.protocol import Timers
from raftwerk.transport.protocol import Receiver
from raftwerk.types import NodeId

__all__ = ["Inbox"]


class Inbox:
    """Collects for a receiver, and calls it in the next turn.

    So a driver sees one batch however many peers spoke, and is never called from within
    its own call to the transport.

    Parameters
    ----------
    timers : Timers
        Those of the member, so that its code runs on its own account (a virtual
        process that is killed gets nothing any more).
    """

    __slots__ = (
        "_is_due",
        "_lost",
        "_messages",
        "_receiver",
        "_removed",
        "_snapshots",
        "_timers",
    )

    def __init__(self, timers: Timers) -> None:
        """Begin closed."""
        self._timers = timers
        self._receiver: Receiver | None = None
        self._is_due = False
        self._messages: list[Message] = []
        self._lost: dict[NodeId, None] = {}
        self._snapshots: list[tuple[NodeId, bool]] = []
        self._removed = ""

    @property
    def is_open(self) -> bool:
        """Whether there is somebody to deliver to.

        Returns
        -------
        bool
            True between `open` and `close`.
        """
        return self._receiver is not None

    def open(self, receiver: Receiver) -> None:
        """Deliver from now on.

        Parameters
        ----------
        receiver : Receiver
            To whom.
        """
        self._receiver = receiver

    def close(self) -> None:
        """Deliver nothing any more, not even what has been put in."""
        self._receiver = None
        self._messages.clear()
        self._lost.clear()
        self._snapshots.clear()
        self._removed = ""

    def put_messages(self, messages: Sequence[Message]) -> None:
        """Have these delivered.

        Parameters
        ----------
        messages : sequence of Message
            Of one sender, in order.
        """
        if self._receiver is not None:
            self._messages += messages
            self._wake()

    def put_unreachable(self, peer: NodeId) -> None:
        """Have it told that messages to this peer were lost.

        Parameters
        ----------
        peer : NodeId
            Told once a turn.
        """
        if self._receiver is not None:
            self._lost[peer] = None
            self._wake()

    def put_snapshot(self, peer: NodeId, arrived: bool) -> None:
        """Have it told what became of a snapshot.

        Parameters
        ----------
        peer : NodeId
            Whom it was sent.
        arrived : bool
            Whether it did.
        """
        if self._receiver is not None:
            self._snapshots.append((peer, arrived))
            self._wake()

    def put_removed(self, words: str) -> None:
        """Have it told that a peer says that we were removed.

        Parameters
        ----------
        words : str
            For our operator; the last ones of a turn are told.
        """
        if self._receiver is not None:
            self._removed = words
            self._wake()

    def _wake(self) -> None:
        """Deliver in the next turn, once."""
        if not self._is_due:
            self._is_due = True
            self._timers.call_later(0.0, self._deliver)

    def _deliver(self) -> None:
        """Hand over what is here; what is put in meanwhile has its own turn."""
        self._is_due = False
        messages, self._messages = self._messages, []
        fates = None
        if self._lost or self._snapshots or self._removed:
            fates = self._lost, self._snapshots, self._removed
            self._lost, self._snapshots, self._removed = {}, [], ""
        # The receiver may stop the transport in any of these calls.
        if messages and self._receiver is not None:
            self._receiver.on_messages(messages)
        if fates is not None:
            self._tell_fates(*fates)

    def _tell_fates(
        self,
        lost: Iterable[NodeId],
        snapshots: Iterable[tuple[NodeId, bool]],
        removed: str,
    ) -> None:
        """Tell what became of others, and of what they were sent."""
        for peer in lost:
            if self._receiver is not None:
                self._receiver.on_unreachable(peer)
        for peer, arrived in snapshots:
            if self._receiver is not None:
                self._receiver.on_snapshot(peer, arrived)
        if removed and self._receiver is not None:
            self._receiver.on_removed(removed)
