"""A client's leases and locks, against a whole member."""

import asyncio

import pytest

from raftwerk.client import Client, Held, KeptLease, LeaseLost, Refused
from tests.api.whole_member import WholeMember
from tests.client.asgi_http import AsgiHttp
from tests.client.scripted import here
from tests.runtime.group import story


class World:
    """A member, and clients of it."""

    def __init__(self, member: WholeMember) -> None:
        self.member = member

    @classmethod
    async def begin(cls) -> "World":
        """Start the member."""
        return cls(await WholeMember.start())

    def client(self) -> tuple[Client, AsgiHttp]:
        """Return another client, and its way to the member."""
        http = AsgiHttp(n1=self.member)
        return Client("http://n1:1", host=here()[1], http=http), http


@story
async def test_leases_are_granted_kept_alive_looked_at_and_revoked() -> None:
    client, _ = (await World.begin()).client()
    granted = await client.grant_lease(60, 7)
    assert (granted.lease_id, granted.ttl_seconds) == (7, 60)
    await client.put("a", "1", lease=7)
    assert (await client.keep_lease_alive(7)).ttl_seconds == 60
    left = await client.lease_time_to_live(7, keys=True)
    assert left.ttl_seconds >= 59
    assert (left.granted_seconds, left.keys) == (60, (b"a",))
    assert [each.lease_id for each in (await client.leases()).leases] == [7]
    revoked = await client.revoke_lease(7)
    assert revoked.revision == left.header.revision + 1
    assert (await client.keep_lease_alive(7)).ttl_seconds == 0
    assert (await client.lease_time_to_live(7)).ttl_seconds == -1
    with pytest.raises(Refused, match="requested lease not found"):
        await client.revoke_lease(7)


@story
async def test_a_kept_lease_lasts_as_long_as_its_context() -> None:
    world = await World.begin()
    client, _ = world.client()
    async with client.kept_lease(3) as lease:
        await client.put("a", "1", lease=lease.lease_id)
        await asyncio.sleep(30.0)
        assert not lease.is_lost
        assert (await client.get("a")).count == 1
    assert (await client.get("a")).count == 0
    assert not world.member.store.leases()


@story
async def test_who_keeps_a_lease_hears_in_time_that_it_may_have_ended() -> None:
    client, http = (await World.begin()).client()
    async with client.kept_lease(6) as lease:
        await asyncio.sleep(2.5)  # it was kept alive once
        begin = asyncio.get_running_loop().time()
        http.is_cut = True
        await lease.until_lost()
        assert 5.0 < asyncio.get_running_loop().time() - begin <= 6.0
        with pytest.raises(LeaseLost):
            lease.require_held()
        http.is_cut = False


@story
async def test_who_keeps_a_lease_hears_that_it_was_revoked() -> None:
    world = await World.begin()
    client, _ = world.client()
    async with client.kept_lease(6) as lease:
        await client.revoke_lease(lease.lease_id)
        async with asyncio.timeout(2.5):
            await lease.until_lost()


@story
async def test_a_lock_goes_from_one_client_to_the_next() -> None:
    world = await World.begin()
    owners: list[tuple[int, int]] = []
    inside: set[int] = set()

    async def work(number: int) -> None:
        client, _ = world.client()
        await asyncio.sleep(number / 100)
        async with client.lock("m", value=str(number), ttl_seconds=5) as held:
            assert not inside
            inside.add(number)
            owners.append((number, held.number))
            await asyncio.sleep(1.0)
            assert (await client.get(held.key)).kvs[0].value == b"%d" % number
            inside.remove(number)

    await asyncio.gather(*(work(number) for number in range(4)))
    assert [number for number, _ in owners] == [0, 1, 2, 3]
    assert [fence for _, fence in owners] == sorted({fence for _, fence in owners})
    client, _ = world.client()
    assert (await client.get("m/", "m0")).count == 0


@story
async def test_our_locks_and_those_of_the_servers_stand_in_one_line() -> None:
    world = await World.begin()
    client, _ = world.client()
    await client.grant_lease(60, 7)
    locking = world.member.open("POST", "/v3/lock/lock", b'{"name":"bQ==","lease":7}')
    await locking.whole(5.0)

    async def wait() -> Held:
        async with client.lock("m") as held:
            return held

    waiting = asyncio.ensure_future(wait())
    await asyncio.sleep(3.0)
    assert not waiting.done()
    await client.revoke_lease(7)
    assert (await waiting).number > 0


@story
async def test_who_waits_for_a_lock_with_a_lease_that_ends_gives_up() -> None:
    world = await World.begin()
    (first, _), (second, http) = world.client(), world.client()

    async def wait() -> KeptLease:
        async with second.lock("m", ttl_seconds=4) as held:
            return held.lease

    async with first.lock("m"):
        waiting = asyncio.ensure_future(wait())
        await asyncio.sleep(1.0)
        http.is_cut = True
        with pytest.raises(LeaseLost):
            async with asyncio.timeout(10.0):
                await waiting


@story
async def test_a_leader_proclaims_until_it_leads_no_more() -> None:
    client, _ = (await World.begin()).client()
    async with client.lock("e", value="one") as held:
        await held.proclaim("two")
        assert (await client.get(held.key)).kvs[0].value == b"two"
        await client.delete(held.key)
        with pytest.raises(LeaseLost, match="not ours any more"):
            await held.proclaim("three")
