"""Nobody reaches past the host for time, threads, sockets or files."""

from pathlib import Path

import pytest

from tests.house.world_uses import world_uses

SOURCE = Path(__file__).parents[2] / "src" / "raftwerk"

ALLOWED = (
    "api/server.py",  # binds the client port
    "client/connections.py",  # calls it
    "cli/",  # a command is a process
    "host/",  # implements time and threads
    "monitor/",  # a small program of its own
    "sim/ambient.py",  # replaces time and draws for a user's machine
    "storage/disk.py",  # implements the disk
    "testing/",  # a real cluster, in a test's process
    "transport/tcp.py",  # implements the sockets
    "transport/tcp_ask.py",  # one question over one of them
)

PATHS = [path.relative_to(SOURCE).as_posix() for path in SOURCE.rglob("*.py")]
MODULES = sorted(path for path in PATHS if not path.startswith(ALLOWED))

PLANTED = [
    # code                                                      what is found
    ("import asyncio\nasyncio.sleep(1)", "line 2: asyncio.sleep"),
    ("import asyncio\nasyncio.sleep(0.1 * n)", "line 2: asyncio.sleep"),
    ("from asyncio import wait_for", "line 1: asyncio.wait_for"),
    ("import asyncio as a", "line 1: asyncio under the name a"),
    ("async with asyncio.timeout(1): pass", "line 1: asyncio.timeout"),
    (
        "asyncio.wait(tasks, timeout=1)",
        "line 1: asyncio.wait with a timeout, or to be called later",
    ),
    (
        "asyncio.wait(tasks, **how)",
        "line 1: asyncio.wait with a timeout, or to be called later",
    ),
    (
        "wait = asyncio.wait",
        "line 1: asyncio.wait with a timeout, or to be called later",
    ),
    (
        "asyncio.as_completed(tasks, timeout=1)",
        "line 1: asyncio.as_completed with a timeout, or to be called later",
    ),
    ("from asyncio import wait", "line 1: asyncio.wait"),
    ("from asyncio.tasks import sleep", "line 1: asyncio.tasks.sleep"),
    ("from asyncio import tasks", "line 1: asyncio.tasks"),
    ("from asyncio import *", "line 1: asyncio.*"),
    ("import asyncio.base_events", "line 1: asyncio.base_events"),
    ("import asyncio.tasks as t", "line 1: asyncio.tasks"),
    ("asyncio.base_events.BaseEventLoop()", "line 1: asyncio.base_events"),
    ("asyncio.timeouts.timeout(1)", "line 1: asyncio.timeouts"),
    ("asyncio.Runner()", "line 1: asyncio.Runner"),
    ("asyncio.create_subprocess_exec('x')", "line 1: asyncio.create_subprocess_exec"),
    ("asyncio.sleep_in_python_3_20(1)", "line 1: asyncio.sleep_in_python_3_20"),
    ("a = asyncio", "line 1: asyncio itself, as a value"),
    ("vars(asyncio)['sleep'](1)", "line 1: asyncio itself, as a value"),
    ("loop.create_datagram_endpoint(f)", "line 1: loop.create_datagram_endpoint"),
    ("loop.subprocess_exec(f, 'x')", "line 1: loop.subprocess_exec"),
    ("getattr(loop, 'call_later')(1, f)", "line 1: loop.call_later"),
    ("import http.client", "line 1: http.client"),
    ("from http import server", "line 1: http.server"),
    ("from urllib.request import urlopen", "line 1: urllib.request.urlopen"),
    ("import urllib.request as r", "line 1: urllib.request"),
    ("from importlib import import_module", "line 1: importlib.import_module"),
    ("importlib.import_module('time')", "line 1: importlib.import_module"),
    ("__import__('time')", "line 1: __import__"),
    ("loop.call_later(1, f)", "line 1: loop.call_later"),
    ("self._loop.call_at(1, f)", "line 1: self._loop.call_at"),
    ("loop.time()", "line 1: loop.time"),
    (
        "asyncio.get_running_loop().time()",
        "line 1: asyncio.get_running_loop().time",
    ),
    ("f = asyncio.to_thread", "line 1: asyncio.to_thread"),
    ("loop.run_in_executor(None, f)", "line 1: loop.run_in_executor"),
    ("asyncio.open_connection(host, 1)", "line 1: asyncio.open_connection"),
    ("open('file')", "line 1: open"),
]

HARMLESS = [
    ("asyncio.sleep(0)", "a turn for others is no timer"),
    ("self._host.timers.call_later(1, f)", "the host's timers are the way"),
    ("timers.sleep(1)", "so are they by any name that says so"),
    ("host.clock.now()", "and so is its clock"),
    ("asyncio.wait(tasks)", "to wait for tasks needs no clock"),
    ("asyncio.wait(tasks, return_when=how)", "nor does it in another way"),
    ("import asyncio", "all else is looked at where it is used"),
    ("from asyncio import Future", "what is known to be harmless has one name"),
    ("f: asyncio.Future[None]", "and is allowed as a type, too"),
    ("from urllib.parse import urlsplit", "of a package, one part may be harmless"),
    ("from http import HTTPStatus", "these are numbers"),
    ("getattr(settings, 'name')", "so are other attributes"),
    ("disk.open('file')", "a disk is a protocol"),
    ("record.time", "a field may have this name"),
]


@pytest.mark.parametrize("name", MODULES)
def test_no_module_reaches_past_its_host(name: str) -> None:
    assert world_uses((SOURCE / name).read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(("code", "found"), PLANTED)
def test_a_planted_use_is_found(code: str, found: str) -> None:
    source = f"async def planted():\n    {code.replace(chr(10), chr(10) + '    ')}\n"
    first, *rest = world_uses(source)
    line, _, what = found.partition(": ")
    assert (first, rest) == (f"line {int(line.removeprefix('line ')) + 1}: {what}", [])


@pytest.mark.parametrize(("code", "why"), HARMLESS)
def test_what_is_harmless_is_not_found(code: str, why: str) -> None:
    assert world_uses(code) == [], why


def test_the_modules_that_may_are_not_all_modules() -> None:
    assert {"core/roles.py", "storage/protocol.py"} <= set(MODULES)
