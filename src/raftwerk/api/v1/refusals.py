"""Errors of the documented API, as its document has them."""

from typing import Any, Final

from raftwerk.api.v1.envelope import ErrorEnvelope
from raftwerk.api.v1.error_form import CODES

__all__ = ["refusals"]

_MEANINGS: Final = {
    400: "The request has no meaning.",
    403: "A page of another origin asks for a change, or this caller may not.",
    404: "There is no such thing.",
    409: "It does not fit the state that the cluster is in, or a setting forbids it.",
    410: "The session has ended: nothing is done, and what was done nobody knows.",
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
