"""``/v3/lock`` and ``/v3/election`` in JSON.

etcd answers each failure of these calls alike: with code 2 ("unknown") and the words of
what went wrong further within.
"""

import binascii
from collections.abc import AsyncGenerator
from functools import wraps
from typing import Final

from raftwerk.api.asgi import Body
from raftwerk.api.errors import PlainFailure
from raftwerk.api.kv_json import write_header, write_kvs
from raftwerk.api.proto_json import Message, read_bytes, read_int64
from raftwerk.api.route import Call, CallForm, Request, Route, Routes
from raftwerk.api.shapes import (
    BYTES,
    HEADER,
    HEADER_ONLY,
    INT64,
    KEY_VALUE,
    message,
)
from raftwerk.api.status import status_of
from raftwerk.api.streams import Streams
from raftwerk.errors import RequestError
from raftwerk.service import KvService
from raftwerk.service.election import ElectionService, LeaderKey, Proclaimed
from raftwerk.service.lock import LockService
from raftwerk.service.queue import RecipeError

__all__ = ["election_routes", "lock_routes"]


def _locking(name: bytes = b"", lease: int = 0) -> tuple[bytes, int]:
    """Return which lock is wanted by whom."""
    return name, lease


def _key(key: bytes = b"") -> bytes:
    """Return what holds a lock."""
    return key


def _candidature(
    name: bytes = b"", lease: int = 0, value: bytes = b""
) -> tuple[bytes, int, bytes]:
    """Return who stands for what, and what it will say."""
    return name, lease, value


def _proclamation(
    leader: LeaderKey | None = None, value: bytes = b""
) -> tuple[LeaderKey | None, bytes]:
    """Return who says what."""
    return leader, value


def _resignation(leader: LeaderKey | None = None) -> LeaderKey | None:
    """Return who leads no more."""
    return leader


def _name(name: bytes = b"") -> bytes:
    """Return which election is meant."""
    return name


LOCK: Final = CallForm(
    request=Message("LockRequest", _locking, name=read_bytes, lease=read_int64),
    answer=message("LockResponse", header=HEADER, key=BYTES),
    example={"name": "Zm9v", "lease": "7"},
)
"""The name of a lock, and the lease of whoever wants it."""

UNLOCK: Final = CallForm(
    request=Message("UnlockRequest", _key, key=read_bytes),
    answer=HEADER_ONLY,
    example={"key": "Zm9vLzc="},
)
"""The key that holds a lock."""

_LEADER_KEY: Final = Message(
    "LeaderKey",
    LeaderKey,
    name=read_bytes,
    key=read_bytes,
    rev=read_int64,
    lease=read_int64,
)

_LEADER: Final = {"name": "Zm9v", "key": "Zm9vLzc=", "rev": "7", "lease": "7"}

CAMPAIGN: Final = CallForm(
    request=Message(
        "CampaignRequest",
        _candidature,
        name=read_bytes,
        lease=read_int64,
        value=read_bytes,
    ),
    answer=message(
        "CampaignResponse",
        header=HEADER,
        leader=message("CampaignLeader", name=BYTES, key=BYTES, rev=INT64, lease=INT64),
    ),
    example={"name": "Zm9v", "lease": "7", "value": "YmFy"},
)
"""The name of an election, a lease and a value."""

PROCLAIM: Final = CallForm(
    request=Message(
        "ProclaimRequest", _proclamation, leader=_LEADER_KEY, value=read_bytes
    ),
    answer=HEADER_ONLY,
    example={"leader": _LEADER, "value": "YmFy"},
)
"""Who leads, if it is said, and a value."""

RESIGN: Final = CallForm(
    request=Message("ResignRequest", _resignation, leader=_LEADER_KEY),
    answer=HEADER_ONLY,
    example={"leader": _LEADER},
)
"""Who leads, if it is said."""

ELECTION: Final = CallForm(
    request=Message("LeaderRequest", _name, name=read_bytes),
    answer=message("LeaderResponse", header=HEADER, kv=KEY_VALUE),
    example={"name": "Zm9v"},
)
"""The name of an election."""


def lock_routes(locks: LockService, kv: KvService, streams: Streams) -> Routes:
    """Return the calls about locks.

    Parameters
    ----------
    locks : LockService
        What answers them.
    kv : KvService
        For headers.
    streams : Streams
        For calls that wait.

    Returns
    -------
    Routes
        By etcd's names.
    """
    calls = _Locks(locks, kv)
    return {
        "lock/lock": streams.of_one(LOCK, _plainly(calls.lock)),
        "lock/unlock": Route(_plainly(calls.unlock), UNLOCK),
    }


