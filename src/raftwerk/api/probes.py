"""What machines ask to know whether we are well: health, life, readiness, version."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Final
from urllib.parse import parse_qs

import msgspec

from raftwerk.api.asgi import (
    Answer,
    Receive,
    Scope,
    Send,
    json_answer,
    send_answer,
    text_answer,
)
from raftwerk.api.status import status_of
from raftwerk.errors import RequestError
from raftwerk.host.patience import within
from raftwerk.host.protocol import Timers
from raftwerk.kv import AlarmKind
from raftwerk.service import NodeLike

__all__ = ["Probes"]

VERSION: Final = {"etcdserver": "3.5.1", "etcdcluster": "3.5.0"}
"""The line of etcd whose API this is: clients choose paths and features by it."""

PROBE_SECONDS: Final = 1.0
"""How long a read may take that only asks whether reads work: whoever probes gives up
about then, and would never hear why."""

_Probe = Callable[[Scope], Awaitable[Answer]]


class Probes:
    """Answers ``/health``, ``/livez``, ``/readyz`` and ``/version``.

    Parameters
    ----------
    node : NodeLike
        The member.
    alarms : callable
        Returns the kinds of the alarms that are raised, each with its member.
    timers : Timers, optional
        Bound how long a probe may take; without them, it may as long as a request.
    """

    def __init__(
        self,
        node: NodeLike,
        alarms: Callable[[], Iterable[tuple[int, int]]],
        timers: Timers | None = None,
    ) -> None:
        self._node = node
        self._alarms = alarms
        self._timers = timers
        self._is_draining = False
        self.routes: Mapping[str, _Probe] = {
            "/health": self._health,
            "/livez": self._livez,
            "/readyz": self._readyz,
            "/version": self._version,
        }

    def drain(self) -> None:
        """Be not ready from now on: this member is about to stop."""
        self._is_draining = True

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request whose path is one of `routes`.

        Parameters
        ----------
        scope : Scope
            The request.
        receive : Receive
            Not used: nobody asks with a body.
        send : Send
            Takes the answer.
        """
        del receive
        if scope["method"] == "GET":
            answer = await self.routes[scope["path"]](scope)
        else:
            allow = (b"allow", b"GET")
            answer = text_answer(405, "Method Not Allowed\n", allow)
        await send_answer(send, answer)

    async def _version(self, _scope: Scope) -> Answer:
        """Say which etcd this is like."""
        return json_answer(msgspec.json.encode(VERSION))

    async def _health(self, scope: Scope) -> Answer:
        """Say whether requests can be served; with ``serializable``, by us alone.

        Alarms count as ills, as in etcd, but for those that ``exclude`` names.
        """
        query = parse_qs(scope["query_string"].decode("latin-1"))
        is_serializable = query.get("serializable", [""])[-1] == "true"
        reason = self._alarm(query.get("exclude", []))
        reason = reason or await self._trouble(is_serializable)
        said = {"health": "false" if reason else "true", "reason": reason}
        body = msgspec.json.encode(said).decode()
        # The line's end is etcd's, which has it in this one of the two.
        return text_answer(503, body + "\n") if reason else text_answer(200, body)

    def _alarm(self, excluded: Iterable[str]) -> str:
        """Return the first alarm that counts, in etcd's words; or nothing."""
        for kind, _ in self._alarms():
            name = AlarmKind(kind).name if kind in list(AlarmKind) else "UNKNOWN"
            if name not in excluded:
                return f"ALARM {name}"
        return ""

    async def _trouble(self, is_serializable: bool) -> str:
        """Return why requests can't be served, in etcd's words; or nothing."""
        try:
            if self._node.status().leader is None:
                return "RAFT NO LEADER"
            if not is_serializable:
                await self._read()
        except TimeoutError:
            # Whoever led when we were asked may be known to be gone by now.
            if self._node.status().leader is None:
                return "RAFT NO LEADER"
            return f"QGET ERROR:no quorum answered within {PROBE_SECONDS:g} s"
        except RequestError as error:
            return f"QGET ERROR:{status_of(error).text}"
        return ""

    async def _read(self) -> None:
        """Read as a client would; whoever probes won't wait as long as one."""
        if self._timers is None:
            await self._node.read_barrier()
        else:
            await within(self._timers, PROBE_SECONDS, self._node.read_barrier())

    async def _livez(self, _scope: Scope) -> Answer:
        """Say that we run: who can't answer this needs to be started again."""
        return text_answer(200, "ok\n")

    async def _readyz(self, _scope: Scope) -> Answer:
        """Say whether requests should be sent here."""
        reason = "stopping" if self._is_draining else await self._trouble(False)
        if reason:
            return text_answer(503, f"not ready: {reason}\n")
        return text_answer(200, "ok\n")
