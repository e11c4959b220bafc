"""What the store may be told, with the words and defaults of etcd's API.

The same types are requests of the service and, encoded, the commands in the log: there
is no second form to translate into. `Range` alone is only a command as an operation of
a transaction. The first byte of an encoded command is the version of the encoding that
it needs; it is checked before anything is applied. Whoever appends a field to a command
gives it a default, so that older logs can be read, and its own version to the commands
that use it, so that older members don't overlook it.
"""

import enum
from typing import Final, TypeAlias

import msgspec

from raftwerk.errors import InvariantViolation, UnknownFormat

__all__ = [
    "COMMAND_VERSION",
    "AlarmKind",
    "CheckpointLeases",
    "Command",
    "Compact",
    "Compare",
    "CompareResult",
    "CompareTarget",
    "DeleteRange",
    "ExpireLeases",
    "GrantLease",
    "LeadLeases",
    "LeaseCommand",
    "Nothing",
    "Operation",
    "Put",
    "Range",
    "RevokeLease",
    "SetAlarm",
    "SortOrder",
    "SortTarget",
    "Txn",
    "decode",
    "encode",
]

COMMAND_VERSION: Final = 2
"""The newest encoding that this store understands. 2 has leases and alarms."""


class SortOrder(enum.IntEnum):
    """How a range is sorted; a number beyond these leaves it in the order of keys."""

    NONE = 0
    """By keys; with another target than these: ascending."""
    ASCEND = 1
    DESCEND = 2


class SortTarget(enum.IntEnum):
    """What a range is sorted by."""

    KEY = 0
    VERSION = 1
    CREATE = 2
    MOD = 3
    VALUE = 4


class CompareResult(enum.IntEnum):
    """What must be true of the stored against the given operand."""

    EQUAL = 0
    GREATER = 1
    LESS = 2
    NOT_EQUAL = 3


class CompareTarget(enum.IntEnum):
    """What a compare looks at."""

    VERSION = 0
    CREATE = 1
    MOD = 2
    VALUE = 3
    LEASE = 4


class AlarmKind(enum.IntEnum):
    """What may be wrong with a member, so that all must heed it."""

    NONE = 0
    NOSPACE = 1
    """It has no room: nothing may be put that takes any."""
    CORRUPT = 2
    """It is not as the others are: nothing may be changed."""


class Range(msgspec.Struct, frozen=True, array_like=True, tag=0, gc=False):
    """Read keys: those of ``[key, range_end)``, see `spans.span_of`.

    Parameters
    ----------
    key : bytes
        The first key.
    range_end : bytes
        Empty for one key, one NUL byte for all keys from `key` on.
    limit : int
        How many to return at most; 0 or below for all.
    revision : int
        At which revision; 0 or below for the newest.
    sort_order : int
        One of `SortOrder`.
    sort_target : int
        One of `SortTarget`.
    serializable : bool
        Whether an answer of any member will do, even an outdated one.
    keys_only : bool
        Whether to leave the values out.
    count_only : bool
        Whether to return nothing but the number of keys.
    min_mod_revision : int
        Leaves keys out that were changed earlier; 0 for none. So do the next three.
    max_mod_revision : int
        Leaves keys out that were changed later.
    min_create_revision : int
        Leaves keys out that were created earlier.
    max_create_revision : int
        Leaves keys out that were created later.
    """

    key: bytes
    range_end: bytes = b""
    limit: int = 0
    revision: int = 0
    sort_order: int = SortOrder.NONE
    sort_target: int = SortTarget.KEY
    serializable: bool = False
    keys_only: bool = False
    count_only: bool = False
    min_mod_revision: int = 0
    max_mod_revision: int = 0
    min_create_revision: int = 0
    max_create_revision: int = 0


class Put(msgspec.Struct, frozen=True, array_like=True, tag=1, gc=False):
    """Set a key.

    Parameters
    ----------
    key : bytes
        Which.
    value : bytes
        To what.
    lease : int
        The lease that the key is to end with; 0 detaches it from any.
    prev_kv : bool
        Whether to return the version before.
    ignore_value : bool
        Whether to keep the value that the key has.
    ignore_lease : bool
        Whether to keep the lease that the key has.
    """

    key: bytes
    value: bytes = b""
    lease: int = 0
    prev_kv: bool = False
    ignore_value: bool = False
    ignore_lease: bool = False


class DeleteRange(msgspec.Struct, frozen=True, array_like=True, tag=2, gc=False):
    """Delete keys: those of ``[key, range_end)``, see `spans.span_of`.

    Parameters
    ----------
    key : bytes
        The first key.
    range_end : bytes
        Empty for one key, one NUL byte for all keys from `key` on.
    prev_kv : bool
        Whether to return what was deleted.
    """

    key: bytes
    range_end: bytes = b""
    prev_kv: bool = False


