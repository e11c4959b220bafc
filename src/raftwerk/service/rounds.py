"""Whether a learner keeps up: replication in rounds.

Each round brings the learner all that the leader had when the round began. After ten of
them it has caught up, if the last took less than an election timeout: then it would not
hold up the group for longer than an election does. Source: thesis §4.2.1.
"""

from typing import Final

from raftwerk.types import LogIndex

__all__ = ["ROUNDS", "Rounds"]

ROUNDS: Final = 10


class Rounds:
    """One learner's rounds, as its leader sees them.

    Parameters
    ----------
    election_timeout_seconds : float
        Less than that the last round may take.

    Examples
    --------
    >>> rounds = Rounds(0.15)
    >>> seven = LogIndex(7)
    >>> looks = [rounds.look(0.01 * each, seven, seven) for each in range(12)]
    >>> looks.index(True)
    10
    """

    def __init__(self, election_timeout_seconds: float) -> None:
        self._limit_seconds = election_timeout_seconds
        self._rounds = 0
        self._target: LogIndex | None = None
        self._began = 0.0

    def look(
        self, now_seconds: float, match_index: LogIndex, last_log_index: LogIndex
    ) -> bool:
        """Take in how far the learner is, and tell whether it has kept up.

        Parameters
        ----------
        now_seconds : float
            By the host's clock.
        match_index : LogIndex
            What the learner is known to have.
        last_log_index : LogIndex
            What the leader has.

        Returns
        -------
        bool
            True once, after ten rounds of which the last was fast; if it was slow, ten
            more begin.
        """
        has_kept_up = False
        if self._target is not None and match_index >= self._target:
            self._rounds += 1
            if self._rounds >= ROUNDS:
                self._rounds = 0
                has_kept_up = now_seconds - self._began < self._limit_seconds
            self._target = None
        if self._target is None:
            self._target, self._began = last_log_index, now_seconds
        return has_kept_up
