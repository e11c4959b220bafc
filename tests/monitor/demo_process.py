"""A demo in a process of its own, with its page, for tests that look at it."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from tests.e2e.ports import free_block, free_ports

READY_SECONDS = 120.0
STOP_SECONDS = 10.0


class DemoProcess:
    """A demo; its page is at ``url``."""

    def __init__(self, folder: Path, *flags: str) -> None:
        self.log = folder / "demo.log"
        self.port = free_ports(1)[0]
        self.url = f"http://127.0.0.1:{self.port}/"
        with self.log.open("wb") as log:
            # pylint: disable-next=consider-using-with  # it outlives this call
            self.process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "raftwerk", "demo"),
                    f"--base-port={free_block(14)}",
                    f"--monitor-port={self.port}",
                    f"--data-dir={folder / 'data'}",
                    *flags,
                ],
                stdout=log,
                stderr=subprocess.STDOUT,
                env=os.environ | {"NO_PROXY": "127.0.0.1"},
            )

    def nodes(self) -> list[dict[str, Any]]:
        """Return what the page says of the nodes, as JSON."""
        found: list[dict[str, Any]] = httpx.get(f"{self.url}nodes").json()
        return found

    def wait_ready(self) -> None:
        """Return once all nodes agree on a leader."""
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline:
            assert self.process.poll() is None, self.log.read_text()
            try:
                leaders = {node["leader"] for node in self.nodes()}
            except httpx.TransportError:
                leaders = set()
            if len(leaders) == 1 and None not in leaders:
                return
            time.sleep(0.05)
        raise AssertionError(f"nobody leads: {self.log.read_text()}")


@contextmanager
def demo_process(folder: Path, *flags: str) -> Iterator[DemoProcess]:
    """Run a demo until all that is done with it is done."""
    running = DemoProcess(folder, *flags)
    try:
        running.wait_ready()
        yield running
    finally:
        running.process.terminate()
        try:
            running.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            running.process.kill()
            running.process.wait()
