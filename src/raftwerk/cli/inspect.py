"""``inspect``: what lies in a data directory, sound or not; nothing is changed.

It takes no lock and refuses nothing that it can read: it is for the moment when a node
does not start. While a node writes there, its last batch may look torn.
"""

from collections.abc import Iterator, Mapping

import msgspec

from raftwerk.cli.exit_codes import ExitCode
from raftwerk.cli.output import is_json, table, write_json, write_lines
from raftwerk.errors import StorageError, UnknownFormat
from raftwerk.runtime.manifest import Manifest
from raftwerk.runtime.members import Member
from raftwerk.storage.disk import RealDisk
from raftwerk.storage.inspection import LogReport, inspect_log
from raftwerk.storage.snapshots import SnapshotFiles
from raftwerk.types import NodeId

__all__ = ["DirectoryReport", "SnapshotReport", "inspect", "look_into"]


class SnapshotReport(msgspec.Struct, frozen=True, kw_only=True):
    """One file with a state.

    Parameters
    ----------
    path : str
        Where it is.
    index, term : int
        The last entry that it covers.
    is_named : bool
        Whether the log goes on from it.
    damage : str or None
        Where it is not sound.
    """

    path: str
    index: int
    term: int
    is_named: bool
    damage: str | None = None


class DirectoryReport(msgspec.Struct, frozen=True, kw_only=True):
    """A whole data directory.

    Parameters
    ----------
    directory : str
        Where it is.
    log : LogReport
        The log.
    snapshots : tuple of SnapshotReport
        The states, oldest first.
    members : tuple of Member
        The cluster as of the snapshot that the log goes on from.
    """

    directory: str
    log: LogReport
    snapshots: tuple[SnapshotReport, ...]
    members: tuple[Member, ...] = ()

    @property
    def is_sound(self) -> bool:
        """Whether a node would start here.

        Returns
        -------
        bool
            What a crash tore is no damage.
        """
        named = [each for each in self.snapshots if each.is_named]
        return self.log.damage is None and not any(each.damage for each in named)


def inspect(directory: str, output: str) -> ExitCode:
    """Print what is in a data directory.

    Parameters
    ----------
    directory : str
        Where it is.
    output : str
        ``text`` or ``json``.

    Returns
    -------
    ExitCode
        `FAILED` if a node would not start from it.

    Raises
    ------
    ConfigError
        If it can't be a data directory, or there is no such form of output.
    StorageError
        If there is no log in it, or it can't be read.
    """
    as_json = is_json(output)
    report = look_into(directory)
    if as_json:
        write_json(report)
    else:
        write_lines(list(_lines(report)))
    return ExitCode.OK if report.is_sound else ExitCode.FAILED


def look_into(directory: str) -> DirectoryReport:
    """Return what is in a data directory.

    Parameters
    ----------
    directory : str
        Where it is.

    Returns
    -------
    DirectoryReport
        Also of what is damaged.

    Raises
    ------
    ConfigError
        If it can't be a data directory.
    StorageError
        If there is no log in it, or it can't be read.
    """
    disk = RealDisk()
    log = inspect_log(disk, directory)
    files = SnapshotFiles(disk, directory)
    named_index = log.snapshot.index if log.snapshot else None
    snapshots = []
    for name in files.names():
        damage = None
        try:
            bad = files.damage(name)
            if bad is not None:
                damage = f"byte {bad.offset}: expected {bad.expected}"
        except StorageError as error:
            damage = str(error)
        snapshots.append(
            SnapshotReport(
                path=name.path,
                index=name.applied_index,
                term=name.term,
                is_named=name.applied_index == named_index,
                damage=damage,
            )
        )
    members: tuple[Member, ...] = ()
    if log.snapshot is not None:
        try:
            members = Manifest.decode(log.snapshot.data).members
        except UnknownFormat:
            pass  # what else there is can be shown nevertheless
    return DirectoryReport(
        directory=directory, log=log, snapshots=tuple(snapshots), members=members
    )


def _lines(report: DirectoryReport) -> Iterator[str]:
    """Yield a report for people."""
    log = report.log
    names = {member.node_id: member.name for member in report.members}
    yield f"data directory  {report.directory}"
    if log.identity is not None:
        own = log.identity.node_id
        name = f" ({names[own]})" if names.get(own) else ""
        yield f"member          {own:x}{name} of cluster {log.identity.cluster_id:x}"
    if log.hard_state is not None:
        state = log.hard_state
        vote = "nobody" if state.vote is None else f"{state.vote:x}"
        yield (
            f"hard state      term {state.term}, vote for {vote},"
            f" commit index {state.commit_index}"
        )
    if log.first_index is not None and log.last_index is not None:
        count = log.last_index - log.first_index + 1
        span = f"{log.first_index} to {log.last_index}" if count else "none"
        files = "1 file" if len(log.segments) == 1 else f"{len(log.segments)} files"
        yield f"log             entries {span} in {files}"
    yield from _base(report, names)
    yield from _segments(log)
    yield from _snapshots(report)
    yield ""
    if log.torn is not None:
        yield (
            f"torn: {log.torn.size_bytes} bytes behind byte {log.torn.offset} of"
            f" {log.torn.path} ({log.torn.reason}); none of them is known to have been"
            " acknowledged, and a start cuts them off"
        )
    for path, damage in _damages(report):
        yield f"damaged: {path}: {damage}" if path else f"damaged: {damage}"
    if report.is_sound:
        yield "a node can start from this"


def _base(report: DirectoryReport, names: Mapping[NodeId, str]) -> Iterator[str]:
    """Yield the snapshot that the log goes on from."""
    base = report.log.snapshot
    if base is None or base.is_empty:
        return
    yield f"goes on from    entry {base.index} of term {base.term}"
    for what, ids in (
        ("voters", base.conf_state.voters),
        ("outgoing", base.conf_state.voters_outgoing),
        ("learners", base.conf_state.learners),
    ):
        for number, node_id in enumerate(ids):
            label = what if number == 0 else ""
            name = f" ({names[node_id]})" if names.get(node_id) else ""
            yield f"{label:16}{node_id:x}{name}"


def _segments(log: LogReport) -> Iterator[str]:
    """Yield the files of the log."""
    yield ""
    rows = [
        [
            segment.path.rpartition("/")[2],
            str(segment.first_index),
            str(segment.records),
            str(segment.used_bytes),
            str(segment.size_bytes),
        ]
        for segment in log.segments
    ]
    yield from table(["segment", ">first", ">records", ">used", ">bytes"], rows)


def _snapshots(report: DirectoryReport) -> Iterator[str]:
    """Yield the files of snapshots."""
    if not report.snapshots:
        return
    yield ""
    rows = [
        [
            each.path.rpartition("/")[2],
            str(each.index),
            str(each.term),
            "damaged" if each.damage else "whole",
        ]
        for each in report.snapshots
    ]
    yield from table(["snapshot", ">index", ">term", "state"], rows)


def _damages(report: DirectoryReport) -> Iterator[tuple[str, str]]:
    """Yield where something is damaged, and how."""
    if report.log.damage is not None:
        yield "", report.log.damage
    for segment in report.log.segments:
        if segment.damage is not None and segment.damage != report.log.damage:
            yield segment.path, segment.damage
    for snapshot in report.snapshots:
        if snapshot.damage is not None:
            yield snapshot.path, snapshot.damage
