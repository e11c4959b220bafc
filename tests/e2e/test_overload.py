"""More than a node can take: it refuses at once what it can't, and all else goes on."""

import asyncio
import base64
import json
import re
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import NamedTuple

import pytest

from raftwerk.api.budget import FREE_BYTES, INTAKE_BYTES_MAX
from raftwerk.api.gateway import BODY_BYTES_MAX
from tests.e2e.cluster import READY_SECONDS, Cluster, NodeProcess
from tests.e2e.test_survives_disks import log_lines
from tests.e2e.waiting import until

pytestmark = pytest.mark.e2e

MIB = 1 << 20

FLAGS = [
    "--heartbeat-interval=100",
    "--election-timeout=1000",
    "--election-timeout-max=2000",
]
"""Patient, for the test itself takes the processors from the nodes."""


class Scale(NamedTuple):
    """How much at a time."""

    connections: int
    watches: int
    streams: int
    slow: int
    oversized: int
    burst: int
    """Puts of a megabyte at once; 64 of them are what may wait."""


SCALES = [
    pytest.param(Scale(120, 200, 4, 80, 2, 0), id="small"),
    pytest.param(
        Scale(1_000, 10_000, 100, 300, 50, 640), id="full", marks=pytest.mark.long
    ),
]

TOO_SLOW = 0
"""Instead of a status: the connection was closed."""

_LINE_BYTES_MAX = 64 * MIB
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Asking = asyncio.Future[tuple[int, bytes]]
"""A request under way, and the status and head that it is answered with."""


def peak_bytes(node: NodeProcess) -> int:
    """Return the most memory that a node ever had."""
    status = Path(f"/proc/{node.pid}/status").read_text("ascii")
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert found is not None
    return int(found[1]) * 1024


def text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def request(path: str, body: bytes, length: int | None = None) -> bytes:
    """Return a request, of which the end may be missing."""
    size = len(body) if length is None else length
    head = f"POST {path} HTTP/1.1\r\nhost: test\r\ncontent-length: {size}\r\n\r\n"
    return head.encode() + body


def put_body(key: str, value: bytes) -> bytes:
    return json.dumps({"key": text(key.encode()), "value": text(value)}).encode()


class Crowd:
    """Connections to one node, all of which are closed in the end."""

    def __init__(self, node: NodeProcess, stack: AsyncExitStack) -> None:
        self._node = node
        self._stack = stack

    async def connect(self) -> Streams:
        """Return one more."""
        url = self._node.client
        reader, writer = await asyncio.open_connection(
            url.host, url.port, limit=_LINE_BYTES_MAX
        )
        self._stack.callback(writer.close)
        return reader, writer

    async def answer(self, reader: asyncio.StreamReader) -> tuple[int, bytes]:
        """Return the status of an answer, and all of it."""
        head = await reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", head)
        body = await reader.readexactly(int(length[1]) if length else 0)
        return int(head.split()[1]), head + body

    async def ask(self, path: str, body: bytes) -> tuple[int, bytes]:
        """Return status and head of the answer to a request of its own."""
        reader, writer = await self.connect()
        writer.write(request(path, body))
        try:
            return await self.answer(reader)
        finally:
            writer.close()

    async def watch(self, count: int) -> asyncio.StreamReader:
        """Open a stream of so many watches, and return it when all are there."""
        reader, writer = await self.connect()
        create = {"create_request": {"key": text(b"watched")}}
        writer.write(request("/v3/watch", json.dumps(create).encode() * count))
        await reader.readuntil(b"\r\n\r\n")
        await self.see(reader, b'"created":true', count)
        return reader

    @staticmethod
    async def see(reader: asyncio.StreamReader, words: bytes, count: int) -> None:
        """Read until words came so often."""
        seen = 0
        while seen < count:
            line = await reader.readline()
            assert line, "the stream ended"
            seen += line.count(words)

    async def upload_slowly(self, body: bytes) -> tuple[int, bytes]:
        """Send a megabyte of a larger body and no more; return how it is refused."""
        reader, writer = await self.connect()
        writer.write(request("/v3/kv/put", body[:MIB], len(body)))
        try:
            return await self.answer(reader)
        except (asyncio.IncompleteReadError, ConnectionError):
            return TOO_SLOW, b""  # even to begin, on a machine as busy as this one
        finally:
            writer.close()

    async def stay(self) -> None:
        """Ask for something small, and stay connected."""
        reader, writer = await self.connect()
        writer.write(request("/v3/kv/range", b'{"key": "YQ=="}'))
        assert (await self.answer(reader))[0] == 200


def assert_refused_in_passing(answers: Sequence[tuple[int, bytes]]) -> None:
    """Fail unless each was told that it should come back, and when."""
    for status, head in answers:
        assert status in (429, 503), head
        assert b"\r\nretry-after: 1\r\n" in head, head


