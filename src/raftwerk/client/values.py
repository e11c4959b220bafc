"""What a client is answered: values of etcd's API, read straight from its JSON.

Numbers of 64 bits come as texts and bytes as base64; what is zero or empty is left out.
"""

from typing import Any

import msgspec

__all__ = [
    "Deleted",
    "Done",
    "Header",
    "KeyValue",
    "Found",
    "Member",
    "MemberList",
    "MemberStatus",
    "Written",
]


class Header(msgspec.Struct, frozen=True):
    """Who answered, and at which revision.

    Parameters
    ----------
    cluster_id, member_id : int
        Whose answer it is.
    revision : int
        The store's when the answer was made; 0 where it has none.
    raft_term : int
        The member's term.
    """

    cluster_id: int = 0
    member_id: int = 0
    revision: int = 0
    raft_term: int = 0


class KeyValue(msgspec.Struct, frozen=True):
    """A key with its value.

    Parameters
    ----------
    key, value : bytes
        As they were put.
    create_revision, mod_revision : int
        When the key was put first, and last.
    version : int
        How often it was put since.
    lease : int
        What it lives as long as; 0: it stays.
    """

    key: bytes
    value: bytes = b""
    create_revision: int = 0
    mod_revision: int = 0
    version: int = 0
    lease: int = 0


class Written(msgspec.Struct, frozen=True):
    """The answer to a put.

    Parameters
    ----------
    header : Header
        With the write's revision.
    prev_kv : KeyValue or None
        What was there before, if that was asked for.
    """

    header: Header
    prev_kv: KeyValue | None = None


class Found(msgspec.Struct, frozen=True):
    """The answer to a read.

    Parameters
    ----------
    header : Header
        With the store's revision.
    kvs : tuple of KeyValue
        What was found.
    more : bool
        Whether a limit cut some off.
    count : int
        How many there are, whatever the limit.
    """

    header: Header
    kvs: tuple[KeyValue, ...] = ()
    more: bool = False
    count: int = 0


class Deleted(msgspec.Struct, frozen=True):
    """The answer to a deletion.

    Parameters
    ----------
    header : Header
        With the revision after it.
    deleted : int
        How many keys there were.
    prev_kvs : tuple of KeyValue
        They, if that was asked for.
    """

    header: Header
    deleted: int = 0
    prev_kvs: tuple[KeyValue, ...] = ()


class Done(msgspec.Struct, frozen=True):
    """The answer to a transaction.

    Parameters
    ----------
    header : Header
        With the revision after it.
    succeeded : bool
        Whether all that was compared held.
    responses : tuple of dict
        The answer of each operation that was done, as etcd has it.
    """

    header: Header
    succeeded: bool = False
    responses: tuple[dict[str, Any], ...] = ()


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """A member, as the documented API shows it.

    Parameters
    ----------
    id : int
        Who.
    name : str
        Empty until it has started.
    peer_urls, client_urls : tuple of str
        Where it is reached.
    is_learner : bool
        Whether it has no vote.
    is_leader : bool
        Whether it leads.
    has_started : bool
        Whether it was ever seen.
    replaces : int or None
        Whose place it is to take.
    match_index : int or None
        Up to here its log is known to be the leader's.
    lag : int or None
        How many entries it lacks.
    is_connected : bool or None
        Whether the leader has a connection to it.
    """

    id: int
    name: str = ""
    peer_urls: tuple[str, ...] = ()
    client_urls: tuple[str, ...] = ()
    is_learner: bool = False
    is_leader: bool = False
    has_started: bool = True
    replaces: int | None = None
    match_index: int | None = None
    lag: int | None = None
    is_connected: bool | None = None


class MemberList(msgspec.Struct, frozen=True, kw_only=True):
    """The cluster at one moment, as its leader or the member that was asked has it.

    Parameters
    ----------
    cluster_id : int
        Which.
    leader : int or None
        Who leads, if that is known.
    term : int
        In which term.
    commit_index, last_log_index : int
        How far the log is.
    quorum : int
        How many voters must agree.
    is_joint : bool
        Whether a change of members is half done.
    members : tuple of Member
        All of them.
    """

    cluster_id: int
    leader: int | None
    term: int
    commit_index: int
    last_log_index: int
    quorum: int
    is_joint: bool
    members: tuple[Member, ...]


class MemberStatus(msgspec.Struct, frozen=True, kw_only=True):
    """What one member says of itself.

    Parameters
    ----------
    id : int
        Who.
    name : str
        For people.
    state : str
        FOLLOWER, PRE_CANDIDATE, CANDIDATE, LEADER or LEARNER.
    term : int
        In which it is.
    leader : int or None
        Whom it knows to lead.
    commit_index, applied_index, first_index, last_log_index : int
        How far its log and its store are.
    version : str
        Of raftwerk.
    last_log_term : int
        The term of its last entry.
    epoch : int
        How often the cluster has lost its quorum and was recovered.
    """

    id: int
    name: str
    state: str
    term: int
    leader: int | None
    commit_index: int
    applied_index: int
    first_index: int
    last_log_index: int
    version: str
    last_log_term: int = 0
    epoch: int = 0
