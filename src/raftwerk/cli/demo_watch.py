"""Watched keys of a demo: a real watch on a real node, told to the pages.

When the node goes, another one is asked, from the revision that comes next: so no
change is missed, and none is told twice.
"""

import asyncio
import base64
import json
from typing import Any, Final

import httpx

from raftwerk.cli.demo_cluster import DemoCluster
from raftwerk.cli.demo_refusal import DemoRefusal
from raftwerk.client import prefix_end
from raftwerk.monitor.hub import Hub

__all__ = ["KeyWatch"]

AGAIN_SECONDS: Final = 0.3


class KeyWatch:
    """One watch at a time.

    Parameters
    ----------
    cluster : DemoCluster
        Whose keys.
    hub : Hub
        Tells the pages.
    """

    def __init__(self, cluster: DemoCluster, hub: Hub) -> None:
        self._cluster = cluster
        self._hub = hub
        self._task: asyncio.Task[None] | None = None
        self._revision = 0

    def start(self, prefix: str) -> None:
        """Watch these keys from now on, and no others.

        Parameters
        ----------
        prefix : str
            What they begin with; empty for all.
        """
        if self._task is not None:
            self._task.cancel()
        self._revision = 0
        self._task = asyncio.create_task(self._run(prefix))
        self._show(prefix)

    def stop(self) -> None:
        """Watch nothing."""
        if self._task is not None:
            self._task.cancel()
            self._task = None
            self._show(None)

    def _show(self, prefix: str | None) -> None:
        """Show what is watched."""
        self._hub.publish({"type": "watching", "prefix": prefix}, key="watching")

    async def _run(self, prefix: str) -> None:
        """Watch, on one node after the other."""
        while True:
            for name in self._cluster.running:
                try:
                    await self._watch(name, prefix)
                except (httpx.HTTPError, DemoRefusal, ValueError, KeyError):
                    pass  # it went, or it is not ready yet: the next one
            await asyncio.sleep(AGAIN_SECONDS)

    async def _watch(self, name: str, prefix: str) -> None:
        """Watch on one node until it ends, in whatever way; know what comes next."""
        key = prefix.encode()
        wish: dict[str, object] = {
            "key": _text(key or b"\0"),
            "range_end": _text(prefix_end(key)),
        }
        if self._revision:
            wish["start_revision"] = str(self._revision)
        url = f"{self._cluster.client_url(name)}/v3/watch"
        body = {"create_request": wish}
        async with self._cluster.http.stream(
            "POST", url, json=body, timeout=httpx.Timeout(5.0, read=None)
        ) as answer:
            async for line in answer.aiter_lines():
                if not line:
                    continue
                said = json.loads(line)["result"]
                if not self._revision:
                    # Nothing before this is wanted, and nothing after may be missed.
                    self._revision = int(said["header"]["revision"]) + 1
                for event in said.get("events", ()):
                    self._revision = int(event["kv"]["mod_revision"]) + 1
                    self._tell(name, event)

    def _tell(self, name: str, event: dict[str, Any]) -> None:
        """Show one change."""
        found = event["kv"]
        self._hub.publish(
            {
                "type": "watched",
                "name": name,
                "is_delete": event.get("type") == "DELETE",
                "key": _plain(found["key"]),
                "value": _plain(found.get("value", ""))[:200],
                "revision": found["mod_revision"],
            }
        )


def _text(data: bytes) -> str:
    """Return bytes as etcd's JSON has them."""
    return base64.b64encode(data).decode()


def _plain(data: str) -> str:
    """Return what etcd's JSON has as a text for people."""
    return base64.b64decode(data).decode(errors="replace")
