"""A recording as a busy cluster would give it: made up, and always the same."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

BEGAN = 1_700_000_000.0

FRAMES_PER_SECOND = 10


def ids(nodes: int) -> list[str]:
    """Return the ids of so many nodes, as long as real ones."""
    return [str(10**18 + number) for number in range(nodes)]


def header(source: str = "simulator") -> dict[str, Any]:
    return {
        "type": "header",
        "format": "raftwerk-events",
        "version": 1,
        "t": BEGAN,
        "source": source,
        "program": "raftwerk",
    }


def state(node: str, number: int, t: float, term: int, leader: str) -> dict[str, Any]:
    """Return one frame of a node; its log grows by 400 entries a second."""
    last = 100 + int((t - BEGAN) * 400)
    is_leader = node == leader
    record: dict[str, Any] = {
        "type": "state",
        "t": t,
        "node": node,
        "name": f"n{number + 1}",
        "role": "LEADER" if is_leader else "FOLLOWER",
        "term": term,
        "leader": leader,
        "vote": leader,
        "transferee": None,
        "log": {
            "first": max(last - 900, 1),
            "snapshot": max(last - 700, 0),
            "committed": last - number,
            "applied": last - 2 * number,
            "appended": last,
            "bytes": last * 60,
        },
        "timer": {"elapsed": (number * 17) % 60, "timeout": 150 + 20 * number},
        "window": {
            "seconds": 1 / FRAMES_PER_SECOND,
            "applied": 40,
            "writes": 6,
            "reads": 2,
            "syncs": 5,
            "writes_millis": [3.0 + number, 8.0, 14.0],
            "syncs_millis": [0.8, 1.6, 3.1],
        },
    }
    if is_leader:
        record["progress"] = {
            other: {
                "state": "REPLICATE",
                "match": last - 3,
                "next": last + 1,
                "lag_entries": 3,
                "lag_bytes": 180,
                "inflight": 2,
                "is_active": True,
                "is_learner": False,
            }
            for other in ids(7)
            if other != node
        }
    return record


def members(node: str, everyone: list[str]) -> dict[str, Any]:
    return {
        "type": "members",
        "t": BEGAN,
        "node": node,
        "members": [
            {
                "id": each,
                "name": f"n{number + 1}",
                "peer_urls": [],
                "client_urls": [],
                "has_started": True,
            }
            for number, each in enumerate(everyone)
        ],
        "conf": {
            "voters": everyone,
            "voters_outgoing": [],
            "learners": [],
            "learners_next": [],
            "auto_leave": False,
        },
    }


def happened(node: str, t: float, name: str, **data: Any) -> dict[str, Any]:
    return {"type": "event", "t": t, "node": node, "name": name, "data": data}


def _election(
    everyone: list[str], t: float, term: int, winner: str
) -> Iterator[dict[str, Any]]:
    """Yield how one is elected by all others."""
    yield happened(winner, t, "BecamePreCandidate", term=term - 1)
    yield happened(winner, t + 0.02, "BecameCandidate", term=term)
    for place, voter in enumerate(each for each in everyone if each != winner):
        yield happened(
            voter, t + 0.03 + place / 200, "VoteCast", kind="RequestVote", term=term
        ) | {"data": {"kind": "RequestVote", "candidate": winner, "term": term}}
    yield happened(winner, t + 0.08, "BecameLeader", term=term)


def story(
    seconds: int, events_per_second: int, nodes: int = 7, term_seconds: int = 5
) -> Iterator[dict[str, Any]]:
    """Yield the records of a busy cluster that elects anew every so many seconds."""
    everyone = ids(nodes)
    yield header()
    yield members(everyone[0], everyone)
    messages = max(events_per_second // FRAMES_PER_SECOND - nodes, 1)
    for frame in range(seconds * FRAMES_PER_SECOND):
        t = BEGAN + frame / FRAMES_PER_SECOND
        term = 2 + frame // (term_seconds * FRAMES_PER_SECOND)
        leader = everyone[term % nodes]
        if frame % (term_seconds * FRAMES_PER_SECOND) == 0:
            yield from _election(everyone, t, term, leader)
        for number, node in enumerate(everyone):
            yield state(node, number, t, term, leader)
        for number in range(messages):
            other = everyone[number % nodes]
            if other == leader:
                continue
            is_reply = number % 2
            yield {
                "type": "message",
                "t": t + number / (messages * FRAMES_PER_SECOND),
                "node": other if is_reply else leader,
                "to": leader if is_reply else other,
                "name": "AppendEntriesReply" if is_reply else "AppendEntries",
                "term": term,
                "count": 1 + number % 30,
            }


def write(
    path: Path, seconds: int, events_per_second: int, term_seconds: int = 5
) -> Path:
    """Write such a recording, and return where it is."""
    with path.open("w", encoding="utf-8") as file:
        for record in story(seconds, events_per_second, term_seconds=term_seconds):
            file.write(json.dumps(record) + "\n")
    return path
