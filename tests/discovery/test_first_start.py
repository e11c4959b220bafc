"""First starts that run: they ask each other, write, lose patience and join."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from raftwerk.config import Url
from raftwerk.discovery import KnownMember, Question, Roster, encode
from raftwerk.discovery.bootstrap import (
    Record,
    Terms,
    View,
    decode_record,
    decode_view,
    encode_view,
)
from raftwerk.discovery.first_start import FirstStart, Start
from raftwerk.errors import NamesUnknown, PeerError
from raftwerk.host.draw import SplitMix64
from raftwerk.host.virtual import VirtualLoop, run, virtual_host
from raftwerk.types import NodeId

TOKEN = "token"


class Names:
    """A name with addresses, or without a server that knows it."""

    def __init__(self) -> None:
        self.urls: tuple[Url, ...] = ()
        self.trouble = ""

    async def look_up(self) -> tuple[Url, ...]:
        if self.trouble:
            raise NamesUnknown(self.trouble)
        return self.urls


class World:
    """Replicas on one virtual loop, and members that are there already."""

    def __init__(self, replicas: int = 3) -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        self.loop = loop
        self.host = virtual_host(loop, SplitMix64(1))
        self.replicas = replicas
        self.names = Names()
        self.starts: dict[int, FirstStart] = {}
        self.disks: dict[int, bytes] = {}
        self.said: dict[int, list[str]] = {}
        self.down: set[int] = set()
        self.members: dict[int, View] = {}
        self.applicants: list[Any] = []

    def url(self, number: int) -> Url:
        return Url(f"10.0.0.{number}", 2380)

    def add(self, number: int, *, replicas: int | None = None) -> FirstStart:
        """Start a replica with what it has on its disk."""
        disk = self.disks.get(number)
        record = decode_record(disk) if disk else Record(node_id=NodeId(number))
        said = self.said.setdefault(number, [])

        async def save(content: bytes) -> None:
            await self.host.timers.sleep(0.01)
            self.disks[number] = content

        self.starts[number] = FirstStart(
            Terms(
                app_name="node",
                replicas=self.replicas if replicas is None else replicas,
                token=TOKEN,
            ),
            record,
            save=save,
            names=self.names,
            ask=self.ask,
            timers=self.host.timers,
            clock=self.host.clock,
            tell=said.append,
        )
        known = {self.url(each) for each in (*self.starts, *self.members)}
        self.names.urls = tuple(sorted(known))
        return self.starts[number]

    async def ask(self, peer: Url, question: Question) -> View:
        """Bring a question to whoever is at an address."""
        await self.host.timers.sleep(0.001)
        number = int(peer.host.rpartition(".")[2])
        if number in self.down:
            raise PeerError("connection refused")
        if number in self.members:
            if question.applicant is not None:
                self.applicants.append(question.applicant)
            return self.members[number]
        return decode_view(self.starts[number].answer(encode(question)))

    async def find(self, *numbers: int) -> list[Start]:
        return await asyncio.gather(*(self.starts[n].find() for n in numbers))


def story(body: Coroutine[Any, Any, None]) -> None:
    run(body)


def test_three_replicas_found_one_cluster_in_half_a_second() -> None:
    async def body() -> None:
        world = World()
        for number in (1, 2, 3):
            world.add(number)
        # Who has started is told by who has started: so all go on answering.
        starts = await world.find(1, 2, 3)
        assert world.loop.time() < 0.5
        assert len({start.place.cluster_id for start in starts}) == 1
        assert [start.place.node_id for start in starts] == [1, 2, 3]
        for number, start in enumerate(starts, start=1):
            assert start.peer_urls == (str(world.url(number)),)
            assert [each.node_id for each in start.founders] == [1, 2, 3]
            assert decode_record(world.disks[number]).has_started

    story(body())


def test_a_founder_that_crashed_founds_what_it_promised() -> None:
    async def body() -> None:
        world = World()
        for number in (1, 2, 3):
            world.add(number)
        first, *_ = await world.find(1, 2, 3)
        again = await world.add(1).find()
        assert again.place == first.place

    story(body())


def test_a_replica_says_what_it_waits_for_once() -> None:
    async def body() -> None:
        world = World()
        world.names.trouble = "no server answers"
        waiting = asyncio.ensure_future(world.add(1).find())
        await asyncio.sleep(2.0)
        assert world.said[1] == [
            "the name has no address yet (no server answers)",
        ]
        world.names.trouble = ""
        await asyncio.sleep(2.0)
        assert world.said[1][-1].startswith("1 of 3 replicas are there")
        assert len(world.said[1]) == 2
        assert world.starts[1].waits_for == world.said[1][-1]
        waiting.cancel()

    story(body())


def test_a_proposal_that_takes_too_long_is_given_up_and_made_again() -> None:
    async def body() -> None:
        world = World()
        for number in (1, 2, 3):
            world.add(number)
        first = asyncio.ensure_future(world.starts[1].find())
        await asyncio.sleep(0.5)  # it has proposed, and nobody else runs
        world.down = {2, 3}
        await asyncio.sleep(6.0)
        record = world.starts[1].record
        assert record.promise is not None and record.refuses(record.promise)
        world.down = set()
        others = await world.find(2, 3)
        start = await first
        assert {each.place.cluster_id for each in (*others, start)} == {
            start.place.cluster_id
        }
        assert start.place.cluster_id != record.promise.cluster_id

    story(body())


def member_view(*members: KnownMember) -> View:
    """Return what a member of a cluster answers."""
    roster = Roster(cluster_id=77, members=members)
    return View(node_id=NodeId(9), cluster_id=77, roster=roster)


STARTED = KnownMember(node_id=NodeId(9), name="n9", has_started=True)


def test_a_replica_that_meets_a_cluster_asks_to_be_added_and_takes_its_place() -> None:
    async def body() -> None:
        world = World()
        world.members[9] = member_view(STARTED)
        own = str(world.url(1))
        finding = asyncio.ensure_future(world.add(1).find())
        await asyncio.sleep(1.0)
        assert 1 <= len(world.applicants) <= 3
        assert world.applicants[0].peer_urls == (own,)
        assert world.applicants[0].former == 0
        # A voter that was not seen to start is no place for anybody.
        voter = KnownMember(node_id=NodeId(5), peer_urls=(own,))
        world.members[9] = member_view(STARTED, voter)
        await asyncio.sleep(1.0)
        assert not finding.done()
        learner = KnownMember(node_id=NodeId(6), peer_urls=(own,), is_learner=True)
        world.members[9] = member_view(STARTED, learner)
        start = await finding
        assert (start.place.cluster_id, start.place.node_id) == (77, 6)
        assert start.founders == ()

    story(body())


def test_a_replica_at_the_address_of_one_that_started_waits_to_replace_it() -> None:
    async def body() -> None:
        world = World()
        own = str(world.url(1))
        lost = KnownMember(node_id=NodeId(5), peer_urls=(own,), has_started=True)
        world.members[9] = member_view(STARTED, lost)
        finding = asyncio.ensure_future(world.add(1).find())
        await asyncio.sleep(1.0)
        assert "raftwerk member replace 5" in world.said[1][-1]
        assert not world.applicants
        finding.cancel()

    story(body())


def test_who_only_joins_founds_nothing_and_says_that_nobody_is_there() -> None:
    async def body() -> None:
        world = World()
        waiting = asyncio.ensure_future(world.add(1, replicas=0).find())
        await asyncio.sleep(3.0)
        assert "no member of a cluster answers yet" in world.said[1][-1]
        assert world.starts[1].record.promise is None
        waiting.cancel()

    story(body())


def test_strangers_are_told_why_there_is_no_answer() -> None:
    async def body() -> None:
        first = World().add(1)
        with pytest.raises(PeerError, match="token"):
            first.answer(encode(Question(token="other", asker=NodeId(2))))
        with pytest.raises(PeerError, match="in no cluster yet: it has just started"):
            first.answer(encode(Question(token=TOKEN)))
        with pytest.raises(PeerError, match="no question"):
            first.answer(b"nonsense")
        answered = first.answer(encode(Question(token=TOKEN, asker=NodeId(2))))
        assert answered == encode_view(first.view())

    story(body())
