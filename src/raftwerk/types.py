"""The numbers that may not be mixed up: a term is no index, a revision is neither."""

from typing import Final, NewType

__all__ = ["NO_INDEX", "NO_TERM", "LogIndex", "NodeId", "Revision", "Term"]

NodeId = NewType("NodeId", int)
"""One member of a group; never reused, never 0 (thesis §4)."""

Term = NewType("Term", int)
"""Logical time; at most one leader in each (Raft paper §5.1)."""

LogIndex = NewType("LogIndex", int)
"""The place of an entry in the log, counted from 1 (Raft paper §5.3)."""

Revision = NewType("Revision", int)
"""The version of the whole key-value store, as etcd counts it; not a log index."""

NO_TERM: Final = Term(0)
"""The term before the first election."""

NO_INDEX: Final = LogIndex(0)
"""The place before the first entry."""
