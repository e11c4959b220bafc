"""Which leases there are, what is attached to them, and in which term they are counted.

A lease is a promise: its keys stay for so long after somebody last asked for it. How
much of that is left is nobody's business here, for this machine has no clock. Leases
end by a command: of a client, or of the leader, who counts. A leader first says in the
log that it counts in its term (`LeadLeases`). From there on no expiry of another term
has any effect, so a leader that slept through its own fall can't end what others have
kept alive meanwhile (etcd issues 12528 and 15247), however it came into the log.

Leases have no revisions and no past: an older revision of the store shows the leases of
its keys, and whether these exist today is another question.
"""

from collections.abc import Collection, Generator, Iterable, Iterator
from heapq import merge
from itertools import islice
from typing import Final

import msgspec

from raftwerk.errors import require
from raftwerk.kv.records import KeyValue

__all__ = ["TTL_SECONDS_MAX", "TTL_SECONDS_MIN", "Lease", "Leases"]

TTL_SECONDS_MIN: Final = 2
"""The shortest that a lease lasts; also etcd's least with its default timeouts."""

TTL_SECONDS_MAX: Final = 9_000_000_000
"""The longest that a lease may last; etcd's."""

KEYS_PER_RUN: Final = 1_000
"""Keys that are sorted in one go, and merged with the others; under a millisecond."""

_NO_KEYS: Final[frozenset[bytes]] = frozenset()


class Lease(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One lease; changes make another value.

    Parameters
    ----------
    lease_id : int
        Its id; not 0, but maybe negative.
    ttl_seconds : int
        How long it lasts after it was kept alive.
    remaining_seconds : int
        What was left when that was last remembered; 0 if all of it is.
    """

    lease_id: int
    ttl_seconds: int
    remaining_seconds: int = 0

    @property
    def left_seconds(self) -> int:
        """How long it lasts for whoever begins to count."""
        return self.remaining_seconds or self.ttl_seconds


class Leases:
    """All leases, and the keys that are attached to each.

    Parameters
    ----------
    kvs : iterable of KeyValue
        The newest version of each key, to begin with.
    """

    __slots__ = ("_held", "_keys", "_leases", "_news", "has_news", "term")

    def __init__(self, kvs: Iterable[KeyValue] = ()) -> None:
        self._leases: dict[int, Lease] = {}
        self._keys: dict[int, set[bytes]] = {}
        self._held: list[tuple[bytes, int]] | None = None
        """While held: keys that were moved since, each with the lease that it had; 0
        for none. No dictionary: to let a large one grow takes long."""
        self._news: list[int] = []
        self.has_news = False
        """Whether there is something for `take_news`, be it only another term."""
        self.term = 0
        """The term whose leader counts; 0 before the first one."""
        for kv in kvs:
            if kv.lease:
                self.move(kv.key, 0, kv.lease)

    def __len__(self) -> int:
        return len(self._leases)

    def get(self, lease_id: int) -> Lease | None:
        """Return a lease.

        Parameters
        ----------
        lease_id : int
            Which.

        Returns
        -------
        Lease or None
            None if there is none.
        """
        return self._leases.get(lease_id)

    def all(self) -> list[Lease]:
        """Return all leases.

        Returns
        -------
        list of Lease
            In the order in which they were granted; later changes don't change it.
        """
        return list(self._leases.values())

    def keys(self, lease_id: int) -> list[bytes]:
        """Return what is attached to a lease.

        Parameters
        ----------
        lease_id : int
            Which.

        Returns
        -------
        list of bytes
            The keys in order.
        """
        return sorted(self._seen(lease_id))

    def keys_in_steps(self, lease_id: int) -> Generator[None, None, Iterator[bytes]]:
        """Return the same, in steps between which keys may be moved.

        Parameters
        ----------
        lease_id : int
            Which.

        Returns
        -------
        iterator of bytes
            The keys in order, as they were when the first step was made.

        Yields
        ------
        None
            After each `KEYS_PER_RUN` keys; never if there are few.
        """
        keys = iter(list(self._seen(lease_id)))
        runs = [sorted(islice(keys, KEYS_PER_RUN))]
        while run := list(islice(keys, KEYS_PER_RUN)):
            yield
            runs.append(sorted(run))
        return merge(*runs)

    def count(self, lease_id: int) -> int:
        """Return how many keys are attached to a lease.

        Parameters
        ----------
        lease_id : int
            Which.

        Returns
        -------
        int
            With what is held.
        """
        return len(self._keys.get(lease_id, _NO_KEYS))

    def _seen(self, lease_id: int) -> Collection[bytes]:
        """Return the keys that are attached to a lease for who reads."""
        keys = self._keys.get(lease_id, _NO_KEYS)
        if not self._held:
            return keys
        held: dict[bytes, int] = {}
        for key, before in self._held:
            held.setdefault(key, before)
        moved = [key for key, before in held.items() if before == lease_id]
        return moved + [key for key in keys if key not in held]

    def hold(self) -> None:
        """Have nobody see from now on to which leases keys are moved."""
        self._held = []

    def release(self) -> list[tuple[bytes, int]]:
        """Have it be seen.

        Returns
        -------
        list of tuple of bytes and int
            What was remembered of the keys that were moved: to be emptied in steps, for
            to let go of all at once takes long.
        """
        held, self._held = self._held, None
        return held or []

    def put(self, lease: Lease) -> None:
        """Take in a lease, or what is remembered of it now.

        Parameters
        ----------
        lease : Lease
            Its new value.
        """
        if lease.lease_id not in self._leases:
            self._news.append(lease.lease_id)
            self.has_news = True
        self._leases[lease.lease_id] = lease

    def remove(self, lease_id: int) -> None:
        """Let go of a lease; its keys are deleted by then.

        Parameters
        ----------
        lease_id : int
            Which; it exists.
        """
        del self._leases[lease_id]
        self._news.append(lease_id)
        self.has_news = True

    def lead(self, term: int) -> None:
        """Know in which term the leader counts that does so from now on.

        Parameters
        ----------
        term : int
            Its term.
        """
        self.term = term
        self.has_news = True

    def take_news(self) -> list[int]:
        """Return which leases were granted or have ended since the last call.

        Returns
        -------
        list of int
            Their ids, in the order in which it happened.
        """
        news, self._news, self.has_news = self._news, [], False
        return news

    def move(self, key: bytes, before: int, after: int) -> None:
        """Attach a key to another lease than before.

        Parameters
        ----------
        key : bytes
            Which.
        before : int
            The lease that it is attached to; 0 for none.
        after : int
            The lease that it is to be attached to; 0 for none.
        """
        if before == after:
            return
        if self._held is not None:
            self._held.append((key, before))
        if before:
            keys = self._keys[before]
            keys.remove(key)
            if not keys:
                del self._keys[before]
        if after:
            self._keys.setdefault(after, set()).add(key)

    def check(self, kvs: Iterable[KeyValue]) -> None:
        """Raise unless what must be true of any leases is true of these.

        Parameters
        ----------
        kvs : iterable of KeyValue
            The newest version of each key.

        Raises
        ------
        InvariantViolation
            If it is not.
        """
        wanted: dict[int, set[bytes]] = {}
        for kv in kvs:
            if kv.lease:
                wanted.setdefault(kv.lease, set()).add(kv.key)
        require(self._keys == wanted, "each key is attached to the lease that it names")
        require(
            self._keys.keys() <= self._leases.keys(),
            "each lease that a key names exists",
        )
