"""Replays the steps of a recorded case, and says what is not as it was recorded."""

import asyncio
from collections.abc import Iterator
from typing import Any

import msgspec

from tests.api.asgi_stream import Exchange
from tests.api.conformance.pattern import Pattern, body_of
from tests.api.documented import Documented
from tests.api.whole_member import WholeMember

__all__ = ["Replay"]

ANSWER_SECONDS = 10.0
MESSAGE_SECONDS = 5.0
SETTLE_SECONDS = 0.1
IDLE_MILLIS = 300

Step = dict[str, Any]


class Replay:
    """One case against one member.

    Parameters
    ----------
    member : WholeMember
        Whom to ask; its store is empty.
    documented : Documented
        What the document of the API says; all that is taken and answered is held
        against it.
    """

    def __init__(self, member: WholeMember, documented: Documented) -> None:
        self._member = member
        self._documented = documented
        self._paths: dict[str, str] = {}
        self._pattern = Pattern(member.store.revision)
        self._streams: dict[str, Exchange] = {}

    async def run(self, steps: list[Step]) -> list[str]:
        """Return what differs; the first step that has differences is the last."""
        try:
            for number, step in enumerate(steps, 1):
                if found := [each async for each in self._step(step)]:
                    return [f"step {number}: {each}" for each in found]
            return []
        finally:
            for stream in self._streams.values():
                await stream.close()

    # pylint: disable-next=too-many-branches  # one for each kind of step
    async def _step(self, step: Step) -> Any:
        """Yield what is not as it was recorded in one step."""
        match step:
            case {"sleep_ms": millis}:
                await asyncio.sleep(millis / 1000)
            case {"open": name}:
                self._streams[name] = self._open(step)
                self._paths[name] = step["path"]
                await asyncio.sleep(SETTLE_SECONDS)
            case {"close": name}:
                await self._streams.pop(name).close()
            case {"idle": name}:
                millis = step.get("ms", IDLE_MILLIS)
                line = await self._streams[name].next_line(millis / 1000)
                if line is not None:
                    yield f"{name}: want silence, got {line!r}"
            case {"end": name}:
                line = await self._streams[name].next_line(MESSAGE_SECONDS)
                if line is not None or not self._streams[name].has_ended:
                    yield f"{name}: want the end, got {line!r}"
            case {"read": name, "messages": messages}:
                for each in [each async for each in self._read(name, messages)]:
                    yield each
                got = self._streams[name].status
                if step.get("status", got) not in ("$ANY", got):
                    yield f"{name}: want HTTP {step['status']}, got {got}"
            case {"path": path}:
                exchange = self._open(step)
                await exchange.whole(ANSWER_SECONDS)
                for each in self._compare(step, exchange):
                    yield f"{path}: {each}"
            case _:
                raise NotImplementedError(step)

    def _open(self, step: Step) -> Exchange:
        """Begin a request."""
        return self._member.open(
            step["method"],
            step["path"],
            body_of(step, self._pattern),
            self._pattern.fill(step.get("headers", {})),
        )

    async def _read(self, name: str, messages: list[Any]) -> Any:
        """Yield what differs in the next messages of a stream."""
        for place, want in enumerate(messages):
            line = await self._streams[name].next_line(MESSAGE_SECONDS)
            if line is None:
                yield f"{name}[{place}]: want {want}, got nothing"
                return
            got = msgspec.json.decode(line)
            for each in self._pattern.differences(want, got, f"{name}[{place}]"):
                yield each
            path, status = self._paths[name], self._streams[name].status
            for each in self._documented.of_answer("POST", path, status, got):
                yield f"{name}[{place}]: {each}"

    def _compare(self, step: Step, exchange: Exchange) -> Iterator[str]:
        """Yield what differs in a plain answer."""
        if exchange.status != step["status"]:
            yield f"want HTTP {step['status']}, got {exchange.status}"
        try:
            got = msgspec.json.decode(exchange.body)
        except msgspec.DecodeError:
            got = exchange.body.decode().removesuffix("\n")
        yield from self._pattern.differences(step["response"], got)
        method, path, status = step["method"], step["path"], exchange.status
        yield from self._documented.of_answer(method, path, status, got)
        if method == "POST" and status == 200 and "body" in step:
            body = msgspec.json.decode(body_of(step, self._pattern) or b"")
            yield from self._documented.of_request(path, body)
        for name, value in step.get("response_headers", {}).items():
            header = exchange.headers.get(name.lower())
            yield from self._pattern.differences(value, header, name)
