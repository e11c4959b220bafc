"""``/raft``: what a member says of itself, and the routes of the messages."""

from typing import Final

from fastapi import APIRouter, HTTPException
from pydantic import BaseModel, Field

from raftwerk import __version__
from raftwerk.api.raft_status import describe
from raftwerk.api.v1.dependencies import Context
from raftwerk.api.v1.envelope import Envelope
from raftwerk.api.v1.refusals import refusals

__all__ = ["RaftStatus", "router"]

_CLOSED: Final = (
    "members do not write to each other on this port. RAFTWERK_TRANSPORT=http"
    " (--transport http), for all members alike, opens this route on their peer"
    " listener; by default they speak TCP there, for over HTTP a stranger could set"
    " their term"
)


class RaftStatus(BaseModel):
    """A member's own view at one moment.

    Ids are texts: they have 64 bits, of which many readers of JSON keep 53.
    """

    app_name: str = Field(
        description="The service's name.", examples=["consensus-cluster-service"]
    )
    id: str = Field(description="The member's id.", examples=["4598138562816288261"])
    name: str = Field(description="The member's name.", examples=["n1"])
    cluster_id: str = Field(
        description="The cluster's id.", examples=["14841639068965178418"]
    )
    state: str = Field(
        description="FOLLOWER, PRE_CANDIDATE, CANDIDATE, LEADER, or LEARNER.",
        examples=["LEADER"],
    )
    term: int = Field(description="The term it is in.", ge=0, examples=[7])
    leader: str | None = Field(
        description="The id of the leader it knows, or null.",
        examples=["4598138562816288261"],
    )
    commit_index: int = Field(
        description="Up to here the log is safe for ever.", ge=0, examples=[4711]
    )
    applied_index: int = Field(
        description="Up to here the store has the log.", ge=0, examples=[4711]
    )
    first_index: int = Field(description="Where the log begins.", ge=0, examples=[4001])
    last_log_index: int = Field(
        description="Where the log ends.", ge=0, examples=[4711]
    )
    last_log_term: int = Field(
        description="The term of the log's last entry.", ge=0, examples=[7]
    )
    epoch: int = Field(
        description="How often the cluster has lost its quorum and was recovered.",
        ge=0,
        examples=[0],
    )
    voters: list[str] = Field(
        description="The ids of the members that vote.",
        examples=[["4598138562816288261"]],
    )
    learners: list[str] = Field(
        description="The ids of those that only follow.", examples=[[]]
    )
    version: str = Field(description="Of raftwerk.", examples=[__version__])
    cluster_version: int = Field(
        description="What all members can read in the log: it rises when the last of"
        " them was upgraded, and no older program can take part from then on.",
        ge=1,
        examples=[2],
    )


router = APIRouter(prefix="/raft", tags=["raft"])


@router.get("/", operation_id="get_raft_status", summary="What a member says of itself")
async def _get_status(context: Context) -> Envelope[RaftStatus]:
    """Say who this member is, in which state and term, and how far its log is."""
    said = describe(context.node.status(), context.settings.app_name)
    return Envelope(data=RaftStatus.model_validate(said))


@router.put(
    "/vote",
    operation_id="put_vote",
    summary="Deliver a message of an election",
    responses=refusals(409),
)
async def _put_vote() -> None:
    """Take part in an election, where members speak HTTP; here they don't."""
    raise HTTPException(409, _CLOSED)


@router.post(
    "/log",
    operation_id="post_log",
    summary="Deliver a message of the log",
    responses=refusals(409),
)
async def _post_log() -> None:
    """Append to the log, where members speak HTTP; here they don't."""
    raise HTTPException(409, _CLOSED)


@router.post(
    "/snapshot",
    operation_id="post_snapshot_message",
    summary="Deliver a message of a snapshot",
    responses=refusals(409),
)
async def _post_snapshot() -> None:
    """Install a snapshot, where members speak HTTP; here they don't."""
    raise HTTPException(409, _CLOSED)
