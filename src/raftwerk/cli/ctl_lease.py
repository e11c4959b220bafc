"""``lease grant``, ``revoke`` and so on, with etcdctl's words and its output."""

from typing import TYPE_CHECKING, Annotated

import typer

from raftwerk.cli.ctl import ENDPOINT, TIMEOUT, Endpoints, Form, Patience, call
from raftwerk.cli.ctl_keys import lease_id_of
from raftwerk.cli.output import is_json, write, write_json, write_lines
from raftwerk.errors import RequestError

if TYPE_CHECKING:
    from raftwerk.client import Client, Granted, KeptAlive, LeaseList, TimeLeft
    from raftwerk.client.values import Header

__all__ = ["add_commands"]

BEATS_PER_TTL = 3

Lease = Annotated[str, typer.Argument(metavar="ID", help="The lease, in hexadecimal.")]


def add_commands(app: typer.Typer) -> None:
    """Give an application these commands.

    Parameters
    ----------
    app : Typer
        That of ``raftwerk``.
    """
    leases = typer.Typer(
        help="Grant leases, keep them alive, look at them, end them.",
        rich_markup_mode=None,
        no_args_is_help=True,
    )
    leases.command("grant")(_grant)
    leases.command("revoke")(_revoke)
    leases.command("keep-alive")(_keep_alive)
    leases.command("timetolive")(_time_to_live)
    leases.command("list")(_list)
    app.add_typer(leases, name="lease")


def _grant(
    ttl: Annotated[int, typer.Argument(metavar="TTL", help="Seconds.")],
    endpoints: Endpoints = ENDPOINT,
    timeout: Patience = TIMEOUT,
    output: Form = "text",
) -> None:
    """Begin a lease."""
    as_json = is_json(output)

    async def _work(client: "Client") -> "Granted":
        return await client.grant_lease(ttl)

    granted = call(endpoints, timeout, _work)
    if as_json:
        write_json(granted)
        return
    told = f"lease {granted.lease_id:016x} granted with TTL({granted.ttl_seconds}s)"
    write_lines([told])


def _revoke(
    lease: Lease,
    endpoints: Endpoints = ENDPOINT,
    timeout: Patience = TIMEOUT,
    output: Form = "text",
) -> None:
    """End a lease, and delete the keys that are attached to it."""
    as_json = is_json(output)
    lease_id = lease_id_of(lease)

    async def _work(client: "Client") -> "Header":
        return await client.revoke_lease(lease_id)

    header = call(endpoints, timeout, _work)
    if as_json:
        write_json({"header": header})
    else:
        write_lines([f"lease {lease_id:016x} revoked"])


def _keep_alive(
    lease: Lease,
    once: Annotated[bool, typer.Option("--once", help="Once, and end.")] = False,
    endpoints: Endpoints = ENDPOINT,
    timeout: Patience = TIMEOUT,
    output: Form = "text",
) -> None:
    """Keep a lease alive until interrupted, or until it has ended."""
    as_json = is_json(output)
    lease_id = lease_id_of(lease)

    async def _work(client: "Client") -> None:
        while True:
            kept = await client.keep_lease_alive(lease_id)
            _tell_kept(kept, lease_id, as_json)
            if not kept.ttl_seconds:
                raise RequestError(f"lease {lease_id:016x} expired or revoked.")
            if once:
                return
            await client.pause(kept.ttl_seconds / BEATS_PER_TTL)

    call(endpoints, timeout, _work)


def _tell_kept(kept: "KeptAlive", lease_id: int, as_json: bool) -> None:
    """Print that a lease was kept alive."""
    if as_json:
        write_json(kept)
    elif kept.ttl_seconds:
        told = f"lease {lease_id:016x} keepalived with TTL({kept.ttl_seconds})"
        write_lines([told])


def _time_to_live(
    lease: Lease,
    keys: Annotated[
        bool, typer.Option("--keys", help="Print what is attached to it.")
    ] = False,
    endpoints: Endpoints = ENDPOINT,
    timeout: Patience = TIMEOUT,
    output: Form = "text",
) -> None:
    """Print how long a lease lasts."""
    as_json = is_json(output)
    lease_id = lease_id_of(lease)

    async def _work(client: "Client") -> "TimeLeft":
        return await client.lease_time_to_live(lease_id, keys=keys)

    found = call(endpoints, timeout, _work)
    if as_json:
        write_json(found)
    elif found.ttl_seconds < 0:
        write_lines([f"lease {lease_id:016x} already expired"])
    else:
        told = (
            f"lease {lease_id:016x} granted with TTL({found.granted_seconds}s),"
            f" remaining({found.ttl_seconds}s)"
        )
        attached = b", attached keys([%b])" % b" ".join(found.keys) if keys else b""
        write(told.encode() + attached + b"\n")


def _list(
    endpoints: Endpoints = ENDPOINT,
    timeout: Patience = TIMEOUT,
    output: Form = "text",
) -> None:
    """Print all leases; what ends first comes first."""
    as_json = is_json(output)

    async def _work(client: "Client") -> "LeaseList":
        return await client.leases()

    found = call(endpoints, timeout, _work)
    if as_json:
        write_json(found)
        return
    lines = [f"{each.lease_id:016x}" for each in found.leases]
    write_lines([f"found {len(lines)} leases", *lines])
