"""``/v3/maintenance/*`` but for status and leadership, which `cluster_json` has.

``hashkv`` has no path in etcd 3.5; it is served as etcd 3.6 does.
"""

import re
from collections.abc import AsyncGenerator, Sequence
from typing import Final

import msgspec

from raftwerk.api.errors import BadRequest
from raftwerk.api.kv_json import write_header
from raftwerk.api.probes import VERSION
from raftwerk.api.proto_json import (
    Enumeration,
    Message,
    read_int64,
    read_text,
    read_uint64,
)
from raftwerk.api.route import CallForm, Route, Routes
from raftwerk.api.shapes import (
    BYTES,
    EMPTY,
    HEADER,
    INT64,
    TEXT,
    UINT32,
    UINT64,
    Shape,
    list_of,
    message,
)
from raftwerk.api.streams import Streams
from raftwerk.kv import AlarmKind
from raftwerk.service import KvService
from raftwerk.service.errors import (
    DowngradeUnsupported,
    DowngradeVersionInvalid,
    DowngradeVersionMalformed,
    NoDowngrade,
)
from raftwerk.service.maintenance import Alarm, MaintenanceService

__all__ = ["maintenance_routes", "write_alarm_text"]

_GET, _ACTIVATE, _DEACTIVATE = range(3)
_VALIDATE, _ENABLE, _CANCEL = range(3)

ALARM_TYPE: Final = Shape(
    {"anyOf": [{"enum": list(AlarmKind.__members__)}, {"type": "integer"}]}, "NOSPACE"
)
"""The name of an alarm, or the number of one that has none."""

_VERSION: Final = re.compile(r"(\d+)\.(\d+)\.(\d+)(?:[-+][\w.+-]+)?")


class _AlarmRequest(msgspec.Struct, frozen=True):
    """What to do with which alarm."""

    action: int = _GET
    alarm: int = AlarmKind.NONE
    memberID: int = 0


class _Downgrade(msgspec.Struct, frozen=True):
    """What to do with which version."""

    action: int = _VALIDATE
    version: str = ""


def _revision(revision: int = 0) -> int:
    """Return up to which revision a hash is wanted; 0 for all."""
    return revision


def _nothing() -> None:
    """Return what some calls are told: nothing."""


_ALARM: Final = CallForm(
    request=Message(
        "AlarmRequest",
        _AlarmRequest,
        action=Enumeration(
            {"GET": _GET, "ACTIVATE": _ACTIVATE, "DEACTIVATE": _DEACTIVATE}
        ),
        alarm=Enumeration(AlarmKind.__members__),
        memberID=read_uint64,
    ),
    answer=message(
        "AlarmResponse",
        header=HEADER,
        alarms=list_of(message("AlarmMember", memberID=UINT64, alarm=ALARM_TYPE)),
    ),
    example={"action": "GET"},
)
_DEFRAGMENT: Final = CallForm(
    request=Message("DefragmentRequest", _nothing), answer=EMPTY
)
_HASH: Final = CallForm(
    request=Message("HashRequest", _nothing),
    answer=message("HashResponse", header=HEADER, hash=UINT32),
)
_HASH_KV: Final = CallForm(
    request=Message("HashKVRequest", _revision, revision=read_int64),
    answer=message(
        "HashKVResponse",
        header=HEADER,
        hash=UINT32,
        compact_revision=INT64,
        hash_revision=INT64,
    ),
    example={"revision": "0"},
)
_DOWNGRADE: Final = CallForm(
    request=Message(
        "DowngradeRequest",
        _Downgrade,
        action=Enumeration(
            {"VALIDATE": _VALIDATE, "ENABLE": _ENABLE, "CANCEL": _CANCEL}
        ),
        version=read_text,
    ),
    answer=message("DowngradeResponse", header=HEADER, version=TEXT),
    example={"action": "VALIDATE", "version": "3.4.0"},
    refusals=(501,),
)
_SNAPSHOT: Final = CallForm(
    request=Message("SnapshotRequest", _nothing),
    answer=message("SnapshotResponse", remaining_bytes=UINT64, blob=BYTES),
)


def maintenance_routes(
    maintenance: MaintenanceService, kv: KvService, streams: Streams
) -> Routes:
    """Return the calls of this family.

    Parameters
    ----------
    maintenance : MaintenanceService
        What they mean.
    kv : KvService
        Who answers, and in which term.
    streams : Streams
        What the snapshot is served by.

    Returns
    -------
    Routes
        For the gateway.
    """
    calls = _Maintenance(maintenance, kv)
    return {
        "maintenance/alarm": Route(calls.alarm, _ALARM),
        "maintenance/defragment": Route(calls.defragment, _DEFRAGMENT),
        "maintenance/hash": Route(calls.hash, _HASH, changes=False),
        "maintenance/hashkv": Route(calls.hash_kv, _HASH_KV, changes=False),
        "maintenance/downgrade": Route(calls.downgrade, _DOWNGRADE),
        "maintenance/snapshot": streams.of_answers(_SNAPSHOT, calls.snapshot),
    }


