"""Reads that wait: for a quorum to confirm the leader, or for the term's first commit.

Source: thesis §6.4. Reads are numbered in rounds; a heartbeat carries the newest
round, and a quorum that answered a round confirms it and all before it.
"""

import msgspec

from raftwerk.types import LogIndex, NodeId

__all__ = ["ReadRequest", "Reads", "Round"]


class ReadRequest(msgspec.Struct, frozen=True, gc=False):
    """Who wants to read, and under which name he waits for the answer."""

    requester: NodeId
    context: int


class Round(msgspec.Struct, frozen=True, gc=False):
    """One read and the commit index that it may be served from."""

    number: int
    request: ReadRequest
    read_index: LogIndex


class Reads:
    """The leader's waiting reads.

    Attributes
    ----------
    postponed : list of ReadRequest
        Asked before this term had a commit: until then a new leader does not know
        which entries of its log are committed (thesis §6.4, step 1).
    """

    __slots__ = ("_acknowledged", "_number", "_rounds", "postponed")

    def __init__(self) -> None:
        self._number = 0
        self._rounds: list[Round] = []
        self._acknowledged: dict[NodeId, int] = {}
        self.postponed: list[ReadRequest] = []

    @property
    def newest_round(self) -> int:
        """The newest round that waits, or 0."""
        return self._rounds[-1].number if self._rounds else 0

    def add(self, request: ReadRequest, commit_index: LogIndex) -> int:
        """Begin a round for a read.

        Parameters
        ----------
        request : ReadRequest
            The read.
        commit_index : LogIndex
            The leader's commit index now: the read sees at least that.

        Returns
        -------
        int
            The round's number, above 0.
        """
        number = self.next_number()
        self._rounds.append(Round(number, request, commit_index))
        return number

    def next_number(self) -> int:
        """Return the number of a new round, for which no read need wait.

        Returns
        -------
        int
            Above all before it.
        """
        self._number += 1
        return self._number

    def acknowledge(self, node_id: NodeId, number: int) -> dict[NodeId, bool]:
        """Note that a member still followed us when it answered a round.

        Parameters
        ----------
        node_id : NodeId
            The member.
        number : int
            The round that it answered.

        Returns
        -------
        dict of NodeId to bool
            True for each member that confirmed this round.
        """
        if number > self._acknowledged.get(node_id, 0):
            self._acknowledged[node_id] = number
        return {
            member: True
            for member, newest in self._acknowledged.items()
            if newest >= number
        }

    def confirm(self, number: int) -> list[tuple[ReadRequest, LogIndex]]:
        """Take out the reads that this round confirms.

        Parameters
        ----------
        number : int
            A round that a quorum answered.

        Returns
        -------
        list of (ReadRequest, LogIndex)
            Each with the index it may be served from, in order.
        """
        done = [
            (waiting.request, waiting.read_index)
            for waiting in self._rounds
            if waiting.number <= number
        ]
        self._rounds = [w for w in self._rounds if w.number > number]
        return done

    def drop(self) -> None:
        """Forget what waits for a quorum; it must not outlive the leadership.

        Numbers go on, so that an answer to an old round confirms no new one. What is
        postponed may stay: it will be given a commit index of a later moment.
        """
        self._rounds = []
        self._acknowledged = {}
