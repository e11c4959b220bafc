"""What is wrong with a cluster, in plain words, from what its members say.

Pure: depositions in, findings out. A finding says who, where and since when, what it
means for reads and writes, and what to do. What nobody could see is said to be unknown
rather than guessed: a member that does not answer may be dead, cut off or merely slow.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Final

import msgspec

from raftwerk.service.case import Case, Finding, Kind, enumerate_names
from raftwerk.service.deposition import ELECTION_WINDOW_SECONDS
from raftwerk.service.symptoms import disks, drifts, lags, timeouts, versions
from raftwerk.service.ways import cuts, misunderstandings

__all__ = ["Explanation", "diagnose", "explain", "healthy_line"]

ATTEMPTS_MANY: Final = 5
"""So often nobody asks for votes whose election merely had to be repeated."""


def diagnose(case: Case) -> list[Finding]:
    """Return all that is wrong.

    Parameters
    ----------
    case : Case
        What was found out.

    Returns
    -------
    list of Finding
        The gravest first; empty if all is well.
    """
    if not case.depositions:
        return [_nobody(case)]
    findings = list(_waiting(case))
    if case.members:
        for look in _LOOKS:
            findings += look(case)
    return findings


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """What whoever asks is told, in whichever form.

    Parameters
    ----------
    is_healthy : bool
        Whether nothing is wrong.
    summary : str
        One line that begins with ``healthy:``, or the gravest finding.
    findings : tuple of Finding
        All that is wrong.
    """

    is_healthy: bool
    summary: str
    findings: tuple[Finding, ...]


def explain(case: Case) -> Explanation:
    """Say how a cluster is.

    Parameters
    ----------
    case : Case
        What was found out.

    Returns
    -------
    Explanation
        For people and programs.
    """
    findings = diagnose(case)
    return Explanation(
        is_healthy=not findings,
        summary=findings[0].text if findings else healthy_line(case),
        findings=tuple(findings),
    )


def healthy_line(case: Case) -> str:
    """Return the one line for a cluster with which nothing is wrong.

    Parameters
    ----------
    case : Case
        Without findings.

    Returns
    -------
    str
        Beginning with ``healthy:``.
    """
    newest, leader = case.newest, case.leader
    voters = len(newest.voters)
    others = "its only voter" if voters == 1 else f"all {voters} voters answer"
    learners = f", {len(newest.learners)} learning" if newest.learners else ""
    name = leader.name if leader is not None else "nobody"
    return f"healthy: {name} leads in term {newest.term}, {others}{learners}"


# ---- who is there -------------------------------------------------------------


def _nobody(case: Case) -> Finding:
    """Nobody answered at all."""
    tried = "; ".join(f"{each.url}: {each.reason}" for each in case.silent)
    return Finding(
        kind=Kind.NOBODY,
        text=f"I cannot reach any member ({tried}), so I cannot know how the cluster"
        " is. Check that the addresses are those of members, that they run (their"
        " logs say why one ended), and that this machine may call them.",
    )


def _waiting(case: Case) -> Iterable[Finding]:
    """Some have no cluster yet."""
    for each in case.depositions:
        if each.waits_for:
            yield Finding(
                kind=Kind.WAITING,
                text=f"{each.name} has not found its cluster yet: {each.waits_for}",
            )


def _strangers(case: Case) -> Iterable[Finding]:
    """The members belong to different clusters."""
    clusters: dict[str, list[str]] = {}
    for each in case.members:
        clusters.setdefault(each.cluster_id, []).append(each.name)
    if len(clusters) > 1:
        told = "; ".join(
            f"{enumerate_names(names)} to cluster" f" {cluster}"
            for cluster, names in clusters.items()
        )
        yield Finding(
            kind=Kind.STRANGERS,
            text=f"The addresses lead to different clusters: {told}. Ask about one at"
            " a time; if they should be one, the wrong ones were started with another"
            " --initial-cluster or --initial-cluster-token, and have to begin anew.",
        )


def _quorum(case: Case) -> Iterable[Finding]:
    """Fewer than a majority of the voters are there, in one half of a joint phase."""
    started = _started(case)
    for half in case.halves:
        seen = [member for member in half if case.is_seen(member)]
        if len(seen) > len(half) // 2:
            continue
        away = [member for member in half if member not in seen]
        told = "; ".join(
            f"{case.where(member)} "
            + ("is missing" if member in started else "has never taken part yet")
            + f" {case.absence(member)}".rstrip()
            for member in away
        )
        need = len(half) // 2 + 1
        start = (
            f"Start {need - len(seen)} of the missing again with their data"
            if started.intersection(away)
            else f"If this is a first start, start {need - len(seen)} of these, each"
            " as one of the same initial cluster"
        )
        yield Finding(
            kind=Kind.NO_QUORUM,
            text=f"No quorum: of {len(half)} voters only {len(seen)} can be seen"
            f" ({enumerate_names(map(case.name, seen)) or 'none'}), and {need} are"
            f" needed. {told}. Nobody can lead, so writes and linearizable reads wait;"
            f" nothing that was acknowledged is lost. {start}, or mend the"
            " network between those that run.",
        )
        return


def _started(case: Case) -> set[str]:
    """Return who has taken part at any time."""
    return {each.id for each in case.newest.members if each.has_started}


def _missing(case: Case) -> Iterable[Finding]:
    """A member is away, and a majority is not."""
    newest = case.newest
    members = dict.fromkeys((*newest.voters, *newest.voters_outgoing, *newest.learners))
    started = _started(case)
    for member in members:
        if member in case.answering:
            continue
        away = case.absence(member)
        if case.is_seen(member):
            yield Finding(
                kind=Kind.MISSING,
                text=f"I cannot reach {case.where(member)}, so I cannot know how it"
                " is; other members can. Check its client address as seen from here.",
            )
        elif not case.is_quorate:
            continue  # `_quorum` has told of the voters; nobody can be removed now
        elif member not in started:
            yield Finding(
                kind=Kind.UNSTARTED,
                text=f"{case.where(member)} is a member and has never taken part"
                f" {away}".rstrip()
                + ". Start it; if it was added later, with --initial-cluster-state"
                " existing and its peer URL. Or take it out again: raftwerk member"
                f" remove {member}.",
            )
        else:
            yield Finding(
                kind=Kind.MISSING,
                text=f"{case.where(member)} is missing {away}".strip()
                + f". {_spare(case)} Start it again with its data. If it does not"
                " start, the last line of its log says why, and raftwerk inspect DIR,"
                " on its machine, what its data directory holds; if that is damaged or"
                f" lost, raftwerk member replace {case.name(member)}.",
            )


def _spare(case: Case) -> str:
    """Say how many more may be lost."""
    voters = case.newest.voters
    spare = sum(map(case.is_seen, voters)) - (len(voters) // 2 + 1)
    if spare <= 0:
        return "Writes go on, but one more loss would stop them."
    return f"Writes go on, and would with {spare} more lost."


# ---- who leads ----------------------------------------------------------------


def _leaderless(case: Case) -> Iterable[Finding]:
    """There is a majority, and nobody leads it."""
    if case.leader is not None or not (case.is_quorate and case.can_agree):
        return
    if any(each.leader and each.leader not in case.answering for each in case.members):
        return  # somebody follows one whom we can't reach
    newest = case.newest
    attempts = sum(each.attempts for each in case.members)
    seconds = round(ELECTION_WINDOW_SECONDS)
    if attempts >= ATTEMPTS_MANY:
        least, most = newest.election_min_millis, newest.election_max_millis
        advice = (
            "All wait equally long, so they stand at once and split the votes: set"
            " --election-timeout-max to twice --election-timeout."
            if most < least * 5 // 4
            else "Either messages take longer than the timeouts allow, or members stop"
            " for that long: raise --election-timeout and --heartbeat-interval alike,"
            " or look for what holds them up (disk, processor, network)."
        )
        yield Finding(
            kind=Kind.SPLITTING,
            text=f"Elections keep failing: {attempts} attempts within {seconds} s,"
            f" now in term {newest.term}, and nobody leads. Timeouts are {least} to"
            f" {most} ms. {advice}",
        )
    else:
        yield Finding(
            kind=Kind.NO_LEADER,
            text=f"Nobody leads at this moment (term {newest.term}), though a"
            " majority is there: an election is under way, or about to be. Ask again"
            " in a second.",
        )


_LOOKS: Final[Sequence[Callable[[Case], Iterable[Finding]]]] = (
    _strangers,
    _quorum,
    misunderstandings,
    cuts,
    _missing,
    _leaderless,
    drifts,
    timeouts,
    lags,
    versions,
    disks,
)
