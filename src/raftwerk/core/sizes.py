"""How large entries count, and how many of them fit a bound."""

from collections.abc import Sequence
from typing import Final

from raftwerk.core.config import NO_LIMIT
from raftwerk.core.records import Entry

__all__ = ["ENTRY_OVERHEAD_BYTES", "entries_bytes", "limit_bytes", "payload_bytes"]

ENTRY_OVERHEAD_BYTES: Final = 16
"""What an entry counts beside its data: term, index and kind, encoded."""


def payload_bytes(entries: Sequence[Entry]) -> int:
    """Return the bytes of data in entries.

    Parameters
    ----------
    entries : sequence of Entry
        Any entries.

    Returns
    -------
    int
        Bytes of their data alone; a leader's first entry counts nothing.
    """
    return sum([len(entry.data) for entry in entries])


def entries_bytes(entries: Sequence[Entry]) -> int:
    """Return the bytes that entries count for messages and pages.

    Parameters
    ----------
    entries : sequence of Entry
        Any entries.

    Returns
    -------
    int
        Bytes of data and overhead.
    """
    return payload_bytes(entries) + ENTRY_OVERHEAD_BYTES * len(entries)


def limit_bytes(entries: Sequence[Entry], bytes_max: int) -> Sequence[Entry]:
    """Return the longest beginning that fits a bound, but at least one entry.

    Parameters
    ----------
    entries : sequence of Entry
        What there is.
    bytes_max : int
        The bound in bytes.

    Returns
    -------
    sequence of Entry
        The same object if all fit.
    """
    if bytes_max >= NO_LIMIT or len(entries) <= 1:
        return entries
    total = 0
    for count, entry in enumerate(entries):
        total += len(entry.data) + ENTRY_OVERHEAD_BYTES
        if total > bytes_max and count > 0:
            return entries[:count]
    return entries
