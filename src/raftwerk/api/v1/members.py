"""``/members``: who belongs to the cluster, and how that is changed."""

from typing import Annotated

from fastapi import APIRouter, HTTPException, Path
from pydantic import BaseModel, Field

from raftwerk.api.v1.context import ApiContext
from raftwerk.api.v1.dependencies import Context
from raftwerk.api.v1.envelope import Envelope
from raftwerk.api.v1.refusals import refusals
from raftwerk.service.cluster import ClusterService
from raftwerk.service.cluster_calls import (
    AddMember,
    ClusterRequest,
    ClusterView,
    MemberView,
    PromoteMember,
    RemoveMember,
    ReplaceMember,
    UpdateMember,
)
from raftwerk.types import NodeId

__all__ = ["MemberInfo", "describe_member", "router", "service_of"]

_ID = "4598138562816288261"
_URLS = ["http://10.0.0.4:2380"]


class MemberInfo(BaseModel):
    """A member, as the cluster knows it.

    Ids are texts: they have 64 bits, of which many readers of JSON keep 53.
    """

    id: str = Field(description="The member's id.", examples=[_ID])
    name: str = Field(
        description="The member's name; empty until it has started.", examples=["n4"]
    )
    peer_urls: list[str] = Field(
        description="Where the other members reach it.", examples=[_URLS]
    )
    client_urls: list[str] = Field(
        description="Where clients reach it; empty until it has started.",
        examples=[["http://10.0.0.4:2379"]],
    )
    is_learner: bool = Field(
        description="Whether it follows without a vote.", examples=[False]
    )
    is_leader: bool = Field(description="Whether it leads.", examples=[True])
    has_started: bool = Field(
        description="Whether it was ever seen; its id is free until then.",
        examples=[True],
    )
    replaces: str | None = Field(
        description="The id of the member whose place it was added for, or null.",
        examples=[None],
    )
    match_index: int | None = Field(
        description="Up to here its log is known to equal the leader's; null if the"
        " leader could not be asked.",
        examples=[4711],
    )
    lag: int | None = Field(
        description="How many entries of the leader's log it lacks; null likewise.",
        examples=[0],
    )
    is_connected: bool | None = Field(
        description="Whether the leader (if it could not be asked: the member that"
        " answers) has a connection to it.",
        examples=[True],
    )


class NewMember(BaseModel):
    """A member that is to take part."""

    peer_urls: list[str] = Field(
        description="Where the other members will reach it.",
        examples=[_URLS],
        min_length=1,
    )
    is_learner: bool = Field(
        default=False,
        description="Whether it follows without a vote, until it is promoted.",
        examples=[True],
    )


class Move(BaseModel):
    """A member's new addresses."""

    peer_urls: list[str] = Field(
        description="Where the other members reach it from now on.",
        examples=[_URLS],
        min_length=1,
    )


class Replacement(BaseModel):
    """Who takes a member's place."""

    peer_urls: list[str] = Field(
        default=[],
        description="Where the new member will be reached; empty: at the same address.",
        examples=[[]],
    )


class Changed(BaseModel):
    """The cluster after a change."""

    member: MemberInfo | None = Field(
        description="Whom it was about; null if it is gone."
    )
    members: list[MemberInfo] = Field(description="All members, ascending by id.")


MemberId = Annotated[
    str,
    Path(
        description="The member's id, in decimal.",
        examples=[_ID],
        pattern="^[1-9][0-9]{0,19}$",
    ),
]


def describe_member(member: MemberView, view: ClusterView) -> MemberInfo:
    """Return a member for people.

    Parameters
    ----------
    member : MemberView
        Which.
    view : ClusterView
        The group that it is in.

    Returns
    -------
    MemberInfo
        With its lag, if that is known.
    """
    match_index = member.match_index
    return MemberInfo(
        id=str(member.node_id),
        name=member.name,
        peer_urls=list(member.peer_urls),
        client_urls=list(member.client_urls),
        is_learner=member.is_learner,
        is_leader=member.node_id == view.leader,
        has_started=member.has_started,
        replaces=str(member.replaces) if member.replaces else None,
        match_index=match_index,
        lag=None if match_index is None else view.last_log_index - match_index,
        is_connected=member.is_connected,
    )


