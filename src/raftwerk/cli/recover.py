"""``recover``: going on with what is left of a cluster that has lost its quorum.

It looks at data directories, or asks nodes that still run, and says which log is the
most complete and what may be lost. It changes something only when it is told ``--yes``:
then each directory gets a new log beside its old one, and the old one is put aside.

Within the data directory, for it may be a volume, which can't be renamed::

    DIRECTORY/
    ├── epoch-1.tmp/        the new log while it is written; means nothing
    ├── epoch-1.ready/      whole and durable; takes the place of wal/ and snap/
    └── before-epoch-1/     what was there; `raftwerk inspect` reads it
"""

import os
import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from raftwerk.cli.ctl import TIMEOUT, Form, Patience, call
from raftwerk.cli.exit_codes import ExitCode
from raftwerk.cli.output import is_json, table, write_json, write_lines
from raftwerk.errors import ConfigError, RequestError, StorageError

if TYPE_CHECKING:
    from raftwerk.client import Client, MemberStatus
    from raftwerk.runtime.survivors import Decision, Survivor
    from raftwerk.storage.disk_protocol import Disk

__all__ = ["add_commands"]

_PARTS: Final = ("wal", "snap")
"""What makes up the data of a member; all else in its directory stays as it is."""

_READY: Final = re.compile(r"epoch-(\d+)\.ready")

ONE_MEMBER_SECONDS: Final = 2.0
"""How long one member may take to say how far its log is."""


def add_commands(app: typer.Typer) -> None:
    """Give an application this command.

    Parameters
    ----------
    app : Typer
        That of ``raftwerk``.
    """
    app.command("recover")(_recover)


def _recover(
    directories: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[DIR]…",
            help="Data directories of all members that are left.",
            show_default=False,
        ),
    ] = None,
    endpoints: Annotated[
        str,
        typer.Option(
            "--endpoints", metavar="URL,…", help="Ask nodes that still run, instead."
        ),
    ] = "",
    yes: Annotated[
        bool, typer.Option("--yes", help="Do it; without this, only tell.")
    ] = False,
    timeout: Patience = TIMEOUT,
    output: Form = "text",
) -> None:
    """Go on with what is left of a cluster that has lost its quorum for good."""
    as_json = is_json(output)
    if endpoints and directories:
        raise ConfigError("recover takes data directories or --endpoints, not both")
    if endpoints and yes:
        raise ConfigError(
            "recover --yes needs data directories: stop the nodes that are left, and"
            " run it where their data is"
        )
    if endpoints:
        _ask(endpoints, timeout, as_json)
    elif directories:
        raise typer.Exit(_recover_directories(directories, yes, as_json))
    else:
        raise ConfigError(
            "recover needs the data directories of all members that are left, or"
            " --endpoints of those that still run"
        )


# ---- nodes that run ----------------------------------------------------------


def _ask(endpoints: str, timeout: str, as_json: bool) -> None:
    """Ask each member how far its log is, and say who has the most complete one."""

    async def work(client: "Client") -> "list[tuple[str, MemberStatus | None]]":
        """Ask all of them, one after the other."""
        answers: list[tuple[str, MemberStatus | None]] = []
        for url in map(str, client.endpoints.urls):
            try:
                answers.append((url, await client.status(url, ONE_MEMBER_SECONDS)))
            except RequestError:
                answers.append((url, None))
        return answers

    answers = call(endpoints, timeout, work)
    said = [(url, status) for url, status in answers if status is not None]
    if not said:
        raise ConfigError(f"endpoints is {endpoints}; nobody answers there")
    url, best = max(said, key=lambda e: (e[1].last_log_term, e[1].last_log_index))
    if as_json:
        write_json(
            {
                "survivors": [_shown_status(url, status) for url, status in answers],
                "most_complete": f"{best.id:x}",
            }
        )
        return
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
    write_lines(table(heads, rows))
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


def _shown_status(url: str, status: "MemberStatus | None") -> dict[str, Any]:
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


# ---- data directories --------------------------------------------------------


