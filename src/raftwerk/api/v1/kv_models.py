"""What the document says of ``/kv``: parameters, bodies, answers."""

from typing import Annotated, Any, Final

from fastapi import Header, Path, Query
from pydantic import BaseModel, Field

from raftwerk.api.v1.envelope import Envelope
from raftwerk.api.v1.refusals import refusals

__all__ = [
    "BODY",
    "READ",
    "AllPrefix",
    "IdempotencyKey",
    "IfMatch",
    "IfNoneMatch",
    "KeyInfo",
    "KeyList",
    "KeyPath",
    "LastEventId",
    "Prefix",
    "Reading",
    "SessionNumber",
    "Written",
]

KEYS_MAX: Final = 1_000
"""How many keys a list may have."""

INT64_MAX: Final = 2**63 - 1


class KeyInfo(BaseModel):
    """A key and its value."""

    key: str = Field(
        description="Percent-encoded, as it stands in a path.", examples=["app/port"]
    )
    create_revision: int = Field(description="Which created it.", ge=0, examples=[2])
    mod_revision: int = Field(description="Which changed it last.", ge=0, examples=[7])
    version: int = Field(
        description="How often it was put since then.", ge=0, examples=[3]
    )
    lease: str = Field(
        description="The id of the lease that it ends with; 0 for none.",
        examples=["0"],
    )
    value: str = Field(description="Its value in base64.", examples=["ODA4MA=="])
    text: str | None = Field(
        description="Its value as a text, if it is one.", examples=["8080"]
    )


class KeyList(BaseModel):
    """Some keys, in order, all of one revision."""

    revision: int = Field(description="Of the store.", ge=0, examples=[7])
    count: int = Field(description="How many there are in all.", ge=0, examples=[1])
    next: str | None = Field(
        description="What to pass as `after` for those that follow; null if none do.",
        examples=[None],
    )
    kvs: list[KeyInfo] = Field(description="They.")


class Written(BaseModel):
    """The answer to a write."""

    revision: int = Field(
        description="That of the change; the store's if nothing was changed.",
        ge=0,
        examples=[8],
    )
    deleted: int = Field(
        description="How many keys were deleted.", ge=0, examples=[0], default=0
    )


KeyPath = Annotated[
    str,
    Path(
        description="The key: all that follows, percent-decoded, slashes too.",
        examples=["app/port"],
        min_length=1,
    ),
]
Prefix = Annotated[
    str | None,
    Query(
        description="All keys that begin with the path's key and this.",
        examples=["app/"],
    ),
]
AllPrefix = Annotated[
    str, Query(alias="prefix", description="That of the keys.", examples=["app/"])
]


class Reading(BaseModel):
    """How to read; what is percent-encoded here stands for bytes, as in the path."""

    prefix: str | None = Field(
        None,
        description="All keys that begin with the path's key and this.",
        examples=["app/"],
    )
    limit: int = Field(100, description="How many keys to list.", ge=1, le=KEYS_MAX)
    after: str | None = Field(
        None, description="Only keys behind this one, which `next` names."
    )
    min_revision: int | None = Field(
        None,
        description=(
            "A revision that the caller has seen: this member waits until it has it,"
            " and answers alone."
        ),
        ge=0,
        le=INT64_MAX,
    )
    watch: str | None = Field(
        None, description="Watch instead: server-sent events, from now on."
    )


IfMatch = Annotated[
    str | None,
    Header(description="Only if the key is at this mod revision; * for any."),
]
IfNoneMatch = Annotated[
    str | None,
    Header(description="On a write, *: only if there is no such key."),
]
IdempotencyKey = Annotated[
    str | None,
    Header(
        description="The same request with the same key is done once, and answered as"
        " the first time."
    ),
]
SessionNumber = Annotated[
    str | None,
    Header(
        alias="Raftwerk-Session",
        description="Which command of which session this is: it is done once, or"
        " refused when the session has ended. See `sessions`.",
        examples=["4711; sequence=3; lowest=2"],
    ),
]
LastEventId = Annotated[
    str | None,
    Header(description="Watch from behind this revision."),
]

READ: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "model": Envelope[KeyList],
        "description": "The value, or a list, or a stream of changes.",
        "content": {
            "application/octet-stream": {
                "schema": {"type": "string", "format": "binary"}
            },
            "text/event-stream": {"schema": {"type": "string"}},
        },
        "headers": {
            "ETag": {
                "description": "The key's mod revision in quotes.",
                "schema": {"type": "string"},
            },
            "X-Raftwerk-Revision": {
                "description": "The store's revision.",
                "schema": {"type": "string"},
            },
        },
    },
    304: {"description": "The key is at the revision that If-None-Match names."},
    **refusals(400, 404, 429),
}

BODY: Final = {
    "requestBody": {
        "description": "The value, stored as it is.",
        "content": {
            "application/octet-stream": {
                "schema": {"type": "string", "format": "binary"}
            }
        },
    }
}
