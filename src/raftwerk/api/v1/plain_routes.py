"""Routes in the document that plain ASGI handlers answer: events, probes, metrics.

The handlers are `events`, `probes` and `metrics`; a test asks each, and holds what it
answers against what stands here.
"""

from typing import Any, Final

from raftwerk.api.v1.refusals import refusals

__all__ = ["describe_plain_routes"]

_EVENT: Final = (
    'data: {"type":"state","t":1767225600.25,"node":"4598138562816288261",'
    '"name":"n1","role":"LEADER","term":7}\n\n'
)

_HEALTH: Final = {
    "type": "object",
    "required": ["health", "reason"],
    "additionalProperties": False,
    "properties": {
        "health": {"type": "string", "enum": ["true", "false"]},
        "reason": {"type": "string", "description": "Why not; empty if it is."},
    },
}

_WELL: Final = '{"health":"true","reason":""}'
_ILL: Final = '{"health":"false","reason":"RAFT NO LEADER"}'

_VERSION: Final = {
    "type": "object",
    "required": ["etcdserver", "etcdcluster"],
    "additionalProperties": False,
    "properties": {
        "etcdserver": {"type": "string", "description": "Of etcd, whose API this is."},
        "etcdcluster": {"type": "string", "description": "The same of the cluster."},
    },
}

_SERIALIZABLE: Final = {
    "name": "serializable",
    "in": "query",
    "required": False,
    "description": "Whether it is enough that this member alone can answer reads.",
    "schema": {"type": "string", "enum": ["true", "false"]},
}
_EXCLUDE: Final = {
    "name": "exclude",
    "in": "query",
    "required": False,
    "description": "An alarm that is not to count as an ill; may be given twice.",
    "schema": {"type": "array", "items": {"enum": ["NOSPACE", "CORRUPT"]}},
}


def describe_plain_routes(prefix: str) -> dict[str, Any]:
    """Return their part of the document.

    Parameters
    ----------
    prefix : str
        Of the routes of the API: ``/api``.

    Returns
    -------
    dict
        ``paths`` and ``components``.
    """
    ready = {200: ("Requests may be sent here.", "ok\n")}
    paths = {
        f"{prefix}/v1/events": _events(),
        "/livez": _texts(
            "livez", "Whether this member runs", {200: ("It does.", "ok\n")}
        ),
        "/readyz": _texts(
            "readyz",
            "Whether requests should be sent to this member",
            ready | {503: ("Not now, and why.", "not ready: RAFT NO LEADER\n")},
        ),
        "/health": _health(),
        "/version": _get(
            "version",
            "Which etcd this is like",
            {
                "200": _content(
                    "Clients choose paths and features by it.",
                    "application/json",
                    _VERSION,
                    {"etcdserver": "3.5.1", "etcdcluster": "3.5.0"},
                )
            },
        ),
        "/metrics": _texts(
            "metrics",
            "What is counted, for Prometheus",
            {200: ("One line a value.", "etcd_server_has_leader 1\n")},
        ),
    }
    return {"paths": paths, "components": {"schemas": {}}}


def _events() -> dict[str, Any]:
    """Return the stream of events."""
    refused = refusals(503)
    reference = {"$ref": "#/components/schemas/ErrorEnvelope"}
    answers: dict[str, Any] = {
        "200": _content(
            "An event a record, without an end: roles, elections, members, peers.",
            "text/event-stream",
            {"type": "string"},
            _EVENT,
        )
    }
    for status, refusal in refused.items():
        body = refusal["content"]["application/json"] | {"schema": reference}
        answers[str(status)] = {
            "description": refusal["description"],
            "content": {"application/json": body},
        }
    operation = _get("watch_events", "Watch what happens in this member", answers)
    operation["get"]["tags"] = ["events"]
    return operation


def _health() -> dict[str, Any]:
    """Return etcd's question for health."""
    said = {
        "type": "string",
        "contentMediaType": "application/json",
        "contentSchema": _HEALTH,
    }
    answers = {
        "200": _content("Requests can be served.", "text/plain", said, _WELL),
        "503": _content("They can't, and why.", "text/plain", said, _ILL),
    }
    operation = _get(
        "health", "Whether requests can be served, as etcd says it", answers
    )
    operation["get"]["parameters"] = [_SERIALIZABLE, _EXCLUDE]
    return operation


def _texts(
    name: str, summary: str, answers: dict[int, tuple[str, str]]
) -> dict[str, Any]:
    """Return a route that answers with a text."""
    return _get(
        name,
        summary,
        {
            str(status): _content(meaning, "text/plain", {"type": "string"}, example)
            for status, (meaning, example) in answers.items()
        },
    )


def _get(name: str, summary: str, answers: dict[str, Any]) -> dict[str, Any]:
    """Return a route that is only read."""
    operation = {
        "tags": ["probes"],
        "operationId": name,
        "summary": summary,
        "responses": answers,
    }
    return {"get": operation}


def _content(
    meaning: str, kind: str, schema: dict[str, Any], example: object
) -> dict[str, Any]:
    """Return one kind of answer."""
    return {
        "description": meaning,
        "content": {kind: {"schema": schema, "example": example}},
    }
