"""Those who hold leases, locks and pairs of keys, and what they must never find."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Iterable
from itertools import pairwise
from typing import Any, Final, NamedTuple

from raftwerk.client import WatchEvent
from raftwerk.host.draw import SplitMix64
from tests.e2e.calls import text
from tests.e2e.crowd import Crowd
from tests.e2e.gateway_calls import NotAnswered

__all__ = ["Keepers", "Owners", "Pairs"]

LEASE_SECONDS: Final = 4

BEAT_SECONDS: Final = 0.4
"""From one keep-alive to the next: whoever is late by a whole lease had ten tries."""

BEATS_PER_LEASE: Final = 25

LOCKS: Final = 2

OWNER_LEASE_SECONDS: Final = 2
"""The least there is."""

LOCK_SECONDS: Final = 3.0

DAWDLE_SECONDS: Final = (0.1, 0.5, OWNER_LEASE_SECONDS + 1.0)
"""How long an owner may sleep before it writes; the last outlives its lease."""


class Keepers(Crowd):
    """Each has a lease with a key, and keeps it alive through whoever answers."""

    beats = 0
    leases = 0
    late = 0
    """Leases that ended when they might: nobody had answered for all of their time."""

    async def round(self, number: int, draw: SplitMix64) -> None:
        """Hold one lease for some time."""
        self.leases += 1
        lease = str(1_000 * self.leases + number)
        key = text(f"kept {lease}".encode())
        began = time.monotonic()
        await self.ask(draw, "lease/grant", {"ID": lease, "TTL": LEASE_SECONDS})
        # By our clock, from before it was asked for: not before that may it end.
        until = began + LEASE_SECONDS
        put: dict[str, object] = {"key": key, "lease": lease}
        try:
            await self.ask(draw, "kv/put", put)
        except NotAnswered as error:
            is_gone = "requested lease not found" in str(error)
            assert not is_gone or time.monotonic() > until, f"lease {lease} was lost"
            raise
        for _ in range(BEATS_PER_LEASE):
            if self._is_over:
                break
            await asyncio.sleep(BEAT_SECONDS)
            asked = time.monotonic()
            try:
                found = await self.ask(draw, "lease/keepalive", {"ID": lease})
            except NotAnswered:
                self.not_answered += 1
                continue
            if "TTL" not in found["result"]:
                assert time.monotonic() > until, f"lease {lease} was lost"
                self.late += 1
                return
            until = asked + LEASE_SECONDS
            self.beats += 1
        try:
            found = await self.ask(draw, "kv/range", {"key": key})
        finally:
            has_time = time.monotonic() < until
        assert "kvs" in found or not has_time, f"the key of lease {lease} was lost"
        await self.insist_gone(draw, lease)

    async def insist_gone(self, draw: SplitMix64, lease: str) -> None:
        """Revoke a lease, which may have been done by a try without an answer."""
        while True:
            try:
                await self.ask(draw, "lease/revoke", {"ID": lease})
                return
            except NotAnswered as error:
                if "requested lease not found" in str(error):
                    return
                await asyncio.sleep(BEAT_SECONDS)


class Owned(NamedTuple):
    """That somebody was told to own a lock."""

    name: bytes
    number: int
    revision: int


class Owners(Crowd):
    """They lock, write what the lock guards, let go, and try to write once more."""

    rounds = 0
    written: list[tuple[int, int]]
    """Guarded writes that were acknowledged: fencing number and revision."""
    refused = 0
    """Guarded writes with a number that was not the owner's any more."""
    owned: list[Owned]

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.written = []
        self.owned = []

    async def round(self, number: int, draw: SplitMix64) -> None:
        """Own a lock once."""
        name = b"lock %d" % draw.below(LOCKS)
        self.rounds += 1
        lease = str(10_000_000 + 1_000 * self.rounds + number)
        await self.ask(draw, "lease/grant", {"ID": lease, "TTL": OWNER_LEASE_SECONDS})
        try:
            await self._own(name, lease, draw)
        finally:
            # Whatever became of it: nobody waits for who has gone.
            revoke: dict[str, object] = {"ID": lease}
            try:
                await self.ask(draw, "lease/revoke", revoke)
            except NotAnswered:
                self.not_answered += 1

    async def _own(self, name: bytes, lease: str, draw: SplitMix64) -> None:
        body: dict[str, object] = {"name": text(name), "lease": lease}
        locked = await self.ask(draw, "lock/lock", body, LOCK_SECONDS)
        key = locked["key"]
        found = await self.ask(draw, "kv/range", {"key": key})
        if "kvs" not in found:
            return  # its lease has ended meanwhile
        number = int(found["kvs"][0]["create_revision"])
        self.owned.append(Owned(name, number, int(locked["header"]["revision"])))
        if draw.below(4) == 0:
            await asyncio.sleep(DAWDLE_SECONDS[draw.below(len(DAWDLE_SECONDS))])
        guarded = self._guarded(name, key, number)
        done = await self.ask(draw, "kv/txn", guarded)
        if done.get("succeeded"):
            self.written.append((number, int(done["header"]["revision"])))
        else:
            self.refused += 1
        if draw.below(2):
            await self.ask(draw, "lock/unlock", {"key": key})
        else:
            await self.ask(draw, "lease/revoke", {"ID": lease})
        done = await self.ask(draw, "kv/txn", guarded)
        assert "succeeded" not in done, f"{name!r}: number {number} wrote after its end"
        self.refused += 1

    @staticmethod
    def _guarded(name: bytes, key: str, number: int) -> dict[str, object]:
        """Return a write that only who owns the lock may make."""
        compare = {"key": key, "target": "CREATE", "create_revision": str(number)}
        put = {"key": text(b"guarded by " + name), "value": text(b"%d" % number)}
        return {"compare": [compare], "success": [{"request_put": put}]}

    def check(self, changes: Iterable[WatchEvent]) -> None:
        """Raise unless each revision has one owner a lock, and numbers only grow."""
        told = sorted(self.owned, key=lambda owned: owned.revision)
        for name in {owned.name for owned in told}:
            mine = [owned for owned in told if owned.name == name]
            for before, after in pairwise(mine):
                assert before.number < after.number, f"{before} and {after}"
        line = _Line()
        place = 0
        for event in changes:
            while place < len(told) and told[place].revision < event.kv.mod_revision:
                owned, owner = told[place], line.owner(told[place].name)
                assert owned.number == owner, f"{owned}, but {owner} owns it"
                place += 1
            line.take(event)
        assert set(self.written) <= line.written, "what was acknowledged is there"