def write_alarm_text(kind: int, member_id: int) -> str:
    """Return an alarm as etcd's status has it among the errors.

    Parameters
    ----------
    kind : int
        One of `AlarmKind`.
    member_id : int
        Whose it is.

    Returns
    -------
    str
        The text of a protobuf message, with the space at its end.
    """
    whose = f"memberID:{member_id} " if member_id else ""
    return f"{whose}alarm:{_name_of(kind)} "


class _Maintenance:
    """The calls; see `maintenance_routes`."""

    def __init__(self, maintenance: MaintenanceService, kv: KvService) -> None:
        self._maintenance = maintenance
        self._kv = kv

    async def alarm(self, request: _AlarmRequest) -> bytes:
        """Say which alarms there are, raise one, or end one."""
        if request.action == _ACTIVATE and request.alarm not in list(AlarmKind):
            # etcd itself falls over one that it does not know.
            raise BadRequest("it must be NONE, NOSPACE or CORRUPT", "alarm")
        if request.action == _GET:
            alarms = await self._maintenance.alarms()
            if request.alarm != AlarmKind.NONE:
                alarms = [alarm for alarm in alarms if alarm.kind == request.alarm]
        elif request.action in (_ACTIVATE, _DEACTIVATE):
            alarms = await self._maintenance.set_alarm(
                request.action == _ACTIVATE, Alarm(request.alarm, request.memberID)
            )
        else:
            raise BadRequest("it must be GET, ACTIVATE or DEACTIVATE", "action")
        return b"{%b%b}" % (self._header(), _write_alarms(alarms))

    async def defragment(self, _request: None) -> bytes:
        """Let go of what can't be read any more."""
        await self._maintenance.defragment()
        return b"{}"

    async def hash(self, _request: None) -> bytes:
        """Say what this member's store can be compared by."""
        # Never 0, which would be left out: etcd's is over its file, never over nothing.
        number = (await self._maintenance.hash()).hash or 1
        return b"{%b%b}" % (self._header(), _write_hash(number))

    async def hash_kv(self, revision: int) -> bytes:
        """Say what this member's store can be compared by, at a revision."""
        found = await self._maintenance.hash(revision)
        compact = max(0, found.compact_revision)
        return b'{%b%b%b,"hash_revision":"%d"}' % (
            self._header(),
            _write_hash(found.hash),
            b',"compact_revision":"%d"' % compact if compact else b"",
            found.hash_revision,
        )

    async def downgrade(self, request: _Downgrade) -> bytes:
        """Say whether the cluster could go back to a version of etcd's."""
        if request.action == _CANCEL:
            raise NoDowngrade("a cluster has no downgrade under way, ever")
        # As etcd does: "3.4" is "3.4.0".
        found = _VERSION.fullmatch(request.version) or _VERSION.fullmatch(
            f"{request.version}.0"
        )
        if found is None:
            raise DowngradeVersionMalformed(f"{request.version!r} is no version")
        cluster = VERSION["etcdcluster"]
        major, minor, _ = map(int, cluster.split("."))
        if (int(found[1]), int(found[2])) != (major, minor - 1):
            raise DowngradeVersionInvalid(
                f"{request.version} is not one minor version below {cluster}"
            )
        if request.action != _VALIDATE:
            raise DowngradeUnsupported(
                "raftwerk: start an older version on one member after the other"
            )
        return b'{%b,"version":"%b"}' % (self._header(), cluster.encode())

    async def snapshot(self, _request: None) -> AsyncGenerator[bytes, None]:
        """Send the whole store."""
        async for part in self._maintenance.snapshot():
            remaining = b""
            if part.remaining_bytes:
                remaining = b'"remaining_bytes":"%d",' % part.remaining_bytes
            yield b'{%b"blob":%b}' % (remaining, msgspec.json.encode(part.blob))

    def _header(self) -> bytes:
        """Return the header of an answer."""
        return write_header(self._kv.header())


def _write_hash(number: int) -> bytes:
    """Return a hash; zero is left out."""
    return b',"hash":%d' % number if number else b""


def _write_alarms(alarms: Sequence[Alarm]) -> bytes:
    """Return alarms, if there are any."""
    said: list[dict[str, str | int]] = []
    for alarm in alarms:
        whose = {"memberID": str(alarm.member_id)} if alarm.member_id else {}
        said.append({**whose, "alarm": _name_of(alarm.kind)})
    return b',"alarms":%b' % msgspec.json.encode(said) if said else b""


def _name_of(kind: int) -> str | int:
    """Return a kind's name, or its number if it has none."""
    known = {each.value: each.name for each in AlarmKind}
    return known.get(kind, kind)
