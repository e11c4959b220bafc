"""Who has started where, as the log says before it is applied.

A member tells through the log in which data directory it lives. That it has started is
true from then on, committed or not. After a restart such an entry waits for a quorum
to be applied, and one that has lost its data must be no part of that very quorum: so
whether a peer may speak to us is judged by all that the log has.
"""

from collections.abc import Mapping
from typing import Final

import msgspec

from raftwerk.core.log import RaftLog
from raftwerk.core.records import EntryKind
from raftwerk.runtime.envelope import EnvelopeKind, content_of
from raftwerk.runtime.members import PublishMember
from raftwerk.types import LogIndex, NodeId

__all__ = ["said_directories"]

_PIECE_BYTES: Final = 1024 * 1024


def said_directories(log: RaftLog, applied_index: LogIndex) -> Mapping[NodeId, int]:
    """Return in which data directories members have started, as entries say.

    Parameters
    ----------
    log : RaftLog
        The log.
    applied_index : LogIndex
        What is applied is in the record of members.

    Returns
    -------
    mapping of NodeId to int
        The newest directory of each that is named in an entry behind it.
    """
    said: dict[NodeId, int] = {}
    start = max(LogIndex(applied_index + 1), log.first_index)
    stop = LogIndex(log.last_index + 1)
    while start < stop:
        entries = log.read(start, stop, _PIECE_BYTES)
        for entry in entries:
            if entry.kind is not EntryKind.COMMAND or not entry.data:
                continue
            if entry.data[0] == EnvelopeKind.RECORD:
                member = _read(content_of(entry.data))
                if member is not None:
                    said[member.member.node_id] = member.member.directory_id
        start = LogIndex(entries[-1].index + 1)
    return said


def _read(content: bytes) -> PublishMember | None:
    """Return what a record says; whoever applies it finds out what is wrong with it."""
    try:
        return msgspec.msgpack.decode(content, type=PublishMember)
    except msgspec.DecodeError:
        return None
