"""Calls as nobody should make them: odd values, names, bodies, paths and methods."""

import json
import random
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from tests.api.conformance.random_calls import RandomCalls

__all__ = ["OddCall", "OddCalls"]

HUGE: Final = 2**63
ODD_VALUES: Final[list[object]] = [
    *(None, True, False, 0, 1, -1, 2, 7, 1.0, 1.5, -0.0, 1e2, 1e30),
    *(HUGE - 1, HUGE, -HUGE, -HUGE - 1, 2**64 - 1, 2**64),
    *("", "0", "1", "-1", "01", "+1", " 1", "1 ", "1.0", "1e2", "0x1", "null", "true"),
    *(str(HUGE - 1), str(HUGE), str(-HUGE), str(2**64 - 1), str(2**64)),
    *("YQ==", "YQ", "YQ=", "YQ===", "Y Q==", "YQ\n==", "_-8=", "/+8=", "*", "é"),
    *("EQUAL", "equal", "PUT", "ASCEND", "DESCEND", "KEY", "VALUE", "NOPUT", "GET"),
    *(
        [97],
        [97, None],
        [256],
        [-1],
        [1.0],
        [],
        [None],
        [[]],
        [{}],
        [1],
        ["YQ=="],
        {},
        {"key": "YQ=="},
        [{"key": 1}],
    ),
]

# No removal or promotion of members: at times etcd never answers one of a stranger.
FIELDS: Final = {
    "kv/range": [
        *("key", "range_end", "limit", "revision", "sort_order", "serializable"),
        *("keys_only", "count_only", "min_mod_revision", "max_mod_revision"),
        *("min_create_revision", "max_create_revision", "unknown"),
    ],
    "kv/put": [
        *("key", "value", "lease", "prev_kv", "ignore_value", "ignore_lease", "x"),
    ],
    "kv/deleterange": ["key", "range_end", "prev_kv", "more"],
    "kv/txn": ["compare", "success", "failure", "other"],
    "kv/compaction": ["revision", "physical"],
    "lease/grant": ["TTL", "ID", "ttl", "id"],
    "lease/revoke": ["ID", "id"],
    "kv/lease/revoke": ["ID"],
    "lease/timetolive": ["ID", "keys"],
    "kv/lease/timetolive": ["ID", "keys"],
    "lease/leases": ["ID"],
    "kv/lease/leases": ["ID"],
    "lease/keepalive": ["ID", "TTL"],
    "lock/unlock": ["key"],
    "election/leader": ["name"],
    "election/resign": ["leader"],
    "election/proclaim": ["leader", "value"],
    "cluster/member/list": ["linearizable"],
    "cluster/member/add": ["peerURLs", "isLearner"],
    "cluster/member/update": ["ID", "peerURLs"],
    "maintenance/alarm": ["action", "memberID", "alarm"],
    "maintenance/hash": ["revision"],
    "maintenance/transfer-leadership": ["targetID"],
    "maintenance/downgrade": ["action", "version"],
}

ABOUT_MEMBERS: Final = ("cluster/", "maintenance/transfer")

NESTED: Final = {
    "compare": [
        *("key", "range_end", "result", "target", "version", "create_revision"),
        *("mod_revision", "value", "lease", "strange"),
    ],
    "leader": ["name", "key", "rev", "lease"],
}

OPERATIONS: Final = {
    "request_range": "kv/range",
    "request_put": "kv/put",
    "request_delete_range": "kv/deleterange",
    "request_txn": "kv/txn",
}

ODD_BODIES: Final = [
    *(b"", b" ", b"{", b"}", b"null", b"[]", b"1", b'"a"', b"{}{}", b"{} x", b"\xff"),
    *(
        b'{"key"}',
        b'{"key":}',
        b"{'key':'YQ=='}",
        b'{"key":"YQ==",}',
        b"\xef\xbb\xbf{}",
    ),
    *(b'{"key":"YQ==","key":"Yg=="}', b'{"key":"YQ==" /**/}', b'{"key":NaN}'),
    *(b'{"key":"\\u0059Q=="}', b'{"\\u006bey":"YQ=="}', b'{"KEY":"YQ=="}', b"\0"),
    *(b'{"key":"YQ==","revision":01}', b'{"limit":1.0e0,"key":"YQ=="}', b"{}\n{}"),
    *(b'{"key":"YQ=="', b'{"key":"YQ==","x":{"y":[1,2,{}]}}', b"[" * 50 + b"]" * 50),
]


class OddCall(NamedTuple):
    """A request, as it goes over the wire."""

    method: str
    path: str
    body: bytes


