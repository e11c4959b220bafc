"""``put``, ``get`` and ``del``, with etcdctl's words and its output."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from raftwerk.cli.ctl import ENDPOINT, TIMEOUT, Endpoints, Form, Patience, call
from raftwerk.cli.output import is_json, write, write_json, write_lines
from raftwerk.config import bad_setting
from raftwerk.errors import ConfigError

if TYPE_CHECKING:
    from raftwerk.client import Client, Deleted, Found, KeyValue, Written

__all__ = ["add_commands", "key_range", "lease_id_of"]

ORDERS = ("ASCEND", "DESCEND")
TARGETS = ("CREATE", "KEY", "MODIFY", "VALUE", "VERSION")

Key = Annotated[str, typer.Argument(help="The key.")]
RangeEnd = Annotated[
    str, typer.Argument(metavar="RANGE_END", help="The key before which to end.")
]
Prefix = Annotated[bool, typer.Option("--prefix", help="All keys that begin so.")]
FromKey = Annotated[bool, typer.Option("--from-key", help="All keys from it on.")]
PrevKv = Annotated[bool, typer.Option("--prev-kv", help="Print what was there.")]


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
        str, typer.Option("--lease", metavar="ID", help="Lives as long as it (hex).")
    ] = "0",
    prev_kv: PrevKv = False,
    ignore_value: Annotated[
        bool, typer.Option("--ignore-value", help="Keep the value.")
    ] = False,
    ignore_lease: Annotated[
        bool, typer.Option("--ignore-lease", help="Keep the lease.")
    ] = False,
    endpoints: Endpoints = ENDPOINT,
    timeout: Patience = TIMEOUT,
    output: Form = "text",
) -> None:
    """Set a key."""
    as_json = is_json(output)
    data: str | bytes = b"" if value is None else value
    if value is None and not ignore_value:
        data = sys.stdin.buffer.read()
    lease_id = lease_id_of(lease)

    async def _work(client: "Client") -> "Written":
        return await client.put(
            key,
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
        write(_pair(answer.prev_kv))


def _get(
    key: Key,
    range_end: RangeEnd = "",
    prefix: Prefix = False,
    from_key: FromKey = False,
    revision: Annotated[
        int, typer.Option("--rev", metavar="REVISION", help="As of then.")
    ] = 0,
    limit: Annotated[
        int, typer.Option("--limit", metavar="N", help="So many at most.")
    ] = 0,
    order: Annotated[
        str, typer.Option("--order", metavar="ORDER", help="ASCEND or DESCEND.")
    ] = "",
    sort_by: Annotated[
        str,
        typer.Option(
            "--sort-by", metavar="WHAT", help="CREATE, KEY, MODIFY, VALUE or VERSION."
        ),
    ] = "",
    consistency: Annotated[
        str,
        typer.Option(
            "--consistency",
            metavar="l|s",
            help="l: linearizable; s: what one member has, perhaps old.",
        ),
    ] = "l",
    keys_only: Annotated[
        bool, typer.Option("--keys-only", help="Without values.")
    ] = False,
    count_only: Annotated[
        bool, typer.Option("--count-only", help="Only how many there are.")
    ] = False,
    print_value_only: Annotated[
        bool, typer.Option("--print-value-only", help="Without keys.")
    ] = False,
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
    elif keys_only:
        write(b"".join(kv.key + b"\n" for kv in found.kvs))
    elif print_value_only:
        write(b"".join(kv.value + b"\n" for kv in found.kvs))
    else:
        write(b"".join(map(_pair, found.kvs)))


def _delete(
    key: Key,
    range_end: RangeEnd = "",
    prefix: Prefix = False,
    from_key: FromKey = False,
    prev_kv: PrevKv = False,
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
    write(b"".join(map(_pair, answer.prev_kvs)))


def key_range(
    key: str, range_end: str, prefix: bool, from_key: bool
) -> tuple[bytes, bytes]:
    """Return the first key of a range, and the one before which it ends.

    Parameters
    ----------
    key, range_end : str
        What was given.
    prefix, from_key : bool
        Which flags were.

    Returns
    -------
    tuple of bytes
        For a request.

    Raises
    ------
    ConfigError
        If more than one end is given.
    """
    # pylint: disable-next=import-outside-toplevel  # see `cli.ctl`
    from raftwerk.client import prefix_end

    if prefix + from_key + bool(range_end) > 1:
        raise ConfigError("of --prefix, --from-key and RANGE_END only one can be meant")
    start = key.encode()
    if prefix:
        # An empty prefix means all; no key is empty.
        return start or b"\0", prefix_end(start)
    if from_key:
        return start or b"\0", b"\0"
    return start, range_end.encode()


def _pair(kv: "KeyValue") -> bytes:
    """Return a key and its value, a line each."""
    return kv.key + b"\n" + kv.value + b"\n"


def _one_of(setting: str, text: str, allowed: tuple[str, ...]) -> str:
    """Return a word in capitals, if it is one of these or empty."""
    word = text.upper()
    if word and word not in allowed:
        raise bad_setting(setting, text, f"one of {', '.join(allowed)}")
    return word


def lease_id_of(text: str) -> int:
    """Return a lease's id, which is written in hexadecimal.

    Parameters
    ----------
    text : str
        As it stands on the command line.

    Returns
    -------
    int
        The id.

    Raises
    ------
    ConfigError
        If it is none.
    """
    try:
        return int(text, 16)
    except ValueError:
        raise bad_setting("lease", text, "an id in hexadecimal digits") from None
