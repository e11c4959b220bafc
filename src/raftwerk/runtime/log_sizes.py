"""How many bytes a log has, counted as it grows and not again and again."""

from raftwerk.core.config import NO_LIMIT
from raftwerk.storage.protocol import LogStore
from raftwerk.types import LogIndex

__all__ = ["LogSizes"]


class LogSizes:
    """Sums of the sizes of entries.

    Entries that took the place of others of the same indexes between two looks are
    counted by the size of those; the sums are for people.

    Parameters
    ----------
    log : LogStore
        What is counted.
    """

    def __init__(self, log: LogStore) -> None:
        self._log = log
        self._first = 0
        self._sums: list[int] = [0]

    @property
    def total_bytes(self) -> int:
        """The data of all entries in the log."""
        return self._sums[-1]

    def reset(self) -> None:
        """Count all of it again with the next look."""
        self._sums = [0]
        self._first = 0

    def look(self) -> None:
        """Count what came since the last look.

        Raises
        ------
        EntryCompacted, EntryUnavailable
            If the log was changed meanwhile.
        """
        first, last = self._log.first_index(), self._log.last_index()
        known_to = self._first + len(self._sums) - 2
        if first != self._first or last < known_to:
            self._first, self._sums, known_to = first, [0], first - 1
        if last > known_to:
            start, stop = LogIndex(known_to + 1), LogIndex(last + 1)
            total = self._sums[-1]
            for entry in self._log.read(start, stop, NO_LIMIT):
                total += len(entry.data)
                self._sums.append(total)

    def bytes_after(self, index: LogIndex) -> int:
        """Return how many bytes come behind an entry.

        Parameters
        ----------
        index : LogIndex
            The entry.

        Returns
        -------
        int
            All that are there, if it is not in the log any more.
        """
        place = min(max(index - self._first + 1, 0), len(self._sums) - 1)
        return self._sums[-1] - self._sums[place]
