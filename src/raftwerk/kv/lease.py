"""What happens to leases: granted, revoked, expired, remembered, counted anew.

Source: etcd's lessor, with one difference: what the leader says by its clock carries
the leader's term (see `leases`).
"""

from raftwerk.kv.commands import (
    CheckpointLeases,
    ExpireLeases,
    GrantLease,
    LeadLeases,
    RevokeLease,
)
from raftwerk.kv.errors import LeaseExists, LeaseNotFound, LeaseTooLong
from raftwerk.kv.leases import TTL_SECONDS_MAX, TTL_SECONDS_MIN, Lease
from raftwerk.kv.results import GrantResult, LeasesResult
from raftwerk.kv.state import State

__all__ = ["check_revoke", "checkpoint", "expire", "grant", "lead", "revoke"]


def grant(state: State, command: GrantLease) -> GrantResult:
    """Begin a lease.

    Parameters
    ----------
    state : State
        The store; its revision stays.
    command : GrantLease
        Which, and for how long.

    Returns
    -------
    GrantResult
        With the time that it lasts: what was asked for, or the least that is allowed.

    Raises
    ------
    LeaseNotFound
        If it has no id; the word is etcd's.
    LeaseTooLong
        If it is to last longer than any may.
    LeaseExists
        If there is one of this id.
    """
    if not command.lease:
        raise LeaseNotFound("a lease must have an id")
    if command.ttl_seconds > TTL_SECONDS_MAX:
        raise LeaseTooLong(
            f"a lease of {command.ttl_seconds} s is asked for; it may have"
            f" {TTL_SECONDS_MAX}"
        )
    if state.leases.get(command.lease) is not None:
        raise LeaseExists(f"there is a lease {command.lease} already")
    lease = Lease(command.lease, max(command.ttl_seconds, TTL_SECONDS_MIN))
    state.leases.put(lease)
    return GrantResult(state.revision, lease.ttl_seconds)


def revoke(state: State, command: RevokeLease) -> LeasesResult:
    """End a lease for whoever asks.

    Parameters
    ----------
    state : State
        The store; all keys of the lease are deleted at one revision, and if there are
        none, none is taken.
    command : RevokeLease
        Which.

    Returns
    -------
    LeasesResult
        With the revision of the deletions.

    Raises
    ------
    LeaseNotFound
        If there is none of this id.
    """
    check_revoke(state, command)
    _end(state, command.lease)
    return LeasesResult(state.revision, 1)


def check_revoke(state: State, command: RevokeLease) -> None:
    """Refuse to end what there is not.

    Parameters
    ----------
    state : State
        The store.
    command : RevokeLease
        Which lease.

    Raises
    ------
    LeaseNotFound
        If there is none of this id.
    """
    if state.leases.get(command.lease) is None:
        raise LeaseNotFound(f"there is no lease {command.lease}")


def expire(state: State, command: ExpireLeases) -> LeasesResult:
    """End leases whose time is up, each at a revision of its own.

    Parameters
    ----------
    state : State
        The store; as it was if another term's leader counts.
    command : ExpireLeases
        Which.

    Returns
    -------
    LeasesResult
        How many have ended by it.
    """
    ended = 0
    if command.term == state.leases.term:
        for lease_id in command.leases:
            if state.leases.get(lease_id) is not None:
                _end(state, lease_id)
                ended += 1
    return LeasesResult(state.revision, ended)


def checkpoint(state: State, command: CheckpointLeases) -> LeasesResult:
    """Remember how long leases still last.

    Parameters
    ----------
    state : State
        The store; as it was if another term's leader counts.
    command : CheckpointLeases
        Which, and how long.

    Returns
    -------
    LeasesResult
        How many there were.
    """
    changed = 0
    if command.term == state.leases.term:
        for lease_id, seconds in command.remaining:
            lease = state.leases.get(lease_id)
            if lease is not None:
                state.leases.put(Lease(lease_id, lease.ttl_seconds, seconds))
                changed += 1
    return LeasesResult(state.revision, changed)


def lead(state: State, command: LeadLeases) -> LeasesResult:
    """Have leases counted by the leader of another term.

    Parameters
    ----------
    state : State
        The store.
    command : LeadLeases
        Which term. It is not compared with the last one: such commands stand in the
        log in the order of terms, and a store that begins anew from a snapshot may
        begin with a lower one.

    Returns
    -------
    LeasesResult
        How many there are to be counted.
    """
    state.leases.lead(command.term)
    return LeasesResult(state.revision, len(state.leases))


def _end(state: State, lease_id: int) -> None:
    """Delete what is attached to a lease, then the lease."""
    keys = state.leases.keys(lease_id)
    found = [kv for key in keys if (kv := state.index.get(key)) is not None]
    state.delete(found, state.revision + 1)
    state.leases.remove(lease_id)
