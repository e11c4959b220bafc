"""One proposal that somebody waits for, and what it means that its time is up."""

from asyncio import Future

from raftwerk.errors import NotLeader, OutcomeUnknown, RequestError
from raftwerk.types import NO_TERM

__all__ = ["Waiter"]


class Waiter:
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
    """

    __slots__ = (
        "data",
        "deadline_seconds",
        "future",
        "is_held",
        "is_repeatable",
        "number",
        "term",
    )

    def __init__(
        self,
        number: int,
        data: bytes,
        future: "Future[object]",
        deadline_seconds: float,
    ) -> None:
        self.number = number
        self.data = data
        self.future = future
        self.deadline_seconds = deadline_seconds
        self.is_held = True
        self.is_repeatable = True
        self.term = NO_TERM
        """In which term it was appended or handed on."""

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
