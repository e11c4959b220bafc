"""``/v3/lease`` in JSON: how leases are asked for, and how they are answered."""

from collections.abc import AsyncGenerator, AsyncIterator
from typing import Final

import msgspec

from raftwerk.api.errors import PlainFailure
from raftwerk.api.kv_json import write_header
from raftwerk.api.proto_json import Message, read_bool, read_int64
from raftwerk.api.route import CallForm, Route, Routes
from raftwerk.api.shapes import (
    BYTES,
    HEADER,
    HEADER_ONLY,
    INT64,
    list_of,
    message,
)
from raftwerk.api.streams import Streams
from raftwerk.errors import NotProposed, OutcomeUnknown, QueueFull
from raftwerk.service import KvService
from raftwerk.service.lease import LeaseService

__all__ = ["lease_routes"]


# pylint: disable=invalid-name  # the members of etcd's messages are called like that


def _grant(TTL: int = 0, ID: int = 0) -> tuple[int, int]:
    """Return the time and the id of a lease."""
    return TTL, ID


def _lease(ID: int = 0) -> int:
    """Return which lease a request is about."""
    return ID


def _time_to_live(ID: int = 0, keys: bool = False) -> tuple[int, bool]:
    """Return which lease, and whether its keys are wanted."""
    return ID, keys


# pylint: enable=invalid-name


def _nothing() -> None:
    """Return what is asked for to list leases: nothing."""


GRANT: Final = CallForm(
    request=Message("LeaseGrantRequest", _grant, TTL=read_int64, ID=read_int64),
    answer=message("LeaseGrantResponse", header=HEADER, ID=INT64, TTL=INT64),
    example={"TTL": "60"},
)
"""The seconds and the id of a new lease."""

REVOKE: Final = CallForm(
    request=Message("LeaseRevokeRequest", _lease, ID=read_int64),
    answer=HEADER_ONLY,
    example={"ID": "7"},
    refusals=(404,),
)
"""Which lease is to end."""

KEEP_ALIVE: Final = CallForm(
    request=Message("LeaseKeepAliveRequest", _lease, ID=read_int64),
    answer=message("LeaseKeepAliveResponse", header=HEADER, ID=INT64, TTL=INT64),
    example={"ID": "7"},
    refusals=(404,),
)
"""Which lease is to last longer."""

TIME_TO_LIVE: Final = CallForm(
    request=Message(
        "LeaseTimeToLiveRequest", _time_to_live, ID=read_int64, keys=read_bool
    ),
    answer=message(
        "LeaseTimeToLiveResponse",
        header=HEADER,
        ID=INT64,
        TTL=INT64,
        grantedTTL=INT64,
        keys=list_of(BYTES),
    ),
    example={"ID": "7", "keys": True},
    refusals=(404,),
)
"""Which lease, and whether its keys are wanted."""

LEASES: Final = CallForm(
    request=Message("LeaseLeasesRequest", _nothing),
    answer=message(
        "LeaseLeasesResponse",
        header=HEADER,
        leases=list_of(message("LeaseStatus", ID=INT64)),
    ),
)
"""All leases."""


def lease_routes(lease: LeaseService, kv: KvService, streams: Streams) -> Routes:
    """Return the calls about leases.

    Parameters
    ----------
    lease : LeaseService
        What answers them.
    kv : KvService
        For headers.
    streams : Streams
        For keep-alives.

    Returns
    -------
    Routes
        With the names that etcd also has for some of them below ``kv/``.
    """
    calls = _Calls(lease, kv)
    revoke = Route(calls.revoke, REVOKE)
    time_to_live = Route(calls.time_to_live, TIME_TO_LIVE, changes=False)
    leases = Route(calls.leases, LEASES, changes=False)
    return {
        "lease/grant": Route(calls.grant, GRANT),
        "lease/keepalive": streams.of_both(KEEP_ALIVE, calls.keep_alive),
        "lease/leases": leases,
        "lease/revoke": revoke,
        "lease/timetolive": time_to_live,
        "kv/lease/leases": leases,
        "kv/lease/revoke": revoke,
        "kv/lease/timetolive": time_to_live,
    }


class _Calls:
    """The calls, each from its members to its answer."""

    def __init__(self, lease: LeaseService, kv: KvService) -> None:
        self._lease = lease
        self._kv = kv

    async def grant(self, wanted: tuple[int, int]) -> bytes:
        """Begin a lease."""
        seconds, lease_id = wanted
        try:
            granted = await self._lease.grant(seconds, lease_id)
        except QueueFull:
            raise
        except (NotProposed, OutcomeUnknown) as error:
            # The one call of which etcd says it like this.
            raise PlainFailure("context deadline exceeded") from error
        return b'{%b,"ID":"%d","TTL":"%d"}' % (
            self._header(granted.revision),
            granted.lease_id,
            granted.ttl_seconds,
        )

    async def revoke(self, lease_id: int) -> bytes:
        """End a lease."""
        revision = await self._lease.revoke(lease_id)
        return b"{%b}" % self._header(revision)

    async def time_to_live(self, wanted: tuple[int, bool]) -> bytes:
        """Say how long a lease will last."""
        lease_id, with_keys = wanted
        found = await self._lease.time_to_live(lease_id, with_keys=with_keys)
        keys = msgspec.json.encode(found.keys)  # bytes become base64
        return b"{%b%b%b%b%b}" % (
            self._header(found.revision),
            _number(b"ID", lease_id),
            _number(b"TTL", found.left_seconds),
            _number(b"grantedTTL", found.granted_seconds),
            b',"keys":%b' % keys if found.keys else b"",
        )

    async def leases(self, _request: None) -> bytes:
        """Say which leases there are."""
        found = await self._lease.leases()
        listed = b",".join([b'{"ID":"%d"}' % lease for lease in found.leases])
        return b"{%b%b}" % (
            self._header(found.revision),
            b',"leases":[%b]' % listed if listed else b"",
        )

    async def keep_alive(
        self, requests: AsyncIterator[int]
    ) -> AsyncGenerator[bytes, None]:
        """Keep leases alive, one after the other."""
        async for lease_id in requests:
            kept = await self._lease.keep_alive(lease_id)
            yield b"{%b%b%b}" % (
                self._header(kept.revision),
                _number(b"ID", lease_id),
                _number(b"TTL", kept.ttl_seconds),
            )

    def _header(self, revision: int) -> bytes:
        """Return the header of an answer."""
        return write_header(self._kv.header(revision))


def _number(name: bytes, value: int) -> bytes:
    """Return a member, to follow others; nothing if it is zero."""
    return b',"%b":"%d"' % (name, value) if value else b""
