"""``status``, ``member …`` and ``move-leader``: who is there, who leads, who is to."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import msgspec
import typer

from raftwerk.cli.ctl import ENDPOINT, TIMEOUT, Endpoints, Form, Patience, call
from raftwerk.cli.exit_codes import ExitCode
from raftwerk.cli.output import is_json, table, write_json, write_lines
from raftwerk.config import bad_setting
from raftwerk.errors import NotProposed, RequestError

if TYPE_CHECKING:
    from raftwerk.client import Client, Member, MemberList, MemberStatus

__all__ = ["add_commands"]

Result = TypeVar("Result")

ONE_MEMBER_SECONDS = 1.0
"""How long one member may take to say how it is."""

Who = Annotated[
    str, typer.Argument(metavar="MEMBER", help="Its id in hexadecimal, or its name.")
]
PeerUrls = Annotated[
    str,
    typer.Option("--peer-urls", metavar="URL,…", help="Where its peers reach it."),
]


def add_commands(app: typer.Typer) -> None:
    """Give an application these commands.

    Parameters
    ----------
    app : Typer
        That of ``raftwerk``.
    """
    app.command("status")(_status)
    app.command("move-leader")(_move_leader)
    members = typer.Typer(
        help="Look at members, add, remove and replace them.",
        rich_markup_mode=None,
        no_args_is_help=True,
    )
    members.command("list")(_list)
    members.command("add")(_add)
    members.command("update")(_update)
    members.command("promote")(_promote)
    members.command("replace")(_replace)
    members.command("remove")(_remove)
    app.add_typer(members, name="member")


# ---- looking ------------------------------------------------------------------


def _status(
    endpoints: Endpoints = ENDPOINT, timeout: Patience = TIMEOUT, output: Form = "text"
) -> None:
    """Print who leads, and how far each member is."""
    as_json = is_json(output)

    async def _work(
        client: "Client",
    ) -> "tuple[MemberList, list[MemberStatus | None]]":
        # pylint: disable-next=import-outside-toplevel  # see `cli.ctl`
        from asyncio import gather

        cluster = await client.cluster()
        urls = {url for member in cluster.members for url in member.client_urls}
        urls.update(map(str, client.endpoints.urls))
        asked = (_status_of(client, url) for url in sorted(urls))
        said = [status for status in await gather(*asked) if status]
        by_id = {status.id: status for status in said}
        return cluster, [by_id.get(member.id) for member in cluster.members]

    cluster, said = call(endpoints, timeout, _work)
    if as_json:
        write_json(
            _shown_cluster(cluster)
            | {
                "members": [
                    _shown(member) | {"status": None if its is None else _shown(its)}
                    for member, its in zip(cluster.members, said, strict=True)
                ]
            }
        )
    else:
        _print_status(cluster, said)
    if cluster.leader is None:
        raise typer.Exit(ExitCode.FAILED)


async def _status_of(client: "Client", url: str) -> "MemberStatus | None":
    """Return what a member says of itself; None if it says nothing in time."""
    try:
        return await client.status(url, ONE_MEMBER_SECONDS)
    except RequestError:
        return None


def _print_status(cluster: "MemberList", said: "Sequence[MemberStatus | None]") -> None:
    """Print a table, and a line on the whole."""
    rows = []
    for member, status in zip(cluster.members, said, strict=True):
        own = (
            ["SILENT" if member.has_started else "UNSTARTED", "", "", ""]
            if status is None
            else [
                status.state,
                str(status.term),
                str(status.commit_index),
                str(status.applied_index),
            ]
        )
        lag = "" if member.lag is None else str(member.lag)
        clients = ",".join(url.removeprefix("http://") for url in member.client_urls)
        rows.append([member.name, f"{member.id:x}", *own, lag, clients])
    headings = ["name", "id", "state", ">term", ">commit", ">applied", ">lag", "client"]
    write_lines(table(headings, rows))
    voters = [member for member in cluster.members if not member.is_learner]
    answering = sum(
        status is not None and not member.is_learner
        for member, status in zip(cluster.members, said, strict=True)
    )
    names = {member.id: member.name or f"{member.id:x}" for member in cluster.members}
    leader = "no leader is known"
    if cluster.leader is not None:
        name = names.get(cluster.leader, f"{cluster.leader:x}")
        leader = f"{name} leads term {cluster.term}"
    write_lines(
        [
            "",
            f"{leader}; {answering} of {len(voters)} voters answer,"
            f" {cluster.quorum} are needed",
        ]
    )


def _list(
    endpoints: Endpoints = ENDPOINT, timeout: Patience = TIMEOUT, output: Form = "text"
) -> None:
    """Print who belongs to the cluster."""
    as_json = is_json(output)

    async def _work(client: "Client") -> "MemberList":
        return await client.cluster()

    cluster = call(endpoints, timeout, _work)
    if as_json:
        write_json(_shown_cluster(cluster))
        return
    rows = [
        [
            f"{member.id:x}",
            member.name,
            _standing(member),
            ",".join(member.peer_urls),
            ",".join(member.client_urls),
        ]
        for member in cluster.members
    ]
    write_lines(table(["id", "name", "is", "peers", "clients"], rows))


def _standing(member: "Member") -> str:
    """Say what a member is."""
    if not member.has_started:
        return "unstarted"
    if member.is_learner:
        return "learner"
    return "leader" if member.is_leader else "voter"


# ---- changing -----------------------------------------------------------------


def _add(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Its name.")],
    peer_urls: PeerUrls,
    learner: Annotated[
        bool,
        typer.Option("--learner", help="Without a vote, until it is promoted."),
    ] = False,
    endpoints: Endpoints = ENDPOINT,
    timeout: Patience = TIMEOUT,
    output: Form = "text",
) -> None:
    """Let a new member take part, and print how to start it."""
    as_json = is_json(output)

    async def _work(client: "Client") -> "tuple[Member, tuple[Member, ...]]":
        return await client.add_member(*_split(peer_urls), is_learner=learner)

    member, members = call(endpoints, timeout, _work)
    if as_json:
        write_json({"member": _shown(member), "members": list(map(_shown, members))})
        return
    what = "learner" if learner else "voter"
    write_lines(
        [f"member {member.id:x} was added as a {what}; start it with"]
        + _start_command(name, member, members)
    )


def _start_command(name: str, new: "Member", members: "Sequence[Member]") -> list[str]:
    """Return the command line of a new member, on lines for a shell."""
    cluster = ",".join(
        f"{name if member.id == new.id else member.name or f'{member.id:x}'}={url}"
        for member in members
        for url in member.peer_urls
    )
    urls = ",".join(new.peer_urls)
    return [
        "",
        f"raftwerk serve --name={name} --initial-cluster-state=existing \\",
        f"  --listen-peer-urls={urls} \\",
        "  --listen-client-urls=URL \\",
        f"  --initial-cluster={cluster}",
    ]


def _update(
    who: Who,
    peer_urls: PeerUrls,
    endpoints: Endpoints = ENDPOINT,
    timeout: Patience = TIMEOUT,
    output: Form = "text",
) -> None:
    """Tell the others where a member is reached from now on."""
    as_json = is_json(output)

    async def _work(client: "Client") -> "Member":
        return await client.update_member(await _id_of(client, who), *_split(peer_urls))

    member = call(endpoints, timeout, _work)
    if as_json:
        write_json({"member": _shown(member)})
        return
    urls = ", ".join(member.peer_urls)
    write_lines([f"member {member.id:x} is reached at {urls} from now on"])


def _promote(
    who: Who,
    endpoints: Endpoints = ENDPOINT,
    timeout: Patience = TIMEOUT,
    output: Form = "text",
) -> None:
    """Give a learner that has caught up a vote."""

    async def _work(client: "Client") -> "Member":
        return await client.promote_member(await _id_of(client, who))

    _do_and_tell(_work, "votes from now on", endpoints, timeout, output)


def _replace(
    who: Who,
    peer_urls: Annotated[
        str,
        typer.Option(
            "--peer-urls",
            metavar="URL,…",
            help="Where the new one is reached.",
            show_default="the same address",
        ),
    ] = "",
    endpoints: Endpoints = ENDPOINT,
    timeout: Patience = TIMEOUT,
    output: Form = "text",
) -> None:
    """Put a new member in the place of one."""
    as_json = is_json(output)

    async def _work(client: "Client") -> "tuple[int, Member]":
        old = await _id_of(client, who)
        return old, await client.replace_member(old, *_split(peer_urls))

    old, member = call(endpoints, timeout, _work)
    if as_json:
        write_json({"replaced": f"{old:x}", "member": _shown(member)})
        return
    write_lines(
        [
            f"member {member.id:x} takes the place of {old:x}",
            "it is the node with an empty data directory that is started at, or waits"
            " at,",
            f"{','.join(member.peer_urls)}; it votes as soon as it has caught up",
        ]
    )


def _remove(
    who: Who,
    endpoints: Endpoints = ENDPOINT,
    timeout: Patience = TIMEOUT,
    output: Form = "text",
) -> None:
    """Let a member take part no more, for good."""
    as_json = is_json(output)

    async def _work(client: "Client") -> "tuple[int, tuple[Member, ...]]":
        member_id = await _id_of(client, who)
        return member_id, await client.remove_member(member_id)

    member_id, members = call(endpoints, timeout, _work)
    if as_json:
        write_json({"removed": f"{member_id:x}", "members": list(map(_shown, members))})
        return
    write_lines([f"member {member_id:x} was removed; {len(members)} remain"])


def _move_leader(
    who: Annotated[
        str,
        typer.Argument(
            metavar="MEMBER", help="Its id or name; without it, who lacks least."
        ),
    ] = "",
    endpoints: Endpoints = ENDPOINT,
    timeout: Patience = TIMEOUT,
    output: Form = "text",
) -> None:
    """Let another voter lead, and wait until it does."""
    as_json = is_json(output)

    async def _work(client: "Client") -> int:
        target = await _id_of(client, who) if who else 0
        return await client.move_leader(target)

    leader = call(endpoints, timeout, _work)
    if as_json:
        write_json({"leader": f"{leader:x}"})
        return
    write_lines([f"member {leader:x} leads"])


# ---- what these share -----------------------------------------------------------


def _do_and_tell(
    work: "Callable[[Client], Awaitable[Member]]",
    words: str,
    endpoints: str,
    timeout: str,
    output: str,
) -> None:
    """Change a member, and say what is so now."""
    as_json = is_json(output)
    member = call(endpoints, timeout, work)
    if as_json:
        write_json({"member": _shown(member)})
    else:
        write_lines([f"member {member.id:x} {words}"])


_IDS = ("id", "leader", "cluster_id", "replaces")


def _shown(value: "Member | MemberStatus | MemberList") -> dict[str, Any]:
    """Return what JSON is made of, with ids as the other commands take them."""
    fields: dict[str, Any] = msgspec.structs.asdict(value)
    for name in _IDS:
        if fields.get(name) is not None:
            fields[name] = f"{fields[name]:x}"
    return fields


def _shown_cluster(cluster: "MemberList") -> dict[str, Any]:
    """Return the same of a cluster with its members."""
    return _shown(cluster) | {"members": list(map(_shown, cluster.members))}


async def _id_of(client: "Client", who: str) -> int:
    """Return a member's id from that, or from its name."""
    cluster = await client.cluster()
    named = [member.id for member in cluster.members if member.name == who]
    if len(named) == 1:
        return named[0]
    if len(named) > 1:
        raise NotProposed(f"{len(named)} members are called {who}; name one by its id")
    try:
        return int(who, 16)
    except ValueError:
        names = ", ".join(member.name for member in cluster.members if member.name)
        raise bad_setting("MEMBER", who, f"a member's id, or one of {names}") from None


def _split(urls: str) -> list[str]:
    """Return URLs that were separated by commas."""
    return [url.strip() for url in urls.split(",") if url.strip()]
