"""What members say about a snapshot's state, beside the core's own messages.

The core's `InstallSnapshot` carries a manifest; whoever receives it fetches the chunks
that belong to it, one after the other, and has the core install it when all are there.
"""

from raftwerk.core.messages import Message
from raftwerk.types import LogIndex, Term

__all__ = ["ChunkMessage", "ChunkUnavailable", "FetchChunk", "SnapshotChunk"]


class FetchChunk(Message, frozen=True, kw_only=True, tag=True, gc=False):
    """Send me this chunk, counted from 0, of this snapshot."""

    snapshot_index: LogIndex
    snapshot_term: Term
    number: int


class SnapshotChunk(Message, frozen=True, kw_only=True, tag=True, gc=False):
    """The chunk that was asked for."""

    snapshot_index: LogIndex
    snapshot_term: Term
    number: int
    data: bytes


class ChunkUnavailable(Message, frozen=True, kw_only=True, tag=True, gc=False):
    """That snapshot is not here any more: wait to be offered a newer one."""

    snapshot_index: LogIndex
    snapshot_term: Term


ChunkMessage = FetchChunk | SnapshotChunk | ChunkUnavailable
"""Every message of this kind."""
