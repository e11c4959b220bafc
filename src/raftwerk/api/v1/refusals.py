"""Errors of the documented API: their ids, their documentation, their one form."""

from typing import Any, Final

from raftwerk.api.v1.context import ApiContext
from raftwerk.api.v1.envelope import ErrorEnvelope, ErrorInfo
from raftwerk.errors import NotLeader

__all__ = ["CODES", "describe_error", "refusals"]

CODES: Final = {
    400: "BAD_REQUEST",
    403: "FORBIDDEN",
    404: "NOT_FOUND",
    405: "METHOD_NOT_ALLOWED",
    409: "CONFLICT",
    412: "PRECONDITION_FAILED",
    413: "TOO_LARGE",
    422: "VALIDATION",
    429: "TOO_MANY_REQUESTS",
    500: "INTERNAL",
    503: "UNAVAILABLE",
}
"""HTTP's status, and the word for it in an error's id."""

_MEANINGS: Final = {
    400: "The request has no meaning.",
    403: "A page of another origin asks for a change, or this caller may not.",
    404: "There is no such thing.",
    409: "It does not fit the state that the cluster is in, or a setting forbids it.",
    412: "The key is not at the revision that was named; nothing was changed.",
    413: "The request has more bytes than it may have.",
    422: "A part of the request is not what it must be; the message says which.",
    429: "Too much is waiting already; nothing was changed.",
    503: (
        "No leader answered in time, or this member is starting or stopping. The"
        " request may still take effect if the error's id ends with OUTCOME_UNKNOWN;"
        " otherwise nothing happened."
    ),
}


def refusals(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the documentation of errors, for ``responses=`` of a route.

    Parameters
    ----------
    *statuses : int
        HTTP's.

    Returns
    -------
    dict
        A model and an example for each.
    """
    return {status: _refusal(status) for status in statuses}


def describe_error(
    context: ApiContext, http_status: int, message: str, *, is_unknown: bool = False
) -> bytes:
    """Return an error in its envelope.

    Parameters
    ----------
    context : ApiContext
        Who says so.
    http_status : int
        HTTP's.
    message : str
        For people.
    is_unknown : bool
        Whether the request may still take effect; the error's id says so to programs.

    Returns
    -------
    bytes
        In JSON.
    """
    try:
        status = context.node.status()
        sender, term = status.name or str(status.node_id), int(status.term)
    except NotLeader:  # it does not run
        sender, term = "", 0
    word = CODES.get(http_status, "INTERNAL" if http_status >= 500 else "REFUSED")
    if is_unknown:
        word = "OUTCOME_UNKNOWN"
    error = ErrorInfo(
        id=f"{context.settings.app_name}.{word}",
        message=message,
        sender=sender,
        term=term,
    )
    return ErrorEnvelope(error=error).model_dump_json(by_alias=True).encode()


def _refusal(status: int) -> dict[str, Any]:
    """Return the documentation of one error."""
    example = {
        "apiVersion": "1.0",
        "error": {
            "id": f"consensus-cluster-service.{CODES[status]}",
            "message": "what is wrong, in words",
            "sender": "n1",
            "term": 7,
        },
    }
    return {
        "model": ErrorEnvelope,
        "description": _MEANINGS[status],
        "content": {"application/json": {"example": example}},
    }
