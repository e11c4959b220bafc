"""``recover --endpoints``: how far the logs are of members that still run."""

from typing import TYPE_CHECKING, Any, Final, TypeAlias

from raftwerk.cli.ctl import call
from raftwerk.cli.output import table, write_json, write_lines
from raftwerk.errors import ConfigError, RequestError

if TYPE_CHECKING:
    from raftwerk.client import Client, MemberStatus

__all__ = ["ask"]

ONE_MEMBER_SECONDS: Final = 2.0
"""How long one member may take to say how far its log is."""

Answer: TypeAlias = "tuple[str, MemberStatus | None]"
"""Where a member was asked, and what it said; None: nothing."""


def ask(endpoints: str, timeout: str, as_json: bool) -> None:
    """Ask each member how far its log is, and say who has the most complete one.

    Parameters
    ----------
    endpoints : str
        Their client URLs.
    timeout : str
        How long it may take.
    as_json : bool
        As one JSON object, instead of lines.

    Raises
    ------
    ConfigError
        If nobody answers.
    """
    answers = call(endpoints, timeout, _ask_all)
    said = [(url, status) for url, status in answers if status is not None]
    if not said:
        raise ConfigError(f"endpoints is {endpoints}; nobody answers there")
    url, best = max(said, key=lambda e: (e[1].last_log_term, e[1].last_log_index))
    if as_json:
        write_json(
            {
                "survivors": [_shown(url, status) for url, status in answers],
                "most_complete": f"{best.id:x}",
            }
        )
        return
    write_lines(_table_of(answers))
    lines = [
        "",
        f"{best.name} at {url} has the most complete log",
        "if the others are gone for good: stop the nodes that are left, and run"
        " `raftwerk recover` with their data directories (with that of"
        f" {best.name} alone, if they are on several machines)",
    ]
    leading = [status for _, status in said if status.leader is not None]
    if leading:
        lines.append(
            f"{leading[0].name} knows a leader ({leading[0].leader:x}): this cluster"
            " has a quorum, so there is nothing to recover"
        )
    write_lines(lines)


async def _ask_all(client: "Client") -> list[Answer]:
    """Ask all members, one after the other."""
    answers: list[Answer] = []
    for url in map(str, client.endpoints.urls):
        try:
            answers.append((url, await client.status(url, ONE_MEMBER_SECONDS)))
        except RequestError:
            answers.append((url, None))
    return answers


def _table_of(answers: list[Answer]) -> list[str]:
    """Return what each said, for people."""
    rows = [
        (
            [url, "", "silent", "", "", "", ""]
            if status is None
            else [
                url,
                status.name,
                f"{status.id:x}",
                str(status.epoch),
                str(status.last_log_term),
                str(status.last_log_index),
                str(status.commit_index),
            ]
        )
        for url, status in answers
    ]
    heads = ["endpoint", "name", "id", ">epoch", ">term", ">last entry", ">committed"]
    return table(heads, rows)


def _shown(url: str, status: "MemberStatus | None") -> dict[str, Any]:
    """Return what one member says, for programs."""
    if status is None:
        return {"endpoint": url, "answers": False}
    return {
        "endpoint": url,
        "answers": True,
        "id": f"{status.id:x}",
        "name": status.name,
        "epoch": status.epoch,
        "last_term": status.last_log_term,
        "last_index": status.last_log_index,
        "commit_index": status.commit_index,
    }
