"""A real cluster in a test: disks, sockets, a member that stops and comes back."""

import asyncio
import json
from pathlib import Path

import pytest

from raftwerk.errors import MisuseError
from raftwerk.testing.cluster import LocalCluster
from tests.sim.bank import Bank, RandomBank, sum_is_kept, total_of, transfers

pytestmark = pytest.mark.e2e


def order(source: str, target: str, amount: int) -> bytes:
    return json.dumps([source, target, amount]).encode()


def test_same_client_works_in_earnest_and_members_are_equal(tmp_path: Path) -> None:
    async def story() -> None:
        async with LocalCluster(Bank, tmp_path) as cluster:
            await cluster.work(transfers, seconds=0.3)
            banks = await cluster.until_equal()
            assert len(banks) == 3
            assert all(map(sum_is_kept, banks))

    asyncio.run(story())


def test_member_that_was_stopped_comes_back_with_all(tmp_path: Path) -> None:
    async def story() -> None:
        async with LocalCluster(Bank, tmp_path, snapshot_entries=20) as cluster:
            client = cluster.client()
            await client.propose(order("anna", "bert", 10))
            gone = await cluster.leader()
            await cluster.stop(gone)
            assert gone not in cluster.nodes
            await cluster.leader()
            for _ in range(30):
                assert await client.propose(order("bert", "cora", 1)) == "done"
            await cluster.start(gone)
            with pytest.raises(MisuseError, match=f"member {gone} runs already"):
                await cluster.start(gone)
            await cluster.until_equal()
            assert cluster.machine(gone).accounts["cora"] == 130
            assert await client.read(total_of) == 300

    asyncio.run(story())


def test_members_that_differ_are_noticed(tmp_path: Path) -> None:
    async def story() -> None:
        async with LocalCluster(RandomBank, tmp_path, nodes=2) as cluster:
            await cluster.client().propose(order("anna", "bert", 10))
            with pytest.raises(AssertionError, match="members differ"):
                await cluster.until_equal()

    asyncio.run(story())


def test_so_many_members_can_not_be_had(tmp_path: Path) -> None:
    with pytest.raises(MisuseError, match="nodes is 10"):
        LocalCluster(Bank, tmp_path, nodes=10)


def test_session_outlives_whom_it_was_opened_at(tmp_path: Path) -> None:
    async def story() -> None:
        async with LocalCluster(Bank, tmp_path) as cluster:
            client = cluster.client()
            session = await client.open_session()
            assert await session.propose(order("anna", "bert", 10)) == "done"
            await cluster.stop(await cluster.leader())
            number = session.next_sequence - 1
            # The same one again, at whoever is left: it is answered, and not done.
            again = await session.propose(order("anna", "bert", 10), sequence=number)
            assert again == "done"
            assert await session.propose(order("anna", "bert", 1)) == "done"
            await session.close()
            for bank in await cluster.until_equal():
                assert bank.accounts["anna"] == 89

    asyncio.run(story())
