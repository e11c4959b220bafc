"""What was found out about a cluster, and what may be said of it."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from enum import StrEnum

import msgspec

from raftwerk.service.deposition import Deposition

__all__ = ["Case", "Finding", "Kind", "Silent", "clock_text", "enumerate_names"]


class Kind(StrEnum):
    """What a finding is about."""

    NOBODY = "nobody-answers"
    STRANGERS = "several-clusters"
    WAITING = "waiting-for-the-cluster"
    NO_QUORUM = "no-quorum"
    PARTITION = "partition"
    MISSING = "member-missing"
    UNSTARTED = "member-never-started"
    SPLITTING = "elections-split"
    NO_LEADER = "no-leader"
    TIMEOUTS = "timeouts-do-not-fit"
    DISAGREEING = "replicas-disagree"
    DRIFTED = "member-differs"
    LAGGING = "member-lags"
    VERSIONS = "versions-differ"
    DISK_FULL = "disk-full"
    DISK_SLOW = "disk-slow"
    ALARM = "alarm"


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is wrong, as one paragraph.

    Parameters
    ----------
    kind : Kind
        What it is about.
    text : str
        For people.
    """

    kind: Kind
    text: str


class Silent(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who was asked and did not answer.

    Parameters
    ----------
    url : str
        Where.
    reason : str
        What happened instead.
    """

    url: str
    reason: str


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """All that was found out.

    Parameters
    ----------
    depositions : sequence of Deposition
        Of those who answered.
    silent : sequence of Silent
        Of those who did not.
    """

    depositions: Sequence[Deposition]
    silent: Sequence[Silent] = ()

    @property
    def members(self) -> Sequence[Deposition]:
        """All those who take part, the best informed first."""
        taking = [each for each in self.depositions if not each.waits_for]
        return sorted(taking, key=lambda each: (-each.term, -each.commit_index))

    @property
    def newest(self) -> Deposition:
        """The best informed member."""
        return self.members[0]

    @property
    def answering(self) -> dict[str, Deposition]:
        """All those who take part, by id."""
        return {each.id: each for each in self.members}

    @property
    def leader(self) -> Deposition | None:
        """Who leads in the newest term, if that one answered."""
        newest = [each for each in self.members if each.term == self.newest.term]
        return next((each for each in newest if each.state == "LEADER"), None)

    @property
    def halves(self) -> Sequence[Sequence[str]]:
        """The groups of voters that each need a majority; two in a joint phase."""
        halves = (self.newest.voters, self.newest.voters_outgoing)
        return [half for half in halves if half]

    @property
    def is_quorate(self) -> bool:
        """Whether a majority of the voters can be seen, in each half."""
        return all(
            sum(map(self.is_seen, half)) > len(half) // 2 for half in self.halves
        )

    @property
    def can_agree(self) -> bool:
        """Whether somebody may have ways to a majority, itself among it."""
        if any(self.is_seen(each) and each not in self.answering for each in self._all):
            return True  # we do not know what that one has
        reaches = [
            {each.id} | {sight.id for sight in each.sights if sight.is_connected}
            for each in self.members
        ]
        return any(
            all(len(reach.intersection(half)) > len(half) // 2 for half in self.halves)
            for reach in reaches
        )

    @property
    def _all(self) -> Iterable[str]:
        """All voters."""
        return (each for half in self.halves for each in half)

    def name(self, member: str) -> str:
        """Return what people call a member.

        Parameters
        ----------
        member : str
            Its id.

        Returns
        -------
        str
            Its name; its id if it has none.
        """
        told = (each for one in self.members for each in one.members)
        return next((each.name for each in told if each.id == member), "") or member

    def where(self, member: str) -> str:
        """Return a member's name and address.

        Parameters
        ----------
        member : str
            Its id.

        Returns
        -------
        str
            For people.
        """
        told = (each for one in self.members for each in one.members)
        urls = next(
            (each.client_urls or each.peer_urls for each in told if each.id == member),
            (),
        )
        return f"{self.name(member)} ({urls[0]})" if urls else self.name(member)

    def is_seen(self, member: str) -> bool:
        """Tell whether a member answered, or anybody who did has a way to it.

        Parameters
        ----------
        member : str
            Its id.

        Returns
        -------
        bool
            False: nobody knows of it.
        """
        return member in self.answering or any(
            sight.id == member and sight.is_connected
            for each in self.members
            for sight in each.sights
        )

    def absence(self, member: str) -> str:
        """Return since when a member is away, and why, as others see it.

        Parameters
        ----------
        member : str
            Its id.

        Returns
        -------
        str
            Beginning with "since"; empty if nobody can tell.
        """
        sights = [
            sight
            for each in self.members
            for sight in each.sights
            if sight.id == member and not sight.is_connected
        ]
        if not sights:
            return ""
        first = min(sights, key=lambda sight: sight.since)
        reason = f" ({first.trouble})" if first.trouble else ""
        return f"since {clock_text(first.since)}{reason}"


def clock_text(seconds: float) -> str:
    """Return a time as people write it, in UTC.

    Parameters
    ----------
    seconds : float
        Since 1970.

    Returns
    -------
    str
        Date and time to the second.

    Examples
    --------
    >>> clock_text(1_767_225_600.25)
    '2026-01-01 00:00:00 UTC'
    """
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S} UTC"


def enumerate_names(names: Iterable[str]) -> str:
    """Return names as one enumeration.

    Parameters
    ----------
    names : iterable of str
        In order.

    Returns
    -------
    str
        With commas, and "and" before the last.

    Examples
    --------
    >>> enumerate_names(["n1", "n2", "n3"])
    'n1, n2 and n3'
    """
    told = list(names)
    if len(told) < 2:
        return "".join(told)
    return " and ".join((", ".join(told[:-1]), told[-1]))