class _Line:
    """Who waits for each lock, as the history tells it: the oldest key owns it."""

    def __init__(self) -> None:
        self._numbers: dict[bytes, dict[bytes, int]] = defaultdict(dict)
        self._last: dict[bytes, int] = defaultdict(int)
        self.written: set[tuple[int, int]] = set()

    def owner(self, name: bytes) -> int | None:
        """Return the number of the owner of a lock."""
        return min(self._numbers[name].values(), default=None)

    def take(self, event: WatchEvent) -> None:
        """Go on by one change; a guarded write must be the owner's."""
        kv = event.kv
        name, is_place, _ = kv.key.partition(b"/")
        if is_place and event.type == "PUT":
            self._numbers[name].setdefault(kv.key, kv.create_revision)
        elif is_place:
            del self._numbers[name][kv.key]
        elif kv.key.startswith(b"guarded by "):
            name, number = kv.key.removeprefix(b"guarded by "), int(kv.value)
            owner = self.owner(name)
            assert number == owner, f"{number} wrote; {name!r} is owned by {owner}"
            assert number > self._last[name], f"{number} wrote again, or too late"
            self._last[name] = number
            self.written.add((number, kv.mod_revision))


class Pairs(Crowd):
    """They write two keys in one transaction, and read both in one."""

    done: list[tuple[int, bytes]]
    reads = 0

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.done = []

    async def round(self, number: int, draw: SplitMix64) -> None:
        """Write, and look."""
        value = b"%d" % draw.below(1 << 60)
        puts: list[object] = [
            {"request_put": {"key": text(key), "value": text(value)}}
            for key in (b"pair a", b"pair b")
        ]
        written = await self.ask(draw, "kv/txn", {"success": puts})
        self.done.append((int(written["header"]["revision"]), value))
        ranges: list[object] = [
            {"request_range": {"key": text(key)}} for key in (b"pair a", b"pair b")
        ]
        found = await self.ask(draw, "kv/txn", {"success": ranges})
        first, second = (
            each["response_range"]["kvs"][0] for each in found["responses"]
        )
        assert first["value"] == second["value"]
        assert int(first["mod_revision"]) >= int(written["header"]["revision"])
        self.reads += 1

    def check(self, changes: Iterable[WatchEvent]) -> None:
        """Raise unless both keys changed together each time, and nothing is missing."""
        halves: dict[bytes, dict[int, bytes]] = {b"pair a": {}, b"pair b": {}}
        for event in changes:
            if event.kv.key in halves:
                halves[event.kv.key][event.kv.mod_revision] = event.kv.value
        assert halves[b"pair a"] == halves[b"pair b"], "both or neither"
        assert set(self.done) <= set(halves[b"pair a"].items()), "none is lost"
