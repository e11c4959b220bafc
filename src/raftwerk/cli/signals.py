"""Being asked to stop: by SIGTERM, by ctrl-c, by a terminal that closes."""

import asyncio
import os
import signal
from collections.abc import Callable
from types import TracebackType
from typing import Final, Self

__all__ = ["StopSignals"]

STOPPING: Final = (signal.SIGTERM, signal.SIGINT)


class StopSignals:
    """While this is open, the first signal to stop is noted and the second obeyed.

    SIGINT is handled even where it was ignored: a shell starts background jobs like
    that, and whoever sends it to one of ours means it. SIGHUP is handled unless it was
    ignored, which is what ``nohup`` asks for: it asks to read the settings again where
    that means something, and to stop when it comes because the terminal was closed.
    """

    def __init__(self) -> None:
        """Have nothing asked for yet."""
        self.on_reload: Callable[[], object] | None = None
        self._has_terminal = _has_terminal()
        self._loop = asyncio.get_running_loop()
        self._stopping = asyncio.Event()
        self._handled: list[signal.Signals] = []

    @property
    def is_stopping(self) -> bool:
        """Whether stopping was asked for."""
        return self._stopping.is_set()

    async def wait(self) -> None:
        """Return once stopping was asked for."""
        await self._stopping.wait()

    def stop(self) -> None:
        """Ask for it from within."""
        self._stopping.set()

    def __enter__(self) -> Self:
        """Set the handlers."""
        self._handled = [*STOPPING]
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
            self._handled.append(signal.SIGHUP)
        for number in self._handled:
            self._loop.add_signal_handler(number, self._on_signal, number)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Take the handlers away; what comes from now on ends the process."""
        for number in self._handled:
            self._loop.remove_signal_handler(number)
            signal.signal(number, signal.SIG_DFL)

    def _on_signal(self, number: signal.Signals) -> None:
        """Note the first, obey the second."""
        reload = self.on_reload if number == signal.SIGHUP else None
        if reload is not None and (not self._has_terminal or _has_terminal()):
            reload()  # pylint: disable=not-callable  # it sees the None alone
            return
        if not self._stopping.is_set():
            self._stopping.set()
            return
        # By the signal itself, so that whoever waits for us learns what happened.
        self._loop.remove_signal_handler(number)
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)


def _has_terminal() -> bool:
    """Tell whether this process belongs to a terminal; not after that was closed."""
    try:
        os.close(os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY))
    except OSError:
        return False
    return True
