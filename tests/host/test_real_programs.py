"""Programs that really run: what they are told, what they write, how they end."""

import asyncio
import os
import subprocess
import threading
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from raftwerk.errors import ConfigError
from raftwerk.host import real_programs
from raftwerk.host.real_programs import RealPrograms, require_executable

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(os.name != "posix", reason="scripts of a shell"),
]


def script(folder: Path, text: str) -> str:
    path = folder / "script.sh"
    path.write_text(f"#!/bin/sh\n{text}\n", encoding="ascii")
    path.chmod(0o755)
    return str(path)


def run(
    path: str, environment: Mapping[str, str] | None = None
) -> tuple[int, list[str]]:
    lines: list[str] = []

    async def start() -> int:
        program = await RealPrograms().start(path, environment or {}, lines.append)
        exit_code = await asyncio.wait_for(program.wait(), 10)
        async with asyncio.timeout(10):
            while "end" not in lines:  # the pipe may be read a little later
                await asyncio.sleep(0.01)
        return exit_code

    return asyncio.run(start()), lines


def test_a_script_sees_its_variables_beside_ours_and_its_lines_are_told(
    tmp_path: Path,
) -> None:
    path = script(tmp_path, 'echo "$COLOUR $HOME"; echo err >&2; echo end; exit 7')
    exit_code, lines = run(path, {"COLOUR": "red"})
    assert exit_code == 7
    assert lines == [f"red {os.environ['HOME']}", "err", "end"]


def test_what_is_no_text_and_lines_without_end_are_told_in_pieces(
    tmp_path: Path,
) -> None:
    path = script(
        tmp_path,
        "printf '\\377\\n'; head -c 10000 /dev/zero | tr '\\0' x; echo; echo end",
    )
    _, lines = run(path)
    assert lines[0] == "\ufffd"
    assert [len(line) for line in lines[1:4]] == [4096, 4096, 10000 - 8192]


def test_one_that_will_not_end_is_ended_with_all_that_it_started(
    tmp_path: Path,
) -> None:
    child = tmp_path / "child"
    path = script(
        tmp_path,
        f"trap '' TERM; sleep 60 & echo $! > {child}; echo up; sleep 60; sleep 60",
    )

    async def start() -> tuple[int, float]:
        lines: list[str] = []
        program = await RealPrograms().start(path, {}, lines.append)
        async with asyncio.timeout(10):
            while not lines:
                await asyncio.sleep(0.01)
        began = time.monotonic()
        program.end()
        return await asyncio.wait_for(program.wait(), 10), time.monotonic() - began

    exit_code, seconds = asyncio.run(start())
    assert exit_code == -9
    assert seconds < 5
    with pytest.raises(ProcessLookupError):
        for _ in range(100):  # an orphan is gone once somebody has asked for it
            os.kill(int(child.read_text()), 0)
            time.sleep(0.05)


def test_one_that_is_cancelled_while_it_starts_has_ended_when_that_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = script(tmp_path, "sleep 30")
    is_starting, may_start = threading.Event(), threading.Event()
    started: list[subprocess.Popen[str]] = []
    # pylint: disable-next=protected-access  # what a slow disk would delay
    really_start = real_programs._start

    def start_slowly(
        path: str, environment: Mapping[str, str]
    ) -> subprocess.Popen[str]:
        is_starting.set()
        assert may_start.wait(10)
        started.append(really_start(path, environment))
        return started[0]

    monkeypatch.setattr(real_programs, "_start", start_slowly)

    async def cancel() -> None:
        lines: list[str] = []
        task = asyncio.ensure_future(RealPrograms().start(path, {}, lines.append))
        assert await asyncio.to_thread(is_starting.wait, 10)
        task.cancel()
        asyncio.get_running_loop().call_soon(may_start.set)
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(task, 20)
        assert started and started[0].poll() is not None

    asyncio.run(cancel())


def test_what_is_no_program_is_refused_by_the_system(tmp_path: Path) -> None:
    path = script(tmp_path, "")
    Path(path).write_text("#!/no/such/shell\n", encoding="ascii")
    with pytest.raises(OSError):
        run(path)


def test_a_script_that_could_not_run_is_refused_before(tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.touch()
    for path, reason in (
        (tmp_path / "nothing", "there is no such file"),
        (tmp_path, "it is no file"),
        (plain, "is not executable: chmod"),
    ):
        with pytest.raises(ConfigError, match=f"SCRIPT_LEADER_PATH .*{reason}"):
            require_executable("SCRIPT_LEADER_PATH", str(path))
    require_executable("SCRIPT_LEADER_PATH", script(tmp_path, ""))
