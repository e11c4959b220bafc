"""The demo as its user meets it: it shows, it survives, it leaves nothing behind."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.ports import free_block, free_ports
from tests.e2e.processes import needs_proc, processes_with
from tests.e2e.waiting import until

pytestmark = [pytest.mark.e2e, needs_proc]

READY_SECONDS = 30.0

STOP_SECONDS = 2.0
"""What was promised for an idle demo."""


class Demo:
    """A demo in the background, as a shell would start it."""

    def __init__(self, folder: Path, *, data_is_kept: bool) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.base_port = free_block(6)
        self.monitor_port = free_ports(1)[0]
        self.output = folder / "output"
        self.http = httpx.Client(trust_env=False)
        command = [sys.executable, "-m", "raftwerk", "demo"]
        command.append(f"--base-port={self.base_port}")
        command.append(f"--monitor-port={self.monitor_port}")
        if data_is_kept:
            command.append(f"--data-dir={self.data}")
        with self.output.open("wb") as output:
            before = signal.signal(signal.SIGINT, signal.SIG_IGN)
            try:
                # pylint: disable-next=consider-using-with  # it outlives this call
                self.process = subprocess.Popen(
                    command,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    process_group=0,
                    env=os.environ | {"TMPDIR": str(folder)},
                )
            finally:
                signal.signal(signal.SIGINT, before)

    def node_pids(self) -> dict[str, int]:
        """Return the process of each node by its name."""
        found = processes_with(f"--data-dir={self.folder}/")
        return {
            words.partition("--name=")[2].split()[0]: pid
            for pid, words in found.items()
            if " serve " in words
        }

    def nodes(self) -> list[dict[str, Any]]:
        """Return what the page says; nothing as long as it is not there."""
        try:
            answer = self.http.get(f"http://127.0.0.1:{self.monitor_port}/nodes")
        except httpx.TransportError:
            return []
        found: list[dict[str, Any]] = answer.json()
        return found

    def until_one_leads(self, *, after_term: int = 0) -> tuple[str, int]:
        """Return the leader's name and term once all nodes agree on both."""

        async def look() -> tuple[str, int] | None:
            said = {(node["leader"], node["term"]) for node in self.nodes()}
            if len(said) != 1:
                return None
            leader, term = said.pop()
            return (leader, term) if leader is not None and term > after_term else None

        found = asyncio.run(until(look, "all nodes agree on a leader", READY_SECONDS))
        assert found is not None
        return found

    def until_nothing_is_left(self) -> None:
        """Return once no process of the demo is there any more."""

        async def look() -> bool:
            return not processes_with(str(self.folder))

        asyncio.run(until(look, "no process is left", READY_SECONDS))


@contextmanager
def demo(folder: Path, *, data_is_kept: bool = True) -> Iterator[Demo]:
    """Run a demo; whatever goes wrong, nothing of it stays."""
    running = Demo(folder, data_is_kept=data_is_kept)
    try:
        yield running
    except BaseException:
        print(running.output.read_text())
        for log in sorted(folder.glob("*/*.log")):
            print(f"{log.name}: {log.read_text()[-2000:]}")
        raise
    finally:
        running.http.close()
        pids = [running.process.pid, *running.node_pids().values()]
        if running.process.poll() is None:
            running.process.kill()
        running.process.wait(READY_SECONDS)
        for pid in pids[1:]:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass


