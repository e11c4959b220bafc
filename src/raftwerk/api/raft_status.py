"""What a member says of itself: a status, asked often and so answered plainly.

Monitors look several times a second, and from the first moment on. The same answer is
documented by `v1.raft`, whose model is held to this one by a test.
"""

from typing import Any, Final

import msgspec

from raftwerk import __version__
from raftwerk.runtime.status import NodeStatus, role_word

__all__ = ["API_VERSION", "describe", "envelope"]

API_VERSION: Final = "1.0"
"""The version of the form in which everything under the prefix is answered."""


def describe(status: NodeStatus, app_name: str) -> dict[str, Any]:
    """Return what a member says of itself.

    Parameters
    ----------
    status : NodeStatus
        Its view.
    app_name : str
        The service's name.

    Returns
    -------
    dict
        The fields of the answer; ids as texts, for they have 64 bits, of which many
        readers of JSON keep 53.
    """
    conf_state = status.conf_state
    return {
        "app_name": app_name,
        "id": str(status.node_id),
        "name": status.name,
        "cluster_id": str(status.cluster_id),
        "state": role_word(status.role, status.is_learner),
        "term": status.term,
        "leader": None if status.leader is None else str(status.leader),
        "commit_index": status.commit_index,
        "applied_index": status.applied_index,
        "first_index": status.first_index,
        "last_log_index": status.last_log_index,
        "last_log_term": status.last_log_term,
        "epoch": status.epoch,
        "voters": [str(member) for member in conf_state.voters],
        "learners": [str(member) for member in conf_state.learners],
        "version": __version__,
        "cluster_version": status.cluster_version,
    }


def envelope(data: object) -> bytes:
    """Return data in the envelope of all answers under the prefix.

    Parameters
    ----------
    data : object
        What `msgspec` can write.

    Returns
    -------
    bytes
        In JSON.

    Examples
    --------
    >>> envelope({"revision": 7})
    b'{"apiVersion":"1.0","data":{"revision":7}}'
    """
    return msgspec.json.encode({"apiVersion": API_VERSION, "data": data})
