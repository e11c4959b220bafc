"""Going on with what is left of a group that has lost its quorum for good.

Raft has no way back from that: what a majority had may have been on those who are gone
alone (thesis §4.4 leaves it to the operator). The operator decides to go on with the
most complete log that is left. It is the one that an election would choose: the greater
term of the last entry, then the greater index (§5.4.1). All of it counts as committed
from then on; whether the last of it was, nobody can tell any more.

So that those who are gone can't undo the decision when they come back, the group's
epoch rises by one; members of different epochs don't talk to each other
(`transport.handshake`).
"""

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from raftwerk.core.membership import members as members_of
from raftwerk.core.records import (
    Change,
    ChangeKind,
    ConfChange,
    ConfState,
    Entry,
    EntryKind,
    HardState,
    Transition,
)
from raftwerk.errors import ConfigError
from raftwerk.runtime.manifest import Manifest
from raftwerk.runtime.members import ChangeContext, Member
from raftwerk.runtime.replay import NoMachine, Replay
from raftwerk.storage.disk_protocol import Disk
from raftwerk.storage.held_log import HeldLog
from raftwerk.storage.protocol import DirectoryIdentity
from raftwerk.storage.recovery import recover
from raftwerk.storage.snapshots import SnapshotFiles
from raftwerk.storage.wal import Wal
from raftwerk.types import LogIndex, NodeId, Term

__all__ = ["Decision", "Survivor", "decide", "look_at", "write_epoch"]

_ALL_BYTES: Final = 1 << 62


class Survivor(msgspec.Struct, frozen=True, kw_only=True):
    """What one data directory has.

    Parameters
    ----------
    directory : str
        Where it is.
    identity : DirectoryIdentity
        Whose it is.
    hard_state : HardState
        Its term, and up to where it knows that entries are committed.
    last_term, last_index : Term, LogIndex
        Of its last entry.
    conf_state : ConfState
        The configuration as of its last entry.
    members : tuple of Member
        The group as of its last entry.
    """

    directory: str
    identity: DirectoryIdentity
    hard_state: HardState
    last_term: Term
    last_index: LogIndex
    conf_state: ConfState
    members: tuple[Member, ...]

    @property
    def completeness(self) -> tuple[Term, LogIndex]:
        """What decides between two logs.

        Returns
        -------
        tuple of Term and LogIndex
            Of the last entry (§5.4.1).
        """
        return self.last_term, self.last_index


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """With what the group is to go on.

    Parameters
    ----------
    source : Survivor
        Who has the most complete log.
    keepers : tuple of Survivor
        All who go on, with a copy of that log; the source is the first of them.
    lost : tuple of Member
        Who is left behind.
    epoch : int
        The group's from then on.
    term : Term
        Of the entries that leave them behind: newer than all that survivors know.
    """

    source: Survivor
    keepers: tuple[Survivor, ...]
    lost: tuple[Member, ...]
    epoch: int
    term: Term

    @property
    def has_quorum(self) -> bool:
        """Whether those who are left could go on by themselves.

        Returns
        -------
        bool
            If they can, there is nothing to be recovered.
        """
        kept = {each.identity.node_id for each in self.keepers}
        conf_state = self.source.conf_state
        return all(
            2 * len(kept.intersection(half)) > len(half)
            for half in (conf_state.voters, conf_state.voters_outgoing)
            if half
        )

    @property
    def unsure(self) -> int:
        """How many entries count as committed from now on that may not have been.

        Returns
        -------
        int
            Those behind the greatest commit index that a survivor knows.
        """
        known = max(each.hard_state.commit_index for each in self.keepers)
        return max(0, self.source.last_index - known)


def look_at(disk: Disk, directory: str) -> Survivor:
    """Return what a data directory has; nothing is changed.

    Parameters
    ----------
    disk : Disk
        Where it is.
    directory : str
        The data directory.

    Returns
    -------
    Survivor
        Without what a crash tore.

    Raises
    ------
    StorageError
        If there is no log in it, or it can't be read.
    WalCorrupted
        If it is damaged.
    UnknownFormat
        If a newer version wrote it.
    """
    found = recover(disk, directory)
    log, identity = found.log, found.identity
    hard_state, _ = log.initial_state()
    replay = Replay(NoMachine(), log.snapshot(), None)
    entries = _entries_of(log)
    if entries:
        replay.apply(entries)
    return Survivor(
        directory=directory,
        identity=identity,
        hard_state=hard_state,
        last_term=log.term(log.last_index()),
        last_index=log.last_index(),
        conf_state=replay.conf_state,
        members=replay.members.in_order(),
    )