def election_routes(
    elections: ElectionService, kv: KvService, streams: Streams
) -> Routes:
    """Return the calls about elections.

    Parameters
    ----------
    elections : ElectionService
        What answers them.
    kv : KvService
        For headers.
    streams : Streams
        For calls that wait, and for what is observed.

    Returns
    -------
    Routes
        By etcd's names.
    """
    calls = _Elections(elections, kv)
    return {
        "election/campaign": streams.of_one(CAMPAIGN, _plainly(calls.campaign)),
        "election/leader": Route(_plainly(calls.leader), ELECTION, changes=False),
        "election/observe": streams.of_answers(ELECTION, calls.observe),
        "election/proclaim": Route(_plainly(calls.proclaim), PROCLAIM),
        "election/resign": Route(_plainly(calls.resign), RESIGN),
    }


class _Locks:
    """The calls about locks, each from its members to its answer."""

    def __init__(self, locks: LockService, kv: KvService) -> None:
        self._locks = locks
        self._kv = kv

    async def lock(self, wanted: tuple[bytes, int]) -> bytes:
        """Wait for a lock."""
        locked = await self._locks.lock(*wanted)
        header = write_header(self._kv.header(locked.revision))
        return b'{%b,"key":"%b"}' % (header, _base64(locked.key))

    async def unlock(self, key: bytes) -> bytes:
        """Let go of a lock."""
        revision = await self._locks.unlock(key)
        return b"{%b}" % write_header(self._kv.header(revision))


class _Elections:
    """The calls about elections, each from its members to its answer."""

    def __init__(self, elections: ElectionService, kv: KvService) -> None:
        self._elections = elections
        self._kv = kv

    async def campaign(self, wanted: tuple[bytes, int, bytes]) -> bytes:
        """Stand, and wait until it is won."""
        elected = await self._elections.campaign(*wanted)
        header = write_header(self._kv.header(elected.revision))
        return b'{%b,"leader":%b}' % (header, _write_leader(elected.leader))

    async def proclaim(self, said: tuple[LeaderKey | None, bytes]) -> bytes:
        """Say something else as the leader."""
        leader, value = said
        revision = await self._elections.proclaim(_given(leader), value)
        return b"{%b}" % write_header(self._kv.header(revision))

    async def resign(self, leader: LeaderKey | None) -> bytes:
        """Lead no more."""
        revision = await self._elections.resign(_given(leader))
        return b"{%b}" % write_header(self._kv.header(revision))

    async def leader(self, name: bytes) -> bytes:
        """Say who leads."""
        return self._write(await self._elections.leader(name))

    async def observe(self, name: bytes) -> AsyncGenerator[bytes, None]:
        """Say who leads, and whatever is said from then on."""
        observed = self._elections.observe(name)
        try:
            async for proclaimed in observed:
                yield self._write(proclaimed)
        finally:
            await observed.aclose()

    def _write(self, proclaimed: Proclaimed) -> bytes:
        """Return who leads."""
        header = write_header(self._kv.header(proclaimed.revision))
        return b'{%b,"kv":%b}' % (header, write_kvs([proclaimed.kv]))


def _given(leader: LeaderKey | None) -> LeaderKey:
    """Return who leads; it must be said."""
    if leader is None:
        raise RecipeError('"leader" field must be provided')
    return leader


def _plainly(call: Call[Request]) -> Call[Request]:
    """Return a call whose failures are all said alike."""

    @wraps(call)
    async def _call(request: Request) -> Body:
        """Do as `call` does."""
        try:
            return await call(request)
        except RequestError as error:
            raise PlainFailure(status_of(error).text) from error

    return _call


def _base64(data: bytes) -> bytes:
    """Return bytes as they stand in JSON."""
    return binascii.b2a_base64(data, newline=False)


def _write_leader(leader: LeaderKey) -> bytes:
    """Return what shows who leads."""
    members = [
        b'"%b":"%b"' % (name, _base64(value))
        for name, value in ((b"name", leader.name), (b"key", leader.key))
        if value
    ]
    members += [b'"rev":"%d"' % leader.rev, b'"lease":"%d"' % leader.lease]
    return b"{%b}" % b",".join(members)