def test_a_demo_that_nobody_reads_ends_by_itself(tmp_path: Path) -> None:
    """As under `raftwerk demo | head`; here of one node, and without a page."""
    with subprocess.Popen(
        [
            *(sys.executable, "-m", "raftwerk", "demo", "--nodes=1", "--no-monitor"),
            f"--data-dir={tmp_path}",
            f"--base-port={free_block(2)}",
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        said = process.stdout.readline()
        process.stdout.close()
        assert process.wait(READY_SECONDS) == 0
        assert process.stderr.read() == ""
    assert said == "raftwerk demo: nodes n1; data and logs are in\n"
    assert not processes_with(str(tmp_path))


@pytest.fixture(name="running", scope="module")
def fixture_running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """A demo for those tests that leave it as they found it."""
    with demo(tmp_path_factory.mktemp("demo")) as running:
        yield running


def assert_ends_and_leaves_nothing(running: Demo) -> None:
    """Demand what was promised to whoever asks an idle demo to stop."""
    began = time.monotonic()
    assert running.process.wait(READY_SECONDS) == 0
    assert time.monotonic() - began < STOP_SECONDS
    assert not processes_with(str(running.folder))


def test_a_demo_ends_by_sigterm_and_leaves_nothing(tmp_path: Path) -> None:
    with demo(tmp_path, data_is_kept=False) as running:
        running.until_one_leads()
        running.process.send_signal(signal.SIGTERM)
        assert_ends_and_leaves_nothing(running)
    assert not list(tmp_path.glob("raftwerk-demo-*"))


def test_a_demo_ends_by_ctrl_c_and_keeps_only_the_data(tmp_path: Path) -> None:
    """A terminal signals the whole group, under `make demo` as well."""
    with demo(tmp_path) as running:
        leader, term = running.until_one_leads()
        os.killpg(running.process.pid, signal.SIGINT)
        assert_ends_and_leaves_nothing(running)
        said = running.output.read_text()
    assert f"{leader} is LEADER in term {term}\n" in said
    assert "ending all nodes" in said
    assert (running.data / f"{leader}.raftwerk").is_dir()


def test_nothing_is_left_when_the_supervisor_itself_is_killed(tmp_path: Path) -> None:
    with demo(tmp_path) as running:
        running.until_one_leads()
        paused = running.node_pids()["n1"]
        os.kill(paused, signal.SIGSTOP)
        running.process.kill()
        running.process.wait(READY_SECONDS)
        running.until_nothing_is_left()


def test_a_killed_leader_is_replaced_and_comes_back(running: Demo) -> None:
    leader, term = running.until_one_leads()
    pid = running.node_pids()[leader]
    os.kill(pid, signal.SIGKILL)
    running.until_one_leads(after_term=term)
    said = running.output.read_text()
    assert f"{leader} was killed by SIGKILL; it comes back in 1 s" in said
    assert f"{leader} runs as process {pid}\n" in said
    assert f"{leader} runs as process {running.node_pids()[leader]}\n" in said


def test_keys_are_put_and_got_by_the_lines_that_it_prints(running: Demo) -> None:
    running.until_one_leads()
    said = running.output.read_text()
    assert f"http://127.0.0.1:{running.monitor_port}/" in said
    calls = [line.split(maxsplit=3) for line in said.splitlines() if "curl " in line]
    put, get = [
        running.http.post(url, json=json.loads(body.strip("'")), timeout=10)
        for _curl, url, _flag, body in calls
    ]
    assert put.status_code == get.status_code == 200
    assert get.json()["kvs"][0]["value"] == "d29ybGQ="


def test_a_taken_port_is_told_in_one_line(tmp_path: Path) -> None:
    base_port = free_block(6)
    with socket.create_server(("127.0.0.1", base_port + 3)):
        ended = subprocess.run(
            [sys.executable, "-m", "raftwerk", "demo", f"--base-port={base_port}"],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            timeout=READY_SECONDS,
            check=False,
        )
    own_name = Path("/proc/self/comm").read_text(encoding="utf-8").strip()
    assert ended.returncode == 2
    assert ended.stdout == ""
    assert ended.stderr == (
        "raftwerk: a node's peer address is"
        f" http://127.0.0.1:{base_port + 3}; port {base_port + 3} is taken by process"
        f" {os.getpid()} ({own_name}); --base-port gives the nodes others\n"
    )
    assert not list(tmp_path.iterdir())


def test_a_taken_page_port_is_told_in_one_line(tmp_path: Path) -> None:
    base_port, page_port = free_block(6), free_ports(1)[0]
    with socket.create_server(("127.0.0.1", page_port)):
        ended = subprocess.run(
            [
                *(sys.executable, "-m", "raftwerk", "demo"),
                f"--base-port={base_port}",
                f"--monitor-port={page_port}",
            ],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            timeout=READY_SECONDS,
            check=False,
        )
    assert ended.returncode == 2
    assert ended.stdout == ""
    assert ended.stderr.count("\n") == 1
    assert f"port {page_port} is taken by process {os.getpid()}" in ended.stderr
