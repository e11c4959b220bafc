"""One real node for the tests of a module, which ask it by commands."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from raftwerk.cli.main import run
from raftwerk.config import Url
from tests.e2e.cluster import READY_SECONDS, NodeProcess
from tests.e2e.ports import free_ports

__all__ = ["lone_node", "wait_for_answers"]


@contextmanager
def lone_node(folder: Path) -> Iterator[NodeProcess]:
    """Have a node that answers, until the context ends."""
    client, peer = (Url("127.0.0.1", port) for port in free_ports(2))
    flags = [
        "--name=n1",
        f"--data-dir={folder / 'n1'}",
        f"--listen-client-urls={client}",
        f"--listen-peer-urls={peer}",
        f"--initial-cluster=n1={peer}",
    ]
    node = NodeProcess("n1", folder, flags, client)
    node.start()
    try:
        wait_for_answers(node)
        yield node
    finally:
        node.end()


def wait_for_answers(node: NodeProcess) -> None:
    """Return once a node answers."""
    end = time.monotonic() + READY_SECONDS
    while run(["get", "x", f"--endpoints={node.client}"]) != 0:
        assert time.monotonic() < end, node.last_lines()
