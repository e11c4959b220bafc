"""What the page of a demo may do, over HTTP: one route, closed to all but that page.

The page carries a token that was drawn when the demo began; a request without it, or
from a page of another origin, is refused. Requests for any host but this machine's own
names are refused as well: otherwise a name that somebody else controls could be made to
lead here, and its page would be of our origin (DNS rebinding).
"""

import asyncio
import base64
import hmac
import json
import secrets
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import httpx
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from raftwerk.cli.demo_chaos import Chaos
from raftwerk.cli.demo_cluster import DemoCluster
from raftwerk.cli.demo_load import Load
from raftwerk.cli.demo_refusal import DemoRefusal
from raftwerk.cli.demo_watch import KeyWatch
from raftwerk.host.protocol import Timers
from raftwerk.monitor.hub import Hub

__all__ = ["DemoRoutes", "OwnHostOnly"]

VALUE_CHARS_MAX: Final = 10_000

OWN_NAMES: Final = frozenset({"127.0.0.1", "localhost", "[::1]"})

Act = Callable[[Mapping[str, Any]], Awaitable[str]]


class OwnHostOnly:
    """An application for those who call this machine by a name of its own.

    Parameters
    ----------
    app : ASGIApp
        What they get.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or refuse to.

        Parameters
        ----------
        scope, receive, send
            ASGI's.
        """
        if scope["type"] == "http":
            headers = dict(scope["headers"])
            host = headers.get(b"host", b"").decode("latin-1")
            if host.rpartition(":")[0] not in OWN_NAMES and host not in OWN_NAMES:
                refusal = PlainTextResponse("not a name of this machine\n", 403)
                await refusal(scope, receive, send)
                return
        await self._app(scope, receive, send)


