"""``/hooks``: the last runs of the role scripts."""

from fastapi import APIRouter
from pydantic import BaseModel, Field

from raftwerk.api.v1.dependencies import Context
from raftwerk.api.v1.envelope import Envelope
from raftwerk.runtime.hooks import HookOutcome, HookRun

__all__ = ["HookRunModel", "router"]


class HookRunModel(BaseModel):
    """One run of one script."""

    role: str = Field(description="LEADER or FOLLOWER.", examples=["LEADER"])
    term: int = Field(description="The term of the change.", ge=0, examples=[7])
    leader: str = Field(
        description="The leader's name; empty while none is known.", examples=["n1"]
    )
    fencing_token: int = Field(
        description="What the script was given to fence with.", ge=0, examples=[15]
    )
    started_at: float = Field(
        description="When, in seconds since 1970.", examples=[1_767_225_600.25]
    )
    seconds: float = Field(
        description="How long it took; 0 while it runs.", ge=0, examples=[0.12]
    )
    outcome: HookOutcome = Field(
        description="How it ended; 'ended' if its role was lost before it was done.",
        examples=["done"],
    )
    reason: str = Field(
        description="Why it failed.", examples=["", "it ended with exit code 3"]
    )


router = APIRouter(prefix="/hooks", tags=["hooks"])


@router.get("", operation_id="get_hook_runs", summary="The last role scripts")
async def _get_runs(context: Context) -> Envelope[list[HookRunModel]]:
    """List the last runs of this member's role scripts, the oldest first."""
    runs = () if context.hooks is None else context.hooks.runs
    return Envelope(data=[_model(run) for run in runs])


def _model(run: HookRun) -> HookRunModel:
    """Return a run as it is documented."""
    return HookRunModel(
        role=run.change.role.value,
        term=run.change.term,
        leader=run.change.leader,
        fencing_token=run.change.fencing_token,
        started_at=run.started_at,
        seconds=run.seconds,
        outcome=run.outcome,
        reason=run.reason,
    )
