"""A thread's jobs, each with what the loop is to do when it has ended.

Whoever gives a job away must think of the same four ends each time: it succeeds, it
fails, the member stops meanwhile, or what is done with the result fails. They are
thought of here, once.
"""

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

from raftwerk.host.protocol import Threads

__all__ = ["Worker"]

Result = TypeVar("Result")


class Worker:
    """One thread, and the jobs that it was given.

    Parameters
    ----------
    threads : Threads
        Does the jobs, in order.
    on_error : callable
        Takes what a job raised, or what was done with its result, where nothing else
        is said.
    """

    def __init__(
        self, threads: Threads, on_error: Callable[[BaseException], None]
    ) -> None:
        self._threads = threads
        self._on_error = on_error
        self._running: list[asyncio.Future[Any]] = []
        self._is_closed = False

    @property
    def is_closed(self) -> bool:
        """Whether no job is begun any more.

        Returns
        -------
        bool
            After `close`.
        """
        return self._is_closed

    @property
    def is_idle(self) -> bool:
        """Whether all jobs that were given are done.

        Returns
        -------
        bool
            True: what they touch is nobody's now.
        """
        return not self._running

    def run(
        self,
        job: Callable[[], Result],
        then: Callable[[Result], object],
        otherwise: Callable[[BaseException], object] | None = None,
    ) -> None:
        """Have a job done; nothing happens if the worker is closed.

        Parameters
        ----------
        job : callable
            Runs beside the loop, and touches nothing of it.
        then : callable
            Takes the result, on the loop's thread; not called once the worker is
            closed.
        otherwise : callable, optional
            Takes what the job raised instead of `on_error`; the same.
        """
        if self._is_closed:
            return
        running: asyncio.Future[Result] = asyncio.ensure_future(self._threads.run(job))
        self._running.append(running)
        running.add_done_callback(lambda done: self._end(done, then, otherwise))

    def _end(
        self,
        done: "asyncio.Future[Result]",
        then: Callable[[Result], object],
        otherwise: Callable[[BaseException], object] | None,
    ) -> None:
        """Go on with the result of a job."""
        self._running.remove(done)
        if done.cancelled():
            return
        error = done.exception()  # Looked at in any case, or asyncio complains.
        if self._is_closed:
            return
        try:
            if error is None:
                then(done.result())
            elif otherwise is not None:
                otherwise(error)
            else:
                self._on_error(error)
        # pylint: disable-next=broad-exception-caught  # any ends it
        except Exception as failure:
            self._on_error(failure)  # Half of something is done: nobody may go on.

    async def close(self) -> None:
        """Begin no job any more, and wait for those that were given."""
        self._is_closed = True
        while self._running:
            await asyncio.wait(self._running)
        self._threads.close()
