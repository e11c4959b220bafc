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
    "storage/disk.py",  # implements the disk
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
    ("asyncio.wait(tasks, timeout=1)", "line 1: asyncio.wait with a timeout"),
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
