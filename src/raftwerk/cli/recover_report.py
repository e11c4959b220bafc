"""What ``recover`` found in data directories, and what it does or would do to them."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from raftwerk.cli.output import table

if TYPE_CHECKING:
    from raftwerk.runtime.survivors import Decision, Survivor
    from raftwerk.types import NodeId

__all__ = ["RecoverReport", "program_form", "report_lines"]


class RecoverReport(NamedTuple):
    """What is told of a recovery.

    Parameters
    ----------
    decision : Decision
        With what the cluster goes on.
    survivors : sequence of Survivor
        All directories that can be used.
    damaged : dict of str to str
        Why others can't, by their path.
    is_done : bool
        Whether it was done; if not, it only could be.
    """

    decision: "Decision"
    survivors: "Sequence[Survivor]"
    damaged: dict[str, str]
    is_done: bool

    @property
    def names(self) -> "dict[NodeId, str]":
        """The names of all members, as the most complete log has them."""
        return {each.node_id: each.name for each in self.decision.source.members}


def report_lines(report: RecoverReport) -> Iterator[str]:
    """Yield what is left, what may be lost, and what is to be done, for people.

    Parameters
    ----------
    report : RecoverReport
        All that is known.

    Yields
    ------
    str
        A line.
    """
    yield from _directory_lines(report)
    yield ""
    yield from _decision_lines(report)
    yield ""
    yield from _advice_lines(report)


def _directory_lines(report: RecoverReport) -> Iterator[str]:
    """Yield what is left."""
    names = report.names
    rows = [
        [
            each.directory,
            names.get(each.identity.node_id, ""),
            f"{each.identity.node_id:x}",
            str(each.last_term),
            str(each.last_index),
            str(each.hard_state.commit_index),
        ]
        for each in report.survivors
    ]
    heads = ["data directory", "name", "id", ">term", ">last entry", ">committed"]
    yield from table(heads, rows)
    for path, words in report.damaged.items():
        yield f"can't be used: {path}: {words}"


def _decision_lines(report: RecoverReport) -> Iterator[str]:
    """Yield who goes on with which log, and what may be lost by that."""
    decision = report.decision
    source = decision.source
    yield (
        f"most complete   {source.directory}: entry {source.last_index} of term"
        f" {source.last_term}"
    )
    kept = ", ".join(_name(each, report.names) for each in decision.keepers)
    yield f"goes on with    {kept}"
    gone = ", ".join(
        f"{each.name or 'a member'} ({each.node_id:x})" for each in decision.lost
    )
    yield f"leaves behind   {gone}"
    yield (
        f"epoch           {decision.epoch}: who is left behind is refused from now on"
    )
    voters, missing = source.conf_state.voters, {each.node_id for each in decision.lost}
    yield (
        f"may be lost     writes that were acknowledged after entry"
        f" {source.last_index} of this log: {len(missing.intersection(voters))} of"
        f" {len(voters)} voters are missing, and they may have agreed alone"
    )
    if decision.unsure:
        yield (
            f"may be new      the last {decision.unsure} entries: nobody here knows"
            " whether they were committed; they count as such from now on"
        )


def _advice_lines(report: RecoverReport) -> Iterator[str]:
    """Yield what the operator does now."""
    if not report.is_done:
        yield (
            "nothing has been changed. If those left behind can come back, wait for"
            " them: nothing is lost then. If not, stop all nodes and run this again"
            " with --yes"
        )
        return
    epoch = report.decision.epoch
    for keeper in report.decision.keepers:
        yield (
            f"{keeper.directory} is of epoch {epoch} now; what was there is in"
            f" {keeper.directory}/before-epoch-{epoch}"
        )
    yield "start these nodes as before, then add others with `raftwerk member add`"


def _name(survivor: "Survivor", names: "dict[NodeId, str]") -> str:
    """Return what people call a member."""
    node_id = survivor.identity.node_id
    return f"{names.get(node_id) or 'a member'} ({node_id:x})"


def program_form(report: RecoverReport) -> dict[str, Any]:
    """Return the same for programs.

    Parameters
    ----------
    report : RecoverReport
        All that is known.

    Returns
    -------
    dict of str to any
        A JSON object.
    """
    decision = report.decision
    source = decision.source
    return {
        "done": report.is_done,
        "epoch": decision.epoch,
        "most_complete": source.directory,
        "last_term": source.last_term,
        "last_index": source.last_index,
        "unsure_entries": decision.unsure,
        "kept": [
            {
                "id": f"{each.identity.node_id:x}",
                "directory": each.directory,
                "last_term": each.last_term,
                "last_index": each.last_index,
                "commit_index": each.hard_state.commit_index,
            }
            for each in decision.keepers
        ],
        "left_behind": [
            {"id": f"{each.node_id:x}", "name": each.name} for each in decision.lost
        ],
        "unusable": report.damaged,
    }
