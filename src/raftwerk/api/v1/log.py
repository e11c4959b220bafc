"""``/log``: what stands in this member's log, entry by entry, in words."""

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Final

from fastapi import APIRouter, HTTPException, Query
from pydantic import BaseModel, Field

from raftwerk.api.v1.dependencies import Context
from raftwerk.api.v1.envelope import Envelope
from raftwerk.api.v1.kv_form import show_key
from raftwerk.api.v1.refusals import refusals
from raftwerk.core.records import Entry, EntryKind
from raftwerk.errors import UnknownFormat
from raftwerk.kv import Compact, DeleteRange, Put, Txn, decode
from raftwerk.runtime.envelope import EnvelopeKind, content_of, kind_of
from raftwerk.runtime.once import decode_once
from raftwerk.types import LogIndex

__all__ = ["LogEntry", "LogRange", "router"]

ENTRIES_MAX: Final = 200
"""How many entries an answer may have."""

READ_BYTES_MAX: Final = 1024 * 1024
"""Of entries that are read at a time; the first is read however large it is."""

INT64_MAX: Final = 2**63 - 1


class LogEntry(BaseModel):
    """One slot of the log."""

    index: int = Field(description="Its place.", ge=1, examples=[4711])
    term: int = Field(description="Of the leader that made it.", ge=0, examples=[7])
    size_bytes: int = Field(description="Of its data.", ge=0, examples=[57])
    is_committed: bool = Field(
        description="Whether it is safe for ever, as far as is known here.",
        examples=[True],
    )
    what: str = Field(
        description="What it says; keys are percent-encoded.",
        examples=["put app/port, 4 bytes"],
    )


class LogRange(BaseModel):
    """Some entries of a member's log."""

    first_index: int = Field(
        description="Where the log begins; what is below is in a snapshot.",
        ge=0,
        examples=[4001],
    )
    last_index: int = Field(description="Where the log ends.", ge=0, examples=[4711])
    commit_index: int = Field(
        description="Up to here it is safe for ever.", ge=0, examples=[4711]
    )
    entries: list[LogEntry] = Field(description="They, in order.")


router = APIRouter(prefix="/log", tags=["log"])


@router.get(
    "/",
    operation_id="list_log_entries",
    summary="What stands in this member's log",
    responses=refusals(404),
)
async def _list(
    context: Context,
    start: Annotated[
        int | None,
        Query(
            description="The first index; without it, the last entries.",
            ge=1,
            le=INT64_MAX,
        ),
    ] = None,
    limit: Annotated[int, Query(description="How many.", ge=1, le=ENTRIES_MAX)] = 20,
) -> Envelope[LogRange]:
    """List entries of this member's own log, be they committed or not."""
    if context.entries is None:
        raise HTTPException(404, "this member has no log that can be read")
    status = context.node.status()
    first, last = status.first_index, status.last_log_index
    if start is None:
        start = max(first, last + 1 - limit)
    if start < first:
        raise HTTPException(404, f"the log begins at {first}; {start} is compacted")
    stop = min(start + limit, last + 1)
    entries: Sequence[Entry] = ()
    if start < stop:
        entries = context.entries(LogIndex(start), LogIndex(stop), READ_BYTES_MAX)
    return Envelope(
        data=LogRange(
            first_index=first,
            last_index=last,
            commit_index=status.commit_index,
            entries=[_show(entry, status.commit_index) for entry in entries],
        )
    )


def _show(entry: Entry, commit_index: LogIndex) -> LogEntry:
    """Return an entry for people."""
    return LogEntry(
        index=entry.index,
        term=entry.term,
        size_bytes=len(entry.data),
        is_committed=entry.index <= commit_index,
        what=_what(entry),
    )


def _what(entry: Entry) -> str:
    """Say what an entry is for."""
    if entry.kind is not EntryKind.COMMAND:
        return "a change of members"
    if not entry.data:
        return "a leader's first entry"
    try:
        if kind_of(entry.data) is EnvelopeKind.RECORD:
            return "a record of the runtime"
        content = content_of(entry.data)
        if kind_of(entry.data) is EnvelopeKind.ONCE:
            _, content = decode_once(content)
        return _describe(decode(content))
    except UnknownFormat:
        return "something of a newer version"


def _describe(command: object) -> str:
    """Say what a command does."""
    describe = _WORDS.get(type(command))
    # Leases and alarms have a name that says it, and numbers alone.
    return repr(command) if describe is None else describe(command)


def _range_of(command: Any) -> str:
    """Say which keys a command is about."""
    if not command.range_end:
        return show_key(command.key)
    end = "the end" if command.range_end == b"\0" else show_key(command.range_end)
    return f"from {show_key(command.key)} to {end}"


def _describe_txn(txn: Any) -> str:
    """Say what a transaction may do."""
    sides = [
        ", ".join(map(_describe, side)) or "nothing"
        for side in (txn.success, txn.failure)
    ]
    return f"if {len(txn.compare)} compares hold: {sides[0]}; else: {sides[1]}"


_WORDS: Final[Mapping[type, Callable[[Any], str]]] = {
    Put: lambda put: f"put {show_key(put.key)}, {len(put.value)} bytes",
    DeleteRange: lambda order: f"delete {_range_of(order)}",
    Compact: lambda order: f"compact up to revision {order.revision}",
    Txn: _describe_txn,
}
