"""``/raft``: what a member says of itself, and the routes of the messages."""

from typing import Any, Final

from fastapi import APIRouter, HTTPException
from pydantic import BaseModel, Field

from raftwerk import __version__
from raftwerk.api.settings import ApiSettings
from raftwerk.api.v1.envelope import Envelope, ErrorEnvelope
from raftwerk.core.roles import Role
from raftwerk.runtime.status import NodeStatus
from raftwerk.service import NodeLike

__all__ = ["RaftStatus", "make_router", "state_of"]

_STATES: Final = {
    Role.FOLLOWER: "FOLLOWER",
    Role.PRE_CANDIDATE: "PRE_CANDIDATE",
    Role.CANDIDATE: "CANDIDATE",
    Role.LEADER: "LEADER",
}

_CLOSED: Final = (
    "members don't speak to each other over HTTP here; anybody could set their term"
)


class RaftStatus(BaseModel):
    """A member's own view at one moment.

    Ids are texts: they have 64 bits, of which many readers of JSON keep 53.
    """

    app_name: str = Field(description="The service's name.")
    id: str = Field(description="The member's id.", examples=["4598138562816288261"])
    name: str = Field(description="The member's name.", examples=["n1"])
    cluster_id: str = Field(description="The cluster's id.")
    state: str = Field(
        description="FOLLOWER, PRE_CANDIDATE, CANDIDATE, LEADER, or LEARNER.",
        examples=["LEADER"],
    )
    term: int = Field(description="The term it is in.", ge=0)
    leader: str | None = Field(description="The id of the leader it knows, or null.")
    commit_index: int = Field(description="Up to here the log is safe for ever.", ge=0)
    applied_index: int = Field(description="Up to here the store has the log.", ge=0)
    first_index: int = Field(description="Where the log begins.", ge=0)
    last_log_index: int = Field(description="Where the log ends.", ge=0)
    voters: list[str] = Field(description="The ids of the members that vote.")
    learners: list[str] = Field(description="The ids of those that only follow.")
    version: str = Field(description="Of raftwerk.", examples=[__version__])


def state_of(status: NodeStatus) -> str:
    """Return a member's state in the seed's words.

    Parameters
    ----------
    status : NodeStatus
        Its view.

    Returns
    -------
    str
        Its role; of a follower that does not vote, that it is a learner.
    """
    if status.is_learner and status.role is Role.FOLLOWER:
        return "LEARNER"
    return _STATES[status.role]


def make_router(node: NodeLike, settings: ApiSettings) -> APIRouter:
    """Return the routes below ``/raft``.

    Parameters
    ----------
    node : NodeLike
        The member.
    settings : ApiSettings
        How it presents itself.

    Returns
    -------
    APIRouter
        To be included.
    """
    router = APIRouter(prefix="/raft", tags=["raft"])

    @router.get(
        "/", operation_id="get_raft_status", summary="What a member says of itself"
    )
    async def _get_status() -> Envelope[RaftStatus]:
        """Say who this member is, in which state and term, and how far its log is."""
        return Envelope(data=_describe(node.status(), settings.app_name))

    closed: dict[int | str, dict[str, Any]] = {
        403: {"model": ErrorEnvelope, "description": "This transport is off."}
    }

    @router.put(
        "/vote",
        operation_id="put_vote",
        summary="Deliver a message of an election",
        responses=closed,
    )
    async def _put_vote() -> None:
        """Take part in an election, where peers speak HTTP; here they don't."""
        raise HTTPException(403, _CLOSED)

    @router.post(
        "/log",
        operation_id="post_log",
        summary="Deliver a message of the log",
        responses=closed,
    )
    async def _post_log() -> None:
        """Append to the log, where peers speak HTTP; here they don't."""
        raise HTTPException(403, _CLOSED)

    return router


def _describe(status: NodeStatus, app_name: str) -> RaftStatus:
    """Return what a member says of itself."""
    conf_state = status.conf_state
    return RaftStatus(
        app_name=app_name,
        id=str(status.node_id),
        name=status.name,
        cluster_id=str(status.cluster_id),
        state=state_of(status),
        term=status.term,
        leader=None if status.leader is None else str(status.leader),
        commit_index=status.commit_index,
        applied_index=status.applied_index,
        first_index=status.first_index,
        last_log_index=status.last_log_index,
        voters=[str(member) for member in conf_state.voters],
        learners=[str(member) for member in conf_state.learners],
        version=__version__,
    )
