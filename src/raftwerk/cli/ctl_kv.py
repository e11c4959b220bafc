"""``put``, ``get`` and ``del``, with etcdctl's words and its output."""

import os
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from raftwerk.cli.ctl import ENDPOINT, TIMEOUT, Endpoints, Form, Patience, call
from raftwerk.cli.ctl_keys import (
    FromKey,
    Hex,
    Key,
    Prefix,
    PrevKv,
    RangeEnd,
    key_range,
    lease_id_of,
    pair,
    shown,
)
from raftwerk.cli.output import is_json, write, write_json, write_lines
from raftwerk.config import bad_setting

if TYPE_CHECKING:
    from raftwerk.client import Client, Deleted, Found, KeyValue, Written

__all__ = ["add_commands"]

ORDERS = ("ASCEND", "DESCEND")
TARGETS = ("CREATE", "KEY", "MODIFY", "VALUE", "VERSION")

Revision = Annotated[
    int, typer.Option("--rev", metavar="REVISION", help="As of this one; 0: now.")
]
Limit = Annotated[
    int, typer.Option("--limit", metavar="N", help="At most so many; 0: all.")
]
Order = Annotated[
    str, typer.Option("--order", metavar="ORDER", help="ASCEND or DESCEND.")
]
SortBy = Annotated[
    str,
    typer.Option(
        "--sort-by", metavar="WHAT", help="CREATE, KEY, MODIFY, VALUE or VERSION."
    ),
]
Consistency = Annotated[
    str,
    typer.Option(
        "--consistency",
        metavar="l|s",
        help="l: linearizable; s: what one member has, perhaps old.",
    ),
]
KeysOnly = Annotated[bool, typer.Option("--keys-only", help="Without values.")]
CountOnly = Annotated[bool, typer.Option("--count-only", help="Only how many.")]
ValuesOnly = Annotated[bool, typer.Option("--print-value-only", help="Without keys.")]


def add_commands(app: typer.Typer) -> None:
    """Give an application these commands.

    Parameters
    ----------
    app : Typer
        That of ``raftwerk``.
    """
    app.command("put")(_put)
    app.command("get")(_get)
    app.command("del")(_delete)


# Each parameter is a flag.
# pylint: disable=too-many-arguments,too-many-positional-arguments,too-many-locals


def _put(
    key: Key,
    value: Annotated[
        str | None, typer.Argument(metavar="VALUE", help="Without it, the input.")
    ] = None,
    lease: Annotated[
        str,
        typer.Option(
            "--lease",
            metavar="ID",
            help="It goes with this lease (hexadecimal); 0: it stays.",
        ),
    ] = "0",
    prev_kv: PrevKv = False,
    ignore_value: Annotated[
        bool, typer.Option("--ignore-value", help="Keep the value.")
    ] = False,
    ignore_lease: Annotated[
        bool, typer.Option("--ignore-lease", help="Keep the lease.")
    ] = False,
    as_hex: Hex = False,
    endpoints: Endpoints = ENDPOINT,
    timeout: Patience = TIMEOUT,
    output: Form = "text",
) -> None:
    """Set a key."""
    as_json = is_json(output)
    data = b"" if value is None else os.fsencode(value)
    if value is None and not ignore_value:
        data = sys.stdin.buffer.read()
    lease_id = lease_id_of(lease)

    async def _work(client: "Client") -> "Written":
        return await client.put(
            os.fsencode(key),
            data,
            lease=lease_id,
            prev_kv=prev_kv,
            ignore_value=ignore_value,
            ignore_lease=ignore_lease,
        )

    answer = call(endpoints, timeout, _work)
    if as_json:
        write_json(answer)
        return
    write_lines(["OK"])
    if answer.prev_kv is not None:
        write(pair(answer.prev_kv, as_hex))


def _get(
    key: Key,
    range_end: RangeEnd = "",
    prefix: Prefix = False,
    from_key: FromKey = False,
    revision: Revision = 0,
    limit: Limit = 0,
    order: Order = "",
    sort_by: SortBy = "",
    consistency: Consistency = "l",
    keys_only: KeysOnly = False,
    count_only: CountOnly = False,
    print_value_only: ValuesOnly = False,
    as_hex: Hex = False,
    endpoints: Endpoints = ENDPOINT,
    timeout: Patience = TIMEOUT,
    output: Form = "text",
) -> None:
    """Print keys, each with its value on the next line."""
    as_json = is_json(output)
    start, end = key_range(key, range_end, prefix, from_key)
    sort_order = _one_of("order", order, ORDERS) or "NONE"
    target = _one_of("sort-by", sort_by, TARGETS) or "KEY"
    if consistency not in ("l", "s"):
        raise bad_setting("consistency", consistency, "l or s")

    async def _work(client: "Client") -> "Found":
        return await client.get(
            start,
            end,
            revision=revision,
            limit=limit,
            sort_order=sort_order,
            sort_target="MOD" if target == "MODIFY" else target,
            serializable=consistency == "s",
            keys_only=keys_only,
            count_only=count_only,
        )

    found = call(endpoints, timeout, _work)
    if as_json:
        write_json(found)
    elif count_only:
        write_lines([str(found.count)])
    else:
        parts = "key" if keys_only else "value" if print_value_only else "both"
        write(b"".join(_shown_key(kv, parts, as_hex) for kv in found.kvs))


def _delete(
    key: Key,
    range_end: RangeEnd = "",
    prefix: Prefix = False,
    from_key: FromKey = False,
    prev_kv: PrevKv = False,
    as_hex: Hex = False,
    endpoints: Endpoints = ENDPOINT,
    timeout: Patience = TIMEOUT,
    output: Form = "text",
) -> None:
    """Delete keys, and print how many there were."""
    as_json = is_json(output)
    start, end = key_range(key, range_end, prefix, from_key)

    async def _work(client: "Client") -> "Deleted":
        return await client.delete(start, end, prev_kv=prev_kv)

    answer = call(endpoints, timeout, _work)
    if as_json:
        write_json(answer)
        return
    write_lines([str(answer.deleted)])
    write(b"".join(pair(kv, as_hex) for kv in answer.prev_kvs))


def _shown_key(kv: "KeyValue", parts: str, as_hex: bool) -> bytes:
    """Return of a key what is asked for."""
    match parts:
        case "key":
            return shown(kv.key, as_hex) + b"\n"
        case "value":
            return shown(kv.value, as_hex) + b"\n"
        case _:
            return pair(kv, as_hex)


def _one_of(setting: str, text: str, allowed: tuple[str, ...]) -> str:
    """Return a word in capitals, if it is one of these or empty."""
    word = text.upper()
    if word and word not in allowed:
        raise bad_setting(setting, text, f"one of {', '.join(allowed)}")
    return word
