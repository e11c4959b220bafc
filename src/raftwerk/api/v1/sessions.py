"""``/sessions``: for who makes many writes that are to be done once each."""

from typing import Annotated

from fastapi import APIRouter, HTTPException, Path
from pydantic import BaseModel, Field

from raftwerk.api.v1.context import ApiContext
from raftwerk.api.v1.dependencies import Context
from raftwerk.api.v1.envelope import Envelope
from raftwerk.api.v1.refusals import refusals
from raftwerk.runtime.answered import (
    SESSION_ANSWERS_MAX,
    SESSION_SECONDS,
    SESSIONS_MAX,
)
from raftwerk.runtime.sessions import OpensSessions

__all__ = ["ClosedSession", "SessionInfo", "router"]

INT64_MAX = 2**63 - 1


class SessionInfo(BaseModel):
    """A session, for the header `Raftwerk-Session` of the writes that are its own."""

    id: str = Field(description="Names it on all members.", examples=["4711"])
    seconds: int = Field(
        description="It ends when it was not used for so long, by the log's time.",
        examples=[SESSION_SECONDS],
    )
    answers_max: int = Field(
        description="So many of its commands can be asked for again.",
        examples=[SESSION_ANSWERS_MAX],
    )
    sessions_max: int = Field(
        description="When there is one more, that one ends which was not used for"
        " longest.",
        examples=[SESSIONS_MAX],
    )


class ClosedSession(BaseModel):
    """A session that has ended."""

    id: str = Field(description="Its id.", examples=["4711"])


router = APIRouter(prefix="/sessions", tags=["sessions"], responses=refusals(404, 429))


def _opener(context: ApiContext) -> OpensSessions:
    """Return who opens sessions."""
    if context.sessions is None:
        raise HTTPException(404, "there are no sessions here")
    return context.sessions


@router.post("", operation_id="open_session", summary="Open a session")
async def _open(context: Context) -> Envelope[SessionInfo]:
    """Open a session, whose writes are numbered and done once each.

    If the answer is lost, open another one: who is not used ends by itself.
    """
    session = await _opener(context).open_session()
    info = SessionInfo(
        id=str(session.session_id),
        seconds=SESSION_SECONDS,
        answers_max=SESSION_ANSWERS_MAX,
        sessions_max=SESSIONS_MAX,
    )
    return Envelope(data=info)


@router.delete("/{session}", operation_id="close_session", summary="Close a session")
async def _close(
    context: Context,
    session: Annotated[
        int, Path(description="Its id.", ge=1, le=INT64_MAX, examples=[4711])
    ],
) -> Envelope[ClosedSession]:
    """Close a session, so that nothing is kept; if there is none, do nothing."""
    await _opener(context).close_session(session)
    return Envelope(data=ClosedSession(id=str(session)))
