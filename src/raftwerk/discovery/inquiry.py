"""Rounds of questions to all who stand behind a name, asking each who it is.

The name is looked up now and then, for replicas come and go. What the answers mean,
`bootstrap` knows; what is remembered here is who gave which, and where.
"""

import asyncio
from typing import Final, Protocol

from raftwerk.config import Url
from raftwerk.discovery.bootstrap import Bootstrap, View
from raftwerk.discovery.names import Names
from raftwerk.discovery.protocol import Applicant, Question
from raftwerk.errors import NamesUnknown, PeerError
from raftwerk.host.protocol import Clock
from raftwerk.types import NodeId

__all__ = ["AskView", "Inquiry"]

LOOK_UP_SECONDS: Final = 0.2
"""From one look-up of the name to the next, before there is a cluster."""


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


class Inquiry:
    """What one replica asks the others.

    Parameters
    ----------
    machine : Bootstrap
        Is told who is there, and what they say.
    token : str
        Of the cluster that is looked for.
    names : Names
        Where the others may be.
    ask : AskView
        Asks one of them.
    clock : Clock
        Says when to look the name up again.

    Attributes
    ----------
    names : Names
        Where the others may be; may be changed at any time.
    listed : tuple of Url
        Where they may be, as far as was found out.
    trouble : str
        Why the name could not be looked up last; empty if it could.
    """

    def __init__(
        self, machine: Bootstrap, token: str, names: Names, ask: AskView, clock: Clock
    ) -> None:
        self.names = names
        self.listed: tuple[Url, ...] = ()
        self.trouble = ""
        self._machine = machine
        self._token = token
        self._ask = ask
        self._clock = clock
        self._next_look_up = 0.0
        self._views: dict[str, View] = {}

    async def round(self) -> None:
        """Look up who is there, if it is time, and ask all of them once."""
        now = self._clock.now()
        if now >= self._next_look_up:
            self._next_look_up = now + LOOK_UP_SECONDS
            try:
                found = await self.names.look_up()
            except NamesUnknown as error:
                self.trouble = str(error)  # and those known before are still asked
            else:
                self.trouble = ""
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
        try:
            view = await self._ask(url, self._question())
        except PeerError as error:
            self._views.pop(str(url), None)
            self._machine.hear_nothing(str(url), str(error))
        else:
            self._take(url, view)

    async def apply(self, url: Url, applicant: Applicant) -> None:
        """Ask one member to have us added; whether it answers or not.

        Parameters
        ----------
        url : Url
            Where it is.
        applicant : Applicant
            As whom we are to be added.
        """
        try:
            self._take(url, await self._ask(url, self._question(applicant)))
        except PeerError:
            pass  # asked again in a moment, or another one

    def _question(self, applicant: Applicant | None = None) -> Question:
        """Return what is asked."""
        own = self._machine.record.node_id
        return Question(token=self._token, asker=own, applicant=applicant)

    def _take(self, url: Url, view: View) -> None:
        """Take in what somebody has said."""
        if url in self.listed:
            self._views[str(url)] = view
        self._machine.hear(str(url), view)

    # ---- what was heard -----------------------------------------------------

    def members_of(self, cluster_id: int) -> dict[str, View]:
        """Return what members of a cluster said last.

        Parameters
        ----------
        cluster_id : int
            Which cluster.

        Returns
        -------
        dict of str to View
            By address.
        """
        return {
            address: view
            for address, view in self._views.items()
            if view.cluster_id == cluster_id
        }

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
            for address, view in self.members_of(cluster_id).items()
        }

    def silent(self) -> list[str]:
        """Return who does not answer.

        Returns
        -------
        list of str
            Their addresses, in order.
        """
        return sorted(set(self._views) ^ set(map(str, self.listed)))
