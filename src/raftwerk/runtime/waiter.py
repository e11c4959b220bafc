"""One proposal that somebody waits for, and what it means that its time is up."""

from asyncio import Future

import msgspec

from raftwerk.errors import NotLeader, OutcomeUnknown, RequestError
from raftwerk.types import NO_TERM, Term

__all__ = ["Waiter"]


class Waiter(msgspec.Struct, eq=False):
    """One proposal and whoever waits for it.

    Parameters
    ----------
    number : int
        Its number in this incarnation.
    data : bytes
        The entry's data.
    future : Future
        Where the outcome goes.
    deadline_seconds : float
        When waiting ends, by the host's clock.
    is_held : bool
        Whether it is still to be handed to the core.
    is_repeatable : bool
        Whether it is proposed again where it was lost.
    term : Term
        In which it was appended or handed on.
    """

    number: int
    data: bytes
    future: "Future[object]"
    deadline_seconds: float
    is_held: bool = True
    is_repeatable: bool = True
    term: Term = NO_TERM

    def late(self) -> RequestError:
        """Return what it means that its time is up.

        Returns
        -------
        RequestError
            For whoever waits.
        """
        if self.is_held:
            return NotLeader("no leader took the proposal in time; it was not made")
        return OutcomeUnknown(
            "the proposal was not applied in time and may be still; look before you try"
            " again"
        )
