"""``bench``: how quick a cluster is, raftwerk's or etcd's, over etcd's JSON gateway."""

# pylint: disable=import-outside-toplevel  # as in `ctl`

import sys
from typing import TYPE_CHECKING, Annotated, Final

import typer

from raftwerk.cli.bench_mix import PREFIX, Mix, parse_mix
from raftwerk.cli.ctl import ENDPOINT, Endpoints, Form, call, seconds_of
from raftwerk.cli.output import is_json, write_json, write_lines
from raftwerk.config import Url, bad_setting
from raftwerk.errors import RaftwerkError

if TYPE_CHECKING:
    from raftwerk.cli.bench_load import Tally

__all__ = ["add_commands"]

CONNECTIONS_MAX: Final = 10_000
KEYS_MAX: Final = 10_000_000
KEY_BYTES_MIN: Final = len(PREFIX) + 10
VALUE_BYTES_MAX: Final = 1_000_000


def add_commands(app: typer.Typer) -> None:
    """Give an application this command.

    Parameters
    ----------
    app : Typer
        That of ``raftwerk``.
    """
    app.command("bench")(_bench)


# Each parameter is a flag.
# pylint: disable-next=too-many-arguments,too-many-positional-arguments,too-many-locals
def _bench(
    endpoints: Endpoints = ENDPOINT,
    connections: Annotated[
        int, typer.Option("--connections", "-c", help="Requests at a time.")
    ] = 64,
    duration: Annotated[
        str, typer.Option("--duration", "-d", metavar="TIME", help="To measure.")
    ] = "10s",
    warm_up: Annotated[
        str, typer.Option("--warm-up", metavar="TIME", help="Before that.")
    ] = "2s",
    mix: Annotated[
        str,
        typer.Option(
            "--mix", help="Shares of put, get, stale (reads) and txn: put=3,get=1."
        ),
    ] = "put",
    keys: Annotated[int, typer.Option("--keys", help="Different keys.")] = 10_000,
    key_bytes: Annotated[
        int, typer.Option("--key-bytes", help=f"Of a key; {KEY_BYTES_MIN} at least.")
    ] = 32,
    value_bytes: Annotated[
        int, typer.Option("--value-bytes", help="Of a value.")
    ] = 100,
    seed: Annotated[int, typer.Option("--seed", help="Of what is drawn.")] = 1,
    keep: Annotated[
        bool, typer.Option("--keep", help="Leave the keys there at the end.")
    ] = False,
    plot: Annotated[bool, typer.Option("--plot", help="Show how times lie.")] = False,
    output: Form = "text",
) -> None:
    """Measure a cluster: answers a second, and how long they take.

    Keys are written below raftwerk-bench/, and deleted at the end. Connections are
    spread over the endpoints; each sends when it has been answered.
    """
    as_json = is_json(output)
    urls = _urls(endpoints)
    _require("connections", connections, 1, CONNECTIONS_MAX)
    _require("keys", keys, 1, KEYS_MAX)
    _require("key-bytes", key_bytes, KEY_BYTES_MIN, VALUE_BYTES_MAX)
    _require("value-bytes", value_bytes, 0, VALUE_BYTES_MAX)
    measured = seconds_of("duration", duration)
    before = 0.0 if warm_up in ("0", "0s") else seconds_of("warm-up", warm_up)
    drawn = Mix(
        parse_mix(mix),
        keys=keys,
        key_bytes=key_bytes,
        value_bytes=value_bytes,
        seed=seed,
    )
    tally, took = _run(urls, connections, drawn, (before, measured))
    _print(tally, took, as_json=as_json, with_plot=plot)
    if not keep:
        _delete_keys(endpoints)


def _run(
    urls: "list[Url]", connections: int, mix: Mix, seconds: tuple[float, float]
) -> "tuple[Tally, float]":
    """Return what came of a load, and in how many seconds."""
    import asyncio

    from raftwerk.cli.bench_load import Load
    from raftwerk.cli.bench_run import measure

    return asyncio.run(measure(Load(urls, connections), mix, *seconds))


def _print(tally: "Tally", took: float, *, as_json: bool, with_plot: bool) -> None:
    """Print what was found."""
    from raftwerk.cli.bench_report import make_report, plot_lines, report_lines

    report = make_report(tally, took)
    if as_json:
        write_json(report)
        return
    lines = report_lines(report)
    write_lines([*lines, "", *plot_lines(tally)] if with_plot else lines)


def _delete_keys(endpoints: str) -> None:
    """Delete all that was written; if that fails, say what is left."""
    from raftwerk.client import prefix_end

    try:
        call(
            endpoints,
            "60s",
            lambda client: client.delete(PREFIX, range_end=prefix_end(PREFIX)),
        )
    except RaftwerkError as error:
        print(
            f"keys below {PREFIX.decode()} may still be there: {error}",
            file=sys.stderr,
        )


def _urls(endpoints: str) -> list[Url]:
    """Return the members' addresses."""
    items = [item.strip().removesuffix("/") for item in endpoints.split(",")]
    return [
        Url.parse("endpoints", item if "://" in item else f"http://{item}")
        for item in items
        if item
    ] or [Url.parse("endpoints", endpoints)]


def _require(setting: str, value: int, least: int, most: int) -> None:
    """Refuse a number that is out of bounds."""
    if not least <= value <= most:
        raise bad_setting(setting, str(value), f"from {least:,} to {most:,}")