def service_of(context: ApiContext) -> ClusterService:
    """Return the service that knows the group.

    Parameters
    ----------
    context : ApiContext
        The member.

    Returns
    -------
    ClusterService
        Its calls.

    Raises
    ------
    HTTPException
        If there is no group around the member.
    """
    if context.cluster is None:
        raise HTTPException(404, "this member belongs to no cluster")
    return context.cluster


router = APIRouter(prefix="/members", tags=["members"])


async def _change(context: ApiContext, request: ClusterRequest) -> Envelope[Changed]:
    """Have the leader make a change, whichever member was asked."""
    view = await service_of(context).request(request)
    members = [describe_member(member, view) for member in view.members]
    about = [member for member in members if member.id == str(view.subject)]
    return Envelope(data=Changed(member=next(iter(about), None), members=members))


@router.get("", operation_id="list_members", summary="Who belongs to the cluster")
async def _list(context: Context) -> Envelope[list[MemberInfo]]:
    """List all members, with how far each is as the leader sees it."""
    view = await service_of(context).overview()
    return Envelope(data=[describe_member(each, view) for each in view.members])


@router.post(
    "",
    status_code=201,
    operation_id="add_member",
    summary="Let a new member take part",
    responses=refusals(400),
)
async def _add(context: Context, new: NewMember) -> Envelope[Changed]:
    """Add a member; start it with ``--initial-cluster-state existing`` after that.

    Prefer a learner, and promote it when it has caught up: no quorum waits for it.
    """
    return await _change(context, AddMember(tuple(new.peer_urls), new.is_learner))


@router.put(
    "/{member_id}",
    operation_id="update_member",
    summary="Know a member's new address",
    responses=refusals(400, 404),
)
async def _update(
    context: Context, member_id: MemberId, move: Move
) -> Envelope[Changed]:
    """Tell the others where they reach a member from now on."""
    return await _change(context, UpdateMember(_read(member_id), tuple(move.peer_urls)))


@router.delete(
    "/{member_id}",
    operation_id="remove_member",
    summary="Let a member take part no more",
    responses=refusals(400, 404),
)
async def _remove(context: Context, member_id: MemberId) -> Envelope[Changed]:
    """Remove a member for good: its id is never used again."""
    return await _change(context, RemoveMember(_read(member_id)))


@router.post(
    "/{member_id}/promote",
    operation_id="promote_member",
    summary="Let a learner vote",
    responses=refusals(400, 404),
)
async def _promote(context: Context, member_id: MemberId) -> Envelope[Changed]:
    """Give a learner that has caught up a vote."""
    return await _change(context, PromoteMember(_read(member_id)))


@router.post(
    "/{member_id}/replace",
    status_code=201,
    operation_id="replace_member",
    summary="Let a new member take the place of one",
    responses=refusals(400, 404),
)
async def _replace(
    context: Context, member_id: MemberId, replacement: Replacement
) -> Envelope[Changed]:
    """Put a new member in the place of one that is lost, or is to be.

    The new one is a learner at first, and promoted by itself when it has caught up.
    The old one goes at once if it can't be reached or is at the same address, else
    with that promotion, in one change.
    """
    urls = tuple(replacement.peer_urls)
    return await _change(context, ReplaceMember(_read(member_id), urls))


def _read(member_id: str) -> NodeId:
    """Return an id from its text; one of more than 64 bits is nobody's."""
    number = int(member_id)
    if number >= 2**64:
        raise HTTPException(404, f"there is no member {member_id}: ids have 64 bits")
    return NodeId(number)
