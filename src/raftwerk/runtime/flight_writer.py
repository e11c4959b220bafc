"""The half of a flight recorder that runs beside the loop: hashes, encodes, writes."""

import msgspec

from raftwerk.core.ready import Ready
from raftwerk.runtime.flight_form import Beginning, Read, Record, Took
from raftwerk.runtime.flight_ring import FlightRing
from raftwerk.runtime.flight_shape import Leaf, digest, mapped

__all__ = ["FlightWriter", "Noted", "TookReady"]


class TookReady(msgspec.Struct, frozen=True, kw_only=True):
    """A `Took` that is not hashed yet.

    Parameters
    ----------
    ready : Ready
        What was taken.
    at_millis, reads, draws, outcome : int, tuple, tuple, str
        As `Took` has them.
    """

    ready: Ready
    at_millis: int
    reads: tuple[Read, ...] = ()
    draws: tuple[int, ...] = ()
    outcome: str = ""

    def hashed(self, leaf: Leaf | None) -> Took:
        """Return the record.

        Parameters
        ----------
        leaf : callable or None
            What stands for payloads; None: themselves.

        Returns
        -------
        Took
            With a hash in the place of the `Ready`.
        """
        return Took(
            at_millis=self.at_millis,
            reads=self.reads,
            draws=self.draws,
            outcome=self.outcome,
            digest=digest(self.ready, leaf),
        )


Noted = Record | TookReady | Beginning
"""What the loop hands over, in order; a `Beginning` begins the next file."""


class FlightWriter:
    """Writes what was noted, in batches; never two at a time.

    Parameters
    ----------
    ring : FlightRing
        The files.
    leaf : callable or None
        What stands for payloads; None: themselves.
    """

    def __init__(self, ring: FlightRing, leaf: Leaf | None) -> None:
        self._ring = ring
        self._leaf = leaf

    def write(self, batch: list[Noted]) -> int:
        """Write a batch.

        Parameters
        ----------
        batch : list of Record, TookReady or Beginning
            What came since the last one.

        Returns
        -------
        int
            The size of the file now, in bytes.

        Raises
        ------
        OSError
            If the disk refuses; the file is gone.
        """
        try:
            return self._write(batch)
        except BaseException:
            self._ring.abandon()
            raise

    def _write(self, batch: list[Noted]) -> int:
        """Do what `write` says."""
        ring, leaf = self._ring, self._leaf
        records: list[Record] = []
        for each in batch:
            if isinstance(each, Beginning):
                ring.add(records)
                records = []
                shown = each if leaf is None else mapped(each, leaf)
                sequence = ring.next_sequence()
                ring.begin(msgspec.structs.replace(shown, sequence=sequence))
                continue
            if isinstance(each, TookReady):
                took = each.hashed(leaf)
                reads = took.reads if leaf is None else mapped(took.reads, leaf)
                records.append(msgspec.structs.replace(took, reads=reads))
            else:
                records.append(each if leaf is None else mapped(each, leaf))
        ring.add(records)
        return ring.file_bytes

    def end(self, failed: bool) -> str:
        """End the file, as `FlightRing.end` does.

        Parameters
        ----------
        failed : bool
            Whether the member failed.

        Returns
        -------
        str
            Where the file is; empty if there is none.

        Raises
        ------
        OSError
            If the disk refuses.
        """
        return self._ring.end(failed=failed)
