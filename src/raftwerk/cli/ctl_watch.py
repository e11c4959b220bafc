"""``watch``, with etcdctl's words, its output, and its two further ways.

A command behind ``--`` is run for each change. With ``-i`` lines are read, each of
which begins one more watch; they are read by the same rules as the command line.
"""

from typing import Annotated, Any, Final

import typer
from typer.core import TyperCommand

from raftwerk.cli.ctl import ENDPOINT, TIMEOUT, Endpoints, Form, Patience, call
from raftwerk.cli.ctl_keys import FromKey, Hex, Prefix, PrevKv, RangeEnd, key_range
from raftwerk.cli.output import is_json
from raftwerk.cli.watch_wish import Wish
from raftwerk.errors import ConfigError

__all__ = ["add_commands"]

COMMAND: Final = "raftwerk.cli.watch.command"
"""Where the context keeps what stands behind ``--``."""

Key = Annotated[str, typer.Argument(metavar="KEY", help="The key.")]
Revision = Annotated[
    int,
    typer.Option("--rev", metavar="REVISION", help="From this one on; 0: from now on."),
]
Progress = Annotated[
    bool, typer.Option("--progress-notify", help="Print how far the store is.")
]


class _Watch(TyperCommand):
    """A command line of which the end is another program's."""

    # The context's own type is hidden in a part of typer that is its own affair.
    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read what is ours, and keep what stands behind ``--``."""
        ours = args
        if "--" in args:
            end = args.index("--")
            ours, ctx.meta[COMMAND] = args[:end], tuple(args[end + 1 :])
        return super().parse_args(ctx, ours)


def add_commands(app: typer.Typer) -> None:
    """Give an application this command.

    Parameters
    ----------
    app : Typer
        That of ``raftwerk``.
    """
    app.command("watch", cls=_Watch)(_watch)


# Each parameter is a flag.
# pylint: disable=too-many-arguments,too-many-positional-arguments,too-many-locals


def _watch(
    context: typer.Context,
    key: Key = "",
    range_end: RangeEnd = "",
    prefix: Prefix = False,
    from_key: FromKey = False,
    revision: Revision = 0,
    prev_kv: PrevKv = False,
    progress_notify: Progress = False,
    interactive: Annotated[
        bool,
        typer.Option("--interactive", "-i", help="Read lines: watch [OPTIONS] KEY …"),
    ] = False,
    as_hex: Hex = False,
    endpoints: Endpoints = ENDPOINT,
    timeout: Patience = TIMEOUT,
    output: Form = "text",
) -> None:
    """Print each change of keys as it happens, until interrupted.

    With watch KEY -- COMMAND ARG … the command is run for each change, which it finds
    in ETCD_WATCH_REVISION, ETCD_WATCH_EVENT_TYPE, ETCD_WATCH_KEY and ETCD_WATCH_VALUE.
    """
    # pylint: disable=import-outside-toplevel  # see `cli.ctl`
    as_json = is_json(output)
    if interactive:
        from raftwerk.cli.watch_lines import watch_lines

        if key:
            raise ConfigError("with --interactive, keys are read from the input")
        lines = typer.Typer(add_completion=False, rich_markup_mode=None)
        lines.command("watch", cls=_Watch)(_line)
        call(
            endpoints,
            timeout,
            lambda client: watch_lines(client, lines, as_json=as_json, as_hex=as_hex),
        )
        return
    from raftwerk.cli.watching import follow

    wish = _line(
        context, key, range_end, prefix, from_key, revision, prev_kv, progress_notify
    )
    call(
        endpoints,
        timeout,
        lambda client: follow(client, wish, as_json=as_json, as_hex=as_hex),
    )


def _line(
    context: typer.Context,
    key: Key = "",
    range_end: RangeEnd = "",
    prefix: Prefix = False,
    from_key: FromKey = False,
    revision: Revision = 0,
    prev_kv: PrevKv = False,
    progress_notify: Progress = False,
) -> Wish:
    """Watch keys."""
    if not key and not prefix and not from_key:
        raise ConfigError("say which key to watch, or --interactive")
    start, end = key_range(key, range_end, prefix, from_key)
    return Wish(
        key=start,
        range_end=end,
        revision=revision,
        prev_kv=prev_kv,
        progress_notify=progress_notify,
        command=context.meta.get(COMMAND, ()),
    )
