"""The rules of a first start, as a pure machine; the theory stands in the package.

It is told what addresses there are and what each of them answers, when a record is
durable, and when patience is lost. It says which record is to be made durable next, and
what may be told to others: never more than is durable.
"""

from collections.abc import Mapping, Sequence

import msgspec

from raftwerk.discovery.bootstrap.outlook import Hindrance, Obstacle
from raftwerk.discovery.bootstrap.proposal import Candidate, Proposal
from raftwerk.discovery.bootstrap.record import Record
from raftwerk.discovery.bootstrap.view import View
from raftwerk.errors import require
from raftwerk.types import NodeId

__all__ = ["Bootstrap", "Terms"]


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """What a replica was told about the cluster that it is to found.

    Parameters
    ----------
    app_name : str
        The name that all share.
    replicas : int
        How many they are to be.
    token : str
        Keeps apart clusters with like names.
    name : str
        This replica's own name, for people.
    peer_urls : tuple of str
        Where it is reached, if it was told; else others see for themselves.
    """

    app_name: str
    replicas: int
    token: str
    name: str = ""
    peer_urls: tuple[str, ...] = ()


class Bootstrap:
    """One replica before its cluster is seen to exist.

    Parameters
    ----------
    terms : Terms
        What it was told.
    record : Record
        What is durable.
    """

    def __init__(self, terms: Terms, record: Record) -> None:
        """Know only what was kept."""
        self._terms = terms
        self._durable = record
        self._said: dict[str, View | str] = {}
        self._askers: set[NodeId] = set()
        self._has_patience = True
        # Of our promise alone, and true for ever once they are true, so that a late
        # answer adds to them or changes nothing.
        self._promisers: set[NodeId] = set()
        self._voiders: set[NodeId] = set()
        self._is_started_elsewhere = False

    # ---- what it is told ----------------------------------------------------

    def list_addresses(self, addresses: Sequence[str]) -> None:
        """Take the addresses that there are now, in place of those before.

        Parameters
        ----------
        addresses : sequence of str
            In any order.
        """
        self._said = {
            address: self._said.get(address, "not asked yet")
            for address in sorted(set(addresses))
        }

    def hear(self, address: str, view: View) -> None:
        """Take what somebody has answered.

        Parameters
        ----------
        address : str
            Where he was asked.
        view : View
            His answer; it may be an old one.
        """
        if address in self._said:
            self._said[address] = view
        self._learn(view)

    def hear_nothing(self, address: str, reason: str) -> None:
        """Know that nobody answers at an address.

        Parameters
        ----------
        address : str
            Where.
        reason : str
            For people.
        """
        if address in self._said:
            self._said[address] = reason

    def asked_by(self, node_id: NodeId) -> None:
        """Know of a replica that has asked us: it is there, whether we see it or not.

        Parameters
        ----------
        node_id : NodeId
            Who.
        """
        self._askers.add(node_id)

    def forget_asker(self, node_id: NodeId) -> None:
        """Know that a replica has not asked us for a while.

        Parameters
        ----------
        node_id : NodeId
            Who.
        """
        self._askers.discard(node_id)

    def lose_patience(self) -> None:
        """Give up the present promise, unless the cluster has started."""
        if self._durable.promise is not None:
            self._has_patience = False

    def saved(self, record: Record) -> None:
        """Know that a record is durable.

        Parameters
        ----------
        record : Record
            One that `next_record` returned.
        """
        require(
            record.node_id == self._durable.node_id, "a replica keeps the id it drew"
        )
        was, self._durable = self._durable.promise, record
        if record.promise != was:
            self._has_patience = True
            self._promisers, self._voiders = set(), set()
            self._is_started_elsewhere = False
            for view in self._views().values():
                self._learn(view)

    # ---- what it says -------------------------------------------------------

    @property
    def record(self) -> Record:
        """What is durable.

        Returns
        -------
        Record
            The last that was saved.
        """
        return self._durable

    def view(self) -> View:
        """Return what others may be told.

        Returns
        -------
        View
            Nothing in it can be forgotten any more.
        """
        durable, terms = self._durable, self._terms
        is_member = durable.has_started and durable.promise is not None
        return View(
            node_id=durable.node_id,
            name=terms.name,
            app_name=terms.app_name,
            replicas=terms.replicas,
            peer_urls=terms.peer_urls,
            promise=durable.promise,
            voids=durable.voids,
            cluster_id=self._promised_id() if is_member else 0,
        )

    def next_record(self) -> Record:
        """Return what is to be made durable; nothing is done before it is.

        Returns
        -------
        Record
            What is durable already, if there is nothing to do.
        """
        if self._durable.promise is None:
            return self._choose(self._durable)
        return self._keep(self._durable, self._durable.promise)

    def cluster_to_join(self) -> View | None:
        """Return a member of a cluster that this replica is to join, if there is one.

        Returns
        -------
        View or None
            What that member says; the one with the lowest id if there are several.
        """
        if self._durable.has_started:
            return None
        promise = self._durable.promise
        ours = 0
        if promise is not None and not self._durable.refuses(promise):
            ours = promise.cluster_id
        members = [
            view
            for view in self._views().values()
            if view.cluster_id not in (0, ours)
            and self._id not in (view.node_id, view.former)
        ]
        return min(members, key=lambda view: view.node_id, default=None)

    def addresses_of(self, node_id: NodeId) -> tuple[str, ...]:
        """Return where a replica has answered; with our own id, where we are reached.

        Parameters
        ----------
        node_id : NodeId
            Who.

        Returns
        -------
        tuple of str
            Ascending; empty if he has not.
        """
        return tuple(
            address
            for address, said in self._said.items()
            if isinstance(said, View) and said.node_id == node_id
        )

    def hindrance(self) -> Hindrance | None:
        """Return why there is no cluster yet.

        Returns
        -------
        Hindrance or None
            None if it has started, joins one, or has something to do.
        """
        if (
            self._durable.has_started
            or self.cluster_to_join() is not None
            or self.next_record() != self._durable
        ):
            return None
        promise = self._durable.promise
        if promise is None:
            return self._outlook()
        if self._durable.refuses(promise):
            waits_for = promise.node_ids - self._known_voiders(promise)
            return self._hindered(Obstacle.UNVOIDED, waits_for)
        missing = promise.node_ids - self._promisers - {self._id}
        # Who agreed is to be told by the proposer that all have.
        return self._hindered(Obstacle.UNPROMISED, missing or {promise.proposer})

    # ---- while promised -----------------------------------------------------

    def _keep(self, durable: Record, promise: Proposal) -> Record:
        """Return what becomes of a promise."""
        if self._is_void(promise):
            # Whoever is in the set and never voided must not start it later, either.
            freed = durable.with_void(promise)
            return msgspec.structs.replace(freed, promise=None, has_started=False)
        if durable.has_started or durable.refuses(promise):
            return durable
        if self._must_void():
            return durable.with_void(promise)
        if self._is_started_elsewhere or self._may_start(promise):
            return msgspec.structs.replace(durable, has_started=True)
        return durable

    def _is_void(self, promise: Proposal) -> bool:
        """Tell whether so many have voided it that nobody can ever lead there."""
        return len(self._known_voiders(promise)) >= promise.voids_min

    def _known_voiders(self, promise: Proposal) -> set[NodeId]:
        """Return all of the set who have voided it, as far as is known here."""
        ours = {self._id} if self._durable.refuses(promise) else set()
        return self._voiders | ours

    def _must_void(self) -> bool:
        """Tell whether the proposal has failed, as far as is known here."""
        return (
            bool(self._voiders)
            or not self._has_patience
            or self.cluster_to_join() is not None
        )

    def _may_start(self, promise: Proposal) -> bool:
        """Tell whether the proposer knows of the promises of all."""
        return (
            promise.proposer == self._id
            and self._promisers | {self._id} >= promise.node_ids
        )

    def _learn(self, view: View) -> None:
        """Keep what a view says for good about our promise."""
        promise = self._durable.promise
        if promise is None:
            return
        if view.refuses(promise):
            self._voiders |= {view.node_id, view.former} & promise.node_ids
        if view.promise == promise:
            self._promisers |= {view.node_id} & promise.node_ids
        if view.cluster_id == promise.cluster_id:
            self._is_started_elsewhere = True

    # ---- while free ---------------------------------------------------------

    def _choose(self, durable: Record) -> Record:
        """Return what a replica does that is free."""
        proposals = [
            (view, view.promise)
            for view in self._views().values()
            if view.promise is not None and self._id in view.promise.node_ids
        ]
        for _, proposal in proposals:
            is_voided = any(view.refuses(proposal) for view in self._views().values())
            if is_voided and not durable.refuses(proposal):
                return durable.with_void(proposal)
        if self.cluster_to_join() is not None:
            return durable
        offers = [
            proposal
            for view, proposal in proposals
            if view.node_id == proposal.proposer and self._is_acceptable(proposal)
        ]
        if offers:
            best = min(offers, key=lambda offer: (offer.proposer, -offer.attempt))
            return msgspec.structs.replace(durable, promise=best)
        if self._outlook() is None:
            return msgspec.structs.replace(
                durable, attempts=durable.attempts + 1, promise=self._new_proposal()
            )
        return durable

    def _is_acceptable(self, proposal: Proposal) -> bool:
        """Tell whether a proposal with us in it is what we were told to found."""
        terms = self._terms
        return (
            proposal.app_name == terms.app_name
            and proposal.token == terms.token
            and len(proposal.members) == terms.replicas
            and not self._durable.refuses(proposal)
        )

    # One question after the other, in the order in which an operator would ask them.
    # pylint: disable-next=too-many-return-statements
    def _outlook(self) -> Hindrance | None:
        """Return what keeps this replica from making a proposal, if anything does."""
        views, terms = self._views(), self._terms
        if not self._said:
            return self._hindered(Obstacle.NO_ADDRESS)
        different = [
            f"{view.node_id:x} was told {view.replicas} and {view.app_name!r}"
            for view in views.values()
            if (view.replicas, view.app_name) != (terms.replicas, terms.app_name)
        ]
        if different:
            return self._hindered(Obstacle.DIFFERENT, detail="; ".join(different))
        seen = views.keys() | {self._id}
        strangers = self._askers - seen
        # Whoever is silent may be one more, and so is who asks without being listed.
        is_crowd = len(seen) + len(strangers) + len(self._silent()) > terms.replicas
        if len(seen) >= terms.replicas and is_crowd:
            return self._hindered(Obstacle.TOO_MANY, strangers)
        if len(seen) < terms.replicas:
            return self._hindered(Obstacle.TOO_FEW, strangers)
        if self._id not in views:
            return self._hindered(Obstacle.SELF_UNSEEN)
        bound = {
            view.node_id
            for view in views.values()
            if view.promise is not None and view.node_id != self._id
        }
        if bound:
            return self._hindered(Obstacle.BOUND, bound)
        if min(seen) != self._id:
            return self._hindered(Obstacle.NOT_LOWEST, {min(seen)})
        return None

    def _new_proposal(self) -> Proposal:
        """Return the set that is seen."""
        members = tuple(
            Candidate(
                node_id=view.node_id,
                name=view.name,
                peer_urls=view.peer_urls or self.addresses_of(view.node_id),
            )
            for view in sorted(self._views().values(), key=lambda view: view.node_id)
        )
        return Proposal(
            app_name=self._terms.app_name,
            token=self._terms.token,
            attempt=self._durable.attempts + 1,
            members=members,
        )

    # ---- what it looks at ---------------------------------------------------

    @property
    def _id(self) -> NodeId:
        """Who we are."""
        return self._durable.node_id

    def _promised_id(self) -> int:
        """Return the id of the cluster that we promised to found, or 0."""
        promise = self._durable.promise
        return 0 if promise is None else promise.cluster_id

    def _views(self) -> Mapping[NodeId, View]:
        """Return what each replica that is there said last."""
        said = self._said.values()
        return {view.node_id: view for view in said if isinstance(view, View)}

    def _silent(self) -> tuple[str, ...]:
        """Return where nobody answers, and why."""
        return tuple(
            f"{address} ({said})"
            for address, said in self._said.items()
            if isinstance(said, str)
        )

    def _hindered(
        self,
        obstacle: Obstacle,
        waits_for: "set[NodeId] | frozenset[NodeId]" = frozenset(),
        detail: str = "",
    ) -> Hindrance:
        """Return a hindrance with all that is seen."""
        seen = self._views().keys() | {self._id}
        return Hindrance(
            obstacle=obstacle,
            replicas=self._terms.replicas,
            seen=tuple(sorted(seen)),
            waits_for=tuple(sorted(waits_for)),
            silent=self._silent(),
            detail=detail,
        )
