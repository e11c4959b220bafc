"""``/cluster``, ``/transfer``, ``/snapshot``: the group as a whole, and its leader."""

from fastapi import APIRouter
from pydantic import BaseModel, Field

from raftwerk.api.v1.dependencies import Context
from raftwerk.api.v1.envelope import Envelope
from raftwerk.api.v1.members import MemberInfo, describe_member, service_of
from raftwerk.api.v1.refusals import refusals
from raftwerk.service.cluster_calls import TransferLeadership
from raftwerk.service.cluster_errors import BadTransferee
from raftwerk.types import NodeId

__all__ = ["router"]

_ID = "4598138562816288261"


class ClusterInfo(BaseModel):
    """The cluster at one moment."""

    cluster_id: str = Field(
        description="The cluster's id.", examples=["14841639068965178418"]
    )
    leader: str | None = Field(
        description="The id of the leader, or null if none is known.", examples=[_ID]
    )
    term: int = Field(description="The newest term known.", ge=0, examples=[7])
    commit_index: int = Field(
        description="Up to here the log is safe for ever.", ge=0, examples=[4711]
    )
    last_log_index: int = Field(
        description="Where the leader's log ends.", ge=0, examples=[4711]
    )
    quorum: int = Field(
        description="How many voters must agree on anything.", ge=0, examples=[2]
    )
    is_joint: bool = Field(
        description="Whether a change of members is half done.", examples=[False]
    )
    members: list[MemberInfo] = Field(description="All members, ascending by id.")


class Transfer(BaseModel):
    """Who is to lead."""

    target: str | None = Field(
        default=None,
        description="The id of a voter; null: whichever lacks least.",
        examples=[_ID],
        pattern="^[1-9][0-9]{0,19}$",
    )


class Transferred(BaseModel):
    """Who leads now."""

    leader: str = Field(description="The new leader's id.", examples=[_ID])


class SnapshotInfo(BaseModel):
    """What became of the wish for a snapshot."""

    index: int = Field(
        description="Up to here the state is kept in a snapshot; 0: in none.",
        ge=0,
        examples=[4711],
    )
    is_under_way: bool = Field(
        description="Whether a newer one is still being written.", examples=[False]
    )


router = APIRouter(tags=["cluster"])


@router.get("/cluster", operation_id="get_cluster", summary="How the cluster is")
async def _look(context: Context) -> Envelope[ClusterInfo]:
    """Say who leads, and how far each member is as the leader sees it.

    If the leader can't be asked within a second, it is what this member knows.
    """
    view = await service_of(context).overview()
    voters = sum(not member.is_learner for member in view.members)
    return Envelope(
        data=ClusterInfo(
            cluster_id=str(context.node.status().cluster_id),
            leader=None if view.leader is None else str(view.leader),
            term=view.term,
            commit_index=view.commit_index,
            last_log_index=view.last_log_index,
            quorum=voters // 2 + 1,
            is_joint=view.is_joint,
            members=[describe_member(each, view) for each in view.members],
        )
    )


@router.post(
    "/transfer",
    operation_id="transfer_leadership",
    summary="Let another member lead",
    responses=refusals(400),
)
async def _transfer(context: Context, transfer: Transfer) -> Envelope[Transferred]:
    """Hand leadership over to a voter, and return when it leads."""
    target = int(transfer.target or 0)
    if target >= 2**64:
        raise BadTransferee(f"there is no member {target}: ids have 64 bits")
    view = await service_of(context).request(TransferLeadership(NodeId(target)))
    return Envelope(data=Transferred(leader=str(view.subject)))


@router.post(
    "/snapshot",
    operation_id="take_snapshot",
    summary="Have this member take a snapshot",
)
async def _take_snapshot(context: Context) -> Envelope[SnapshotInfo]:
    """Take a snapshot of this member's state now, and let go of the log below it.

    That happens by itself after so many entries; this is for who will not wait.
    """
    taken = await service_of(context).take_snapshot()
    return Envelope(
        data=SnapshotInfo(index=taken.index, is_under_way=taken.is_under_way)
    )