def crowd_slowly(crowd: Crowd, count: int) -> list[Asking]:
    """Have so many clients each send a large put, and take their time."""
    large = put_body("large", bytes(MIB))
    return [asyncio.ensure_future(crowd.upload_slowly(large)) for _ in range(count)]


async def some_are_refused(slow: Sequence[Asking]) -> None:
    """Return once those are refused that go beyond what slow ones may hold together."""
    beyond = len(slow) - INTAKE_BYTES_MAX // (MIB - FREE_BYTES)
    began = time.monotonic()
    await until(
        lambda: _are_done(slow, beyond),
        "slow ones are refused",
        READY_SECONDS + len(slow) / 3,
    )
    print(f"{beyond} refused within {time.monotonic() - began:.1f} s")
    ended = [each.result() for each in slow if each.done()]
    refused = [answer for answer in ended if answer[0] != TOO_SLOW]
    assert beyond / 2 < len(refused) < len(slow), "and some are not"
    assert_refused_in_passing(refused)


@pytest.mark.parametrize("scale", SCALES)
def test_what_is_too_much_is_refused_at_once_and_the_rest_goes_on(
    tmp_path: Path, scale: Scale
) -> None:
    async def story() -> None:  # pylint: disable=too-many-locals  # told in one piece
        async with Cluster(tmp_path, flags=FLAGS) as cluster, AsyncExitStack() as stack:
            leader = await cluster.leader()
            before = await cluster.status(leader)
            assert before is not None
            await asyncio.gather(*map(cluster.answers, cluster.nodes))
            base = peak_bytes(leader)
            crowd = Crowd(leader, stack)

            for _ in range(scale.connections - scale.slow):
                await crowd.stay()
            per_stream = scale.watches // scale.streams
            watching = [await crowd.watch(per_stream) for _ in range(scale.streams)]

            slow = crowd_slowly(crowd, scale.slow)
            stack.callback(lambda: [each.cancel() for each in slow])
            await some_are_refused(slow)

            # Small requests go on meanwhile, those who watch are told.
            for number in range(20):
                status, head = await crowd.ask(
                    "/v3/kv/put", put_body("watched", b"%d" % number)
                )
                assert status == 200, head
            async with asyncio.timeout(READY_SECONDS):
                for reader in watching:
                    await Crowd.see(reader, b'"kv":', 20 * per_stream)

            too_large = b"x" * (BODY_BYTES_MAX + MIB)
            for _ in range(scale.oversized):
                status, head = await crowd.ask("/v3/kv/put", too_large)
                assert status in (400, 429), head  # too large, or no room to see that

            # The slow ones go, and there is room for large bodies again.
            for each in slow:
                each.cancel()
            await recover(cluster, leader)

            # What it took is in its log and its store, and may be.
            taken = await burst(crowd, scale.burst)
            allowed = (
                3 * INTAKE_BYTES_MAX
                + 2 * FREE_BYTES * scale.connections
                + 20_000 * scale.watches
                + 4 * taken * MIB
            )
            grown = peak_bytes(leader) - base
            print(f"grown by {grown / MIB:.0f} MiB, {allowed / MIB:.0f} are allowed")
            assert grown < allowed

            await stack.aclose()
            await recover(cluster, leader)
            after = await cluster.status(leader)
            assert after is not None
            for node in cluster.nodes:
                assert not log_lines(node, "ceases to lead: no majority")
            # A disk that hangs for longer than the timeout is another story, with an
            # end of its own: `test_survives_stalls`.
            if not log_lines(leader, "hands leadership over because of its disk"):
                assert (after.state, after.term) == ("LEADER", before.term)

    asyncio.run(story())


async def recover(cluster: Cluster, node: NodeProcess) -> None:
    """Return once a large put is taken."""
    began = time.monotonic()
    await until(lambda: _is_put(cluster, node), "a large put is taken", READY_SECONDS)
    print(f"recovered after {time.monotonic() - began:.2f} s")


async def burst(crowd: Crowd, count: int) -> int:
    """Put so many megabytes at once, and return how many were taken."""
    body = put_body("burst", bytes(MIB))
    answers = await asyncio.gather(
        *[crowd.ask("/v3/kv/put", body) for _ in range(count)]
    )
    statuses = Counter(status for status, _ in answers)
    print(f"burst: {dict(statuses)}")
    if count:
        assert statuses[200] > 0, "an idle burst shows nothing"
        assert statuses[429] + statuses[503] > 0, "it was within the capacity"
    # Of those that waited too long nobody knows: they are no refusals.
    unknown = [each for each in answers if b"request timed out" in each[1]]
    assert_refused_in_passing(
        [each for each in answers if each[0] != 200 and each not in unknown]
    )
    return statuses[200] + len(unknown)


async def _are_done(tasks: Sequence[Asking], n: int) -> bool:
    """Tell whether so many have ended."""
    return sum(task.done() for task in tasks) >= n


async def _is_put(cluster: Cluster, node: NodeProcess) -> bool:
    """Tell whether a large value is taken."""
    return await cluster.put(node, b"after", bytes(MIB)) is not None