def decide(survivors: Sequence[Survivor]) -> Decision:
    """Choose the most complete log, and say what becomes of everybody.

    Parameters
    ----------
    survivors : sequence of Survivor
        All that is left.

    Returns
    -------
    Decision
        What is to be done.

    Raises
    ------
    ConfigError
        If they don't belong together, or none of them has anything.
    """
    clusters = {each.identity.cluster_id for each in survivors}
    if len(clusters) > 1:
        shown = " and ".join(f"{each:x}" for each in sorted(clusters))
        raise ConfigError(
            f"these data directories are of several clusters ({shown}); name those of"
            " one"
        )
    by_id: dict[NodeId, Survivor] = {}
    for each in survivors:
        other = by_id.setdefault(each.identity.node_id, each)
        if other is not each:
            raise ConfigError(
                f"{other.directory} and {each.directory} are of one and the same member"
                f" ({each.identity.node_id:x}); name the one that it ran in last"
            )
    epoch = max(each.identity.epoch for each in survivors)
    behind = [each for each in survivors if each.identity.epoch < epoch]
    if behind:
        raise ConfigError(
            f"{behind[0].directory} was left behind when the cluster was recovered as"
            f" epoch {epoch}; leave it out"
        )
    source = max(survivors, key=lambda each: each.completeness)
    known = set(members_of(source.conf_state))
    if not known:
        raise ConfigError(
            f"{source.directory} has no log to go on with: this member had just joined"
        )
    if source.identity.node_id not in known:
        raise ConfigError(
            f"{source.directory} has the most complete log, and by it this member was"
            " removed from the cluster; leave it out"
        )
    rest = [
        each
        for each in survivors
        if each is not source and each.identity.node_id in known
    ]
    kept = {each.identity.node_id for each in (source, *rest)}
    return Decision(
        source=source,
        keepers=(source, *rest),
        lost=tuple(each for each in source.members if each.node_id not in kept),
        epoch=epoch + 1,
        term=Term(1 + max(each.hard_state.term for each in survivors)),
    )


def write_epoch(
    disk: Disk, decision: Decision, keeper: Survivor, directory: str
) -> None:
    """Make the data directory with which a member goes on.

    Parameters
    ----------
    disk : Disk
        Where all of them are.
    decision : Decision
        What is to be done.
    keeper : Survivor
        Which member; who it is, stays.
    directory : str
        An empty data directory, or none yet. When this returns all in it is durable.

    Raises
    ------
    StorageError
        If the disk fails, or what is read is damaged.
    """
    source = decision.source
    log = recover(disk, source.directory).log
    base = log.snapshot()
    if Manifest.decode(base.data).chunks:
        files = SnapshotFiles(disk, source.directory)
        files.check(base.index, base.term)
        SnapshotFiles(disk, directory).write(
            base.index, base.term, files.read_chunks(base.index, base.term)
        )
    identity = msgspec.structs.replace(keeper.identity, epoch=decision.epoch)
    written = Wal.create(disk, directory, identity, base, holder="raftwerk recover")
    try:
        entries = [*_entries_of(log), *_last_entries(decision)]
        written.append(
            HardState(term=decision.term, commit_index=entries[-1].index), entries
        )
    finally:
        written.close()


def _last_entries(decision: Decision) -> Iterable[Entry]:
    """Return what leaves those behind who are lost; committed by decree."""
    source = decision.source
    changes: list[ConfChange] = []
    if source.conf_state.voters_outgoing:
        changes.append(ConfChange())
    kept = {each.identity.node_id for each in decision.keepers}
    gone = sorted(set(members_of(source.conf_state)) - kept)
    # A learner that is left votes now: there may be nobody else.
    steps = [Change(ChangeKind.ADD_VOTER, node_id) for node_id in sorted(kept)]
    steps += [Change(ChangeKind.REMOVE, node_id) for node_id in gone]
    changes.append(
        ConfChange(
            changes=tuple(steps),
            transition=Transition.JOINT_EXPLICIT,
            context=ChangeContext().encode(),
        )
    )
    changes.append(ConfChange())
    for place, change in enumerate(changes, source.last_index + 1):
        yield Entry(
            term=decision.term,
            index=LogIndex(place),
            data=change.encode(),
            kind=EntryKind.CONF_CHANGE,
        )


def _entries_of(log: HeldLog) -> Sequence[Entry]:
    """Return all entries behind the snapshot."""
    start = LogIndex(log.snapshot().index + 1)
    return log.read(start, LogIndex(log.last_index() + 1), _ALL_BYTES)
