"""Every exception that raftwerk raises, ordered by who is to act.

::

    RaftwerkError
    ├── ConfigError            the operator: a setting cannot work
    ├── InvariantViolation     us: a bug; stop this member and keep the evidence
    ├── StorageError           the machine: the disk refused or lied; stop this member
    │   ├── WalCorrupted       the operator: a checksum failed before the tail
    │   ├── DirectoryLocked    the operator: another process uses this data directory
    │   ├── DiskFull           the operator: no room; nothing is lost, make some
    │   └── UnknownFormat      the operator: files of a version that we can't read
    ├── MemberRemoved          the operator: this member's part in the group is over
    ├── Deadlock               us, or who drives a virtual loop: all wait for nothing
    ├── EntryCompacted         the caller: the entry is in the snapshot now, send that
    ├── EntryUnavailable       the caller: the log does not reach that far
    ├── SnapshotUnavailable    the caller: not ready yet, ask again later
    ├── MisuseError            the caller: an input that can't be meant; nothing changed
    │   ├── InconsistentState  what storage holds contradicts itself
    │   ├── UnknownPeer        an answer from a member that is not in the configuration
    │   └── InvalidChange      a membership change that is empty or can't be applied
    ├── NamesUnknown           the operator: nobody answers who is asked for names
    ├── PeerError              the other member: it sent what the protocol forbids
    └── RequestError           the client, told which of two worlds it is in
        ├── NotProposed        nothing happened: safe to retry
        │   ├── NotLeader      names the leader when it is known
        │   ├── Quarantined    this member's state differs from the others': ask another
        │   ├── ChangePending  another change of members is under way
        │   ├── NoRoom         a disk is full; says which, and how much it needs
        │   └── QueueFull      says how many are waiting
        ├── SessionExpired     nothing is done now; whether it was, nobody knows now
        ├── IdempotencyKeyReused  the key stands for another request; take a new one
        └── OutcomeUnknown     leadership was lost meanwhile: ask before you retry
"""

__all__ = [
    "ChangePending",
    "ConfigError",
    "Deadlock",
    "DirectoryLocked",
    "DiskFull",
    "EntryCompacted",
    "EntryUnavailable",
    "HookFailed",
    "IdempotencyKeyReused",
    "InconsistentState",
    "InvalidChange",
    "InvariantViolation",
    "MemberRemoved",
    "MisuseError",
    "NamesUnknown",
    "NoRoom",
    "NotLeader",
    "NotProposed",
    "OutcomeUnknown",
    "OutputLost",
    "PeerError",
    "Quarantined",
    "QueueFull",
    "RaftwerkError",
    "RequestError",
    "SessionExpired",
    "SnapshotUnavailable",
    "StorageError",
    "UnknownFormat",
    "UnknownPeer",
    "WalCorrupted",
    "require",
]


class RaftwerkError(Exception):
    """The root of all errors of this package."""


class ConfigError(RaftwerkError):
    """A setting cannot work; the message names it, its value and what is allowed."""


class InvariantViolation(RaftwerkError):
    """Something that raftwerk itself promises does not hold: a bug; stop the member."""


class StorageError(RaftwerkError):
    """The disk refused or lied; the member must stop and not try again."""


class WalCorrupted(StorageError):
    """A record that was durable once no longer matches its checksum."""


class DirectoryLocked(StorageError):
    """Another process holds the data directory."""


class DiskFull(StorageError):
    """There is no room on the disk; what waits is kept, and may be synced again."""


class UnknownFormat(StorageError):
    """The files were written by a version that this one can't read."""


class MemberRemoved(RaftwerkError):
    """The group has removed this member, for good; it takes part no more."""


class Deadlock(RaftwerkError):
    """On a virtual loop: every task waits, and nothing is left that could wake one."""


class EntryCompacted(RaftwerkError):
    """The entry lies below the first index: it is part of the snapshot now."""


class EntryUnavailable(RaftwerkError):
    """The entry lies above the last index of the log."""


class SnapshotUnavailable(RaftwerkError):
    """The snapshot is being made; ask again later."""


class HookFailed(RaftwerkError):
    """A role hook did not do what it should; the node goes on."""


class MisuseError(RaftwerkError):
    """An input that can't be meant; the state is as it was before."""


class InconsistentState(MisuseError):
    """What storage holds can't be the state of a member; the message says why."""


class UnknownPeer(MisuseError):
    """An answer came from a member that is not in the configuration."""


class InvalidChange(MisuseError):
    """A membership change that is empty, malformed, or can't be applied here."""


class NamesUnknown(RaftwerkError):
    """Names can't be looked up now: no server for them answers, or it fails."""


class OutputLost(RaftwerkError):
    """What was asked for is done, but what there is to say of it can't be printed."""


class PeerError(RaftwerkError):
    """A peer sent what the protocol forbids; the connection is closed."""


class RequestError(RaftwerkError):
    """A request of a client was not answered with a result."""


class NotProposed(RequestError):
    """Nothing happened and nothing will: it is safe to try again."""


class NotLeader(NotProposed):
    """This member does not lead; the message names the leader where it is known."""


class Quarantined(NotProposed):
    """This member's state differs from the others'; it answers when it is sound."""


class ChangePending(NotProposed):
    """Another change of members is under way, and there is one at a time."""


class NoRoom(NotProposed):
    """A disk that must hold it has no room; the message says where and how much."""


class QueueFull(NotProposed):
    """Too much is waiting already; the message says how much."""


class SessionExpired(RequestError):
    """The session has ended: nothing is done, and what was done nobody knows."""


class IdempotencyKeyReused(RequestError):
    """The key stands for another request, which is the one that was done."""


class OutcomeUnknown(RequestError):
    """The request may or may not take effect: look before you try again."""


def require(holds: bool, claim: str) -> None:
    """Raise `InvariantViolation` unless a promise holds; unlike `assert`, survives -O.

    Parameters
    ----------
    holds : bool
        Whether the claim is true.
    claim : str
        What raftwerk promises here, as a sentence.

    Raises
    ------
    InvariantViolation
        If `holds` is false; its message is the claim.

    Examples
    --------
    >>> require(2 * 2 > 3, "two of three are a majority")
    """
    if not holds:
        raise InvariantViolation(claim)