def _recover_directories(
    directories: Sequence[str], yes: bool, as_json: bool
) -> ExitCode:
    """Look at all of them, tell what would be done, and do it if asked to."""
    # pylint: disable=import-outside-toplevel  # see `cli.main`
    from raftwerk.runtime.survivors import decide, look_at
    from raftwerk.storage.directory import lock_directory
    from raftwerk.storage.disk import RealDisk

    disk = RealDisk()
    paths = list(dict.fromkeys(os.path.abspath(each) for each in directories))
    with ExitStack() as stack:
        if yes:
            for path in paths:
                if not os.path.isdir(path):
                    raise ConfigError(f"there is no data directory {path}")
                stack.enter_context(
                    closing(lock_directory(disk, path, "raftwerk recover"))
                )
                _finish(disk, path)
        survivors: list[Survivor] = []
        damaged: dict[str, str] = {}
        for path in paths:
            try:
                survivors.append(look_at(disk, path))
            except StorageError as error:
                damaged[path] = str(error)
        if not survivors:
            raise ConfigError("; ".join(damaged.values()))
        decision = decide(survivors)
        if decision.has_quorum:
            raise ConfigError(
                f"{len(decision.keepers)} of"
                f" {len(decision.source.conf_state.voters)} voters are here, which is a"
                " quorum: start them, there is nothing to recover"
            )
        if yes:
            _carry_out(disk, decision)
    if as_json:
        write_json(_shown(decision, damaged, yes))
    else:
        write_lines(list(_lines(decision, survivors, damaged, yes)))
    return ExitCode.OK


def _carry_out(disk: "Disk", decision: "Decision") -> None:
    """Write the new logs, all of them, and only then put them in their places."""
    # pylint: disable-next=import-outside-toplevel  # see `cli.main`
    from raftwerk.runtime.survivors import write_epoch

    for keeper in decision.keepers:
        made = f"{keeper.directory}/epoch-{decision.epoch}.tmp"
        shutil.rmtree(made, ignore_errors=True)  # what an earlier attempt left
        write_epoch(disk, decision, keeper, made)
    for keeper in decision.keepers:
        made = f"{keeper.directory}/epoch-{decision.epoch}"
        disk.rename(f"{made}.tmp", f"{made}.ready")
        disk.sync_directory(keeper.directory)
    for keeper in decision.keepers:
        _finish(disk, keeper.directory)


def _finish(disk: "Disk", directory: str) -> None:
    """Put a new log that is ready in its place; what was there is put aside.

    If this is interrupted, the same command does the rest.
    """
    for name in disk.list_directory(directory):
        found = _READY.fullmatch(name)
        if found is None:
            continue
        ready, aside = f"{directory}/{name}", f"{directory}/before-epoch-{found[1]}"
        disk.make_directory(aside)
        for part in _PARTS:
            old, new = f"{directory}/{part}", f"{ready}/{part}"
            if os.path.isdir(old) and not os.path.isdir(f"{aside}/{part}"):
                disk.rename(old, f"{aside}/{part}")
                disk.sync_directory(aside)
            if os.path.isdir(new):
                disk.rename(new, old)
                disk.sync_directory(directory)
        shutil.rmtree(ready)
        disk.sync_directory(directory)


# ---- what is told ------------------------------------------------------------


def _lines(
    decision: "Decision",
    survivors: "Sequence[Survivor]",
    damaged: dict[str, str],
    is_done: bool,
) -> Iterator[str]:
    """Yield what is left, what may be lost, and what is to be done, for people."""
    source = decision.source
    names = {each.node_id: each.name for each in source.members}
    rows = [
        [
            each.directory,
            names.get(each.identity.node_id, ""),
            f"{each.identity.node_id:x}",
            str(each.last_term),
            str(each.last_index),
            str(each.hard_state.commit_index),
        ]
        for each in survivors
    ]
    heads = ["data directory", "name", "id", ">term", ">last entry", ">committed"]
    yield from table(heads, rows)
    for path, words in damaged.items():
        yield f"can't be used: {path}: {words}"
    yield ""
    yield (
        f"most complete   {source.directory}: entry {source.last_index} of term"
        f" {source.last_term}"
    )
    kept = ", ".join(_name(each, names) for each in decision.keepers)
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
    yield ""
    if not is_done:
        yield (
            "nothing has been changed. If those left behind can come back, wait for"
            " them: nothing is lost then. If not, stop all nodes and run this again"
            " with --yes"
        )
        return
    for keeper in decision.keepers:
        yield (
            f"{keeper.directory} is of epoch {decision.epoch} now; what was there is in"
            f" {keeper.directory}/before-epoch-{decision.epoch}"
        )
    yield "start these nodes as before, then add others with `raftwerk member add`"


def _name(survivor: "Survivor", names: dict[Any, str]) -> str:
    """Return what people call a member."""
    node_id = survivor.identity.node_id
    return f"{names.get(node_id) or 'a member'} ({node_id:x})"


def _shown(
    decision: "Decision", damaged: dict[str, str], is_done: bool
) -> dict[str, Any]:
    """Return the same for programs."""
    source = decision.source
    return {
        "done": is_done,
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
        "unusable": damaged,
    }
