"""Runs a first start: asks all who stand behind a name, keeps promises, joins.

The rules are those of `bootstrap` and `place`; here is what they need of the world: a
source of addresses, a way to ask, a file that survives, and patience.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, Protocol

import msgspec

from raftwerk.config import Url
from raftwerk.discovery.bootstrap import (
    Bootstrap,
    Candidate,
    Obstacle,
    Record,
    Terms,
    View,
    encode_record,
    encode_view,
)
from raftwerk.discovery.names import Names
from raftwerk.discovery.place import Lost, Nowhere, Place, judge_joining
from raftwerk.discovery.protocol import Applicant, Question, Roster, decode_question
from raftwerk.errors import NamesUnknown, PeerError
from raftwerk.host.protocol import Clock, Timer, Timers
from raftwerk.types import NodeId

__all__ = ["AskView", "FirstStart", "Start"]

LOOK_UP_SECONDS: Final = 0.2
"""From one look-up of the name to the next, before there is a cluster."""

ROUND_SECONDS: Final = 0.05
"""From one round of questions to the next at first; a start by DNS is a few of them."""

ROUND_SECONDS_MAX: Final = 0.5
"""The same when it has waited for long."""

ROUND_GROWTH: Final = 1.02
"""From one wait to the next: the longest is reached after some 20 seconds."""

APPLY_SECONDS: Final = 0.5
"""From one request to be added to the next."""

ASKER_SECONDS: Final = 2.0
"""How long who has asked counts as being there."""

ASKERS_MAX: Final = 256
"""How many who have asked are counted; the first is forgotten for the next."""

PATIENCE_SECONDS: Final = 5.0
"""How long a proposal may take at first; doubled with each that failed."""

PATIENCE_SECONDS_MAX: Final = 60.0


class AskView(Protocol):
    """A way to ask whoever listens for peers somewhere who it is."""

    async def __call__(self, peer: Url, question: Question) -> View:
        """Ask one; it takes a bounded time.

        Parameters
        ----------
        peer : Url
            Where.
        question : Question
            With who asks.

        Returns
        -------
        View
            The answer.

        Raises
        ------
        PeerError
            If there is none; the message says why.
        """


class Start(msgspec.Struct, frozen=True, kw_only=True):
    """What a node without data is to be.

    Parameters
    ----------
    place : Place
        Which member of which cluster.
    founders : tuple of Candidate
        Who founds the cluster, itself among them; empty if it joins one.
    peer_urls : tuple of str
        Where its peers reach it.
    """

    place: Place
    founders: tuple[Candidate, ...] = ()
    peer_urls: tuple[str, ...] = ()


class FirstStart:
    """A replica that looks for its cluster.

    Parameters
    ----------
    terms : Terms
        What it was told; 0 replicas: it founds no cluster, it joins one.
    record : Record
        What is durable.
    save : callable
        Makes the bytes of a record durable.
    names : Names
        Where the others may be.
    ask : AskView
        Asks one of them.
    timers : Timers
        For waits.
    clock : Clock
        For patience.
    tell : callable
        Takes what it waits for, in words, whenever that is something else.

    Attributes
    ----------
    names : Names
        Where the others may be; may be changed at any time.
    listed : tuple of Url
        Where they may be, as far as was found out.
    """

    def __init__(
        self,
        terms: Terms,
        record: Record,
        *,
        save: Callable[[bytes], Awaitable[None]],
        names: Names,
        ask: AskView,
        timers: Timers,
        clock: Clock,
        tell: Callable[[str], object],
    ) -> None:
        self._terms = terms
        self._machine = Bootstrap(terms, record)
        self._save = save
        self.names = names
        self._ask = ask
        self._timers = timers
        self._clock = clock
        self._tell = tell
        self._told = ""
        self._trouble = ""
        self._views: dict[str, View] = {}
        self.listed: tuple[Url, ...] = ()
        self._next_look_up = 0.0
        self._next_application = 0.0
        self._applications = 0
        self._promised_at: float | None = None
        self._patience_seconds = PATIENCE_SECONDS
        self._askers: dict[NodeId, Timer] = {}

    # ---- what others ask ----------------------------------------------------

    def answer(self, question: bytes) -> bytes:
        """Answer another replica; an `Answerer` for the transport.

        Parameters
        ----------
        question : bytes
            As it came.

        Returns
        -------
        bytes
            A `View`.

        Raises
        ------
        PeerError
            If it is no question, or is meant for others.
        """
        asked = decode_question(question)
        if asked.token != self._terms.token:
            raise PeerError(
                "this replica's initial-cluster-token is another one than the asker's"
            )
        if not asked.asker:
            waits_for = self._told or "it has just started"
            raise PeerError(f"this replica is in no cluster yet: {waits_for}")
        if asked.asker != self._machine.record.node_id:
            self._machine.asked_by(asked.asker)
            self._forget_later(asked.asker)
        return encode_view(self.view())

    def view(self) -> View:
        """Return what others may be told.

        Returns
        -------
        View
            Durable facts.
        """
        return self._machine.view()

    @property
    def record(self) -> Record:
        """What is durable.

        Returns
        -------
        Record
            The last that was saved.
        """
        return self._machine.record

    @property
    def waits_for(self) -> str:
        """What it waits for, in words; empty if for nothing.

        Returns
        -------
        str
            As `tell` was told last.
        """
        return self._told

    def _forget_later(self, asker: NodeId) -> None:
        """Count an asker as gone, unless it asks again."""
        if asker not in self._askers and len(self._askers) >= ASKERS_MAX:
            self._forget(next(iter(self._askers)))
        if asker in self._askers:
            self._askers[asker].cancel()
        self._askers[asker] = self._timers.call_later(
            ASKER_SECONDS, self._forget, asker
        )

    def _forget(self, asker: NodeId) -> None:
        """Count an asker as gone."""
        timer = self._askers.pop(asker, None)
        if timer is not None:
            timer.cancel()
        self._machine.forget_asker(asker)

    # ---- before there is a cluster ------------------------------------------

    async def find(self) -> Start:
        """Return what this node is to be, once it is durable that it is that.

        Returns
        -------
        Start
            A founder of a cluster, or a member of one that it has joined.

        Raises
        ------
        StorageError
            If the record can't be made durable.
        """
        wait_seconds = ROUND_SECONDS
        while True:
            await self.look()
            start = await self._advance()
            if start is not None:
                self._say("")
                return start
            await self._timers.sleep(wait_seconds)
            wait_seconds = min(wait_seconds * ROUND_GROWTH, ROUND_SECONDS_MAX)

    async def look(self) -> None:
        """Look up who is there, if it is time, and ask all of them once."""
        now = self._clock.now()
        if now >= self._next_look_up:
            self._next_look_up = now + LOOK_UP_SECONDS
            try:
                found = await self.names.look_up()
            except NamesUnknown as error:
                self._trouble = str(error)  # and those known before are still asked
            else:
                self._trouble = ""
                self._machine.list_addresses([str(url) for url in found])
                self._views = {
                    str(url): self._views[str(url)]
                    for url in found
                    if str(url) in self._views
                }
                self.listed = found
        await asyncio.gather(*map(self._hear, self.listed))

    async def _hear(self, url: Url) -> None:
        """Ask one, and take in what it says."""
        question = Question(token=self._terms.token, asker=self._machine.record.node_id)
        try:
            view = await self._ask(url, question)
        except PeerError as error:
            self._views.pop(str(url), None)
            self._machine.hear_nothing(str(url), str(error))
        else:
            self._take(url, view)

    def _take(self, url: Url, view: View) -> None:
        """Take in what somebody has said."""
        if url in self.listed:
            self._views[str(url)] = view
        self._machine.hear(str(url), view)

    async def _advance(self) -> Start | None:
        """Do what follows from what was heard."""
        await self.settle()
        if self._is_out_of_patience():
            self._machine.lose_patience()
            self._patience_seconds = min(
                2 * self._patience_seconds, PATIENCE_SECONDS_MAX
            )
            await self.settle()
        record = self._machine.record
        if record.has_started and record.promise is not None:
            own = [
                each
                for each in record.promise.members
                if each.node_id == record.node_id
            ]
            return Start(
                place=Place(record.promise.cluster_id, record.node_id),
                founders=record.promise.members,
                peer_urls=own[0].peer_urls,
            )
        member = self._machine.cluster_to_join()
        if member is not None:
            return await self._join(member.cluster_id)
        self._say_hindrance()
        return None

    async def settle(self) -> None:
        """Make durable what follows from what was heard."""
        while (record := self._machine.next_record()) != self._machine.record:
            was = self._machine.record.promise
            await self._save(encode_record(record))
            self._machine.saved(record)
            if record.promise != was:
                self._promised_at = self._clock.now()

    async def keep(self, record: Record) -> None:
        """Make a record durable that follows from the node's log.

        Parameters
        ----------
        record : Record
            Of this replica.

        Raises
        ------
        StorageError
            If it can't be made durable.
        """
        if record != self._machine.record:
            await self._save(encode_record(record))
            self._machine.saved(record)

    def _is_out_of_patience(self) -> bool:
        """Tell whether a proposal has taken too long."""
        record = self._machine.record
        if record.promise is None or record.has_started:
            return False
        if record.refuses(record.promise):
            return False
        now = self._clock.now()
        if self._promised_at is None:
            self._promised_at = now  # promised before we were started
        return now - self._promised_at > self._patience_seconds

    # ---- joining ------------------------------------------------------------

    async def _join(self, cluster_id: int) -> Start | None:
        """Take the place that was added for us, or ask for one."""
        record = self._machine.record
        urls = self.own_urls(record.node_id)
        if not urls:
            self._say(
                f"there is a cluster ({cluster_id:x}), and none of the addresses leads"
                " here: the name must list this replica too, or say with"
                " --initial-advertise-peer-urls where it is reached"
            )
            return None
        inside = {
            address: view
            for address, view in self._views.items()
            if view.cluster_id == cluster_id
        }
        rosters = [
            _open_places(view.roster)
            for view in inside.values()
            if view.roster is not None
        ]
        own = [Url.parse("peer URL", url) for url in urls]
        verdict = judge_joining(rosters, own) if rosters else Nowhere()
        if isinstance(verdict, Place):
            return Start(place=verdict, peer_urls=urls)
        if isinstance(verdict, Lost):
            self._say(verdict.words)
            return None
        self._say(f"asks to be added to cluster {cluster_id:x}")
        now = self._clock.now()
        if now >= self._next_application and inside:
            self._next_application = now + APPLY_SECONDS
            await self._apply(sorted(inside), cluster_id, urls)
        return None

    async def _apply(
        self, addresses: list[str], cluster_id: int, urls: tuple[str, ...]
    ) -> None:
        """Ask one member, another one each time, to have us added."""
        record = self._machine.record
        promise = record.promise
        is_ghost = promise is not None and promise.cluster_id == cluster_id
        question = Question(
            token=self._terms.token,
            asker=record.node_id,
            applicant=Applicant(
                peer_urls=urls, former=record.node_id if is_ghost else NodeId(0)
            ),
        )
        url = Url.parse("peer URL", addresses[self._applications % len(addresses)])
        self._applications += 1
        try:
            self._take(url, await self._ask(url, question))
        except PeerError:
            pass  # asked again in a moment, or another one

    # ---- once there is a cluster --------------------------------------------

    def own_urls(self, node_id: NodeId) -> tuple[str, ...]:
        """Return where this node is reached.

        Parameters
        ----------
        node_id : NodeId
            Who it is.

        Returns
        -------
        tuple of str
            As it was told, else where it has heard itself answer; empty if nowhere.
        """
        return self._terms.peer_urls or self._machine.addresses_of(node_id)

    def sightings(self, cluster_id: int) -> dict[NodeId, Url]:
        """Return where members of a cluster were found in the last round.

        Parameters
        ----------
        cluster_id : int
            Which cluster.

        Returns
        -------
        dict of NodeId to Url
            By member.
        """
        return {
            view.node_id: Url.parse("peer URL", address)
            for address, view in self._views.items()
            if view.cluster_id == cluster_id
        }

    # ---- what it says -------------------------------------------------------

    def _say_hindrance(self) -> None:
        """Say what is waited for."""
        if not self._terms.replicas:
            silent = "; ".join(sorted(set(self._views) ^ set(map(str, self.listed))))
            self._say(f"no member of a cluster answers yet ({silent})")
            return
        hindrance = self._machine.hindrance()
        if hindrance is None:
            return
        if hindrance.obstacle is Obstacle.NO_ADDRESS:
            hindrance = msgspec.structs.replace(hindrance, detail=self._trouble)
        self._say(hindrance.words)

    def _say(self, words: str) -> None:
        """Say something that was not said last."""
        if words != self._told:
            self._told = words
            if words:
                self._tell(words)


def _open_places(roster: Roster) -> Roster:
    """Return a list of members without voters that were not seen to start.

    A founder votes before anybody has seen it. Whoever comes to its address without its
    data must not take its id; and who refused to found this cluster is listed there
    under an id that it must never use.
    """
    members = tuple(
        member for member in roster.members if member.is_learner or member.has_started
    )
    return msgspec.structs.replace(roster, members=members)
