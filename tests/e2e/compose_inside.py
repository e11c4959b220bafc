"""The part of `test_compose` that runs inside the private namespaces.

It brings the compose file up and tells on standard output, in JSON, what it saw; what
that means is for the test to say.
"""

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from tests.e2e.podman import HYBRID_CGROUPS, compose_command

Seen = TypeVar("Seen")

READY_SECONDS = 120.0
PAGE = "http://127.0.0.1:8000"
NODES = ("rwk_node_1", "rwk_node_2", "rwk_node_3")


def main(folder: Path, compose_file: str) -> dict[str, Any]:
    """Return what was seen."""
    _make_private(folder)
    _call(compose_command(), "-f", compose_file, "up", "-d", "--no-build")
    try:
        return _story()
    except AssertionError:
        print("the page:", _page(), file=sys.stderr)
        for name in (*NODES, "rwk_monitor_1"):
            print(name, _podman("logs", name, check=False), file=sys.stderr)
        raise
    finally:
        _call(compose_command(), "-f", compose_file, "down", "-t", "2")


def _story() -> dict[str, Any]:
    """Use the cluster as somebody would, and kill its leader."""
    saw: dict[str, Any] = {}
    saw["first"] = _await_cluster(voices=3)
    _podman("exec", NODES[0], "raftwerk", "put", "greeting", "hello")
    saw["read elsewhere"] = _get(NODES[1])
    saw["users"] = [_podman("exec", name, "id", "-u") for name in NODES]
    saw["healthy"] = {
        name: _until(partial(_is_healthy, name), f"{name} is healthy")
        for name in (*NODES, "rwk_monitor_1")
    }
    leader = _leader_of(saw["first"])
    victim = next(name for name in NODES if _hostname(name) == leader)
    _podman("kill", "-s", "KILL", victim)
    others = [name for name in NODES if name != victim]
    _until(lambda: _try_put(others[0]), "a write without the old leader")
    saw["read after the kill"] = _get(others[1])
    _podman("start", victim, check=False)
    saw["last"] = _await_cluster(voices=3)
    saw["read on the one that came back"] = _get(victim)
    return saw


def _make_private(folder: Path) -> None:
    """Give podman a place of its own for all that it changes while it runs."""
    for place in ("/run/netns", "/run/containers"):
        Path(place).mkdir(exist_ok=True)
        _call("mount", "-t", "tmpfs", "none", place)
    (folder / "etc").mkdir()
    _call("cp", "-a", "/etc/containers/.", str(folder / "etc"))
    _call("mount", "--bind", str(folder / "etc"), "/etc/containers")
    if HYBRID_CGROUPS.is_dir():  # crun refuses a cgroup2 mount without controllers
        _call("umount", str(HYBRID_CGROUPS))
    _call("ip", "link", "set", "lo", "up")


def _await_cluster(voices: int) -> list[dict[str, Any]] | None:
    """Return what the page says once so many answer and one of them leads."""

    def _look() -> list[dict[str, Any]] | None:
        nodes = _page()
        live = [each for each in nodes if each["state"] in ("LEADER", "FOLLOWER")]
        is_led = any(each["state"] == "LEADER" for each in live)
        return nodes if is_led and len(live) == voices else None

    return _until(_look, f"{voices} nodes that have a leader")


def _page() -> list[dict[str, Any]]:
    """Return the nodes as the published port has them."""
    with urllib.request.urlopen(f"{PAGE}/nodes", timeout=2) as answer:
        nodes: list[dict[str, Any]] = json.load(answer)
    return nodes


def _leader_of(nodes: list[dict[str, Any]] | None) -> str:
    """Return the name of the one that leads."""
    return next(str(each["name"]) for each in nodes or () if each["state"] == "LEADER")


def _hostname(name: str) -> str:
    """Return what a container calls itself."""
    return _podman("inspect", "--format", "{{.Config.Hostname}}", name)


def _is_healthy(name: str) -> bool:
    """Run a container's own health check; without systemd nobody else does."""
    ended = subprocess.run(
        ["podman", "healthcheck", "run", name], check=False, capture_output=True
    )
    return ended.returncode == 0


def _get(name: str) -> str:
    """Read through a node."""
    return _podman("exec", name, "raftwerk", "get", "greeting")


def _try_put(name: str) -> bool:
    """Write through a node, unless nobody leads yet."""
    words = ["podman", "exec", name, "raftwerk", "put", "greeting", "still here"]
    return subprocess.run(words, check=False, capture_output=True).returncode == 0


def _until(look: Callable[[], Seen], what: str) -> Seen:
    """Look until there is something to see, or for so long."""
    end = time.monotonic() + READY_SECONDS
    while time.monotonic() < end:
        try:
            if seen := look():
                return seen
        except OSError:
            pass  # it does not listen yet
        time.sleep(0.2)
    raise AssertionError(f"after {READY_SECONDS:g} s still not: {what}")


def _podman(*words: str, check: bool = True) -> str:
    """Run podman, and return what it said."""
    return _call("podman", *words, check=check).strip()


def _call(*words: str, check: bool = True) -> str:
    """Run a command, and return what it said."""
    ended = subprocess.run(words, check=False, capture_output=True, text=True)
    said = ended.stdout + ended.stderr
    if check and ended.returncode:
        raise AssertionError(f"{' '.join(words)}: {said}")
    return ended.stdout if check else said


if __name__ == "__main__":
    os.environ["PYTHONUNBUFFERED"] = "1"
    print(json.dumps(main(Path(sys.argv[1]), sys.argv[2])))
