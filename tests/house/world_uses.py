"""Find where code reaches past its host for time, threads, sockets or files.

Import contracts see that a module imports `time`; they can't see that it uses the event
loop as a clock, for everyone may import asyncio. This reads the syntax tree instead. Of
asyncio it names what may be used, not what may not: a list of all that reaches the
world would be wrong with the next Python, and asyncio's parts have second names.
"""

import ast
from collections.abc import Iterator
from typing import Final

__all__ = ["world_uses"]

ASYNCIO_NAMES: Final = frozenset(
    {
        "ALL_COMPLETED",
        "AbstractEventLoop",
        "BaseEventLoop",
        "CancelledError",
        "Event",
        "FIRST_COMPLETED",
        "FIRST_EXCEPTION",
        "Future",
        "Handle",
        "InvalidStateError",
        "Lock",
        "Protocol",
        "Queue",
        "QueueEmpty",
        "QueueFull",
        "Task",
        "TaskGroup",
        "TimerHandle",
        "Transport",
        "all_tasks",
        "create_task",
        "current_task",
        "ensure_future",
        "gather",
        "get_running_loop",
        "shield",
    }
)
"""What asyncio has that needs no world; all else is found, be it new or renamed."""

PATIENT_NAMES: Final = frozenset({"as_completed", "wait"})
"""What needs none as long as it is called, at once and without a timeout."""

LOOP_METHODS: Final = frozenset(
    {
        "add_reader",
        "add_signal_handler",
        "add_writer",
        "call_at",
        "call_later",
        "connect_accepted_socket",
        "connect_read_pipe",
        "connect_write_pipe",
        "create_connection",
        "create_datagram_endpoint",
        "create_server",
        "create_unix_connection",
        "create_unix_server",
        "getaddrinfo",
        "getnameinfo",
        "run_in_executor",
        "sendfile",
        "sock_accept",
        "sock_connect",
        "sock_recv",
        "sock_recv_into",
        "sock_recvfrom",
        "sock_recvfrom_into",
        "sock_sendall",
        "sock_sendfile",
        "sock_sendto",
        "start_tls",
        "subprocess_exec",
        "subprocess_shell",
    }
)
"""The same, as methods of a loop."""

PROTOCOL_RECEIVERS: Final = ("timers",)
"""Objects that may have a method of such a name: the host's."""

MODULES: Final = (
    "http.client",
    "http.server",
    "importlib.import_module",
    "urllib.request",
    "urllib.robotparser",
)
"""What reaches the world, of packages of which other parts may be used: the import
contracts know packages only as a whole."""


def world_uses(source: str) -> list[str]:
    """Return each use as ``line N: what``, in the order of the file."""
    tree = ast.parse(source)
    uses = sorted(set(_uses(tree)))
    return [f"line {line}: {what}" for line, what in uses]


def _uses(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield line and name of each use."""
    harmless = set(_harmless(tree))
    for node in ast.walk(tree):
        match node:
            case ast.Import() | ast.ImportFrom():
                for what in _import_uses(node):
                    yield node.lineno, what
            case ast.Call(func=ast.Name(id="open" | "__import__" as name)):
                yield node.lineno, name
            case ast.Call(
                func=ast.Name(id="getattr"),
                args=[receiver, ast.Constant(value=str() as name), *_],
            ):
                yield from _attribute_uses(node.lineno, ast.unparse(receiver), name)
            case ast.Attribute(value=receiver, attr=name) if id(node) not in harmless:
                yield from _attribute_uses(node.lineno, ast.unparse(receiver), name)
            case ast.Name(id="asyncio") if id(node) not in harmless:
                yield node.lineno, "asyncio itself, as a value"


def _harmless(tree: ast.AST) -> Iterator[int]:
    """Yield the ids of nodes that look like uses and are none."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id="asyncio"), attr=name)):
                is_patient = name in PATIENT_NAMES and not any(
                    keyword.arg in ("timeout", None) for keyword in node.keywords
                )
                # This gives others a turn, and sets no timer.
                if is_patient or ast.unparse(node) == "asyncio.sleep(0)":
                    yield id(node.func)
            case ast.Attribute(value=ast.Name(id="asyncio") as receiver):
                yield id(receiver)  # the attribute is looked at


def _import_uses(node: ast.Import | ast.ImportFrom) -> Iterator[str]:
    """Yield the uses that an import is, or makes possible under another name."""
    prefix = f"{node.module}." if isinstance(node, ast.ImportFrom) else ""
    for name in node.names:
        full = prefix + name.name
        if full.startswith(MODULES):
            yield full
        elif full == "asyncio":
            if name.asname:
                yield f"asyncio under the name {name.asname}"
        elif full.startswith("asyncio."):
            if not prefix or full.removeprefix("asyncio.") not in ASYNCIO_NAMES:
                yield full


def _attribute_uses(line: int, receiver: str, name: str) -> Iterator[tuple[int, str]]:
    """Yield the use that an attribute is, if it is one."""
    full = f"{receiver}.{name}"
    if receiver == "asyncio":
        if name in PATIENT_NAMES:
            yield line, f"{full} with a timeout, or to be called later"
        elif name not in ASYNCIO_NAMES:
            yield line, full
    elif name in LOOP_METHODS and not receiver.endswith(PROTOCOL_RECEIVERS):
        yield line, full
    elif full.startswith(MODULES):
        yield line, full
    elif name == "time" and receiver.endswith(("loop", "_loop()")):
        yield line, full
