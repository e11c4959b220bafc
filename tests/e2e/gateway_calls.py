"""Calls of the gateway beside those that a history is made of: answered, or not."""

from collections.abc import Mapping
from typing import Any

import httpx

from tests.e2e.cluster import NodeProcess

__all__ = ["NotAnswered", "post"]


class NotAnswered(Exception):
    """The call was refused, or nobody knows what became of it."""


async def post(
    http: httpx.AsyncClient,
    node: NodeProcess,
    path: str,
    body: Mapping[str, object],
    seconds: float,
) -> dict[str, Any]:
    """Return what a node answers, if it does what it is asked for in time."""
    try:
        answer = await http.post(f"{node.client}/v3/{path}", json=body, timeout=seconds)
    except httpx.TransportError as error:
        raise NotAnswered(f"{node.name}: {error!r}") from error
    found: dict[str, Any] = answer.json()
    if answer.status_code != httpx.codes.OK:
        raise NotAnswered(f"{node.name}: {answer.status_code} {found}")
    return found
