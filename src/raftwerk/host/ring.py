"""Syncs that the kernel does beside the loop, without a thread that runs Python.

A thread that syncs must be let in by the interpreter before and after: each time it
waits until the loop's thread lets go of the interpreter, and the loop's thread waits to
have it back. With ``io_uring`` a sync costs one system call to ask for, and the loop is
woken by its end as by any socket. Where the kernel has none, or does not let us (as in
many containers), there is no ring, and threads sync.
"""

import asyncio
import os
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from caio.linux_uring import Context, Operation

__all__ = ["Ring"]

REQUESTS_MAX: Final = 64
"""Syncs under way at a time; a member has one."""


class Ring:
    """`FileSyncs` by the kernel; made with the first sync, on the running loop."""

    def __init__(self) -> None:
        """Know nothing of the kernel yet."""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._context: "Context | None" = None
        self._under_way: dict[int, Callable[[OSError | None], None]] = {}
        self._count = 0
        self._is_asking = False

    def sync(self, descriptor: int, done: Callable[[OSError | None], None]) -> bool:
        """Do as `FileSyncs.sync` says."""
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            self._open(loop)
        context = self._context
        if context is None or len(self._under_way) >= REQUESTS_MAX:
            return False
        self._count += 1
        number = self._count
        self._under_way[number] = done
        operation = _operations().fdsync(descriptor)
        operation.set_callback(partial(self._end, number))
        self._is_asking = True
        try:
            context.submit(operation)
            context.flush()
        except SystemError:  # that is how it tells the system's errors
            # Whether it was asked is unknown, so its answer is not waited for, and
            # nothing more is asked.
            loop.remove_reader(context.fileno)
            self._context = None
            return self._under_way.pop(number, None) is None
        finally:
            self._is_asking = False
        return True

    def _open(self, loop: asyncio.AbstractEventLoop) -> None:
        """Make a ring for a loop, if the kernel has one for us."""
        self._loop, self._context = loop, None
        self._under_way.clear()
        try:
            context = _contexts()(max_requests=REQUESTS_MAX)
            loop.add_reader(context.fileno, self._look)
        except (ImportError, OSError, SystemError, NotImplementedError):
            return  # Another system, an old kernel, a container's rules, the loop.
        self._context = context

    def _look(self) -> None:
        """Take what has ended."""
        context = self._context
        if context is not None:
            with suppress(BlockingIOError):  # an earlier look has taken its count
                context.poll()
            while context.process_events():
                pass

    def _end(self, number: int, result: int) -> None:
        """Tell who waits; in a later turn, if it has ended while it was asked for."""
        done = self._under_way.pop(number, None)
        if done is None:
            return  # It was given up, or belongs to a loop that is gone.
        error = OSError(-result, os.strerror(-result)) if result < 0 else None
        if self._is_asking and self._loop is not None:
            self._loop.call_soon(done, error)
        else:
            done(error)


def _contexts() -> "type[Context]":
    """Return the library's rings; it is there on Linux alone."""
    # pylint: disable-next=import-outside-toplevel  # see above
    from caio.linux_uring import Context

    return Context


def _operations() -> "type[Operation]":
    """Return what the library's rings do."""
    # pylint: disable-next=import-outside-toplevel  # as in `_contexts`
    from caio.linux_uring import Operation

    return Operation
