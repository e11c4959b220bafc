"""etcd3gw, a client of etcd's gateway that knows nothing of us, on a cluster."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import etcd3gw
import pytest
from etcd3gw.exceptions import WatchTimedOut

from tests.e2e.cluster import Cluster
from tests.e2e.waiting import until

pytestmark = pytest.mark.e2e

SECONDS = 20.0


def keys(clients: list[etcd3gw.Etcd3Client]) -> None:
    """Put, get, sort, create, replace, delete."""
    first, second, third = clients
    assert first.put("a", "1")
    assert second.get("a") == [b"1"]
    assert third.get("b") == []
    assert second.create("b", "2")
    assert not third.create("b", "3")
    assert first.replace("b", "2", "4")
    assert not first.replace("b", "2", "5")
    assert third.get_prefix("b")[0][0] == b"4"
    for number in range(5):
        clients[number % 3].put(f"sorted/{4 - number}", str(number))
    found = first.get_prefix("sorted/", sort_order="descend", sort_target="key")
    assert [value for value, _ in found] == [b"0", b"1", b"2", b"3", b"4"]
    found = first.get_prefix("sorted/", sort_order="ascend", sort_target="create")
    assert [value for value, _ in found] == [b"0", b"1", b"2", b"3", b"4"]
    ((value, about),) = second.get("b", metadata=True)
    assert (value, about["version"]) == (b"4", "2")
    assert {value for value, _ in third.get_all()} >= {b"1", b"4"}
    assert second.delete("a")
    assert not second.delete("a")
    assert third.delete_prefix("sorted/")
    assert first.get_prefix("sorted/") == []


def transactions(clients: list[etcd3gw.Etcd3Client]) -> None:
    """Do one branch or the other."""
    first, second, _ = clients
    first.put("t", "1")
    compare = {"key": "dA==", "result": "EQUAL", "target": "VALUE", "value": "MQ=="}
    put = {"request_put": {"key": "dA==", "value": "Mg=="}}
    get = {"request_range": {"key": "dA=="}}
    txn = {"compare": [compare], "success": [put], "failure": [get]}
    assert second.transaction(txn)["succeeded"] is True
    result = second.transaction(txn)
    assert "succeeded" not in result
    assert result["responses"][0]["response_range"]["kvs"][0]["value"] == "Mg=="


def leases(clients: list[etcd3gw.Etcd3Client]) -> None:
    """Grant, attach, keep alive, look, revoke."""
    first, second, third = clients
    lease = first.lease(ttl=60)
    second.put("leased", "x", lease=lease)
    assert lease.keys() == [b"leased"]
    assert 55 <= lease.ttl() <= 60
    assert lease.refresh() == 60
    assert lease.revoke()
    assert third.get("leased") == []
    assert lease.ttl() == -1
    assert lease.refresh() == -1


def locks(clients: list[etcd3gw.Etcd3Client]) -> None:
    """Have one owner at a time."""
    first, second, _ = clients
    mine, theirs = first.lock("lock", ttl=60), second.lock("lock", ttl=60)
    assert mine.acquire()
    assert mine.is_acquired()
    assert not theirs.acquire()
    assert mine.refresh() == 60
    assert mine.release()
    assert theirs.acquire()
    assert not mine.release()
    assert theirs.release()


def watches(clients: list[etcd3gw.Etcd3Client]) -> None:
    """Hear what others do."""
    first, second, third = clients
    events, cancel = first.watch_prefix("w/")
    second.put("w/a", "1")
    third.delete("w/a")
    put, deletion = next(events), next(events)
    assert (put["kv"]["key"], put["kv"]["value"]) == (b"w/a", b"1")
    assert (deletion["kv"]["key"], deletion["type"]) == (b"w/a", "DELETE")
    cancel()
    revision = int(put["kv"]["mod_revision"])
    heard = second.watch_once("w/a", timeout=SECONDS, start_revision=revision)
    assert heard["kv"]["value"] == b"1"
    with pytest.raises(WatchTimedOut):
        third.watch_once("w/other", timeout=0.2)


STORIES: list[Callable[[list[etcd3gw.Etcd3Client]], None]] = [
    keys,
    transactions,
    leases,
    locks,
    watches,
]


def test_a_client_of_etcd_finds_all_that_it_knows(tmp_path: Path) -> None:
    async def story() -> None:
        async with Cluster(tmp_path) as cluster:
            for node in cluster.nodes:
                await cluster.answers(node)
            clients = [
                etcd3gw.client(host=node.client.host, port=node.client.port, timeout=9)
                for node in cluster.nodes
            ]
            try:
                assert len(clients[0].members()) == 3
                assert clients[0].status()["version"].startswith("3.5.")
                for told in STORIES:
                    await asyncio.to_thread(told, clients)
                await outlive_a_lease(clients)
            finally:
                for client in clients:
                    client.session.close()

    async def outlive_a_lease(clients: list[etcd3gw.Etcd3Client]) -> None:
        lease = await asyncio.to_thread(clients[0].lease, 2)
        await asyncio.to_thread(clients[1].put, "short", "x", lease)

        async def is_gone() -> bool:
            return await asyncio.to_thread(clients[2].get, "short") == []

        await until(is_gone, "the lease ends", SECONDS)

    asyncio.run(story())
