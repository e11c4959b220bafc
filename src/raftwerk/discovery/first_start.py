"""Runs a first start: asks all who stand behind a name, keeps promises, joins.

The rules are those of `bootstrap` and `place`; here is what they need of the world: a
file that survives, patience, and (in `inquiry`) a source of addresses and a way to ask.
"""

from collections.abc import Awaitable, Callable
from typing import Final

import msgspec

from raftwerk.config import Url
from raftwerk.discovery.askers import Askers
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
from raftwerk.discovery.inquiry import AskView, Inquiry
from raftwerk.discovery.names import Names
from raftwerk.discovery.place import Lost, Nowhere, Place, judge_joining
from raftwerk.discovery.protocol import Applicant, Roster, decode_question
from raftwerk.errors import PeerError
from raftwerk.host.protocol import Clock, Timers
from raftwerk.types import NodeId

__all__ = ["FirstStart", "Start"]

ROUND_SECONDS: Final = 0.05
"""From one round of questions to the next at first; a start by DNS is a few of them."""

ROUND_SECONDS_MAX: Final = 0.5
"""The same when it has waited for long."""

ROUND_GROWTH: Final = 1.02
"""From one wait to the next: the longest is reached after some 20 seconds."""

APPLY_SECONDS: Final = 0.5
"""From one request to be added to the next."""

PATIENCE_SECONDS: Final = 5.0
"""How long a proposal may take at first; doubled with each that failed."""

PATIENCE_SECONDS_MAX: Final = 60.0


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
    inquiry : Inquiry
        What it asks the others.
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
        self.inquiry = Inquiry(self._machine, terms.token, names, ask, clock)
        self._askers = Askers(timers, self._machine.forget_asker)
        self._timers = timers
        self._clock = clock
        self._tell = tell
        self._told = ""
        self._next_application = 0.0
        self._applications = 0
        self._promised_at: float | None = None
        self._patience_seconds = PATIENCE_SECONDS

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
            self._askers.count(asked.asker)
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
            await self.inquiry.round()
            start = await self._advance()
            if start is not None:
                self._say("")
                return start
            await self._timers.sleep(wait_seconds)
            wait_seconds = min(wait_seconds * ROUND_GROWTH, ROUND_SECONDS_MAX)

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
        inside = self.inquiry.members_of(cluster_id)
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
        former = record.node_id if is_ghost else NodeId(0)
        url = Url.parse("peer URL", addresses[self._applications % len(addresses)])
        self._applications += 1
        await self.inquiry.apply(url, Applicant(peer_urls=urls, former=former))

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

    # ---- what it says -------------------------------------------------------

    def _say_hindrance(self) -> None:
        """Say what is waited for."""
        if not self._terms.replicas:
            silent = "; ".join(self.inquiry.silent())
            self._say(f"no member of a cluster answers yet ({silent})")
            return
        hindrance = self._machine.hindrance()
        if hindrance is None:
            return
        if hindrance.obstacle is Obstacle.NO_ADDRESS:
            hindrance = msgspec.structs.replace(hindrance, detail=self.inquiry.trouble)
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
