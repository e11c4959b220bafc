"""What is wrong on the ways between members that answer: cut, or no common language."""

from collections.abc import Iterable

from raftwerk.service.case import Case, Finding, Kind, clock_text, enumerate_names
from raftwerk.service.deposition import Deposition

__all__ = ["cuts", "misunderstandings"]


def misunderstandings(case: Case) -> Iterable[Finding]:
    """Look whether members speak no common version of the peer protocol.

    Unlike versions that merely differ this is never right: an upgrade has left out a
    release that speaks both.

    Parameters
    ----------
    case : Case
        What was found out.

    Yields
    ------
    Finding
        What is wrong.
    """
    members = case.members
    if all(_understand(one, other) for one in members for other in members):
        return
    spoken: dict[tuple[int, int], list[Deposition]] = {}
    for each in members:
        if each.protocol_max >= 0:
            spoken.setdefault((each.protocol_max, each.protocol_min), []).append(each)
    oldest, newest = spoken[min(spoken)], spoken[max(spoken)]
    told = "; ".join(
        f"{_names(group)}: {least} to {most}, of raftwerk {_releases(group)}"
        for (most, least), group in sorted(spoken.items())
    )
    yield Finding(
        kind=Kind.VERSIONS,
        text="Members cannot talk to each other, for they speak no common version of"
        f" the peer protocol ({told}). {_consequence(case)} Upgrade {_names(oldest)},"
        f" or run on {_names(newest)} what ran there before; an upgrade must not leave"
        " out the releases that speak both.",
    )


def cuts(case: Case) -> Iterable[Finding]:
    """Look whether two who answer have no way to each other.

    Parameters
    ----------
    case : Case
        What was found out.

    Yields
    ------
    Finding
        What is wrong.
    """
    found = [
        (each, sight)
        for each in case.members
        for sight in each.sights
        if sight.id in case.answering
        and not sight.is_connected
        and _understand(each, case.answering[sight.id])
    ]
    if not found:
        return
    told = "; ".join(
        f"{each.name} can't reach {case.name(sight.id)} since"
        f" {clock_text(sight.since)}" + (f" ({sight.trouble})" if sight.trouble else "")
        for each, sight in found
    )
    yield Finding(
        kind=Kind.PARTITION,
        text=f"The network between members is cut, though I reach them: {told}. Check"
        " the peers' addresses and ports (2380 unless told otherwise) between these"
        f" machines. {_consequence(case)}",
    )


def _understand(one: Deposition, other: Deposition) -> bool:
    """Tell whether two have a language in common, as far as that is known."""
    if one.protocol_max < 0 or other.protocol_max < 0:
        return True
    newest = min(one.protocol_max, other.protocol_max)
    return newest >= max(one.protocol_min, other.protocol_min)


def _consequence(case: Case) -> str:
    """Say what a fault does to clients."""
    if case.leader is not None and case.is_quorate:
        return f"Writes go on through {case.leader.name}."
    if case.can_agree:
        return "Writes wait."
    return "Writes wait, for nobody has a way to a majority."


def _names(members: Iterable[Deposition]) -> str:
    """Return how members are called."""
    return enumerate_names(sorted(each.name for each in members))


def _releases(members: Iterable[Deposition]) -> str:
    """Return which releases members run."""
    return enumerate_names(sorted({each.version for each in members}))
