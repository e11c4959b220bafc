"""Harness 3: what a majority, or two of them, have decided.

Each answer is checked in other ways too: a majority equals the joint of it with nothing
and with itself, halves may be exchanged, another algorithm agrees, and who is behind
the result may fall further behind. Where one does not hold, the output says so.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from raftwerk.core.quorum import (
    INFINITE_INDEX,
    VoteResult,
    committed_index,
    joint_committed_index,
    joint_vote_result,
    vote_result,
)
from raftwerk.types import LogIndex, NodeId

from .script import Directive, ScriptError

__all__ = ["COMMANDS", "Quorums"]

COMMANDS = frozenset({"committed", "vote"})

Voters = tuple[NodeId, ...]
Matches = Mapping[NodeId, LogIndex]
Votes = Mapping[NodeId, bool]

RESULTS: Final = {
    VoteResult.PENDING: "VotePending",
    VoteResult.LOST: "VoteLost",
    VoteResult.WON: "VoteWon",
}
VOTES: Final = {"y": True, "n": False}


class Quorums:
    """Asks about majorities; it remembers nothing from one directive to the next."""

    def handle(self, directive: Directive) -> str:
        """Carry out one directive and return what it printed."""
        voters = _voters(directive, "cfg")
        other = _voters(directive, "cfgj")
        is_joint = directive.option("cfgj") is not None
        everyone = tuple(dict.fromkeys((*voters, *other)))
        key = {"committed": "idx", "vote": "votes"}.get(directive.command)
        if key is None:
            return "unknown command"
        option = directive.option(key)
        values = option.values if option is not None else ()
        if len(values) != len(everyone):
            return (
                "error: mismatched input (explicit or _) for voters"
                f" {list(everyone)}: {list(values)}"
            )
        known = {who: what for who, what in zip(everyone, values) if what != "_"}
        halves = (tuple(sorted(voters)), tuple(sorted(other)))
        if directive.command == "vote":
            return _vote(halves, is_joint, _parsed_votes(known))
        return _committed(halves, is_joint, _parsed_matches(known))


def _voters(directive: Directive, key: str) -> Voters:
    """Return the voters of one half, in the order in which they are named."""
    option = directive.option(key)
    if option is None or option.values == ("zero",):
        return ()
    return tuple(dict.fromkeys(NodeId(number) for number in option.numbers()))


def _parsed_votes(known: Mapping[NodeId, str]) -> dict[NodeId, bool]:
    """Return votes from their letters."""
    for letter in known.values():
        if letter not in VOTES:
            raise ScriptError(f"a vote is y, n or _, not {letter!r}")
    return {voter: VOTES[letter] for voter, letter in known.items()}


def _parsed_matches(known: Mapping[NodeId, str]) -> dict[NodeId, LogIndex]:
    """Return match indexes from their digits."""
    for digits in known.values():
        if not digits.isdigit() or int(digits) == 0:
            raise ScriptError(f"an index is a number from 1 on or _, not {digits!r}")
    return {voter: LogIndex(int(digits)) for voter, digits in known.items()}


# ---- votes ------------------------------------------------------------------


def _vote(halves: tuple[Voters, Voters], is_joint: bool, votes: Votes) -> str:
    """Return how an election stands."""
    one, other = halves
    result = joint_vote_result(one, other, votes)
    exchanged = joint_vote_result(other, one, votes)
    complaints = _unequal("exchanged halves", result, exchanged)
    if not is_joint:
        result = vote_result(one, votes)
        for name, again in (
            ("joint with nothing", joint_vote_result(one, (), votes)),
            ("joint with itself", joint_vote_result(one, one, votes)),
        ):
            complaints += _unequal(name, result, again)
    return f"{complaints}{RESULTS[result]}\n"


# ---- commit indexes ---------------------------------------------------------


def _committed(halves: tuple[Voters, Voters], is_joint: bool, matches: Matches) -> str:
    """Return a chart of all voters, and what is committed."""
    one, other = halves
    result = joint_committed_index(one, other, matches.get)
    exchanged = joint_committed_index(other, one, matches.get)
    complaints = _unequal("exchanged halves", result, exchanged)
    again = min(_counted_index(one, matches), _counted_index(other, matches))
    complaints += _unequal("another algorithm", result, again)
    if not is_joint:
        result = committed_index(one, matches.get)
        for name, index in (
            ("joint with nothing", joint_committed_index(one, (), matches.get)),
            ("joint with itself", joint_committed_index(one, one, matches.get)),
        ):
            complaints += _unequal(name, result, index)
    for name, lowered in _lowered(matches, result):
        index = joint_committed_index(one, other, lowered.get)
        complaints += _unequal(name, result, index)
    shown = "∞" if result == INFINITE_INDEX else str(result)
    return f"{_chart(sorted({*one, *other}), matches)}{complaints}{shown}\n"


def _counted_index(voters: Voters, matches: Matches) -> int:
    """Return what is committed by counting, for each index, who has reached it."""
    if not voters:
        return INFINITE_INDEX
    reached = [matches.get(voter, 0) for voter in voters]
    return max(
        index
        for index in (0, *reached)
        if 2 * sum(match >= index for match in reached) > len(reached)
    )


def _lowered(matches: Matches, result: int) -> Iterator[tuple[str, Matches]]:
    """Yield the indexes with one that is behind the result set back: by 1, to 0."""
    for voter, match in matches.items():
        if match < result:
            for index in (LogIndex(match - 1), LogIndex(0)):
                yield f"{voter} at {index}", {**matches, voter: index}


def _chart(voters: list[NodeId], matches: Matches) -> str:
    """Return who has reached what, as bars in the order of their indexes."""
    if not voters:
        return "<empty majority quorum>"
    bars: dict[NodeId, int] = {}
    before = (0, 0)  # index and bar of the voter before, in ascending order
    for place, voter in enumerate(sorted(voters, key=lambda v: (matches.get(v, 0), v))):
        match = matches.get(voter, 0)
        bars[voter] = place if match > before[0] and place > 0 else before[1]
        before = (match, bars[voter])
    count = len(voters)
    lines = [f"{' ' * count}    idx\n"]
    for voter in voters:
        length = bars[voter]
        shape = f"{'x' * length}>{' ' * (count - length)}"
        if voter not in matches:
            shape = f"?{' ' * count}"
        lines.append(f"{shape} {matches.get(voter, 0):5d}    (id={voter:x})\n")
    return "".join(lines)


def _unequal(name: str, result: object, other: object) -> str:
    """Return a complaint where two results differ that must not."""
    return "" if result == other else f"{other} <-- {name}\n"
