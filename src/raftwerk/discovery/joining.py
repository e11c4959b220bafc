"""Asking for one's place: of all peers at once, again and again where that may help."""

import asyncio
from collections.abc import Callable, Collection, Sequence
from typing import Final

import msgspec

from raftwerk.config import Url
from raftwerk.discovery.place import (
    Found,
    Lost,
    Nowhere,
    Place,
    judge_joining,
    judge_start,
)
from raftwerk.discovery.protocol import Ask, Roster
from raftwerk.errors import ConfigError, PeerError
from raftwerk.host.protocol import Timers

__all__ = ["Newcomer", "find_place"]

AGAIN_SECONDS: Final = 0.5
"""From one round of questions to the next."""

UNHEARD_ROUNDS: Final = 10
"""Rounds without any answer until a node gives up joining."""

UNKNOWN_ROUNDS: Final = 4
"""Rounds of answers that know nothing of us until a node gives up joining: who answers
may lag behind who was asked to add us."""


class Newcomer(msgspec.Struct, frozen=True, kw_only=True):
    """A node without data.

    Parameters
    ----------
    name : str
        Its name.
    urls : tuple of Url
        Where its peers are told to come.
    peers : tuple of Url
        Whom it may ask.
    founding : Place, optional
        What it would be in the cluster that it was told to found; without it, it was
        told to join.
    """

    name: str
    urls: tuple[Url, ...]
    peers: tuple[Url, ...]
    founding: Place | None = None


async def find_place(
    newcomer: Newcomer, ask: Ask, timers: Timers, on_lost: Callable[[str], object]
) -> Place:
    """Return which member a node without data is to be.

    One that was told to found a cluster does so unless somebody has seen it start
    before: then its data is lost. It waits until an operator has put a new id in the
    place of the old one, and takes that.

    Parameters
    ----------
    newcomer : Newcomer
        The node.
    ask : Ask
        Asks one peer.
    timers : Timers
        Wait between two rounds.
    on_lost : callable
        Called once, with words for the operator, before such a wait.

    Returns
    -------
    Place
        `Newcomer.founding`, or a place that was added for it.

    Raises
    ------
    ConfigError
        If nobody has added it, or nobody could be asked; the message says what helps.
    """
    # What a peer has said counts until it says something else: that it is silent now
    # must not make a node forget that it is known.
    known: dict[Url, Roster] = {}
    is_told, rounds = False, 0
    while True:
        reasons = await _ask_all(newcomer.peers, ask, known)
        verdict = _judge(newcomer, list(known.values()))
        if isinstance(verdict, Place):
            return verdict
        if isinstance(verdict, Lost):
            if not is_told:
                is_told = True
                on_lost(verdict.words)
        else:
            rounds += 1
            if rounds >= (UNKNOWN_ROUNDS if known else UNHEARD_ROUNDS):
                raise _refusal(newcomer, reasons, is_heard=bool(known))
        await timers.sleep(AGAIN_SECONDS)


def _judge(newcomer: Newcomer, rosters: Sequence[Roster]) -> Place | Lost | Nowhere:
    """Return what the answers mean for a node; without any, it is nowhere."""
    if newcomer.founding is None:
        return judge_joining(rosters, newcomer.urls) if rosters else Nowhere()
    verdict = judge_start(rosters, newcomer.urls, newcomer.founding)
    return newcomer.founding if isinstance(verdict, Found) else verdict


async def _ask_all(
    peers: Collection[Url], ask: Ask, known: dict[Url, Roster]
) -> dict[Url, str]:
    """Take in all answers, and return why there are no others."""
    said = await asyncio.gather(*map(ask, peers), return_exceptions=True)
    reasons: dict[Url, str] = {}
    for peer, answer in zip(peers, said, strict=True):
        if isinstance(answer, Roster):
            known[peer] = answer
        elif isinstance(answer, PeerError):
            reasons[peer] = str(answer)
        else:
            raise answer
    return reasons


def _refusal(
    newcomer: Newcomer, reasons: dict[Url, str], *, is_heard: bool
) -> ConfigError:
    """Say why a node can't join, and what helps."""
    urls = ",".join(map(str, newcomer.urls))
    if is_heard:
        return ConfigError(
            f"no member was added with the peer URL {urls}; run `raftwerk member add"
            f" {newcomer.name} --peer-urls={urls}` against the cluster, then start this"
            " node again"
        )
    if not newcomer.peers:
        return ConfigError(
            f"initial-cluster names {newcomer.name} alone; to join a running cluster it"
            " must name its members too, whom this node asks for its place"
        )
    told = "; ".join(f"{peer}: {reason}" for peer, reason in reasons.items())
    return ConfigError(f"no peer in initial-cluster could be asked to join: {told}")
