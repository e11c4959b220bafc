"""The chaos switch of a demo's page: things do break, writes go on, nothing is lost."""

import asyncio
import base64
import json
from typing import Any

import httpx
import pytest

from tests.e2e.processes import needs_proc
from tests.e2e.seeds import seeded_draw
from tests.e2e.waiting import until
from tests.monitor.demo_process import DemoProcess

pytestmark = [pytest.mark.e2e, needs_proc]

SECONDS_MAX = 120.0
"""For each of the waits, on a machine that has other things to do."""

BREAKS_MIN = 4
KINDS_MIN = 2
WRITES_MIN = 30
"""Acknowledged since the first thing broke; an idle run is no run."""

BREAKING = ("kill -9 ", "paused ", "cut ")

CALL_SECONDS = 5.0

PREFIX = "chaos/"


def text(value: str) -> str:
    """Return a text as etcd's JSON has it."""
    return base64.b64encode(value.encode()).decode()


def plain(data: str) -> str:
    """Return what etcd's JSON has as a text."""
    return base64.b64decode(data).decode()


class Run:
    """One run of chaos: what the page was told, and what a client was."""

    def __init__(self, demo: DemoProcess, http: httpx.AsyncClient, seed: int) -> None:
        self.demo = demo
        self.seed = seed
        self.http = http
        self.breaks: list[str] = []
        self.acknowledged: dict[str, str] = {}
        self.since_break = 0
        self.urls = [node["endpoint"] for node in demo.nodes()]

    async def act(self, **wish: Any) -> None:
        """Press a button of the page."""
        page = (await self.http.get(self.demo.url)).text
        token = page.partition('name="raftwerk-token" content="')[2].partition('"')[0]
        origin = self.demo.url.removesuffix("/")
        headers = {"x-raftwerk-token": token, "origin": origin}
        url = f"{self.demo.url}act"
        answer = await self.http.post(url, json=wish, headers=headers)
        assert answer.status_code == 200, answer.text

    async def listen(self) -> None:
        """Note what was broken since we listen, as any page is told it."""
        known = False
        async with self.http.stream("GET", f"{self.demo.url}events") as stream:
            async for line in stream.aiter_lines():
                if not line.startswith("data: "):
                    continue
                for record in json.loads(line.removeprefix("data: ")):
                    if record["type"] == "chaos" and record["seed"] is not None:
                        known = True  # what comes before is of the tests before
                    said = record.get("text", "") if record["type"] == "act" else ""
                    if known and said.startswith(BREAKING):
                        self.breaks.append(said)

    async def write(self, number: int) -> None:
        """Write one key after the other, on one node after the other."""
        count = 0
        while True:
            # Never the same twice: a write that was given up may be done later.
            key, value = f"{PREFIX}{self.seed}/{number}/{count}", str(count)
            url = self.urls[(number + count) % len(self.urls)]
            count += 1
            body = {"key": text(key), "value": text(value)}
            try:
                answer = await self.http.post(f"{url}/v3/kv/put", json=body)
            except httpx.TransportError:
                await asyncio.sleep(0.05)
                continue
            if answer.is_success:
                self.acknowledged[key] = value
                self.since_break += bool(self.breaks)

    async def read_all(self) -> dict[str, str]:
        """Return what some node says that there is; nothing if none answers."""
        body = {"key": text(PREFIX), "range_end": text("chaos0")}
        for url in self.urls:
            try:
                answer = await self.http.post(f"{url}/v3/kv/range", json=body)
            except httpx.TransportError:
                continue
            if answer.is_success:
                found = answer.json().get("kvs", ())
                return {plain(each["key"]): plain(each["value"]) for each in found}
        return {}

    async def enough(self) -> bool:
        """Tell whether this was a run worth the name."""
        kinds = {each.split(" ", 1)[0] for each in self.breaks}
        return (
            len(self.breaks) >= BREAKS_MIN
            and len(kinds) >= KINDS_MIN
            and self.since_break >= WRITES_MIN
        )

    async def is_whole(self) -> bool:
        """Tell whether all nodes follow one leader."""
        nodes = (await self.http.get(f"{self.demo.url}nodes")).json()
        states = sorted(node["state"] for node in nodes)
        leaders = {node["leader"] for node in nodes}
        return states == ["FOLLOWER", "FOLLOWER", "LEADER"] and len(leaders) == 1


def test_things_break_and_writes_go_on_and_none_is_lost(demo: DemoProcess) -> None:
    seed = seeded_draw().below(1_000_000)

    async def story() -> None:
        timeout = httpx.Timeout(CALL_SECONDS, read=CALL_SECONDS)
        async with httpx.AsyncClient(trust_env=False, timeout=timeout) as http:
            run = Run(demo, http, seed)
            work = [run.listen(), *(run.write(number) for number in range(4))]
            tasks = [asyncio.create_task(each) for each in work]
            try:
                await run.act(act="chaos", on=True, seed=seed)
                await until(run.enough, "things broke and writes went on", SECONDS_MAX)
                for task in tasks:
                    assert not task.done() or task.result() is None
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
                await run.act(act="chaos", on=False)
            print(f"{run.breaks}; {run.since_break} writes since the first")
            await until(run.is_whole, "all is mended", SECONDS_MAX)
            found = await until(run.read_all, "keys can be read", SECONDS_MAX)
            lost = run.acknowledged.items() - found.items()
            assert len(run.acknowledged) >= WRITES_MIN
            assert not lost, f"seed {seed}: of {len(found)} keys these are lost: {lost}"

    asyncio.run(story())
