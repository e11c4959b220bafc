"""``/explain``: what is wrong with the cluster, in words, and what a member knows."""

from fastapi import APIRouter, HTTPException
from pydantic import BaseModel, Field

from raftwerk.api.v1.context import ApiContext
from raftwerk.api.v1.dependencies import Context
from raftwerk.api.v1.envelope import Envelope
from raftwerk.api.v1.refusals import refusals
from raftwerk.service.case import Kind
from raftwerk.service.diagnose import explain
from raftwerk.service.explain import Explainer

__all__ = ["Explanation", "router"]


class FindingModel(BaseModel):
    """One thing that is wrong."""

    kind: Kind = Field(description="What it is about.", examples=["no-quorum"])
    text: str = Field(
        description="Who, where, since when, what it means, and what to do.",
        examples=["No quorum: of 3 voters only 1 can be seen (n1), and 2 are needed."],
    )


class Explanation(BaseModel):
    """How the cluster is."""

    is_healthy: bool = Field(description="Whether nothing is wrong.", examples=[True])
    summary: str = Field(
        description="One line; it begins with 'healthy: ' if nothing is wrong.",
        examples=["healthy: n1 leads in term 7, all 3 voters answer"],
    )
    findings: list[FindingModel] = Field(
        description="What is wrong, the gravest first.", examples=[[]]
    )


class AcquaintanceModel(BaseModel):
    """A member as this one knows it from the log."""

    id: str = Field(description="Its id, in hexadecimal.", examples=["3fcf5ae2b4a1"])
    name: str = Field(description="Its name; empty if it never started.")
    client_urls: list[str] = Field(description="Where clients reach it.")
    peer_urls: list[str] = Field(description="Where members reach it.")
    has_started: bool = Field(description="Whether it was ever seen.")


class SightModel(BaseModel):
    """How the way to another member is."""

    id: str = Field(description="Its id, in hexadecimal.", examples=["3fcf5ae2b4a1"])
    is_connected: bool = Field(description="Whether there is a way to it.")
    since: float = Field(
        description="When that last changed, in seconds since 1970.",
        examples=[1_767_225_600.25],
    )
    trouble: str = Field(description="Why there is none.", examples=[""])


class DepositionModel(BaseModel):
    """All that a member knows; ids are in hexadecimal."""

    id: str = Field(description="Who says it.", examples=["3fcf5ae2b4a1"])
    name: str = Field(description="Its name.", examples=["n1"])
    cluster_id: str = Field(description="Its cluster.", examples=["cdf8181e3292"])
    version: str = Field(description="Of raftwerk.", examples=["0.1.0"])
    protocol_min: int = Field(
        description="The oldest peer protocol it speaks; -1 if unknown.", examples=[1]
    )
    protocol_max: int = Field(
        description="The newest peer protocol it speaks; -1 if unknown.", examples=[2]
    )
    waits_for: str = Field(
        description="Why it takes no part yet; empty if it does.", examples=[""]
    )
    state: str = Field(description="Its state.", examples=["LEADER"])
    term: int = Field(description="The term it is in.", ge=0, examples=[7])
    leader: str = Field(description="Whom it follows.", examples=["3fcf5ae2b4a1"])
    commit_index: int = Field(description="Safe up to here.", ge=0, examples=[4711])
    last_log_index: int = Field(description="Its log's end.", ge=0, examples=[4711])
    voters: list[str] = Field(description="Who votes.")
    voters_outgoing: list[str] = Field(description="Who votes until a change is done.")
    learners: list[str] = Field(description="Who only follows.")
    members: list[AcquaintanceModel] = Field(description="Names and addresses.")
    sights: list[SightModel] = Field(description="The ways to the others.")
    lags: dict[str, int] = Field(description="Entries that each lacks; of a leader.")
    attempts: int = Field(
        description="How often it asked for votes in the last 30 s.", ge=0, examples=[0]
    )
    heartbeat_millis: int = Field(description="Its heartbeat.", examples=[50])
    election_min_millis: int = Field(description="Its least timeout.", examples=[150])
    election_max_millis: int = Field(description="Its longest.", examples=[300])
    sync_millis: float = Field(
        description="What its disk took for a sync; 0 if unknown.", examples=[0.8]
    )
    disk_free_bytes: int = Field(description="Room for data; -1 if unknown.")
    alarms: list[str] = Field(description="Raised, as etcd names them.", examples=[[]])
    quarantined: list[str] = Field(
        description="Whose state differs from that of a majority.", examples=[[]]
    )
    disagreement_index: int = Field(
        description="Where replicas differ and there is no majority; 0: nowhere.",
        examples=[0],
    )
    disagreement: dict[str, str] = Field(
        description="By member, the hash of what it was like there.", examples=[{}]
    )


router = APIRouter(prefix="/explain", tags=["explain"], responses=refusals(404))


def _explainer(context: ApiContext) -> Explainer:
    """Return who knows what is wrong."""
    if context.explainer is None:
        raise HTTPException(404, "there is no cluster to explain")
    return context.explainer


@router.get("", operation_id="explain", summary="What is wrong, in plain words")
async def _explain(context: Context) -> Envelope[Explanation]:
    """Ask all members that can be reached, and say what is wrong and what to do.

    The same as `raftwerk explain`.
    """
    said = explain(await _explainer(context).inquire())
    return Envelope(data=Explanation.model_validate(said, from_attributes=True))


@router.get("/own", operation_id="testify", summary="What this member knows")
async def _testify(context: Context) -> Envelope[DepositionModel]:
    """Say what this member alone knows of itself and of the ways to the others."""
    said = _explainer(context).testify()
    return Envelope(data=DepositionModel.model_validate(said, from_attributes=True))
