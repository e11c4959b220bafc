"""Calls of keys and leases drawn from a seed, in JSON as clients write them."""

import base64
import random
from collections.abc import Callable
from typing import Any

__all__ = ["RandomCalls"]

KEYS = [b"a", b"a\0", b"aa", b"ab", b"b", b"c", b"\xff\xff"]
ENDS = [*KEYS, b"\0", b"\0", b"d"]
VALUES = [b"", b"1", b"2", b"\xfe"]
LEASES = ["11", "-12", "13", "4242"]
TTLS = {"11": 4_000, "-12": 3_000, "13": 2_000, "4242": 1_000}
"""So far apart that their order is that of their ends, whenever they were granted."""

Call = tuple[str, dict[str, Any]]


def text(data: bytes) -> str:
    """Return bytes as they stand in JSON."""
    return base64.b64encode(data).decode()


class RandomCalls:
    """Draws calls; few keys and small numbers, so that they meet.

    Parameters
    ----------
    seed : int
        Decides all that is drawn.
    """

    def __init__(self, seed: int) -> None:
        self._draw = random.Random(seed)
        self.revision = 1
        """About where the store is: revisions are drawn from around it."""

    def next(self) -> Call:
        """Return the next call's path and body."""
        makers: dict[str, tuple[int, Callable[[], dict[str, Any]]]] = {
            "kv/put": (30, self._put),
            "kv/range": (30, self._range),
            "kv/deleterange": (10, self._delete_range),
            "kv/txn": (30, lambda: self._txn(2)),
            "kv/compaction": (
                2,
                lambda: {"revision": self._revision(), "physical": True},
            ),
            "lease/grant": (8, self._grant),
            "lease/revoke": (4, self._lease),
            "lease/timetolive": (6, lambda: self._lease() | {"keys": True}),
            "lease/keepalive": (4, self._lease),
            "lease/leases": (2, dict),
        }
        weights = [weight for weight, _ in makers.values()]
        kind = self._draw.choices(list(makers), weights)[0]
        return f"/v3/{kind}", makers[kind][1]()

    def _lease(self) -> dict[str, Any]:
        return {"ID": self._draw.choice(LEASES)}

    def _grant(self) -> dict[str, Any]:
        lease = self._draw.choice(LEASES)
        ttl = 9_000_000_001 if self._chance(5) else TTLS[lease]
        return {"ID": lease, "TTL": str(ttl) if self._chance(50) else ttl}

    def _chance(self, percent: int) -> bool:
        return self._draw.random() * 100 < percent

    def _revision(self) -> str | int:
        number = max(self.revision + self._draw.randint(-12, 2), -1)
        return str(number) if self._chance(50) else number

    def _key(self) -> str:
        return "" if self._chance(2) else text(self._draw.choice(KEYS))

    def _span(self) -> dict[str, Any]:
        span = {"key": self._key()}
        if self._chance(60):
            span["range_end"] = text(self._draw.choice(ENDS))
        return span

    def _put(self) -> dict[str, Any]:
        put: dict[str, Any] = {"key": self._key()}
        if self._chance(80):
            put["value"] = text(self._draw.choice(VALUES))
        for flag, percent in (("prev_kv", 30), ("ignore_value", 8), ("ignoreLease", 8)):
            if self._chance(percent):
                put[flag] = True
        if self._chance(25):
            put["lease"] = self._draw.choice(LEASES)
        return put

    def _range(self) -> dict[str, Any]:
        wanted = self._span()
        if self._chance(30):
            wanted["revision"] = self._revision()
        if self._chance(30):
            wanted["limit"] = self._draw.randint(-1, 4)
        if self._chance(40):
            wanted["sort_order"] = self._draw.choice(["ASCEND", "DESCEND", 1, 2, 7])
            wanted["sort_target"] = self._draw.choice(
                ["KEY", "VERSION", "CREATE", "MOD", "VALUE", 3]
            )
        elif self._chance(20):
            # Without an order, etcd sorts the limit and one.
            wanted["sort_target"] = self._draw.choice(["VERSION", "MOD", 4])
        for bound in ("min_mod", "maxMod", "min_create", "maxCreate"):
            if self._chance(8):
                end = "Revision" if bound[3].isupper() else "_revision"
                wanted[bound + end] = self._revision()
        for flag in ("keys_only", "count_only", "serializable"):
            if self._chance(15):
                wanted[flag] = True
        return wanted

    def _delete_range(self) -> dict[str, Any]:
        return self._span() | ({"prev_kv": True} if self._chance(50) else {})

    def _compare(self) -> dict[str, Any]:
        compare: dict[str, Any] = {"key": self._key()}
        if self._chance(25):
            compare["range_end"] = text(self._draw.choice(ENDS))
        target = self._draw.choice(["VERSION", "CREATE", "MOD", "VALUE", "LEASE"])
        operands: dict[str, dict[str, Any]] = {
            "VERSION": {"version": self._draw.randint(0, 3)},
            "CREATE": {"create_revision": self._revision()},
            "MOD": {"modRevision": self._revision()},
            "VALUE": {"value": text(self._draw.choice(VALUES))},
            "LEASE": {"lease": self._draw.choice(["0", *LEASES])},
        }
        given = target if self._chance(90) else self._draw.choice(list(operands))
        if self._chance(80):
            compare["result"] = self._draw.choice(
                ["EQUAL", "GREATER", "LESS", "NOT_EQUAL"]
            )
        return compare | {"target": target} | operands[given]

    def _operation(self, depth: int) -> dict[str, Any]:
        kind = self._draw.choices(
            ["put", "range", "delete_range", "txn", ""], [40, 30, 20, 12 * depth, 1]
        )[0]
        if not kind:
            return {}
        makers: dict[str, Callable[[], dict[str, Any]]] = {
            "put": self._put,
            "range": self._range,
            "delete_range": self._delete_range,
            "txn": lambda: self._txn(depth - 1),
        }
        return {f"request_{kind}": makers[kind]()}

    def _txn(self, depth: int) -> dict[str, Any]:
        return {
            "compare": [self._compare() for _ in range(self._draw.randint(0, 2))],
            "success": [
                self._operation(depth) for _ in range(self._draw.randint(0, 3))
            ],
            "failure": [
                self._operation(depth) for _ in range(self._draw.randint(0, 2))
            ],
        }
