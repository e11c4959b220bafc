"""Requests drawn from the API's document: each answer has the form that it promises.

Destructive calls are among them, with ids and keys that are drawn, too. What 503 looks
like is documented; no other error of ours is an answer.
"""

import asyncio
from pathlib import Path
from typing import Any

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

from tests.api.member import Member
from tests.e2e.cluster import Cluster

CHECKS: list[Any] = [
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
]


def check_all(schema: Any, examples: int, **called_with: Any) -> list[str]:
    """Send requests to each operation, check the answers, and return the operations."""
    labels = []
    for result in schema.get_all_operations():
        operation = result.ok()
        labels.append(operation.label)

        @given(case=operation.as_strategy())
        @settings(
            max_examples=examples,
            deadline=None,
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
            database=None,
        )
        def run(case: Any) -> None:
            if case.query:
                case.query.pop("watch", None)  # its answer has no end
            response = case.call(**called_with)
            assert response.status_code < 500 or response.status_code == 503
            case.validate_response(
                response, checks=CHECKS, excluded_checks=[not_a_server_error]
            )

        run()  # pylint: disable=no-value-for-parameter  # hypothesis draws it
    return labels


def test_answers_are_as_the_document_says() -> None:
    schema = schemathesis.openapi.from_asgi("/openapi.json", Member().app)
    # The others need a group.
    alone = schema.include(path_regex="/(kv|raft|hooks)(/|$)")
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
            document = (await cluster.http.get(f"{node.client}/openapi.json")).json()
            schema = schemathesis.openapi.from_dict(document)
            await asyncio.to_thread(
                check_all, schema, examples=40, base_url=str(node.client)
            )

    asyncio.run(story())
