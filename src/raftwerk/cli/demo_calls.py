"""Calls to a demo's nodes that any operator could make, by the documented API."""

from collections.abc import Callable, Sequence
from typing import Any, Final

import httpx

from raftwerk.cli.demo_refusal import DemoRefusal
from raftwerk.config import Url

__all__ = ["DemoCalls"]

CALL_SECONDS: Final = 8.0
"""How long a call to a node may take."""


class DemoCalls:
    """Calls whichever node answers.

    Parameters
    ----------
    urls : callable
        Returns where running nodes answer clients.

    Attributes
    ----------
    http : httpx.AsyncClient
        For whoever calls one node and no other.
    """

    def __init__(self, urls: Callable[[], Sequence[Url]]) -> None:
        self._urls = urls
        self.http = httpx.AsyncClient(trust_env=False, timeout=CALL_SECONDS)

    async def close(self) -> None:
        """Close all connections."""
        await self.http.aclose()

    async def call(self, method: str, path: str, body: object = None) -> Any:
        """Call the documented API of some node that answers.

        Parameters
        ----------
        method, path : str
            HTTP's.
        body : object
            To be sent as JSON.

        Returns
        -------
        object
            The data of the answer.

        Raises
        ------
        DemoRefusal
            If none did what was asked; the message is the last one's.
        """
        trouble = "no node runs"
        for url in self._urls():
            try:
                answer = await self.http.request(
                    method, f"{url}/api/v1{path}", json=body
                )
            except httpx.HTTPError as error:
                trouble = f"{url} does not answer: {error or type(error).__name__}"
                continue
            said = answer.json()
            if answer.is_success:
                return said["data"]
            trouble = said["error"]["message"]
            if answer.status_code < 500:
                break
        raise DemoRefusal(trouble)

    async def member_id(self, name: str, peer: Url) -> str:
        """Return the id of a node, as the group knows it.

        Parameters
        ----------
        name : str
            The node's.
        peer : Url
            Where its peers reach it: one that was just added has no name yet.

        Returns
        -------
        str
            As the API has it.

        Raises
        ------
        DemoRefusal
            If it is no member, or nobody can say.
        """
        for member in await self.call("GET", "/members"):
            if name == member["name"] or str(peer) in member["peer_urls"]:
                return str(member["id"])
        raise DemoRefusal(f"{name} is no member")
