"""Patroni, which knows nothing of us: two PostgreSQL nodes fail over by our store.

The page that tells how is run as it stands, each of its blocks in its turn.
"""

import asyncio
import importlib.util
import os
import shutil
import time
from pathlib import Path
from typing import Final

import httpx
import pytest

from tests.e2e.ports import free_ports
from tests.e2e.shell import Shell, blocks_of, user_for
from tests.e2e.waiting import until

PAGE: Final = Path(__file__).parents[2] / "docs" / "guide" / "patroni.md"

POSTGRES: Final = Path("/usr/lib/postgresql/15/bin/postgres")

PORTS: Final = (2379, 2380, 22379, 22380, 32379, 32380, 5441, 5442, 8008, 8009)

PATRONIS: Final = {"pg1": 8008, "pg2": 8009}

NODES: Final = {"n1": 2379, "n2": 22379, "n3": 32379}

START_SECONDS: Final = 90.0

FAILOVER_SECONDS: Final = 40.0
"""Patroni's time to live of 30 s, and what it takes to see that it has passed."""


def why_not() -> str:
    """Return why Patroni can't be run here; empty if it can."""
    if not POSTGRES.exists():
        return "Debian's postgresql-15 is not installed"
    if os.geteuid() == 0 and shutil.which("setpriv") is None:
        return "PostgreSQL does not run as root, and there is no setpriv"
    for name in ("patroni", "psycopg", "etcd"):
        if importlib.util.find_spec(name) is None:
            return f"the package {name} is not installed (patroni[etcd3], psycopg)"
    return ""


pytestmark = [
    pytest.mark.e2e,
    pytest.mark.long,
    pytest.mark.skipif(bool(why_not()), reason=why_not()),
]


class Page:
    """The page as it is followed: its blocks in order, and what is seen meanwhile."""

    def __init__(self, shell: Shell, http: httpx.AsyncClient) -> None:
        self._shell = shell
        self._http = http
        self._blocks = iter(blocks_of(PAGE))

    async def next(self, begins: str, **names: str) -> str:
        """Run the next block, with other names where the page says so."""
        block = next(self._blocks)
        assert block.startswith(begins), f"the page goes on otherwise: {block}"
        for written, meant in names.items():
            block = block.replace(written, meant)
        return await self._shell.run(block)

    def has_ended(self) -> bool:
        """Tell whether all blocks were run."""
        return next(self._blocks, None) is None

    async def role(self, name: str) -> str:
        """Return what a PostgreSQL node says that it is; empty if it says nothing."""
        url = f"http://127.0.0.1:{self._shell.port(PATRONIS[name])}/patroni"
        try:
            found = (await self._http.get(url)).json()
        except httpx.TransportError:
            return ""
        is_sync = found.get("sync_standby", False)
        return "sync standby" if is_sync else str(found["role"])

    async def settled(self) -> tuple[str, str]:
        """Return who leads and who follows, once a commit waits for who follows."""

        async def look() -> tuple[str, str] | None:
            roles = {name: await self.role(name) for name in PATRONIS}
            if sorted(roles.values()) != ["primary", "sync standby"]:
                return None
            leader, follower = sorted(roles, key=lambda name: roles[name])
            return leader, follower

        found = await until(look, "one leads, one follows in step", START_SECONDS)
        assert found is not None
        return found

    async def leads(self, name: str) -> float:
        """Return how long it took until a PostgreSQL node leads."""
        began = time.monotonic()

        async def look() -> bool:
            return await self.role(name) == "primary"

        await until(look, f"{name} leads", FAILOVER_SECONDS)
        return time.monotonic() - began

    async def store_leader(self, *, but: str = "") -> str:
        """Return which of our nodes leads, once there is one (other than that one)."""

        async def look() -> str:
            for name in NODES.keys() - {but}:
                url = f"http://127.0.0.1:{self._shell.port(NODES[name])}/api/v1/raft/"
                try:
                    view = (await self._http.get(url)).json()
                except httpx.TransportError:
                    continue
                if view.get("data", view).get("state") == "LEADER":
                    return name
            return ""

        return await until(look, "one of our nodes leads", START_SECONDS)


def test_postgresql_fails_over_within_40_s_by_our_store() -> None:
    ports = dict(zip(PORTS, free_ports(len(PORTS)), strict=True))

    async def story() -> None:
        async with (
            httpx.AsyncClient(trust_env=False) as http,
            Shell(user_for("postgres", "nobody"), ports) as shell,
        ):
            page = Page(shell, http)
            await page.next("CLUSTER=")
            await page.store_leader()
            await page.next("cat > pg1.yaml")
            await page.next("patroni")
            leader, follower = await page.settled()
            assert "streaming" in await page.next("patronictl")
            assert "/service/try/leader" in await page.next("raftwerk get")
            await page.next("ANY=")

            await page.next("kill", PG1=leader.upper(), pg1=leader)
            print(f"{follower} leads after {await page.leads(follower):.1f} s")
            assert rows(await page.next("psql")) == ["1", "2"]
            await page.next("patroni", PG1=leader.upper(), pg1=leader)
            assert await page.settled() == (follower, leader)

            store = await page.store_leader()
            await page.next(
                "kill", N1=store.upper(), PG2=follower.upper(), pg2=follower
            )
            print(f"{leader} leads after {await page.leads(leader):.1f} s")
            assert await page.store_leader(but=store) != store
            assert rows(await page.next("psql")) == ["1", "2", "3"]
            assert page.has_ended()

    asyncio.run(story())


def rows(printed: str) -> list[str]:
    """Return the numbers in a table that was printed."""
    return [line.strip() for line in printed.splitlines() if line.strip().isdigit()]
