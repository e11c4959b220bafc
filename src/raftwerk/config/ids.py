"""The ids of a cluster's first start, which every node computes alike.

Nobody hands them out, so they must follow from what all nodes are told: the peer URLs
and the cluster's token, as in etcd. Members that are added later draw theirs at random.
"""

import hashlib
from collections.abc import Iterable

from raftwerk.config.url import Url
from raftwerk.types import NodeId

__all__ = ["cluster_id_of", "member_id_of"]


def member_id_of(peer_urls: Iterable[Url], token: str) -> NodeId:
    """Return the id of a member of a first start; all nodes compute the same.

    The first eight bytes of the SHA-256 of token and sorted URLs, read big-endian as an
    unsigned number. Members that are added later draw their id at random.

    Parameters
    ----------
    peer_urls : iterable of Url
        Where the member's peers reach it, in any order.
    token : str
        The cluster's token.

    Returns
    -------
    NodeId
        Never 0: that stands for "nobody" on the wire.

    Examples
    --------
    >>> f"{member_id_of([Url('127.0.0.1', 2380)], 'raftwerk-cluster'):x}"
    '3fd0bdf1ade82605'
    """
    return NodeId(_number_of("member", token, *map(str, sorted(set(peer_urls)))))


def cluster_id_of(member_ids: Iterable[NodeId], token: str) -> int:
    """Return the id of a cluster that these members found; all nodes compute the same.

    Parameters
    ----------
    member_ids : iterable of NodeId
        The members of the first start, in any order.
    token : str
        The cluster's token.

    Returns
    -------
    int
        An unsigned number of 64 bits, never 0, made as in `member_id_of`.
    """
    ids = (f"{member_id:016x}" for member_id in sorted(set(member_ids)))
    return _number_of("cluster", token, *ids)


def _number_of(*parts: str) -> int:
    """Return a number of 64 bits, never 0, that depends on all parts."""
    # NUL can't be part of a URL or a token, so two lists of parts never look alike.
    digest = hashlib.sha256("\0".join(parts).encode()).digest()
    return int.from_bytes(digest[:8], "big") or 1
