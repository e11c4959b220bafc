"""A node without data asks its peers until it knows what it is, or what to do."""

import asyncio

import pytest

from raftwerk.config import Url
from raftwerk.discovery import KnownMember, Newcomer, Place, Roster, find_place
from raftwerk.errors import ConfigError, PeerError
from raftwerk.host.draw import SplitMix64
from raftwerk.host.virtual import VirtualLoop, run, virtual_host
from raftwerk.types import NodeId

HERE, FIRST, SECOND = (Url("127.0.0.1", port) for port in (2380, 1, 2))
OTHER = KnownMember(node_id=NodeId(1), has_started=True)
OURS = KnownMember(node_id=NodeId(4), peer_urls=(str(HERE),))
LOST = KnownMember(node_id=NodeId(4), peer_urls=(str(HERE),), has_started=True)
NEW = KnownMember(node_id=NodeId(5), peer_urls=(str(HERE),))
FOUNDING = Place(7, NodeId(4))


def roster(*members: KnownMember) -> Roster:
    return Roster(cluster_id=7, members=(OTHER, *members))


Said = Roster | str


class World:
    """Peers that answer differently from round to round."""

    def __init__(self, *rounds: dict[Url, Said]) -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        self.loop = loop
        self.timers = virtual_host(loop, SplitMix64(1)).timers
        self.rounds = list(rounds)
        self.asked: dict[Url, int] = {}
        self.told: list[str] = []

    async def ask(self, peer: Url) -> Roster:
        number = self.asked[peer] = self.asked.get(peer, 0) + 1
        said = self.rounds[min(number, len(self.rounds)) - 1].get(peer, "no answer")
        if isinstance(said, str):
            raise PeerError(said)
        return said

    async def find(
        self, founding: Place | None = None, peers: tuple[Url, ...] = (FIRST, SECOND)
    ) -> Place:
        newcomer = Newcomer(name="n4", urls=(HERE,), peers=peers, founding=founding)
        return await find_place(newcomer, self.ask, self.timers, self.told.append)


def refusal(*rounds: dict[Url, Said], peers: tuple[Url, ...] = (FIRST,)) -> str:
    """Return why a node can't join."""

    async def body() -> str:
        with pytest.raises(ConfigError) as caught:
            await World(*rounds).find(peers=peers)
        return str(caught.value)

    return run(body())


def story(*rounds: dict[Url, Said], founding: Place | None) -> tuple[Place, World]:
    async def body() -> tuple[Place, World]:
        world = World(*rounds)
        return await world.find(founding), world

    return run(body())


def test_who_joins_takes_the_place_at_once() -> None:
    place, world = story({FIRST: roster(OURS)}, founding=None)
    assert place == FOUNDING
    assert world.loop.time() == 0.0
    assert set(world.asked) == {FIRST, SECOND}


def test_who_asks_a_member_that_lags_asks_again() -> None:
    place, world = story({FIRST: roster()}, {FIRST: roster(OURS)}, founding=None)
    assert place == FOUNDING
    assert 0 < world.loop.time() < 1


def test_who_asks_while_all_restart_waits_for_an_answer() -> None:
    place, world = story({}, {}, {FIRST: roster(OURS)}, founding=None)
    assert place == FOUNDING
    assert not world.told


def test_who_was_not_added_reads_the_command_that_adds_it() -> None:
    words = refusal({FIRST: roster()})
    assert "`raftwerk member add n4 --peer-urls=http://127.0.0.1:2380`" in words


def test_who_hears_nobody_reads_why() -> None:
    words = refusal({FIRST: "connection refused"})
    assert "http://127.0.0.1:1: connection refused" in words


def test_who_knows_nobody_reads_what_is_missing() -> None:
    assert "names n4 alone" in refusal({}, peers=())


def test_who_founds_a_cluster_waits_for_nobody() -> None:
    place, world = story({}, founding=FOUNDING)
    assert place == FOUNDING
    assert world.loop.time() == 0.0


def test_who_lost_its_data_waits_to_be_replaced_and_says_so_once() -> None:
    rounds: list[dict[Url, Said]] = [{FIRST: roster(LOST)}] * 50
    place, world = story(*rounds, {FIRST: roster(LOST, NEW)}, founding=FOUNDING)
    assert place == Place(7, NodeId(5))
    (told,) = world.told
    assert "raftwerk member replace 4" in told


@pytest.mark.parametrize("founding", [FOUNDING, None], ids=["founds", "joins"])
@pytest.mark.parametrize(
    "then",
    [{}, {SECOND: roster(OURS)}],
    ids=["nobody answers", "one that lags answers"],
)
def test_who_lost_its_data_is_not_made_to_forget_it(
    founding: Place | None, then: dict[Url, Said]
) -> None:
    rounds: list[dict[Url, Said]] = [{FIRST: roster(LOST)}, *[then] * 30]
    place, world = story(*rounds, {FIRST: roster(LOST, NEW)}, founding=founding)
    assert place == Place(7, NodeId(5))
    assert len(world.told) == 1


def test_an_error_of_our_own_is_not_an_answer() -> None:
    async def body() -> None:
        world = World({})

        async def broken(peer: Url) -> Roster:
            raise ZeroDivisionError(str(peer))

        newcomer = Newcomer(name="n4", urls=(HERE,), peers=(FIRST,))
        with pytest.raises(ZeroDivisionError):
            await find_place(newcomer, broken, world.timers, world.told.append)

    run(body())
