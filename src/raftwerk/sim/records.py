"""What the clients of a simulated group remember, to be judged at the end."""

from collections import Counter

import msgspec

from raftwerk.kv import Event, Range, RangeResult
from raftwerk.sim.history import Operation

__all__ = [
    "Holding",
    "Looked",
    "Records",
    "Repeated",
    "Sweep",
    "Transfer",
    "Watched",
]


class Transfer(msgspec.Struct, frozen=True, kw_only=True):
    """A transaction on two keys: with puts it writes, without it reads.

    Parameters
    ----------
    keys : tuple of bytes
        Both.
    started, ended : float
        When; without a revision `ended` means nothing.
    revision : int or None
        The store's when it was answered; None: nobody knows.
    puts : tuple of bytes
        What was to be put, if the compares hold.
    expected : tuple of int
        The mod revisions that were compared.
    succeeded : bool
        Whether they held.
    found : tuple of bytes or None
        What a read found.
    """

    keys: tuple[bytes, bytes]
    started: float
    ended: float = 0.0
    revision: int | None = None
    puts: tuple[bytes, ...] = ()
    expected: tuple[int, ...] = ()
    succeeded: bool = False
    found: tuple[bytes | None, ...] = ()


class Holding(msgspec.Struct, frozen=True):
    """That a client was told to own a lock.

    Parameters
    ----------
    client : int
        Who.
    name, key : bytes
        The lock, and the key that holds it.
    revision : int
        The store's when that was so.
    told : float
        When the client heard of it.
    """

    client: int
    name: bytes
    key: bytes
    revision: int
    told: float


class Repeated(msgspec.Struct):
    """A value that was to be written once, however often that was asked for.

    Parameters
    ----------
    client : int
        Who asked.
    key, value : bytes
        What was to be written; nobody else writes the value.
    revisions : list of int
        At which it was written, by each answer that came.
    """

    client: int
    key: bytes
    value: bytes
    revisions: list[int]


class Sweep(msgspec.Struct, frozen=True, kw_only=True):
    """That all keys of a range were deleted at once.

    Parameters
    ----------
    client : int
        Who asked.
    prefix, range_end : bytes
        The range; nobody else writes there.
    started : float
        When it was asked for.
    revision : int
        At which it was done.
    deleted : int
        How many keys there were.
    """

    client: int
    prefix: bytes
    range_end: bytes
    started: float
    revision: int
    deleted: int


class Looked(msgspec.Struct, frozen=True, kw_only=True):
    """What a client saw that looked at several keys.

    Parameters
    ----------
    client : int
        Who.
    request : Range
        What was asked, in the order of keys, perhaps of an older revision.
    result : RangeResult
        What was told.
    """

    client: int
    request: Range
    result: RangeResult


class Watched(msgspec.Struct):
    """What one who watches a range was told.

    Parameters
    ----------
    client : int
        Who.
    prefix, range_end : bytes
        What is watched.
    next_revision : int
        Up to before which all was told.
    events : list of Event
        In the order in which they came.
    gaps : list of tuple of int
        What was said to be forgotten: from, and up to before.
    """

    client: int
    prefix: bytes
    range_end: bytes
    next_revision: int = 1
    events: list[Event] = msgspec.field(default_factory=list)
    gaps: list[tuple[int, int]] = msgspec.field(default_factory=list)


class Records:
    """All that all clients remember.

    Attributes
    ----------
    operations : list of Operation
        On single keys.
    transfers : list of Transfer
        On two.
    holdings : list of Holding
        Locks.
    leases : dict of int to tuple
        When each was granted or kept alive last, as far as that was said, counted from
        when it was asked for; and for how many seconds.
    watches : list of Watched
        Changes.
    repeated : list of Repeated
        What was to be done once.
    sweeps : list of Sweep
        What was deleted at once.
    looks : list of Looked
        What was seen of several keys.
    writes : int
        Writes of single keys that were acknowledged.
    outcomes : Counter
        How often what happened.
    """

    def __init__(self) -> None:
        self.operations: list[Operation] = []
        self.transfers: list[Transfer] = []
        self.holdings: list[Holding] = []
        self.leases: dict[int, tuple[float, int]] = {}
        self.watches: list[Watched] = []
        self.repeated: list[Repeated] = []
        self.sweeps: list[Sweep] = []
        self.looks: list[Looked] = []
        self.writes = 0
        self.outcomes: Counter[str] = Counter()

    def count(self, what: str) -> None:
        """Count something that happened.

        Parameters
        ----------
        what : str
            In a few words.
        """
        self.outcomes[what] += 1