class DemoRoutes:
    """The acts of a page, and the tasks that some of them begin.

    Parameters
    ----------
    cluster : DemoCluster
        What is acted upon.
    hub : Hub
        Shows what goes on by itself: load, chaos, watched keys.
    timers : Timers
        For chaos.

    Attributes
    ----------
    token : str
        What the page carries.
    """

    def __init__(self, cluster: DemoCluster, hub: Hub, *, timers: Timers) -> None:
        self.token = secrets.token_urlsafe(24)
        self._cluster = cluster
        self._hub = hub
        self._timers = timers
        self._load = Load(
            lambda: cluster.client_urls, lambda record: hub.publish(record, key="load")
        )
        self._watch = KeyWatch(cluster, hub)
        self._chaos: asyncio.Task[None] | None = None
        self._acts: dict[str, Act] = {
            "kill": self._kill,
            "stop": self._stop,
            "start": self._start,
            "pause": self._pause,
            "resume": self._resume,
            "cut": self._cut,
            "cut-way": self._cut_way,
            "heal": self._heal,
            "slow": self._slow,
            "transfer": self._transfer,
            "add": self._add,
            "remove": self._remove,
            "put": self._put,
            "get": self._get,
            "watch": self._watch_key,
            "unwatch": self._unwatch,
            "load": self._set_load,
            "chaos": self._set_chaos,
        }

    @property
    def routes(self) -> list[BaseRoute]:
        """What the page asks for."""
        return [Route("/act", self._answer, methods=["POST"])]

    async def run(self) -> None:
        """Do what goes on by itself, until cancelled."""
        try:
            await self._load.run()
        finally:
            self._watch.stop()
            if self._chaos is not None:
                self._chaos.cancel()

    # ---- who may ------------------------------------------------------------

    async def _answer(self, request: Request) -> Response:
        """Do what the page asks for, and say what came of it."""
        refusal = self._refusal(request)
        if refusal:
            return _say(403, refusal)
        try:
            wish = json.loads(await request.body())
            act = self._acts[wish["act"]]
        except (ValueError, KeyError, TypeError):
            return _say(400, f"one of {', '.join(self._acts)} is wanted as act")
        return await _outcome(act, wish)

    def _refusal(self, request: Request) -> str:
        """Say why a request is not one of our own page; empty if it is."""
        token = request.headers.get("x-raftwerk-token", "")
        if not hmac.compare_digest(token.encode(), self.token.encode()):
            return "without the token of this demo's page"
        origin = request.headers.get("origin")
        if origin != f"{request.url.scheme}://{request.headers.get('host')}":
            return f"from a page of another origin: {origin}"
        return ""

    # ---- processes and lines ------------------------------------------------

    async def _kill(self, wish: Mapping[str, Any]) -> str:
        """Kill a node."""
        self._cluster.kill(wish["node"])
        return f"{wish['node']} was killed; it comes back by itself"

    async def _stop(self, wish: Mapping[str, Any]) -> str:
        """Stop a node in order."""
        await self._cluster.halt(wish["node"])
        return f"{wish['node']} is stopped"

    async def _start(self, wish: Mapping[str, Any]) -> str:
        """Start a stopped node."""
        self._cluster.begin(wish["node"])
        return f"{wish['node']} starts"

    async def _pause(self, wish: Mapping[str, Any]) -> str:
        """Pause a node."""
        self._cluster.pause(wish["node"])
        return f"{wish['node']} is paused"

    async def _resume(self, wish: Mapping[str, Any]) -> str:
        """Let a paused node go on."""
        self._cluster.resume(wish["node"])
        return f"{wish['node']} goes on"

    async def _cut(self, wish: Mapping[str, Any]) -> str:
        """Cut a node off."""
        self._cluster.cut_off(wish["node"])
        return f"{wish['node']} is cut off"

    async def _cut_way(self, wish: Mapping[str, Any]) -> str:
        """Cut one direction."""
        self._cluster.cut_way(wish["from"], wish["to"])
        return f"nothing passes from {wish['from']} to {wish['to']}"

    async def _heal(self, wish: Mapping[str, Any]) -> str:
        """Heal a node's lines, or all."""
        name = wish.get("node")
        self._cluster.heal(name)
        return f"the lines of {name} are whole" if name else "all lines are whole"

    async def _slow(self, wish: Mapping[str, Any]) -> str:
        """Make all lines slow."""
        millis = min(max(int(wish["millis"]), 0), 2000)
        self._cluster.slow_down(millis)
        return f"each way takes {millis} ms"

    async def _transfer(self, wish: Mapping[str, Any]) -> str:
        """Let a node lead."""
        await self._cluster.transfer(wish["node"])
        return f"{wish['node']} leads"

    async def _add(self, _wish: Mapping[str, Any]) -> str:
        """Add a node."""
        return f"{await self._cluster.add()} was added as a learner"

    async def _remove(self, wish: Mapping[str, Any]) -> str:
        """Remove a node."""
        await self._cluster.remove(wish["node"])
        return f"{wish['node']} is removed"

    # ---- keys ---------------------------------------------------------------

    async def _kv(self, wish: Mapping[str, Any], path: str, **fields: str) -> Any:
        """Make a call to the key-value store of the node that the page chose."""
        name = wish.get("node") or next(iter(self._cluster.running), "")
        url = self._cluster.client_url(name)
        body = {
            field: base64.b64encode(text.encode()).decode()
            for field, text in fields.items()
        }
        answer = await self._cluster.http.post(f"{url}/v3/kv/{path}", json=body)
        said = answer.json()
        if not answer.is_success:
            raise DemoRefusal(f"{name}: {said.get('message', said)}")
        return said

    async def _put(self, wish: Mapping[str, Any]) -> str:
        """Write a key."""
        key, value = str(wish["key"]), str(wish["value"])[:VALUE_CHARS_MAX]
        if not key:
            raise DemoRefusal("a key has at least one character")
        said = await self._kv(wish, "put", key=key, value=value)
        self._cluster.act(f"wrote {_short(key)} = {_short(value)}")
        return f"wrote {_short(key)} at revision {said['header'].get('revision', '?')}"

    async def _get(self, wish: Mapping[str, Any]) -> str:
        """Read a key."""
        key = str(wish["key"])
        said = await self._kv(wish, "range", key=key)
        if "kvs" not in said:
            return f"there is no key {_short(key)}"
        (found,) = said["kvs"]
        value = base64.b64decode(found.get("value", "")).decode(errors="replace")
        return f"{_short(key)} = {_short(value)} (revision {found['mod_revision']})"

    async def _watch_key(self, wish: Mapping[str, Any]) -> str:
        """Watch all keys that begin like this."""
        self._watch.start(str(wish["key"]))
        return f"watching keys that begin with {_short(str(wish['key']))!r}"

    async def _unwatch(self, _wish: Mapping[str, Any]) -> str:
        """Watch no more."""
        self._watch.stop()
        return "watching nothing"

    # ---- what goes on by itself ---------------------------------------------

    async def _set_load(self, wish: Mapping[str, Any]) -> str:
        """Have so many requests a second."""
        rate = int(wish["rate"])
        self._load.set_rate(rate)
        return f"{rate} requests a second are tried" if rate else "no load"

    async def _set_chaos(self, wish: Mapping[str, Any]) -> str:
        """Begin chaos from a seed, or end it."""
        if self._chaos is not None:
            self._chaos.cancel()
            await asyncio.gather(self._chaos, return_exceptions=True)
            self._chaos = None
        seed = int(wish["seed"]) if wish.get("on") else None
        self._hub.publish({"type": "chaos", "seed": seed}, key="chaos")
        if seed is None:
            self._cluster.act("chaos ended")
            return "chaos ended; what was broken is mended"
        self._cluster.act(f"chaos began from seed {seed}")
        chaos = Chaos(self._cluster, seed, timers=self._timers)
        self._chaos = asyncio.create_task(chaos.run())
        return f"chaos from seed {seed}"


async def _outcome(act: Act, wish: Mapping[str, Any]) -> Response:
    """Do something, and say what came of it."""
    try:
        return JSONResponse({"text": await act(wish)})
    except DemoRefusal as error:
        return _say(409, str(error))
    except (KeyError, TypeError, ValueError) as error:
        return _say(400, f"that act needs more: {error}")
    except httpx.HTTPError as error:
        said = str(error) or type(error).__name__
        return _say(502, f"the node does not answer: {said}")


def _say(status: int, text: str) -> Response:
    """Return a refusal."""
    return JSONResponse({"error": text}, status)


def _short(text: str) -> str:
    """Return a text as it fits a line."""
    return text if len(text) <= 40 else f"{text[:39]}…"
