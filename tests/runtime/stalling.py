"""A host whose process can be stopped for a while, as with SIGSTOP."""

from collections.abc import Callable
from typing import Any

import msgspec

from raftwerk.host.protocol import Host, Timer

__all__ = ["Stall"]


class Stall:
    """Makes hosts whose timers, and with them the network's mail, wait while it lasts.

    What comes due meanwhile happens at the end, in its order.
    """

    def __init__(self) -> None:
        self.is_on = False
        self._late: list[Callable[[], object]] = []

    def make_host(self, host: Host) -> Host:
        """Return a host that stalls."""
        return msgspec.structs.replace(host, timers=_Timers(self, host))

    def begin(self) -> None:
        """Run nothing more."""
        self.is_on = True

    def end(self) -> None:
        """Run what has waited, and go on."""
        self.is_on = False
        late, self._late = self._late, []
        for call in late:
            call()

    def pass_on(self, callback: Callable[..., object], *args: Any) -> None:
        """Call now, or at the end of the stall."""
        if self.is_on:
            self._late.append(lambda: callback(*args))
        else:
            callback(*args)


class _Timers:
    """Timers of a process that may be stalled."""

    def __init__(self, stall: Stall, host: Host) -> None:
        self._stall = stall
        self._inner = host.timers

    def call_later(
        self, delay_seconds: float, callback: Callable[..., object], *args: Any
    ) -> Timer:
        return self._inner.call_later(
            delay_seconds, self._stall.pass_on, callback, *args
        )

    def sleep(self, delay_seconds: float) -> Any:
        return self._inner.sleep(delay_seconds)
