"""A node that is told to forget does so by itself."""

import asyncio
from pathlib import Path

import pytest

from tests.e2e.cluster import READY_SECONDS, Cluster
from tests.e2e.waiting import until

pytestmark = pytest.mark.e2e


def test_the_past_is_let_go_of_after_a_second(tmp_path: Path) -> None:
    flags = ["--auto-compaction-retention=1s"]

    async def story() -> None:
        async with Cluster(tmp_path, 1, flags=flags) as cluster:
            (node,) = cluster.nodes
            await cluster.answers(node)
            first = await cluster.put(node, b"a", b"1")
            await cluster.put(node, b"a", b"2")

            async def is_forgotten() -> bool:
                answer = await cluster.http.post(
                    f"{node.client}/v3/kv/range",
                    json={"key": "YQ==", "revision": first},
                )
                return "has been compacted" in answer.text

            await until(is_forgotten, "the first revision is forgotten", READY_SECONDS)
            found = await cluster.get(node, b"a")
            assert found is not None
            assert found[0] == b"2"

    asyncio.run(story())
