"""The form of all answers under the prefix: what version, and then data or an error."""

from typing import Annotated, Generic, TypeVar

from pydantic import BaseModel, Field

from raftwerk.api.raft_status import API_VERSION

__all__ = ["Envelope", "ErrorEnvelope", "ErrorInfo"]

Data = TypeVar("Data")

ApiVersion = Annotated[
    str, Field(alias="apiVersion", description="The version of this form.")
]


class Envelope(BaseModel, Generic[Data]):
    """An answer with data."""

    api_version: ApiVersion = API_VERSION
    data: Data


class ErrorInfo(BaseModel):
    """What went wrong."""

    id: str = Field(
        description="The service's name, a dot, and a word for the kind of error.",
        examples=["consensus-cluster-service.NOT_FOUND"],
    )
    message: str = Field(description="For people.")
    sender: str = Field(description="The name of the member that answers, or its id.")
    term: int = Field(description="The term that this member knows; 0 if none.", ge=0)


class ErrorEnvelope(BaseModel):
    """An answer without data."""

    api_version: ApiVersion = API_VERSION
    error: ErrorInfo
