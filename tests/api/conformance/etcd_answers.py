"""What of an answer must be alike, whoever gives it: of a real etcd, and of ours."""

from typing import Any, Final

import msgspec

__all__ = ["Answered", "alike"]

ETCDS_OWN: Final = ("etcdserver: ", "election: ", "mvcc: ", "lease ", "Method Not")
"""How the texts begin that clients look at; all others are of its JSON decoder."""

_NOT_SHARED: Final = ("cluster_id", "member_id", "raft_term", "members")


class Answered(msgspec.Struct, frozen=True):
    """One answer: its status, and its body as it came."""

    status: int
    body: bytes


def alike(answer: Answered, *, has_own_id: bool) -> tuple[int, object]:
    """Return what must be alike.

    Parameters
    ----------
    answer : Answered
        Of whom ever.
    has_own_id : bool
        Whether an id in the answer was drawn by who answered.
    """
    try:
        body = msgspec.json.decode(answer.body)
    except msgspec.DecodeError:
        lines = answer.body.splitlines()
        if answer.status != 200 or len(lines) < 2:
            return answer.status, answer.body
        # A stream: each line by itself.
        body = [msgspec.json.decode(line) for line in lines]
    if answer.status != 200 and isinstance(body, dict):
        body = body.get("error", body) if "code" not in body else body
        message = body.get("message", "")
        is_own = message.startswith(ETCDS_OWN)
        return answer.status, (body.get("code"), message if is_own else "")
    return answer.status, _shared(body, has_own_id)


def _shared(body: Any, has_own_id: bool) -> Any:
    """Return a body without what does not depend on the store."""
    if isinstance(body, list):
        return [_shared(each, has_own_id) for each in body]
    if not isinstance(body, dict):
        return body
    found: dict[str, Any] = {}
    for name, value in body.items():
        if name == "hash":
            continue  # of what each has in its own way; left out where it is 0
        if name in _NOT_SHARED or (name == "ID" and has_own_id):
            found[name] = "some"
        elif name == "keys" and isinstance(value, list):
            found[name] = sorted(value)
        elif name == "TTL" and "grantedTTL" in body:
            found[name] = "some"
        else:
            found[name] = _shared(value, has_own_id)
    return found
