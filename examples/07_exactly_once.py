"""Writes are done once each, though answers to them are lost on the way.

One real node, and a client on a line that loses every second answer to a write. Without
a session nobody could tell whether the key was put. With one, the client asks again by
the same number, and the node answers what it answered the first time.
"""

import asyncio
import socket
import subprocess
import sys
import tempfile
from contextlib import suppress

from raftwerk.client import Client
from raftwerk.client.connections import Connections
from raftwerk.client.http import Answer, Lost, Request
from raftwerk.config import Url
from raftwerk.errors import NotProposed, OutcomeUnknown, SessionExpired
from raftwerk.host.real import real_host


class BadLine(Connections):
    """Carries requests, and loses every second answer to a write."""

    writes = 0

    async def ask(self, url: Url, request: Request) -> Answer:
        """Ask, and lose what is answered."""
        answer = await super().ask(url, request)
        self.writes += request.path == "/v3/kv/put"
        if request.path == "/v3/kv/put" and self.writes % 2:
            raise Lost("the answer was lost")
        return answer


async def story(endpoint: str) -> None:
    """Put a key five times, then learn what an ended session is."""
    async with Client(endpoint, http=BadLine(real_host().timers)) as client:
        is_ready = False
        while not is_ready:
            with suppress(NotProposed):
                is_ready = not (await client.get("counted")).kvs
        try:
            await client.put("plain", "1")
        except OutcomeUnknown:
            print("without a session: nobody knows")
        async with await client.open_session() as session:
            for number in range(5):
                await session.put("counted", str(number))
        (found,) = (await client.get("counted")).kvs
        print("with a session: put", found.version, "times")
        try:
            await session.put("counted", "once more")
        except SessionExpired:
            print("the session has ended: nothing was done")


QUIET = subprocess.DEVNULL
FREE = ("127.0.0.1", 0)
with socket.create_server(FREE) as a, socket.create_server(FREE) as b:
    CLIENTS, PEERS = (f"http://127.0.0.1:{each.getsockname()[1]}" for each in (a, b))
with tempfile.TemporaryDirectory() as folder:
    words = [sys.executable, "-m", "raftwerk", "serve", "--name=n1"]
    words += [f"--listen-client-urls={CLIENTS}", f"--listen-peer-urls={PEERS}"]
    words += [f"--initial-cluster=n1={PEERS}", f"--data-dir={folder}"]
    with subprocess.Popen(words, stdout=QUIET, stderr=QUIET) as node:
        try:
            asyncio.run(story(CLIENTS))
        finally:
            node.terminate()

# It prints:
# without a session: nobody knows
# with a session: put 5 times
# the session has ended: nothing was done
