"""What the project began with stands in the README, where somebody looks for it.

A row has what is promised, words of the README by which it is found, and where it is
tested.
"""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

ROWS = [
    # what it is                     words in the README          tested in
    ("leader election by quorum", "elects a leader", "core/test_election.py"),
    ("failover", "Kill the leader", "e2e/test_survives_kills.py"),
    ("new nodes", "takes in new nodes", "e2e/test_members.py"),
    ("a replicated log", "replicates a log", "runtime/test_node.py"),
    ("discovery by one DNS name", "by one DNS name", "e2e/test_discovery.py"),
    ("compose", "docker compose up", "e2e/test_compose.py"),
    ("the page", "http://127.0.0.1:8000", "e2e/test_monitor.py"),
    ("the page's JSON", "http://127.0.0.1:8000/nodes", "monitor/test_app.py"),
    ("role scripts", "SCRIPT_LEADER_PATH", "runtime/test_hooks.py"),
    ("Swagger", "`/docs`", "e2e/test_docs_page.py"),
    ("the schema", "/openapi.json", "api/v1/test_document.py"),
    ("status", "/api/v1/raft/", "api/v1/test_raft.py"),
    ("Raft's messages over HTTP", "/api/v1/raft/vote", "e2e/test_http_peers.py"),
    ("the envelope", '{"apiVersion":"1.0","data"', "api/v1/test_raft.py"),
    ("errors in it", '{"apiVersion":"1.0","error"', "api/v1/test_kv.py"),
    ("settings", "raftwerk config", "cli/test_settings.py"),
    ("lines of JSON", "a line of JSON", "cli/test_log.py"),
    ("one command", "make test", "house/test_documents.py"),
]


@pytest.mark.parametrize(("what", "words", "tested_in"), ROWS)
def test_the_readme_shows_it_and_a_test_tries_it(
    what: str, words: str, tested_in: str
) -> None:
    assert words in (ROOT / "README.md").read_text("utf-8"), what
    assert (ROOT / "tests" / tested_in).is_file(), what