class Compare(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A condition of a transaction: the stored, `result`, the operand.

    Parameters
    ----------
    key : bytes
        Which key.
    range_end : bytes
        If not empty, every key of the range must satisfy it.
    result : int
        One of `CompareResult`.
    target : int
        One of `CompareTarget`.
    number : int
        The operand, if the target is not the value.
    value : bytes
        The operand, if it is.
    """

    key: bytes
    range_end: bytes = b""
    result: int = CompareResult.EQUAL
    target: int = CompareTarget.VERSION
    number: int = 0
    value: bytes = b""


class Txn(msgspec.Struct, frozen=True, array_like=True, tag=3):
    """All of `success` if all of `compare` hold, else all of `failure`; as one change.

    Parameters
    ----------
    compare : tuple of Compare
        Evaluated before anything is done, those of nested transactions too.
    success : tuple of Operation
        Done in order; each sees what those before it did.
    failure : tuple of Operation
        The same, if a compare does not hold.
    """

    compare: tuple[Compare, ...] = ()
    success: "tuple[Operation, ...]" = ()
    failure: "tuple[Operation, ...]" = ()


class Nothing(msgspec.Struct, frozen=True, array_like=True, tag=5, gc=False):
    """An operation that says nothing: a wire can have one, but it is always refused."""


class Compact(msgspec.Struct, frozen=True, array_like=True, tag=4, gc=False):
    """Forget what can't be seen at this revision or a later one.

    Parameters
    ----------
    revision : int
        The oldest that stays readable.
    """

    revision: int


class GrantLease(msgspec.Struct, frozen=True, array_like=True, tag=6, gc=False):
    """Begin a lease.

    Parameters
    ----------
    lease : int
        Its id; not 0.
    ttl_seconds : int
        How long it lasts after it was kept alive; raised to the least that is allowed.
    """

    lease: int
    ttl_seconds: int


class RevokeLease(msgspec.Struct, frozen=True, array_like=True, tag=7, gc=False):
    """End a lease, and delete the keys that are attached to it.

    Parameters
    ----------
    lease : int
        Its id.
    """

    lease: int


class ExpireLeases(msgspec.Struct, frozen=True, array_like=True, tag=8, gc=False):
    """End leases whose time is up, as the leader of a term counts it.

    Parameters
    ----------
    term : int
        That in which its proposer leads; under another one it does nothing.
    leases : tuple of int
        Which; those that have ended meanwhile are passed over.
    """

    term: int
    leases: tuple[int, ...]


class CheckpointLeases(msgspec.Struct, frozen=True, array_like=True, tag=9, gc=False):
    """Remember how long leases still last, for a leader that begins to count.

    Parameters
    ----------
    term : int
        As in `ExpireLeases`.
    remaining : tuple of tuple of int
        Pairs of a lease and its seconds, rounded up; 0 for all of its time.
    """

    term: int
    remaining: tuple[tuple[int, int], ...]


class LeadLeases(msgspec.Struct, frozen=True, array_like=True, tag=10, gc=False):
    """Know that the leader of this term counts the leases from now on.

    Parameters
    ----------
    term : int
        Its term.
    """

    term: int


class SetAlarm(msgspec.Struct, frozen=True, array_like=True, tag=11, gc=False):
    """Raise an alarm, or end it.

    Parameters
    ----------
    raised : bool
        Whether it is raised.
    member_id : int
        Whose it is.
    alarm : int
        One of `AlarmKind`.
    """

    raised: bool
    member_id: int
    alarm: int


Operation: TypeAlias = Range | Put | DeleteRange | Txn | Nothing
"""What a transaction may do."""

LeaseCommand: TypeAlias = (
    GrantLease | RevokeLease | ExpireLeases | CheckpointLeases | LeadLeases
)
"""What is said of leases."""

Command: TypeAlias = Put | DeleteRange | Txn | Compact | LeaseCommand | SetAlarm
"""What may stand in the log."""

_DECODER: Final = msgspec.msgpack.Decoder(Command)
_ENCODER: Final = msgspec.msgpack.Encoder()
_FIRST_PREFIX: Final = bytes([1])
_PREFIXES: Final[dict[type, bytes]] = {
    kind: bytes([2])
    for kind in (
        GrantLease,
        RevokeLease,
        ExpireLeases,
        CheckpointLeases,
        LeadLeases,
        SetAlarm,
    )
}
"""The versions of those commands that the first one does not have."""


def encode(command: Command) -> bytes:
    """Return the bytes of a command, as they are proposed.

    Parameters
    ----------
    command : Command
        Any.

    Returns
    -------
    bytes
        What `decode` reads; equal commands give equal bytes.

    Examples
    --------
    >>> decode(encode(Put(b"name", b"value"))).value
    b'value'
    """
    prefix = _PREFIXES.get(type(command), _FIRST_PREFIX)
    return prefix + _ENCODER.encode(command)


def decode(data: bytes) -> Command:
    """Return the command that `encode` wrote.

    Parameters
    ----------
    data : bytes
        A command from the log.

    Returns
    -------
    Command
        Any; it keeps no reference to `data`.

    Raises
    ------
    UnknownFormat
        If a newer version wrote it.
    InvariantViolation
        If it is no command at all: the log gives back what was proposed, and only
        commands are.
    """
    version = data[0] if data else 0
    if version > COMMAND_VERSION:
        raise UnknownFormat(
            f"a command needs version {version} of the store's commands; this version"
            f" of raftwerk reads {COMMAND_VERSION}"
        )
    if version < 1:
        raise InvariantViolation(f"a command in the log begins with {data[:1]!r}")
    try:
        command: Command = _DECODER.decode(memoryview(data)[1:])
    except msgspec.DecodeError as error:
        raise InvariantViolation(f"a command in the log is none: {error}") from error
    return command
