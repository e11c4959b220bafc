"""The runtime's own records in the log: what they may say.

They travel beside the commands of the state machine, in envelopes of their own kind.
Whoever adds one has it proposed with the cluster version that knows it (`versions`).
"""

from typing import Final, TypeAlias

import msgspec

from raftwerk.errors import UnknownFormat
from raftwerk.runtime.drift import DriftReport
from raftwerk.runtime.members import PublishMember

__all__ = [
    "CloseSession",
    "OpenSession",
    "PassTime",
    "Record",
    "decode_record",
    "encode_record",
]


class OpenSession(msgspec.Struct, frozen=True, tag=True):
    """Begin a session; its id is the index of this entry (thesis §6.3)."""


class CloseSession(msgspec.Struct, frozen=True, tag=True):
    """End a session."""

    session: int


class PassTime(msgspec.Struct, frozen=True, tag=True):
    """So many seconds have passed, says the leader of this entry's term."""

    seconds: int


Record: TypeAlias = PublishMember | DriftReport | OpenSession | CloseSession | PassTime

_ENCODER: Final = msgspec.msgpack.Encoder()
_DECODER: Final = msgspec.msgpack.Decoder(Record)


def encode_record(record: Record) -> bytes:
    """Return a record as it is proposed.

    Parameters
    ----------
    record : Record
        Any.

    Returns
    -------
    bytes
        What `decode_record` reads.
    """
    return _ENCODER.encode(record)


def decode_record(content: bytes) -> Record:
    """Return the record that is in an envelope.

    Parameters
    ----------
    content : bytes
        From `encode_record`.

    Returns
    -------
    Record
        Any.

    Raises
    ------
    UnknownFormat
        If a newer version wrote it.
    """
    try:
        record: Record = _DECODER.decode(content)
    except msgspec.DecodeError as error:
        raise UnknownFormat(
            f"a record of the runtime can't be read ({error}); start a newer"
            " version of raftwerk on this data directory"
        ) from error
    return record
