"""What a member tells its peers of its disk, beside the core's heartbeats.

The core's own messages are etcd's and know nothing of disks. So this one travels with
them: in the same turn, on the same lane, most often in the same frame.
"""

from raftwerk.core.messages import Message

__all__ = ["DiskReport"]


class DiskReport(Message, frozen=True, kw_only=True, tag=True, gc=False):
    """How my disk is at this moment."""

    sync_seconds: float
    """How long syncs take of late: the slowest, or the one that runs, if it is slower.
    """
    shortage: str = ""
    """What room my disk lacks, in words; "": it has enough."""
    refusal: str = ""
    """Why I take no commands as the leader, in words for a client; "" if I do."""
