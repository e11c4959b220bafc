"""The last of what happened, of each kind so many: what is frequent crowds out nothing.

A member that is cut off asks for votes several times a second, for as long as that
lasts. In one queue for all kinds it would soon be all that is left of the past.
"""

import heapq
from collections import deque
from collections.abc import Iterator
from operator import itemgetter
from typing import Generic, TypeVar

__all__ = ["Recent"]

Item = TypeVar("Item")


class Recent(Generic[Item]):
    """Items in the order in which they came, bounded by kind.

    Parameters
    ----------
    each_max : int
        How many of a kind are kept.
    """

    def __init__(self, each_max: int) -> None:
        self._each_max = each_max
        self._kinds: dict[str, deque[tuple[int, Item]]] = {}
        self._number = 0

    def add(self, kind: str, item: Item) -> None:
        """Keep one more; the oldest of its kind goes if there are too many.

        Parameters
        ----------
        kind : str
            Its kind; of these there must be few.
        item : Item
            What is kept.
        """
        kept = self._kinds.get(kind)
        if kept is None:
            kept = self._kinds[kind] = deque(maxlen=self._each_max)
        self._number += 1
        kept.append((self._number, item))

    def __iter__(self) -> Iterator[Item]:
        """Yield all that is kept, oldest first."""
        merged = heapq.merge(*self._kinds.values(), key=itemgetter(0))
        return (item for _, item in merged)
