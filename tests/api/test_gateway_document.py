"""The gateway's calls in the API's document; `conformance` holds cases to it."""

from contextlib import suppress
from typing import Any

import msgspec
import pytest

from raftwerk.host.virtual import run
from raftwerk.kv import Put
from tests.api.conformance.test_cases import CASES
from tests.api.documented import Documented, document
from tests.api.whole_member import WholeMember

CALLS = sorted(path for path in document()["paths"] if path.startswith("/v3/"))

NEVER = {
    ("EtcdMemberPromoteResponse", "header"): "one member alone has nobody to promote",
    ("EtcdMemberPromoteResponse", "members"): "likewise",
    ("EtcdSnapshotResponse", "remaining_bytes"): "the store is small",
    ("EtcdStatusResponse", "isLearner"): "it is asked of a voter",
    ("EtcdWatchResponse", "fragment"): "no answer is so large",
}
"""What stands in the document though no answer here has it, and why."""

ASKED: list[tuple[str, dict[str, Any]]] = [
    ("/v3/kv/compaction", {"revision": "1"}),
    ("/v3/maintenance/hashkv", {}),
    ("/v3/cluster/member/list", {}),
    ("/v3/maintenance/alarm", {"action": "ACTIVATE", "alarm": 1, "memberID": "5"}),
    ("/v3/maintenance/status", {}),
    ("/v3/maintenance/snapshot", {}),
]
"""Calls whose answers are not recorded, or not whole."""


def media(part: dict[str, Any]) -> dict[str, Any]:
    """Return what a request or an answer is made of."""
    found: dict[str, Any] = part["content"]["application/json"]
    return found


def test_each_call_has_a_body_an_answer_and_errors() -> None:
    assert len(CALLS) > 30
    for path in CALLS:
        operation = document()["paths"][path]["post"]
        assert operation["summary"] and operation["operationId"].startswith("etcd_")
        assert "schema" in media(operation["requestBody"])
        assert {"200", "400", "429", "500", "503"} <= operation["responses"].keys()


@pytest.mark.parametrize("path", CALLS)
def test_examples_are_of_the_form_that_they_are_examples_of(path: str) -> None:
    documented = Documented(document())
    operation = document()["paths"][path]["post"]
    example = media(operation["requestBody"])["example"]
    assert not list(documented.of_request(path, example))
    for status, answer in operation["responses"].items():
        said = media(answer)["example"]
        assert not list(documented.of_answer("POST", path, int(status), said))


def test_a_request_that_is_an_example_can_be_read() -> None:
    async def story() -> None:
        member = await WholeMember.start()
        for path in CALLS:
            body = media(document()["paths"][path]["post"]["requestBody"])["example"]
            exchange = member.open("POST", path, msgspec.json.encode(body))
            # A stream has no end, and a lock may have to be waited for.
            with suppress(TimeoutError):
                await exchange.whole(0.2)
            assert b"must be" not in exchange.body, (path, exchange.body)
            await exchange.close()

    run(story())


def test_what_is_documented_is_really_answered() -> None:
    documented = Documented(document())
    look_at_recorded(documented)
    run(look_at_others(documented))
    schemas = document()["components"]["schemas"]
    promised = {
        (name, member)
        for name, schema in schemas.items()
        if name.startswith("Etcd") and schema.get("additionalProperties") is False
        for member in schema["properties"]
    }
    assert promised - documented.seen == NEVER.keys()


def look_at_recorded(documented: Documented) -> None:
    """Look which members the recorded answers have."""
    for steps in CASES.values():
        paths = {step["open"]: step["path"] for step in steps if "open" in step}
        for step in steps:
            told = [(step["path"], step["response"])] if "response" in step else []
            told += [(paths[step["read"]], m) for m in step.get("messages", [])]
            for path, said in told:
                status = step.get("status", 200)
                if isinstance(status, int):  # placeholders have forms of their own
                    list(documented.of_answer("POST", path, status, said))


async def look_at_others(documented: Documented) -> None:
    """Ask for what is not recorded, and hold it against the document."""
    member = await WholeMember.start()
    for value in (b"1", b"2"):
        await member.kv.put(Put(b"a", value))
    calls = [*ASKED, ("/v3/watch", {"create_request": {"key": "YQ=="}})]
    for path, body in calls:
        if path == "/v3/watch":
            member.app.drain()  # it ends with a line that says why
        exchange = member.open("POST", path, msgspec.json.encode(body))
        await exchange.whole(10.0)
        for line in exchange.body.splitlines():
            said, status = msgspec.json.decode(line), exchange.status
            assert not list(documented.of_answer("POST", path, status, said)), path
