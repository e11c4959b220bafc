"""Asking all members of a cluster how it is, through whichever of them answers."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence

from raftwerk.config import Url
from raftwerk.errors import ConfigError
from raftwerk.service.case import Case, Silent
from raftwerk.service.deposition import Deposition

__all__ = ["Ask", "NotHeard", "inquire"]

Ask = Callable[[Url], Awaitable[Deposition]]
"""Asks one member; it raises `NotHeard` with words if that says nothing in time."""


class NotHeard(Exception):
    """Somebody who was asked did not answer; the message says what happened."""


async def inquire(
    urls: Sequence[Url], ask: Ask, own: Sequence[Deposition] = ()
) -> Case:
    """Ask those who are known, and all whom they know.

    Parameters
    ----------
    urls : sequence of Url
        Where members answer clients.
    ask : Ask
        Asks one.
    own : sequence of Deposition
        What is known without asking.

    Returns
    -------
    Case
        Each member's words once.
    """
    said: dict[str, Deposition] = {each.id or each.name: each for each in own}
    silent: dict[Url, Silent] = {}
    asked: set[Url] = set()
    to_ask = list(urls) + _unheard(said.values())
    while to_ask := [url for url in dict.fromkeys(to_ask) if url not in asked]:
        asked.update(to_ask)
        for url, answer in zip(to_ask, await _ask_all(to_ask, ask), strict=True):
            if isinstance(answer, Deposition):
                said[answer.id or answer.name] = answer
            else:
                silent[url] = Silent(url=str(url), reason=answer)
        to_ask = _unheard(said.values())
    return Case(depositions=tuple(said.values()), silent=tuple(silent.values()))


async def _ask_all(urls: Iterable[Url], ask: Ask) -> "list[Deposition | str]":
    """Return what each says, or why it says nothing."""

    async def ask_one(url: Url) -> Deposition | str:
        try:
            return await ask(url)
        except NotHeard as error:
            return str(error)

    return await asyncio.gather(*map(ask_one, urls))


def _unheard(depositions: Iterable[Deposition]) -> list[Url]:
    """Return where members answer that are known and have not been heard."""
    told = list(depositions)
    heard = {each.id for each in told}
    texts = [
        text
        for each in told
        for member in each.members
        if member.id not in heard
        for text in member.client_urls
    ]
    urls = []
    for text in texts:
        try:
            urls.append(Url.parse("client URL", text))
        except ConfigError:
            pass  # it says so of itself; nobody can ask there
    return urls
