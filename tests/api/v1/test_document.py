"""Requests drawn from the API's document: each answer has the form that it promises.

Destructive calls are among them, with ids and keys that are drawn, too. What 503 looks
like is documented; no other error of ours is an answer. Of etcd's calls, some fail with
500 where nothing is wrong with the server, as they do in etcd; their code is 2, that of
a bug 13.
"""

import asyncio
import json
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.api.documented import Documented
from tests.api.member import Member
from tests.e2e.cluster import Cluster

CHECKS: list[Any] = [
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
]


IN_LINES = {
    "/api/v1/events",
    "/v3/election/campaign",
    "/v3/election/observe",
    "/v3/lease/keepalive",
    "/v3/lock/lock",
    "/v3/maintenance/snapshot",
    "/v3/watch",
}
"""Their answers come in lines, or after long: the first line is checked."""


def check_answer(case: Any, **called_with: Any) -> None:
    """Send a request, and check its answer."""
    if case.query:
        case.query.pop("watch", None)  # its answer has no end
    response = case.call(**called_with)
    status = response.status_code
    is_refusal = case.path.startswith("/v3/") and status in (500, 501)
    assert status < 500 or status == 503 or is_refusal
    if is_refusal:
        assert response.json()["code"] == {500: 2, 501: 12}[status]
    case.validate_response(
        response, checks=CHECKS, excluded_checks=[not_a_server_error]
    )


def check_stream(case: Any, base_url: str) -> None:
    """Send a request, and check the first line of its answer, if there is one soon."""
    words = case.as_transport_kwargs(base_url=base_url)
    words = {name: words[name] for name in ("method", "url", "headers", "params")} | {
        "content": words.get("data") or json.dumps(words.get("json")).encode()
    }
    documented = Documented(case.operation.schema.raw_schema)
    patience = httpx.Timeout(5.0, read=0.5)
    with suppress(httpx.ReadTimeout), httpx.stream(**words, timeout=patience) as answer:
        kind = answer.headers["content-type"].partition(";")[0]
        for line in answer.iter_lines():
            said = json.loads(line) if kind == "application/json" else line
            status = answer.status_code
            assert not list(
                documented.of_answer(case.method, case.path, status, said)
            ), (words, status, said)
            return


def check_all(schema: Any, examples: int, **called_with: Any) -> list[str]:
    """Send requests to each operation, check the answers, and return the operations."""
    labels = []
    for result in schema.get_all_operations():
        operation = result.ok()
        labels.append(operation.label)
        check = check_stream if operation.path in IN_LINES else check_answer
        draw(operation, partial(check, **called_with), examples)
    return labels


def draw(operation: Any, check: Callable[[Any], None], examples: int) -> None:
    """Draw requests to an operation, and have each checked."""

    @given(case=operation.as_strategy())
    @settings(
        max_examples=examples,
        deadline=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
        database=None,
    )
    def run(case: Any) -> None:
        check(case)

    run()  # pylint: disable=no-value-for-parameter  # hypothesis draws it


def test_answers_are_as_the_document_says() -> None:
    schema = schemathesis.openapi.from_asgi("/openapi.json", Member().app)
    # The others need a group.
    alone = schema.include(path_regex="^/api/v1/(kv|raft|hooks)(/|$)|^/v3/kv/")
    labels = check_all(alone, examples=4)
    assert "PUT /api/v1/kv/{key}" in labels
    assert "GET /api/v1/raft/" in labels


@pytest.mark.e2e
@pytest.mark.long
def test_answers_of_a_real_node_are_as_the_document_says(tmp_path: Path) -> None:
    async def story() -> None:
        async with Cluster(tmp_path, size=1) as cluster:
            (node,) = cluster.nodes
            await cluster.leader()
            document = (
                await cluster.http.get(f"{node.client}/openapi.json", timeout=60.0)
            ).json()
            schema = schemathesis.openapi.from_dict(document)
            labels = await asyncio.to_thread(
                check_all, schema, examples=25, base_url=str(node.client)
            )
            assert len(labels) == sum(map(len, document["paths"].values()))

    asyncio.run(story())
