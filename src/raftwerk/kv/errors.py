"""Why the store refuses a request: nothing was changed, and nothing will be.

One type for each of etcd's reasons; how each is said on a wire is the face's business.
The store returns a refusal as the result of a command, for it is as much agreed upon
as a success: every member refuses alike.
"""

from raftwerk.errors import RequestError

__all__ = [
    "CorruptCluster",
    "CompactedRevision",
    "DuplicateKey",
    "EmptyKey",
    "FutureRevision",
    "InvalidCompare",
    "InvalidSort",
    "KeyNotFound",
    "KvError",
    "LeaseExists",
    "LeaseNotFound",
    "LeaseProvided",
    "LeaseTooLong",
    "NoSpace",
    "TooManyOperations",
    "ValueProvided",
]


class KvError(RequestError):
    """The store refused a request and is as it was."""


class EmptyKey(KvError):
    """A request names no key; a range that begins with an empty key is one of these."""


class KeyNotFound(KvError):
    """A put is to keep the value or lease of a key that is not there.

    etcd's word also for an operation of a transaction that says nothing.
    """


class ValueProvided(KvError):
    """A put is to keep the value, and gives one."""


class LeaseProvided(KvError):
    """A put is to keep the lease, and gives one."""


class LeaseNotFound(KvError):
    """There is no such lease, or it has ended."""


class LeaseExists(KvError):
    """A lease is to have the id of another one."""


class LeaseTooLong(KvError):
    """A lease is to last longer than any may."""


class DuplicateKey(KvError):
    """Two operations of a transaction that may both run would write one key."""


class TooManyOperations(KvError):
    """A transaction has more compares or operations than are allowed."""


class InvalidSort(KvError):
    """A range is to be sorted by something that a key does not have."""


class InvalidCompare(KvError):
    """A compare looks at something that a key does not have, or in an unknown way."""


class FutureRevision(KvError):
    """The store has not come to this revision yet."""


class CompactedRevision(KvError):
    """What the store was like at this revision is forgotten."""


class NoSpace(KvError):
    """A member has no room for more, and an alarm says so; deletions are welcome."""


class CorruptCluster(KvError):
    """An alarm says that members differ; nothing may be changed before it is ended."""
