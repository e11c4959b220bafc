"""``txn``, with etcdctl's grammar and its output."""

import base64
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from raftwerk.cli.ctl import ENDPOINT, TIMEOUT, Endpoints, Form, Patience, call
from raftwerk.cli.ctl_keys import Hex, shown
from raftwerk.cli.output import is_json, write, write_json, write_lines
from raftwerk.cli.txn_lines import read_script

if TYPE_CHECKING:
    from raftwerk.client import Client, Done

__all__ = ["add_commands"]

_PROMPTS = (
    "compares:",
    "success requests (get, put, del):",
    "failure requests (get, put, del):",
)


def add_commands(app: typer.Typer) -> None:
    """Give an application this command.

    Parameters
    ----------
    app : Typer
        That of ``raftwerk``.
    """
    app.command("txn")(_txn)


def _txn(
    interactive: Annotated[
        bool, typer.Option("--interactive", "-i", help="Say what is to be typed.")
    ] = False,
    as_hex: Hex = False,
    endpoints: Endpoints = ENDPOINT,
    timeout: Patience = TIMEOUT,
    output: Form = "text",
) -> None:
    """Compare, and do one thing or another, all at once.

    What to compare, and what to do, is read from the input.
    """
    as_json = is_json(output)
    script = read_script(_prompted() if interactive else sys.stdin)

    async def _work(client: "Client") -> "Done":
        return await client.txn(script.compare, script.success, script.failure)

    done = call(endpoints, timeout, _work)
    if as_json:
        write_json(done)
        return
    write_lines(["SUCCESS" if done.succeeded else "FAILURE"])
    for response in done.responses:
        write(b"\n" + _said(response, as_hex))


def _prompted() -> Iterator[str]:
    """Yield typed lines, with a word ahead of each part."""
    for prompt in _PROMPTS:
        write_lines([prompt])
        for line in sys.stdin:
            yield line
            if not line.strip():
                break
        else:
            yield ""


def _said(response: dict[str, Any], as_hex: bool) -> bytes:
    """Return the answer of one operation as its own command prints it."""
    for kind, answer in response.items():
        if kind == "response_delete_range":
            kvs = answer.get("prev_kvs", [])
            return b"%d\n" % int(answer.get("deleted", 0)) + _pairs(kvs, as_hex)
        if kind == "response_put":
            kvs = [answer["prev_kv"]] if "prev_kv" in answer else []
            return b"OK\n" + _pairs(kvs, as_hex)
        return _pairs(answer.get("kvs", []), as_hex)
    return b""


def _pairs(kvs: list[dict[str, str]], as_hex: bool) -> bytes:
    """Return keys and values, a line each."""
    parts = [kv.get(name, "") for kv in kvs for name in ("key", "value")]
    lines = [shown(base64.b64decode(part), as_hex) + b"\n" for part in parts]
    return b"".join(lines)
