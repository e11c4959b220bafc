"""The one form of all errors under the prefix; `envelope` has it as a model.

Without Pydantic, for routes that answer before the documented ones are made.
"""

from typing import Final

import msgspec

from raftwerk.api.raft_status import API_VERSION
from raftwerk.api.v1.context import ApiContext
from raftwerk.errors import NotLeader

__all__ = ["CODES", "describe_error"]

CODES: Final = {
    400: "BAD_REQUEST",
    403: "FORBIDDEN",
    404: "NOT_FOUND",
    405: "METHOD_NOT_ALLOWED",
    409: "CONFLICT",
    410: "GONE",
    412: "PRECONDITION_FAILED",
    413: "TOO_LARGE",
    422: "VALIDATION",
    429: "TOO_MANY_REQUESTS",
    500: "INTERNAL",
    503: "UNAVAILABLE",
}
"""HTTP's status, and the word for it in an error's id."""


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
    error = {
        "id": f"{context.settings.app_name}.{word}",
        "message": message,
        "sender": sender,
        "term": term,
    }
    return msgspec.json.encode({"apiVersion": API_VERSION, "error": error})
