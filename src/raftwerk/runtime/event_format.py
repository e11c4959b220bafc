"""Event records: what a node tells those who watch, and what a recording holds.

One record is one JSON object with ``type``, ``t`` (seconds since 1970, by the clock of
whoever tells) and, where it is told of a node, ``node``. Ids are texts: they have 64
bits, of which many readers of JSON keep 53. A recording is a header and then records,
one a line. `docs/reference/events.md` describes all of them; a reader passes over types
and fields that it does not know, so only a change of meaning needs a new version.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from raftwerk import __version__
from raftwerk.core.events import Event
from raftwerk.core.messages import AppendEntries, Message
from raftwerk.core.records import ConfState
from raftwerk.types import NodeId

__all__ = [
    "FORMAT",
    "VERSION",
    "Record",
    "describe_conf_state",
    "describe_event",
    "describe_message",
    "encode_record",
    "header_record",
    "id_text",
]

FORMAT: Final = "raftwerk-events"

VERSION: Final = 1
"""Readers refuse a greater one; they can't know what it means."""

Record = dict[str, Any]
"""One record, as it is before it is encoded."""

ID_FIELDS: Final = frozenset(
    {"candidate", "leader", "node", "peer", "sender", "transferee", "vote", "voter"}
)
"""Those fields of core events that hold an id."""

_encoder = msgspec.json.Encoder()


def encode_record(record: Mapping[str, Any]) -> bytes:
    """Return a record as one line of JSON, without its end.

    Parameters
    ----------
    record : mapping
        Of values that JSON has.

    Returns
    -------
    bytes
        It has no line break in it.
    """
    return _encoder.encode(record)


def header_record(source: str, t: float, **fields: object) -> Record:
    """Return the first record of every stream and recording.

    Parameters
    ----------
    source : str
        Who tells: ``node``, ``monitor``, ``demo`` or ``simulator``.
    t : float
        Seconds since 1970.
    **fields : object
        What else there is to say of it.

    Returns
    -------
    dict
        Names format, version and program.
    """
    return {
        "type": "header",
        "format": FORMAT,
        "version": VERSION,
        "t": t,
        "source": source,
        "program": f"raftwerk {__version__}",
        **fields,
    }


def id_text(node_id: NodeId | None) -> str | None:
    """Return an id as a text.

    Parameters
    ----------
    node_id : NodeId or None
        Perhaps nobody's.

    Returns
    -------
    str or None
        In decimal, as the API has it.
    """
    return None if node_id is None else str(node_id)


def describe_conf_state(conf_state: ConfState) -> Record:
    """Return a configuration; joint if there are outgoing voters.

    Parameters
    ----------
    conf_state : ConfState
        Any.

    Returns
    -------
    dict
        Its ids as texts.
    """
    return {
        "voters": [str(each) for each in conf_state.voters],
        "voters_outgoing": [str(each) for each in conf_state.voters_outgoing],
        "learners": [str(each) for each in conf_state.learners],
        "learners_next": [str(each) for each in conf_state.learners_next],
        "auto_leave": conf_state.auto_leave,
    }


def describe_event(event: Event, t: float) -> Record:
    """Return the record of what happened in the core.

    Parameters
    ----------
    event : Event
        Any of `raftwerk.core.events`.
    t : float
        Seconds since 1970.

    Returns
    -------
    dict
        Named after the event's type, with its fields as ``data``.
    """
    data = {
        field: _plain(field, getattr(event, field))
        for field in event.__struct_fields__
        if field != "node"
    }
    return {
        "type": "event",
        "t": t,
        "node": str(event.node),
        "name": type(event).__name__,
        "data": data,
    }


def _plain(field: str, value: object) -> object:
    """Return a field of an event as JSON has it."""
    if isinstance(value, ConfState):
        return describe_conf_state(value)
    if field in ID_FIELDS:
        return None if value is None else str(value)
    if field == "voters" and isinstance(value, tuple):
        return [str(each) for each in value]
    return msgspec.to_builtins(value, builtin_types=())


def describe_message(message: Message, t: float, count: int) -> Record:
    """Return the record of a message that leaves a node.

    Parameters
    ----------
    message : Message
        To a peer.
    t : float
        Seconds since 1970.
    count : int
        It stands for so many of its kind to this peer, itself among them.

    Returns
    -------
    dict
        Without its content.
    """
    record: Record = {
        "type": "message",
        "t": t,
        "node": str(message.sender),
        "to": str(message.receiver),
        "name": type(message).__name__,
        "term": message.term,
        "count": count,
    }
    if isinstance(message, AppendEntries):
        record["entries"] = len(message.entries)
    granted = getattr(message, "granted", None)
    if granted is not None:
        record["granted"] = granted
    return record
