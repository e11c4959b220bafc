"""Find where code reaches past its host for time, threads, sockets or files.

Import contracts see that a module imports `time`; they can't see that it uses the event
loop as a clock, for everyone may import asyncio. This reads the syntax tree instead.
"""

import ast
from collections.abc import Iterator
from typing import Final, TypeGuard

__all__ = ["world_uses"]

ASYNCIO_NAMES: Final = frozenset(
    {
        "create_subprocess_exec",
        "create_subprocess_shell",
        "new_event_loop",
        "open_connection",
        "open_unix_connection",
        "run",
        "sleep",
        "start_server",
        "start_unix_server",
        "timeout",
        "timeout_at",
        "to_thread",
        "wait_for",
    }
)
"""What asyncio has that needs time, threads, sockets or processes."""

LOOP_METHODS: Final = frozenset(
    {
        "add_reader",
        "add_signal_handler",
        "add_writer",
        "call_at",
        "call_later",
        "create_connection",
        "create_server",
        "getaddrinfo",
        "run_in_executor",
        "sock_accept",
        "sock_connect",
        "sock_recv",
        "sock_sendall",
    }
)
"""The same, as methods of a loop."""

PROTOCOL_RECEIVERS: Final = ("timers",)
"""Objects that may have a method of such a name: the host's."""


def world_uses(source: str) -> list[str]:
    """Return each use as ``line N: what``, in the order of the file."""
    tree = ast.parse(source)
    uses = sorted(set(_uses(tree)))
    return [f"line {line}: {what}" for line, what in uses]


def _uses(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield line and name of each use."""
    turns = {id(node.func) for node in ast.walk(tree) if _gives_a_turn(node)}
    for node in ast.walk(tree):
        match node:
            case ast.ImportFrom(module="asyncio", names=names):
                for name in names:
                    if name.name in ASYNCIO_NAMES:
                        yield node.lineno, f"asyncio.{name.name}"
            case ast.Import(names=names):
                for name in names:
                    if name.name == "asyncio" and name.asname:
                        yield node.lineno, f"asyncio under the name {name.asname}"
            case ast.Call(func=ast.Name(id="open")):
                yield node.lineno, "open"
            case ast.Call(func=func, keywords=keywords) if ast.unparse(
                func
            ) == "asyncio.wait" and any(
                keyword.arg == "timeout" for keyword in keywords
            ):
                yield node.lineno, "asyncio.wait with a timeout"
            case ast.Attribute(value=receiver, attr=name) if id(node) not in turns:
                yield from _attribute_uses(node.lineno, ast.unparse(receiver), name)


def _gives_a_turn(node: ast.AST) -> TypeGuard[ast.Call]:
    """Tell whether this is ``asyncio.sleep(0)``, which sets no timer."""
    return isinstance(node, ast.Call) and ast.unparse(node) == "asyncio.sleep(0)"


def _attribute_uses(line: int, receiver: str, name: str) -> Iterator[tuple[int, str]]:
    """Yield the use that an attribute is, if it is one."""
    if receiver == "asyncio" and name in ASYNCIO_NAMES:
        yield line, f"asyncio.{name}"
    elif name in LOOP_METHODS and not receiver.endswith(PROTOCOL_RECEIVERS):
        yield line, f"{receiver}.{name}"
    elif name == "time" and receiver.endswith(("loop", "_loop()")):
        yield line, f"{receiver}.time"
