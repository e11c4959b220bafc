"""The page as a process of its own, beside a node that comes and goes."""

import asyncio
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.cluster import READY_SECONDS, Cluster
from tests.e2e.ports import free_ports
from tests.e2e.waiting import until

pytestmark = pytest.mark.e2e


def run_monitor(endpoint: str, port: int) -> "subprocess.Popen[str]":
    """Start the page of a cluster, of which it is told one endpoint."""
    flags = [f"--endpoints={endpoint}", f"--port={port}", "--refresh-rate-millis=100"]
    return subprocess.Popen(
        [sys.executable, "-m", "raftwerk", "monitor", *flags],
        stdout=subprocess.PIPE,
        text=True,
    )


def test_one_endpoint_is_enough_for_programs_too(tmp_path: Path) -> None:
    """No page is open: the streams of the nodes are not what tells who there is."""

    async def story() -> None:
        port = free_ports(1)[0]
        async with Cluster(tmp_path, size=3) as cluster:
            names = {node.name for node in cluster.nodes}

            async def shown() -> bool:
                try:
                    answer = await cluster.http.get(f"http://127.0.0.1:{port}/nodes")
                except httpx.TransportError:
                    return False
                nodes = answer.json()
                leaders = {node["leader"] for node in nodes}
                return len(leaders) == 1 and {node["name"] for node in nodes} == names

            with run_monitor(cluster.nodes[0].client.host_port, port) as page:
                try:
                    await until(shown, f"{names} and their leader", READY_SECONDS)
                finally:
                    page.kill()

    asyncio.run(story())


def test_a_node_that_is_gone_stays_on_the_page(tmp_path: Path) -> None:
    async def story() -> None:
        port = free_ports(1)[0]
        url = f"http://127.0.0.1:{port}"
        async with Cluster(tmp_path, size=1) as cluster:
            (node,) = cluster.nodes
            with run_monitor(node.client.host_port, port) as page:
                try:

                    async def shown(state: str) -> dict[str, Any] | None:
                        try:
                            answer = await cluster.http.get(f"{url}/nodes")
                        except httpx.TransportError:
                            return None
                        (found,) = answer.json()
                        return found if found["state"] == state else None

                    leader = await until(
                        lambda: shown("LEADER"), "it is on the page", READY_SECONDS
                    )
                    assert leader is not None
                    assert leader["name"] == leader["leader"] == node.name
                    node.kill()
                    gone = await until(
                        lambda: shown("UNREACHABLE"), "it is missed", READY_SECONDS
                    )
                    assert gone is not None
                    assert (gone["id"], gone["name"]) == (leader["id"], node.name)
                    assert gone["unreachable_since"] is not None
                    page.send_signal(signal.SIGTERM)
                    said, _ = page.communicate(timeout=READY_SECONDS)
                    assert (page.returncode, said) == (0, f"monitor: {url}/\n")
                finally:
                    page.kill()

    asyncio.run(story())
