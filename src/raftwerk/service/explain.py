"""One member's part in an explanation: its own words, and asking the others."""

from collections.abc import Callable

from raftwerk.service.case import Case
from raftwerk.service.deposition import Deposition
from raftwerk.service.inquiry import Ask, inquire

__all__ = ["Explainer"]


class Explainer:
    """Explains the cluster as it looks from one member.

    Parameters
    ----------
    testify : callable
        Returns what this member knows.
    ask : Ask
        Asks another one.
    """

    def __init__(self, testify: Callable[[], Deposition], ask: Ask) -> None:
        self.testify = testify
        self._ask = ask

    async def inquire(self) -> Case:
        """Ask all members.

        Returns
        -------
        Case
            For `diagnose`.
        """
        return await inquire([], self._ask, [self.testify()])
