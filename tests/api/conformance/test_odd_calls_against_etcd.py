"""Odd calls of all routes to a real etcd and to us: answered and refused alike."""

from typing import Any

import httpx
import msgspec
import pytest

from raftwerk.host.virtual import run
from raftwerk.kv import DeleteRange, Put, encode
from tests.api.conformance import test_against_etcd, test_watches_against_etcd
from tests.api.conformance.etcd_answers import Answered, alike
from tests.api.conformance.odd_calls import OddCall, OddCalls
from tests.api.conformance.random_calls import LEASES
from tests.api.conformance.test_against_etcd import fells_etcd, wipe
from tests.api.whole_member import WholeMember

pytestmark = pytest.mark.e2e

fixture_etcd = test_against_etcd.fixture_etcd

CALLS = 200

SHORT_SECONDS = 900
"""Leases that are to last less could end in etcd, whose clock is a real one."""

SECONDS = 5.0

QUIET_SECONDS = 0.3


class Side:
    """One who answers: what was left behind by a call is removed from both alike."""

    async def ask(self, call: OddCall) -> Answered:
        raise NotImplementedError

    async def post(self, path: str, body: object) -> dict[str, Any]:
        call = OddCall("POST", f"/v3/{path}", msgspec.json.encode(body))
        found: dict[str, Any] = msgspec.json.decode((await self.ask(call)).body)
        return found

    async def tidy(self, call: OddCall) -> None:
        """End what the call began that would not be alike later."""
        if "lease/grant" in call.path or "election" in call.path:
            for lease in (await self.post("lease/leases", {})).get("leases", ()):
                left = await self.post("lease/timetolive", lease)
                is_drawn = lease["ID"] not in LEASES
                if is_drawn or int(left.get("TTL", 0)) < SHORT_SECONDS:
                    await self.post("lease/revoke", lease)
        if "alarm" in call.path:
            for alarm in (await self.post("maintenance/alarm", {})).get("alarms", ()):
                await self.post("maintenance/alarm", {**alarm, "action": "DEACTIVATE"})


class Etcd(Side):
    def __init__(self, client: httpx.Client) -> None:
        self.client = client

    async def ask(self, call: OddCall) -> Answered:
        found = self.client.request(
            call.method, call.path, content=call.body, timeout=30.0
        )
        return Answered(found.status_code, found.content)


class Ours(Side):
    def __init__(self, member: WholeMember) -> None:
        self.member = member

    async def ask(self, call: OddCall) -> Answered:
        exchange = self.member.open(call.method, call.path, call.body)
        body = await exchange.whole(SECONDS)
        assert exchange.status is not None
        return Answered(exchange.status, body)


def may_fell_etcd(call: OddCall) -> bool:
    """Tell whether etcd may fall over a call."""
    try:
        return fells_etcd(msgspec.json.decode(call.body))
    except msgspec.DecodeError:
        return False


@pytest.mark.parametrize(
    "seed",
    [*range(2), *(pytest.param(seed, marks=pytest.mark.long) for seed in range(2, 60))],
)
def test_odd_calls_are_answered_alike(etcd: httpx.Client, seed: int) -> None:
    async def story() -> None:
        past = wipe(etcd)
        ours, theirs = Ours(await WholeMember.start()), Etcd(etcd)
        store = ours.member.store
        if past > 1:
            writes = [Put(b"past")] * (past - 2) + [DeleteRange(b"past")]
            store.apply(1, [encode(write) for write in writes])
        await ours.post("kv/compaction", {"revision": past})
        calls = OddCalls(seed)
        for number in range(CALLS):
            call = calls.next(store.revision)
            if may_fell_etcd(call):
                continue
            where = f"seed {seed}, call {number}: {call}"
            try:
                expected = await theirs.ask(call)
            except httpx.TransportError as error:
                pytest.fail(f"{where}: etcd fell over it ({error})")
            got = await ours.ask(call)
            is_drawn = "lease/grant" in call.path
            assert alike(got, has_own_id=is_drawn) == alike(
                expected, has_own_id=is_drawn
            ), f"{where}: {expected} and ours: {got}"
            await theirs.tidy(call)
            await ours.tidy(call)

    run(story())


ODD_WATCHES = [
    b'{"create_request":{"key":"YQ==","filters":[null]}}',
    b'{"create_request":{"key":"YQ==","filters":["nope"]}}',
    b'{"create_request":{"key":"YQ==","filters":[7]}}',
    b'{"create_request":{"key":"YQ==","filters":7}}',
    b'{"create_request":{"key":[97],"watch_id":"7"}}',
    b'{"create_request":{"key":1}}',
    b'{"create_request":{"key":"YQ"}}',
    b'{"create_request":{"key":"YQ==","unknown":[{}]}}',
    b'{"create_request":{"key":"YQ==","prev_kv":"true"}}',
    b'{"progress_request":{}}',
    b"[]",
    b"{",
    b"1",
    b'"create_request"',
    b'{"createRequest":{"key":"YQ==","startRevision":"x"}}',
    b'{"createRequest":{"key":"YQ==","startRevision":"-5"}}',
    b'{"createRequest":{"key":"YQ==","startRevision":9223372036854775807}}',
    b'{"createRequest":{"key":"YQ==","startRevision":9223372036854775808}}',
    b'{"create_request":{"key":"YQ==","watch_id":-3}}',
    b'{"create_request":{"key":"YQ==","watch_id":-1}}',
    b'{"create_request":{"key":"YQ==","watch_id":9223372036854775807}}',
    b'{"create_request":{}}',
    b'{"create_request":{"range_end":"AA=="}}',
    b'{"create_request":{"key":"Yg==","range_end":"YQ=="}}',
    b'{"create_request":{"key":"YQ=="}} {"cancel_request":{"watch_id":5}}',
    b'{"create_request":{"key":"YQ=="}}{"cancel_request":{"watch_id":"0"}}',
    b'{"create_request":{"key":"YQ==","watch_id":2}}{"progressRequest":{}}',
    b'{"create_request":{"key":"YQ==","watch_id":2}}{"create_request":1}',
]


@pytest.mark.parametrize("body", ODD_WATCHES, ids=bytes.decode)
def test_odd_watches_begin_alike(etcd: httpx.Client, body: bytes) -> None:
    async def ours() -> tuple[int, list[bytes]]:
        member = await WholeMember.start()
        member.store.apply(1, [encode(Put(b"past"))])
        exchange = member.open("POST", "/v3/watch", body)
        lines = []
        while (line := await exchange.next_line(QUIET_SECONDS)) is not None:
            lines.append(line)
        await exchange.close()
        assert exchange.status is not None
        return exchange.status, lines

    status, lines = run(ours())
    wipe(etcd)
    with etcd.stream("POST", "/v3/watch", content=body, timeout=SECONDS) as stream:
        coming = stream.iter_lines()
        expected = [next(coming).encode() for _ in lines]
    assert status == stream.status_code
    assert shared(status, lines) == shared(status, expected)


def shared(status: int, lines: list[bytes]) -> object:
    """Return what must be alike of lines, whatever the revision."""
    if status != 200:
        return [alike(Answered(status, line), has_own_id=False) for line in lines]
    found = [msgspec.json.decode(line) for line in lines]
    for line in found:
        line["result"]["header"].pop("revision", None)
    return test_watches_against_etcd.told(found, 0)
