"""What can be wrong with single members: too far behind, other versions, sick disks."""

from collections.abc import Iterable
from typing import Final

from raftwerk.service.case import Case, Finding, Kind, enumerate_names
from raftwerk.service.ways import misunderstandings

__all__ = ["disks", "drifts", "lags", "timeouts", "versions"]

LAG_ENTRIES: Final = 5_000
"""More than a follower lacks in passing."""

ROOM_BYTES: Final = 256 * 1024 * 1024
"""Less than this is soon used up: a few segments and a snapshot."""


def timeouts(case: Case) -> Iterable[Finding]:
    """Look whether one member's heartbeats are too slow for another's patience.

    Parameters
    ----------
    case : Case
        What was found out.

    Yields
    ------
    Finding
        What is wrong.
    """
    for slow in case.members:
        for hasty in case.members:
            if 2 * slow.heartbeat_millis > hasty.election_min_millis:
                yield Finding(
                    kind=Kind.TIMEOUTS,
                    text=f"Timeouts do not fit: {slow.name} sends a heartbeat each"
                    f" {slow.heartbeat_millis} ms, but {hasty.name} stands for"
                    f" election after {hasty.election_min_millis} ms without one."
                    f" Whenever {slow.name} leads, {hasty.name} will not let it. Give"
                    " all members the same --heartbeat-interval and"
                    " --election-timeout.",
                )
                return


def lags(case: Case) -> Iterable[Finding]:
    """Look whether a follower is far behind.

    Parameters
    ----------
    case : Case
        What was found out.

    Yields
    ------
    Finding
        What is wrong.
    """
    leader = case.leader
    if leader is None:
        return
    for member, lag in leader.lags.items():
        if lag > LAG_ENTRIES and case.is_seen(member):
            yield Finding(
                kind=Kind.LAGGING,
                text=f"{case.where(member)} lags {lag:,} entries behind"
                f" {case.name(leader.id)} and serves old data to serializable reads."
                " If that does not shrink, its disk, processor or network is too slow"
                " for the load.",
            )


def drifts(case: Case) -> Iterable[Finding]:
    """Look whether replicas were found to differ.

    Parameters
    ----------
    case : Case
        What was found out.

    Yields
    ------
    Finding
        What is wrong.
    """
    newest = case.newest
    if newest.disagreement:
        told = "; ".join(
            f"{case.name(member)} has {link}"
            for member, link in newest.disagreement.items()
        )
        yield Finding(
            kind=Kind.DISAGREEING,
            text="The replicas have drifted apart, and no majority is the same at index"
            f" {newest.disagreement_index} ({told}). Nobody can know which is right, so"
            " nothing heals by itself and writes are refused. Compare what they hold,"
            " keep the data directory of the one that you trust, replace the others"
            " with `raftwerk member replace`, then disarm the alarm.",
        )
    for member in newest.quarantined:
        yield Finding(
            kind=Kind.DRIFTED,
            text=f"The state of {case.name(member)} differs from that of a majority. It"
            " answers no reads and does not lead until it has taken over theirs, which"
            " it does by itself; reads and writes go on elsewhere. If it happens again,"
            " look for faulty memory, or for a clock or a draw in what it applies.",
        )


def versions(case: Case) -> Iterable[Finding]:
    """Look whether members run different versions.

    Parameters
    ----------
    case : Case
        What was found out.

    Yields
    ------
    Finding
        What is wrong.
    """
    if any(True for _ in misunderstandings(case)):
        return  # said where it is no part of an upgrade
    found: dict[str, list[str]] = {}
    for each in case.members:
        found.setdefault(each.version, []).append(each.name)
    if len(found) > 1:
        told = "; ".join(
            f"{enumerate_names(names)}: {one}" for one, names in found.items()
        )
        yield Finding(
            kind=Kind.VERSIONS,
            text=f"Versions differ ({told}). That is right in the course of an"
            " upgrade, one member after the other; until it is done, what only the"
            " newer one knows stays switched off.",
        )


def disks(case: Case) -> Iterable[Finding]:
    """Look whether a disk is full, or slow.

    Parameters
    ----------
    case : Case
        What was found out.

    Yields
    ------
    Finding
        What is wrong.
    """
    for each in case.members:
        if 0 <= each.disk_free_bytes < ROOM_BYTES:
            yield Finding(
                kind=Kind.DISK_FULL,
                text=f"The disk of {each.name} has {each.disk_free_bytes >> 20} MiB"
                " left where its data is. Make room before it has to stop.",
            )
        if each.sync_millis > each.election_min_millis / 3:
            yield Finding(
                kind=Kind.DISK_SLOW,
                text=f"The disk of {each.name} took {each.sync_millis:.0f} ms for a"
                f" sync, where elections begin after {each.election_min_millis} ms:"
                " writes are slow, and leaders may change without need. Give it a"
                " faster disk, or raise --election-timeout.",
            )
        for alarm in each.alarms:
            yield Finding(
                kind=Kind.ALARM,
                text=f"{each.name} has raised the alarm {alarm}: writes are refused."
                " Make room (compact, delete, or a larger quota), then disarm it.",
            )
