"""Sessions: commands that are done exactly once, though their answers may be lost.

Source: thesis §6.3. A session is opened through the log and has an id that is never
given again. Each of its commands has a number; the state machine's side (`answered`)
gives the first answer to a number that it has seen. So a command whose outcome is
unknown may be proposed again, here or on any other member. What bounds that promise is
in `answered`: a session that was not used for an hour of the log's time ends, and what
is asked of it then is refused, never done.
"""

from typing import Final, Protocol

from raftwerk.errors import NotProposed, OutcomeUnknown
from raftwerk.runtime.answered import OfSession, Once

__all__ = ["OpensSessions", "Session"]

ATTEMPTS: Final = 3
"""How often a command is proposed before whoever waits is told that nobody knows."""


class OnceNode(Protocol):
    """What a session wants of a node."""

    async def propose_once(self, once: Once, command: bytes) -> object:
        """Do as `Node.propose_once` says."""

    async def close_session(self, session: int) -> None:
        """Do as `Node.close_session` says."""


class OpensSessions(Protocol):
    """Who opens sessions; `raftwerk.runtime.Node` does."""

    async def open_session(self) -> "Session":
        """Do as `Node.open_session` says."""

    async def close_session(self, session: int) -> None:
        """Do as `Node.close_session` says."""


class Session:
    """Some commands in a row, each done once.

    Made by `Node.open_session`; made by hand it goes on with a session on another
    member, or after a restart of whoever uses it.

    Parameters
    ----------
    node : Node
        Any member.
    session_id : int
        From `Node.open_session`, on whichever member.
    next_sequence : int
        The number of the next command: one more than the last that was used.

    Attributes
    ----------
    session_id : int
        Names it on all members.
    next_sequence : int
        The number of the next command.
    """

    def __init__(self, node: OnceNode, session_id: int, next_sequence: int = 1) -> None:
        self._node = node
        self.session_id = session_id
        self.next_sequence = next_sequence
        self._unanswered: set[int] = set()

    async def propose(self, command: bytes, sequence: int | None = None) -> object:
        """Have a command applied, once.

        Parameters
        ----------
        command : bytes
            For the state machine.
        sequence : int, optional
            To ask again for a command whose outcome stayed unknown: the number that
            `next_sequence` was before it. Without it, this is another command.

        Returns
        -------
        object
            What `StateMachine.apply` returned for it when it was applied; of the
            second time on as it was kept (see `raftwerk.runtime.once.KeepsResults`).

        Raises
        ------
        SessionExpired
            If the session has ended: this command is not done now, and whether it was
            before, nobody knows.
        NotProposed
            If nothing happened and nothing will, unless you ask for this number again.
        OutcomeUnknown
            If it may or may not be applied: ask again with its number.
        """
        if sequence is None:
            sequence = self.next_sequence
            self.next_sequence += 1
        self._unanswered.add(sequence)
        once = OfSession(self.session_id, sequence, min(self._unanswered))
        lost: OutcomeUnknown | None = None
        for _ in range(ATTEMPTS):
            try:
                result = await self._node.propose_once(once, command)
            except OutcomeUnknown as error:
                lost = error
            except NotProposed:
                if lost is None:
                    raise
            except Exception:
                self._unanswered.discard(sequence)  # it was refused, as it ever will be
                raise
            else:
                self._unanswered.discard(sequence)
                return result
        assert lost is not None  # nosec B101: for the type checker
        raise lost

    async def close(self) -> None:
        """End the session, so that nothing of it is kept any more.

        Raises
        ------
        NotProposed, OutcomeUnknown
            As `Node.propose`; it ends by itself later.
        """
        await self._node.close_session(self.session_id)
