"""Clients that ask until they are answered, and once more: it is done once anyhow.

Some number their commands in a session, some give each a key of its own, as behind
``Idempotency-Key``. Whoever was not answered asks another member; and now and then one
that was answered asks again, as if the answer had been lost behind the member.
"""

from collections.abc import Callable, Coroutine
from typing import Any, Final, TypeAlias

from raftwerk.errors import InvariantViolation, RaftwerkError, SessionExpired
from raftwerk.kv import Put, PutResult, encode
from raftwerk.runtime.answered import OfSession
from raftwerk.runtime.once import KeyedRequest, keyed
from raftwerk.sim.calls import Lost, Unreached
from raftwerk.sim.clients import Client
from raftwerk.sim.kv_machine import KvServices
from raftwerk.sim.records import Repeated

__all__ = ["repeat"]

ATTEMPTS_MAX: Final = 12
"""How often a command is asked for until it is left alone."""

COMMANDS_MAX: Final = 200
"""Commands of one session."""

_Request: TypeAlias = Callable[[KvServices], Coroutine[Any, Any, int]]
"""Asks for a command, and returns the revision at which it was done."""


async def repeat(client: Client) -> None:
    """Write what must be written once until told to stop.

    Parameters
    ----------
    client : Client
        Who.
    """
    while not client.is_over:
        await client.rest()
        if client.draw.below(4) == 0:
            await _with_keys(client)
            continue
        try:
            session = (
                await client.ask(lambda s: s.node.open_session())
            ).session_id  # of it only the id is used: each attempt is another member's
        except (Unreached, Lost, RaftwerkError):
            client.records.count("no session")
            continue
        await _in_session(client, session)


async def _with_keys(client: Client) -> None:
    """Write some values, each under a key of its own."""
    for _ in range(1 + client.draw.below(8)):
        if client.is_over:
            return
        put = _next_put(client)
        key = b"request of " + put.value

        async def ask(
            services: KvServices, put: Put = put, key: bytes = key
        ) -> int:  # both of now
            with keyed(KeyedRequest(key, b"put")):
                return (await services.kv.put(put)).revision

        await _until_answered(client, put, ask)
        await client.rest(2.0)


async def _in_session(client: Client, session: int) -> None:
    """Write some values in a session, each with the next number."""
    for sequence in range(1, 1 + client.draw.below(COMMANDS_MAX)):
        if client.is_over:
            return
        put = _next_put(client)
        # Those before it are given up: nobody will ask for them again.
        once = OfSession(session, sequence, sequence)

        async def ask(
            services: KvServices, put: Put = put, once: OfSession = once
        ) -> int:  # both of now
            result = await services.node.propose_once(once, encode(put))
            if not isinstance(result, PutResult):
                raise InvariantViolation(f"a Put ends with {result!r}")
            return result.revision

        if not await _until_answered(client, put, ask):
            return
        await client.rest(2.0)


def _next_put(client: Client) -> Put:
    """Return what is to be written once."""
    return Put(b"once %d" % client.number, client.value())


async def _until_answered(client: Client, put: Put, ask: _Request) -> bool:
    """Ask for a command until it is answered; return whether the next may follow."""
    revisions: list[int] = []
    repeated = Repeated(client.number, put.key, put.value, revisions)
    client.records.repeated.append(repeated)
    again = client.draw.below(3) == 0
    for _ in range(ATTEMPTS_MAX):
        try:
            revision = await client.ask(ask)
        except SessionExpired:
            client.records.count("session expired")
            return False
        except (Unreached, Lost, RaftwerkError):
            client.records.count("asked again")
            await client.rest()
            continue
        revisions.append(revision)
        client.records.count("done once")
        if not again:
            return True
        again = False
        client.move()
        await client.rest(5.0)
    return False
