"""Which member a node is to be, judged from what members say of their group.

Members may lag behind one another, and one that has lost its data knows the group as it
was founded. So the word that tells more counts: who was seen to start by one of them
has started, and who was removed according to one of them is gone.
"""

from collections.abc import Collection, Iterable, Sequence

import msgspec

from raftwerk.config import Url
from raftwerk.discovery.protocol import KnownMember, Roster
from raftwerk.errors import ConfigError
from raftwerk.types import NodeId

__all__ = ["Found", "Lost", "Nowhere", "Place", "judge_joining", "judge_start"]


class Place(msgspec.Struct, frozen=True):
    """An id that was added and never used."""

    cluster_id: int
    node_id: NodeId
    epoch: int = 0


class Found(msgspec.Struct, frozen=True):
    """Nobody knows that this node ever started: it may found its cluster."""


class Lost(msgspec.Struct, frozen=True):
    """The cluster knows this node, which must have lost its data.

    Parameters
    ----------
    words : str
        What its operator should read.
    """

    words: str


class Nowhere(msgspec.Struct, frozen=True):
    """No member has these addresses."""


def judge_joining(
    rosters: Sequence[Roster], urls: Collection[Url]
) -> Place | Lost | Nowhere:
    """Judge what a node is that was told to join a running cluster.

    Parameters
    ----------
    rosters : sequence of Roster
        What members say, at least one.
    urls : collection of Url
        Where the node's own peers are told to come.

    Returns
    -------
    Place, Lost or Nowhere
        Which member it is, if it is one.

    Raises
    ------
    ConfigError
        If the members belong to several clusters.

    Examples
    --------
    >>> added = KnownMember(node_id=NodeId(4), peer_urls=("http://127.0.0.1:42380",))
    >>> roster = Roster(cluster_id=7, members=(added,))
    >>> judge_joining([roster], [Url("127.0.0.1", 42380)])
    Place(cluster_id=7, node_id=4, epoch=0)
    """
    cluster_ids = sorted({roster.cluster_id for roster in rosters})
    if len(cluster_ids) != 1:
        shown = " and ".join(f"{cluster_id:x}" for cluster_id in cluster_ids)
        raise ConfigError(
            f"the peers in initial-cluster belong to several clusters ({shown}); name"
            " those of one"
        )
    # Who is left from before the cluster was recovered knows nothing that counts.
    epoch = max(roster.epoch for roster in rosters)
    rosters = [roster for roster in rosters if roster.epoch == epoch]
    started, gone = _started(rosters), _gone(rosters)
    ours = [
        member
        for roster in rosters
        for member in roster.members
        if member.node_id not in gone and _urls_of(member) & set(urls)
    ]
    free = {member.node_id for member in ours} - started
    if len(free) > 1:
        shown = " and ".join(f"{node_id:x}" for node_id in sorted(free))
        raise ConfigError(
            f"members {shown} were added with this node's peer URL, and none of them"
            " has started; remove one with `raftwerk member remove`"
        )
    if free:
        return Place(cluster_ids[0], free.pop(), epoch)
    if ours:
        # Whoever has seen it start knows its name, too.
        return Lost(_words_for(max(ours, key=lambda member: member.has_started)))
    return Nowhere()


def judge_start(
    rosters: Sequence[Roster], urls: Collection[Url], place: Place
) -> Place | Lost | Found:
    """Judge what a node is that was told to found a cluster, and has no data.

    Parameters
    ----------
    rosters : sequence of Roster
        What members say, perhaps nothing.
    urls : collection of Url
        Where the node's own peers are told to come.
    place : Place
        What the node would be in the cluster that it was told to found.

    Returns
    -------
    Place, Lost or Found
        Another place if it was replaced already.

    Raises
    ------
    ConfigError
        If its peers have founded another cluster.
    """
    others = {roster.cluster_id for roster in rosters} - {place.cluster_id}
    if others:
        raise ConfigError(
            f"initial-cluster would found cluster {place.cluster_id:x}, but peers in it"
            f" belong to cluster {others.pop():x}; to join that one, have this node"
            " added with `raftwerk member add` and start it with"
            " --initial-cluster-state existing"
        )
    if place.node_id not in _started(rosters) | _gone(rosters):
        return Found()
    verdict = judge_joining(rosters, urls)
    if isinstance(verdict, Nowhere):
        name_less = KnownMember(node_id=place.node_id)
        return Lost(_words_for(name_less, is_gone=True))
    return verdict


def _started(rosters: Iterable[Roster]) -> set[NodeId]:
    """Return all whom somebody has seen to start."""
    return {
        member.node_id
        for roster in rosters
        for member in roster.members
        if member.has_started
    }


def _gone(rosters: Iterable[Roster]) -> set[NodeId]:
    """Return all who are members no more, as somebody knows."""
    return {node_id for roster in rosters for node_id in roster.removed}


def _urls_of(member: KnownMember) -> set[Url]:
    """Return the peer URLs of a member that can be read."""
    urls = set()
    for text in member.peer_urls:
        try:
            urls.add(Url.parse("peer URL", text))
        except ConfigError:
            continue
    return urls


def _words_for(member: KnownMember, *, is_gone: bool = False) -> str:
    """Say to an operator what has happened, and what helps."""
    who = f"member {member.node_id:x}" + (f" ({member.name})" if member.name else "")
    if is_gone:
        return (
            f"{who} was removed from this cluster, and an id is never used again; have"
            " this node added with `raftwerk member add`"
        )
    return (
        f"{who} has lost its data directory, and with it what it promised; run"
        f" `raftwerk member replace {member.node_id:x}` against the rest of the cluster"
    )
