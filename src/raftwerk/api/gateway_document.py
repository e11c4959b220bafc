"""The gateway's calls in the document of the API, from what reads and describes them.

Nothing is written twice here: how a request may look follows from the readers of its
members, a summary is the call's docstring, and how an answer looks stands beside what
writes it (`shapes`).
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from raftwerk.api.proto_json import (
    Convert,
    Enumeration,
    Message,
    Nested,
    Repeated,
    read_bool,
    read_bytes,
    read_int64,
    read_text,
    read_uint64,
)
from raftwerk.api.route import Route, Routes, StreamRoute
from raftwerk.api.shapes import Shape

__all__ = ["COMPONENTS", "Document", "describe_gateway"]

Document = dict[str, Any]
"""A part of an OpenAPI document, in its words."""

COMPONENTS: Final = "#/components/schemas/"

_READERS: Final[Mapping[Convert, Document]] = {
    read_bool: {"type": "boolean"},
    read_bytes: {"type": "string", "contentEncoding": "base64"},
    read_int64: {
        "type": ["string", "integer"],
        "format": "int64",
        "pattern": "^-?(0|[1-9][0-9]{0,18})$",
        "minimum": -(2**63),
        "maximum": 2**63 - 1,
    },
    read_text: {"type": "string"},
    read_uint64: {
        "type": ["string", "integer"],
        "format": "uint64",
        "pattern": "^(0|[1-9][0-9]{0,19})$",
        "minimum": 0,
        "maximum": 2**64 - 1,
    },
}

_ERROR: Final = {
    "type": "object",
    "required": ["error", "code", "message"],
    "additionalProperties": False,
    "properties": {
        "error": {"type": "string", "description": "What is wrong, in etcd's words."},
        "code": {"type": "integer", "description": "Of gRPC."},
        "message": {"type": "string", "description": "The same again."},
    },
}

_LAST_LINE: Final = {
    "type": "object",
    "required": ["grpc_code", "http_code", "message", "http_status"],
    "additionalProperties": False,
    "properties": {
        "grpc_code": {"type": "integer"},
        "http_code": {"type": "integer"},
        "message": {"type": "string", "description": "Why no more lines follow."},
        "http_status": {"type": "string"},
    },
}

_REFUSALS: Final[Mapping[int, tuple[str, int, str]]] = {
    # status  what it means, an example's code and text
    400: ("It makes no sense as asked.", 3, "etcdserver: key is not provided"),
    403: ("A page of another origin asks for a change.", 7, "origin not allowed"),
    404: ("What it names is not there.", 5, "etcdserver: requested lease not found"),
    429: ("Too much waits, or there is no room.", 8, "etcdserver: too many requests"),
    500: (
        "It failed as etcd says it of this call (code 2), or by a bug (code 13).",
        2,
        "etcdserver: requested lease not found",
    ),
    501: ("It is not to be had here.", 12, "raftwerk: start an older version instead"),
    503: (
        "No leader answered in time. *no leader* means that nothing happened;"
        " *request timed out*, that it may have.",
        14,
        "etcdserver: no leader",
    ),
}
_ANYWHERE: Final = (400, 429, 500, 503)

_FAMILIES: Final = {
    "kv": "keys",
    "watch": "watches",
    "lease": "leases",
    "lock": "locks",
    "election": "elections",
    "cluster": "members",
    "maintenance": "maintenance",
}


def describe_gateway(routes: Routes) -> Document:
    """Return the gateway's part of the document.

    Parameters
    ----------
    routes : Routes
        All calls by their names, without a prefix.

    Returns
    -------
    Document
        ``paths`` and ``components``.
    """
    schemas: Document = {"EtcdError": _ERROR, "EtcdLastLine": _LAST_LINE}
    paths = {
        f"/v3/{name}": {"post": _operation(name, route, schemas)}
        for name, route in sorted(routes.items())
    }
    return {"paths": paths, "components": {"schemas": schemas}}


def _operation(name: str, route: Route | StreamRoute, schemas: Document) -> Document:
    """Return one call."""
    form = route.form
    has_lines = isinstance(route, StreamRoute) and route.has_lines
    text = route.summary if isinstance(route, StreamRoute) else route.call.__doc__ or ""
    statuses = {*_ANYWHERE, *form.refusals, *([403] if route.changes else [])}
    return {
        "tags": [f"etcd: {_FAMILIES[name.partition('/')[0]]}"],
        "operationId": "etcd_" + name.replace("/", "_").replace("-", "_"),
        "summary": text.partition("\n")[0].rstrip("."),
        "description": (
            "Answered by lines, one object each; the last one may be an error."
            if has_lines
            else "As etcd's JSON gateway has it; also below `/v3beta`."
        ),
        "requestBody": {
            "description": "An empty body is an empty message.",
            "content": {
                "application/json": {
                    "schema": _schema_of(form.request, schemas),
                    "example": form.example,
                }
            },
        },
        "responses": {
            "200": _answer(form.answer, has_lines, schemas),
            **{str(status): _refusal(status, has_lines) for status in sorted(statuses)},
        },
    }


def _answer(shape: Shape, has_lines: bool, schemas: Document) -> Document:
    """Return what is answered if nothing is wrong."""
    schema, example = _describe(shape, schemas), shape.example
    if has_lines:
        schema, example = _line(schema), {"result": example}
    return {
        "description": "One line of the answer." if has_lines else "The answer.",
        "content": {"application/json": {"schema": schema, "example": example}},
    }


def _refusal(status: int, has_lines: bool) -> Document:
    """Return what is answered if something is."""
    meaning, code, text = _REFUSALS[status]
    schema: Document = {"$ref": f"{COMPONENTS}EtcdError"}
    if has_lines:  # before the first line, or instead of it
        schema = {"anyOf": [schema, _line({})]}
    example = {"error": text, "code": code, "message": text}
    return {
        "description": meaning,
        "content": {"application/json": {"schema": schema, "example": example}},
    }


def _line(result: Document) -> Document:
    """Return the form of a line."""
    last = {"$ref": f"{COMPONENTS}EtcdLastLine"}
    return {
        "type": "object",
        "additionalProperties": False,
        "minProperties": 1,
        "maxProperties": 1,
        "properties": {"error": last} | ({"result": result} if result else {}),
    }


def _schema_of(convert: Convert, schemas: Document) -> Document:
    """Return what a reader takes; of a message, where it stands."""
    match convert:
        case Nested():
            return _schema_of(convert.message, schemas)
        case Message():
            return _name(
                convert.name,
                lambda: {
                    "type": "object",
                    "description": (
                        "Members may be called in camelCase as well; others, and"
                        " null, are passed over."
                    ),
                    "properties": {
                        field: _schema_of(reader, schemas)
                        for field, reader in convert.fields.items()
                    },
                },
                schemas,
            )
        case Repeated():
            return {"type": "array", "items": _schema_of(convert.element, schemas)}
        case Enumeration():
            number = {"type": "integer", "minimum": -(2**31), "maximum": 2**31 - 1}
            return {"anyOf": [{"enum": list(convert.names)}, number]}
        case _:
            return _READERS[convert]


def _describe(shape: Shape, schemas: Document) -> Document:
    """Return the form of an answer; of a message, where it stands."""
    if shape.name:
        members = shape.members.items()
        return _name(
            shape.name,
            lambda: {
                **shape.schema,
                "properties": {name: _describe(its, schemas) for name, its in members},
            },
            schemas,
        )
    if shape.element is not None:
        return {**shape.schema, "items": _describe(shape.element, schemas)}
    return dict(shape.schema)


def _name(name: str, make: Callable[[], Document], schemas: Document) -> Document:
    """Return where the form of a message stands, after writing it there once."""
    name = f"Etcd{name}"
    if name not in schemas:
        schemas[name] = {}  # it may stand within itself
        schemas[name] = {"title": name, **make()}
    return {"$ref": COMPONENTS + name}
