"""Whether replicas are still the same, decided from what they say of themselves.

A leader proposes what each replica's chain was at one index; whoever applies that comes
to the same verdict. Who differs from a strict majority of the voters is quarantined:
its log is sound, so it stores entries and votes, but nobody may read its state, and it
should not lead. It takes over the state of a sound one, says so, and the next verdict
lets it out. Without a strict majority nobody can know who is right: that is an alarm,
and nothing else is done.
"""

from collections import Counter
from collections.abc import Collection, Mapping

import msgspec

from raftwerk.core.records import ConfState
from raftwerk.types import NO_INDEX, LogIndex, NodeId

__all__ = ["DriftRecord", "DriftReport", "Drift", "judge"]


class DriftReport(msgspec.Struct, frozen=True, tag=True):
    """What replicas say: a record in the log.

    Parameters
    ----------
    index : LogIndex
        At which index.
    links : tuple of tuple of NodeId and bytes
        Each replica's link of that index, ascending by id; who said nothing is left
        out.
    """

    index: LogIndex
    links: tuple[tuple[NodeId, bytes], ...]


class DriftRecord(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is agreed upon, for a snapshot.

    Parameters
    ----------
    index : LogIndex
        The newest that was judged; 0: none yet.
    agreed : LogIndex
        The newest at which a strict majority was the same.
    quarantined : tuple of tuple of NodeId and LogIndex
        Who differs, and at which index that was found; ascending by id.
    disagreement : DriftReport or None
        What replicas said when there was no majority; None if there is one now.
    """

    index: LogIndex = NO_INDEX
    agreed: LogIndex = NO_INDEX
    quarantined: tuple[tuple[NodeId, LogIndex], ...] = ()
    disagreement: DriftReport | None = None


def judge(
    links: Mapping[NodeId, bytes],
    voters: Collection[NodeId],
    outgoing: Collection[NodeId] = (),
) -> bytes | None:
    """Return the link that is right: that of a strict majority of the voters.

    Parameters
    ----------
    links : mapping of NodeId to bytes
        What replicas say; voters who are missing count as if they differed.
    voters : collection of NodeId
        Who votes.
    outgoing : collection of NodeId
        Who votes as well, in a joint configuration: then a majority of both is needed,
        as for everything else (Raft paper §6).

    Returns
    -------
    bytes or None
        None if there is no such majority.

    Examples
    --------
    >>> judge({1: b"a", 2: b"a", 3: b"b"}, [1, 2, 3])
    b'a'
    >>> judge({1: b"a", 2: b"b"}, [1, 2, 3]) is None
    True
    """
    right = _majority(links, voters)
    if outgoing and right != _majority(links, outgoing):
        return None
    return right


def _majority(
    links: Mapping[NodeId, bytes], voters: Collection[NodeId]
) -> bytes | None:
    """Return the link of more than half of the voters."""
    said = Counter(links[voter] for voter in voters if voter in links)
    for link, count in said.items():
        if 2 * count > len(voters):
            return link
    return None


class Drift:
    """The verdicts so far, as all replicas know them at an index.

    Parameters
    ----------
    record : DriftRecord
        From a snapshot.
    """

    def __init__(self, record: DriftRecord = DriftRecord()) -> None:
        self.record = record
        self.quarantined: dict[NodeId, LogIndex] = dict(record.quarantined)

    def apply(self, report: DriftReport, conf_state: ConfState) -> None:
        """Come to a verdict.

        Parameters
        ----------
        report : DriftReport
            From the log.
        conf_state : ConfState
            The configuration at that entry.
        """
        links = dict(report.links)
        right = judge(links, conf_state.voters, conf_state.voters_outgoing)
        old = self.record
        if right is None:
            if len(set(links.values())) > 1 and report.index >= old.index:
                self._become(old, report, old.agreed, report)
            return
        for replica, link in links.items():
            found_at = self.quarantined.get(replica)
            if link != right:
                self.quarantined[replica] = max(report.index, found_at or NO_INDEX)
            elif found_at is not None and report.index >= found_at:
                del self.quarantined[replica]
        # A verdict on the past ends no newer quarrel.
        is_newest = report.index >= old.index
        self._become(
            old,
            report,
            max(old.agreed, report.index),
            None if is_newest else old.disagreement,
        )

    def _become(
        self,
        old: DriftRecord,
        report: DriftReport,
        agreed: LogIndex,
        disagreement: DriftReport | None,
    ) -> None:
        """Remember a verdict."""
        self.record = DriftRecord(
            index=max(old.index, report.index),
            agreed=agreed,
            quarantined=tuple(sorted(self.quarantined.items())),
            disagreement=disagreement,
        )

    def keep(self, members: Collection[NodeId]) -> None:
        """Forget those who belong to the group no more.

        Parameters
        ----------
        members : collection of NodeId
            Who does.
        """
        gone = self.quarantined.keys() - set(members)
        if gone:
            for replica in gone:
                del self.quarantined[replica]
            self.record = msgspec.structs.replace(
                self.record, quarantined=tuple(sorted(self.quarantined.items()))
            )