class OddCalls:
    """Draws calls of all routes, most of which have something odd.

    Parameters
    ----------
    seed : int
        Decides all that is drawn.
    """

    def __init__(self, seed: int) -> None:
        self._draw = random.Random(seed)
        self._sound = RandomCalls(seed)

    def next(self, revision: int) -> OddCall:
        """Return the next call; the store is at some revision."""
        self._sound.revision = revision
        kinds: list[tuple[int, Callable[[], OddCall]]] = [
            (25, self._sound_call),
            (40, self._odd_values),
            (20, self._odd_names),
            (8, self._odd_body),
            (4, self._odd_path),
        ]
        weights = [weight for weight, _ in kinds]
        (chosen,) = self._draw.choices([make for _, make in kinds], weights)
        return chosen()

    def _sound_call(self) -> OddCall:
        path, body = self._sound.next()
        return OddCall("POST", path, json.dumps(body).encode())

    def _odd_values(self) -> OddCall:
        """Return a call whose members have values that were drawn blindly."""
        route = self._draw.choice(list(FIELDS))
        body = self._members(FIELDS[route], depth=2)
        for name in ("ID", "targetID"):
            # Member 1 is one of ours, and none of etcd's.
            if route.startswith(ABOUT_MEMBERS) and str(body.get(name)).strip() == "1":
                body[name] = 2
        if "action" in body and body["action"] not in (0, 1, 2, "GET"):
            body["action"] = "VALIDATE"  # etcd falls over numbers that are no action
        return OddCall("POST", f"/v3/{route}", json.dumps(body).encode())

    def _members(self, names: list[str], depth: int) -> dict[str, object]:
        few = self._draw.sample(names, min(len(names), self._draw.randint(1, 3)))
        if "key" in names and self._draw.random() < 0.7:
            few.append("key")
        return {self._named(name): self._value(name, depth) for name in few}

    def _named(self, name: str) -> str:
        """Return a name as it is, or in the other way of writing."""
        if self._draw.random() < 0.7:
            return name
        first, *rest = name.split("_")
        return first + "".join(word.capitalize() for word in rest)

    def _value(self, name: str, depth: int) -> object:
        drawn = 0.0 if name == "leader" else self._draw.random()
        if name == "key" and drawn < 0.7:
            return "YQ=="
        if drawn < 0.6 and (depth or name == "leader"):
            if name in ("success", "failure"):
                operation = self._draw.choice(list(OPERATIONS))
                fields = FIELDS[OPERATIONS[operation]]
                return [{self._named(operation): self._members(fields, depth - 1)}]
            if name in NESTED:
                inner = self._members(NESTED[name], max(depth - 1, 0))
                # Without a lease etcd grants one, which nobody is told of.
                return inner | {"lease": "11"} if name == "leader" else [inner]
        return self._draw.choice(ODD_VALUES)

    def _odd_names(self) -> OddCall:
        """Return a sound call in which one member is renamed, retyped, or doubled."""
        path, body = self._sound.next()
        if not body:
            return OddCall("POST", path, b"null")
        name = self._draw.choice(list(filter(_is_safe, body)))
        value = body[name]
        odd: list[dict[str, Any]] = [
            {**body, name: str(value) if isinstance(value, int) else value},
            {**body, name: self._draw.choice(ODD_VALUES)},
            {**body, self._named(name): self._draw.choice(ODD_VALUES)},
            {name.upper(): value, **body},
            {**body, "": 1, "no such member": {"a": [1, None]}},
        ]
        if isinstance(value, str):
            odd.append({**body, name: value.rstrip("=")})
            odd.append({**body, name: value.replace("/", "_").replace("+", "-")})
        return OddCall("POST", path, json.dumps(self._draw.choice(odd)).encode())

    def _odd_body(self) -> OddCall:
        route = self._draw.choice(list(FIELDS))
        return OddCall("POST", f"/v3/{route}", self._draw.choice(ODD_BODIES))

    def _odd_path(self) -> OddCall:
        route = self._draw.choice([*FIELDS, "kv", "watcher", "kv/get"])
        path = self._draw.choice(
            [
                *(f"/v3/{route}/", f"/v3beta/{route}", f"/v4/{route}"),
                *(f"/v3/{route}?key=YQ==", f"/v3/{route.upper()}", f"/{route}"),
                *(f"/v3alpha/{route}", f"/v3/{route}/more", "/version", "/health"),
            ]
        )
        method = self._draw.choice(["GET", "PUT", "DELETE", "POST", "PATCH"])
        return OddCall(method, path, b"{}")


def _is_safe(name: str) -> bool:
    """Tell whether a member may have any value: etcd falls over one."""
    return name not in ("sort_target", "sortTarget")
