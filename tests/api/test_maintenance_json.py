"""``/v3/maintenance``: what the recorded cases leave out, as etcd 3.5.1 answered."""

import base64
import hashlib
from collections.abc import Callable, Coroutine
from typing import Any

import msgspec
import pytest

from raftwerk.api.maintenance_json import write_alarm_text
from raftwerk.host.virtual import run
from raftwerk.kv import AlarmKind, Put, Store
from tests.api.whole_member import WholeMember

ALARMS = [
    # request                                                          answer
    ({"action": "ACTIVATE"}, []),
    ({"action": "ACTIVATE", "alarm": "NOSPACE"}, [{"alarm": "NOSPACE"}]),
    ({"action": "DEACTIVATE", "alarm": "NOSPACE", "memberID": "9"}, []),
    ({"action": "DEACTIVATE", "alarm": "NOSPACE"}, [{"alarm": "NOSPACE"}]),
    (
        {"action": 1, "alarm": 2, "memberID": 7},
        [{"memberID": "7", "alarm": "CORRUPT"}],
    ),
    (
        {"action": "ACTIVATE", "alarm": "NOSPACE", "memberID": "7"},
        [{"memberID": "7", "alarm": "NOSPACE"}],
    ),
    (
        {"memberID": "5"},
        [
            {"memberID": "7", "alarm": "NOSPACE"},
            {"memberID": "7", "alarm": "CORRUPT"},
        ],
    ),
    ({"alarm": "CORRUPT"}, [{"memberID": "7", "alarm": "CORRUPT"}]),
    ({"action": "DEACTIVATE"}, []),
]


def on_a_member(story: Callable[[WholeMember], Coroutine[Any, Any, None]]) -> None:
    """Tell a story of a member."""

    async def told() -> None:
        await story(await WholeMember.start())

    run(told())


async def post(member: WholeMember, name: str, body: object) -> tuple[int, Any]:
    """Return status and body of the answer to a call."""
    path = f"/v3/maintenance/{name}"
    exchange = member.open("POST", path, msgspec.json.encode(body))
    assert exchange.answering is not None
    await exchange.answering
    return exchange.status or 0, msgspec.json.decode(exchange.body)


def test_alarms_are_raised_and_ended_word_by_word() -> None:
    async def story(member: WholeMember) -> None:
        for request, alarms in ALARMS:
            status, answer = await post(member, "alarm", request)
            assert (status, answer.get("alarms", [])) == (200, alarms), request
            assert answer["header"]["revision"] == "1"

    on_a_member(story)


def test_an_action_that_makes_etcd_fall_over_is_refused() -> None:
    async def story(member: WholeMember) -> None:
        status, answer = await post(member, "alarm", {"action": 7})
        assert (status, answer["code"]) == (400, 3)
        assert "GET, ACTIVATE or DEACTIVATE" in answer["message"]

    on_a_member(story)


def test_alarms_are_written_as_etcds_status_has_them() -> None:
    assert write_alarm_text(AlarmKind.NOSPACE, 0) == "alarm:NOSPACE "
    assert write_alarm_text(AlarmKind.CORRUPT, 7) == "memberID:7 alarm:CORRUPT "


def test_members_are_compared_by_revision() -> None:
    async def story(member: WholeMember) -> None:
        await member.kv.put(Put(b"a"))
        _, first = await post(member, "hashkv", {})
        await member.kv.put(Put(b"a"))
        _, again = await post(member, "hashkv", {"revision": "2"})
        _, whole = await post(member, "hash", {})
        assert first["hash"] == again["hash"] != whole["hash"]
        assert first["hash_revision"] == again["hash_revision"] == "2"
        status, answer = await post(member, "hashkv", {"revision": "9"})
        assert (status, answer["code"]) == (400, 11)

    on_a_member(story)


def test_a_snapshot_can_be_put_together_and_checked() -> None:
    async def story(member: WholeMember) -> None:
        await member.kv.put(Put(b"a", bytes(50_000)))
        exchange = member.open("POST", "/v3/maintenance/snapshot", b"{}")
        assert exchange.answering is not None
        await exchange.answering
        results = [
            msgspec.json.decode(line)["result"] for line in exchange.body.splitlines()
        ]
        *blobs, last = [base64.b64decode(result["blob"]) for result in results]
        whole = b"".join(blobs)
        assert hashlib.sha256(whole).digest() == last
        assert int(results[0]["remaining_bytes"]) == len(whole) - len(blobs[0])
        assert "remaining_bytes" not in results[-2]
        store = Store()
        store.restore([whole])
        assert len(store) == 1

    on_a_member(story)


@pytest.mark.parametrize(
    ("action", "version", "code"),
    [
        ("ENABLE", "3.4", 12),
        ("ENABLE", "3.5.0", 3),
        ("ENABLE", "old", 3),
        ("CANCEL", "", 9),
        ("VALIDATE", "3.5.0", 3),
    ],
)
def test_versions_of_etcd_are_not_gone_back_to(
    action: str, version: str, code: int
) -> None:
    async def story(member: WholeMember) -> None:
        request = {"action": action, "version": version}
        _, answer = await post(member, "downgrade", request)
        assert answer["code"] == code

    on_a_member(story)


def test_an_alarm_may_be_that_of_any_member() -> None:
    async def story(member: WholeMember) -> None:
        alarm = {"memberID": str(2**64 - 1), "alarm": "NOSPACE"}
        _, raised = await post(member, "alarm", {**alarm, "action": "ACTIVATE"})
        assert raised["alarms"] == [alarm]
        _, ended = await post(member, "alarm", {**alarm, "action": "DEACTIVATE"})
        assert ended["alarms"] == [alarm]
        _, left = await post(member, "alarm", {})
        assert "alarms" not in left

    on_a_member(story)
