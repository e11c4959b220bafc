"""Every recorded case against our client port; see README.md beside this file."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from raftwerk.kv import Command, DeleteRange, Put, encode
from tests.api.asgi import ask_now
from tests.api.conformance.pattern import Pattern, body_of
from tests.api.member import Member

FILES = sorted((Path(__file__).parent / "cases").glob("*.json"))

LEASES = "leases are still to come"
MAINTENANCE = "the maintenance calls are still to come"

NOT_YET = {
    "kv_put/with lease": LEASES,
    "kv_put/ignore_lease keeps the lease": LEASES,
    "kv_put/lease moves with the last put": LEASES,
    "kv_txn/compare lease": LEASES,
    "maintenance/status": MAINTENANCE,
    "maintenance/alarm list is empty": MAINTENANCE,
    "maintenance/defragment": MAINTENANCE,
    "maintenance/hash": MAINTENANCE,
    "maintenance/snapshot stream": MAINTENANCE,
    "maintenance/transfer leadership to an unknown member": MAINTENANCE,
    "maintenance/downgrade validate": MAINTENANCE,
}
"""What can't pass yet, and why; what is not named here must."""

CASES = {
    f"{path.stem}/{case['name']}": case["steps"]
    for path in FILES
    for case in msgspec.json.decode(path.read_bytes())
}


def parameters() -> list[Any]:
    """Return each case, marked if it can't pass yet."""
    return [
        pytest.param(
            steps,
            id=name,
            marks=(
                [pytest.mark.xfail(reason=NOT_YET[name], strict=True)]
                if name in NOT_YET
                else []
            ),
        )
        for name, steps in CASES.items()
    ]


@pytest.mark.parametrize("steps", parameters())
def test_we_answer_as_etcd_did(steps: list[dict[str, Any]]) -> None:
    member = Member()
    # An empty store with a past, as the one that was recorded had.
    past: list[Command] = [
        Put(b"past", b"1"),
        Put(b"past", b"2"),
        DeleteRange(b"\0", b"\0"),
    ]
    member.store.apply(1, [encode(command) for command in past])
    pattern = Pattern(member.store.revision)
    for number, step in enumerate(steps, 1):
        assert "status" in step, f"step {number} is no plain call"
        reply = ask_now(
            member.app,
            step["method"],
            step["path"],
            body_of(step, pattern),
            pattern.fill(step.get("headers", {})),
        )
        try:
            got = reply.json
        except msgspec.DecodeError:
            got = reply.text.removesuffix("\n")
        found = list(pattern.differences(step["response"], got))
        for name, value in step.get("response_headers", {}).items():
            found += pattern.differences(value, reply.headers.get(name.lower()), name)
        if reply.status != step["status"]:
            found.insert(0, f"want HTTP {step['status']}, got {reply.status}")
        assert found == [], f"step {number}, {step['path']}: {reply.body[:200]!r}"


def test_no_case_is_excused_that_does_not_exist() -> None:
    assert NOT_YET.keys() <= CASES.keys()
    assert len(CASES) > len(NOT_YET) + 60
