"""What is proposed, and what is refused: who founds a cluster together."""

import hashlib

import msgspec

from raftwerk.types import NodeId

__all__ = ["Candidate", "Proposal", "Void", "with_void"]


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """One replica of a proposed set.

    Parameters
    ----------
    node_id : NodeId
        The id that it has drawn.
    name : str
        For people.
    peer_urls : tuple of str
        Where the proposer reaches it.
    """

    node_id: NodeId
    name: str = ""
    peer_urls: tuple[str, ...] = ()


class Proposal(msgspec.Struct, frozen=True, kw_only=True):
    """A set of replicas that may found a cluster, and that alone.

    Parameters
    ----------
    app_name : str
        The name that all of them were told.
    token : str
        The token that all of them were told.
    attempt : int
        How many proposals its proposer had made with this one; never used twice, so
        that the same set can be proposed again once it was voided.
    members : tuple of Candidate
        Ascending by id; the first is the proposer.

    Examples
    --------
    >>> members = tuple(Candidate(node_id=NodeId(number)) for number in (3, 5, 7))
    >>> proposal = Proposal(app_name="node", token="t", attempt=1, members=members)
    >>> proposal.proposer, proposal.quorum, f"{proposal.cluster_id:x}"
    (3, 2, '987759b2c3e141ce')
    """

    app_name: str
    token: str
    attempt: int
    members: tuple[Candidate, ...]

    @property
    def proposer(self) -> NodeId:
        """Who made it.

        Returns
        -------
        NodeId
            The lowest id.
        """
        return self.members[0].node_id

    @property
    def node_ids(self) -> frozenset[NodeId]:
        """The ids of all members.

        Returns
        -------
        frozenset of NodeId
            As many as there are replicas to be.
        """
        return frozenset(member.node_id for member in self.members)

    @property
    def quorum(self) -> int:
        """How many are a majority of the set.

        Returns
        -------
        int
            More than half.
        """
        return len(self.members) // 2 + 1

    @property
    def voids_min(self) -> int:
        """How many must refuse it so that the others are no majority any more.

        Returns
        -------
        int
            A majority of an odd set, half of an even one: were more asked for, two who
            started and two who refused would wait for one another for ever.
        """
        return len(self.members) - self.quorum + 1

    @property
    def cluster_id(self) -> int:
        """The id of the cluster that it founds.

        Returns
        -------
        int
            64 bits of a hash of all of it, never 0.
        """
        digest = hashlib.sha256(msgspec.msgpack.encode(self)).digest()
        return int.from_bytes(digest[:8], "big") or 1

    @property
    def is_sound(self) -> bool:
        """Whether it has the form of one: members, ascending, an attempt.

        Returns
        -------
        bool
            False for what a stranger made up.
        """
        ids = [member.node_id for member in self.members]
        return bool(ids) and ids == sorted(set(ids)) and self.attempt >= 1


class Void(msgspec.Struct, frozen=True, order=True):
    """A refusal for ever: of all that a proposer proposed, up to one attempt.

    One proposer has one proposal at a time, and makes the next only when the last is
    void. So the newest that was refused stands for all before it, and what has to be
    remembered grows with the number of replicas, not of attempts.
    """

    proposer: NodeId
    attempt: int

    def covers(self, proposal: Proposal) -> bool:
        """Tell whether a proposal is among those that are refused.

        Parameters
        ----------
        proposal : Proposal
            Any.

        Returns
        -------
        bool
            Whether it is.
        """
        return proposal.proposer == self.proposer and proposal.attempt <= self.attempt


def with_void(voids: tuple[Void, ...], proposal: Proposal) -> tuple[Void, ...]:
    """Return refusals with one more.

    Parameters
    ----------
    voids : tuple of Void
        Ascending, one for each proposer.
    proposal : Proposal
        What is refused from now on.

    Returns
    -------
    tuple of Void
        In the same form.
    """
    attempts = {void.proposer: void.attempt for void in voids}
    was = attempts.get(proposal.proposer, 0)
    attempts[proposal.proposer] = max(was, proposal.attempt)
    return tuple(Void(*each) for each in sorted(attempts.items()))
