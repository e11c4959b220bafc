"""What a page that comes late has to know: who there is, how all stands, what happened.

It is kept as it was told, encoded: a page opened late is as true as one opened early.
"""

from collections.abc import Iterator
from typing import Final

from raftwerk.runtime.recent import Recent

__all__ = ["KEPT", "PAST", "Known"]

PAST_RECORDS: Final = 100
"""How many of each kind are kept for pages that come late."""

MARKS_MAX: Final = 16_384
"""Of how many records is known that they were told before: more than nodes keep."""

KEPT: Final = frozenset({"alarms", "header", "members", "peer", "state"})
"""Types of which the last one of each node is what a new page has to know."""

NAMING: Final = frozenset({"header", "members"})
"""Those of them that say who is who."""

PAST: Final = frozenset({"act", "event"})
"""Types that are kept in their order, for the timeline."""


class Known:
    """Keeps the last of what stands, and some of what happened."""

    def __init__(self) -> None:
        self._nodes: dict[tuple[str, str, str], bytes] = {}
        self._own: dict[tuple[str, str], bytes] = {}
        self._past: Recent[bytes] = Recent(PAST_RECORDS)
        self._marks: dict[int, None] = {}

    def __iter__(self) -> Iterator[bytes]:
        """Yield all of it, in the order in which a page can make sense of it."""
        # Who is who comes first: what happened is told by name.
        for (kind, _, _), line in self._nodes.items():
            if kind in NAMING:
                yield line
        yield from self._own.values()
        yield from self._past
        for (kind, _, _), line in self._nodes.items():
            if kind not in NAMING:
                yield line

    def keep(self, line: bytes, kind: str, node: str, peer: str) -> None:
        """Keep how a node stands.

        Parameters
        ----------
        line : bytes
            The record.
        kind : str
            Its type, one of `KEPT`.
        node, peer : str
            Of whom it is told; the last one counts.
        """
        self._nodes[kind, node, peer] = line

    def keep_own(self, line: bytes, kind: str, key: str) -> None:
        """Keep what the monitor or the demo says itself.

        Parameters
        ----------
        line : bytes
            The record.
        kind, key : str
            The last one of both counts.
        """
        self._own[kind, key] = line

    def remember(self, line: bytes, kind: str) -> bool:
        """Keep what happened.

        Parameters
        ----------
        line : bytes
            The record.
        kind : str
            What kind of event it is.

        Returns
        -------
        bool
            False if it was told before: a node that is followed again tells its past
            again.
        """
        mark = hash(line)
        if mark in self._marks:
            return False
        self._marks[mark] = None
        if len(self._marks) > MARKS_MAX:
            del self._marks[next(iter(self._marks))]
        self._past.add(kind, line)
        return True

    def forget_own(self, kind: str, key: str) -> None:
        """Keep this no more.

        Parameters
        ----------
        kind, key : str
            What `keep_own` was given.
        """
        self._own.pop((kind, key), None)

    def forget_node(self, node: str | None) -> None:
        """Keep nothing of how a node stands.

        Parameters
        ----------
        node : str or None
            Its id; None if nobody knows it.
        """
        for key in [key for key in self._nodes if key[1] == node]:
            del self._nodes[key]

    def forget_nodes(self) -> None:
        """Keep nothing of how any node stands: nobody looks, so it would grow old."""
        self._nodes.clear()
