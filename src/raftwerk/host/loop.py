"""An asyncio event loop whose time stands still while anything happens.

Tasks, futures and callbacks are asyncio's own; only the question "what next, and when?"
is answered anew, in one method. What is ready runs in the order in which it became
ready. When nothing is, the clock jumps to the earliest timer; timers of one moment fire
in the order in which they were set. There is no selector, no socket and no thread, so
nothing can happen that was not set off from within: two runs of one program are equal,
however slow the machine is.

Three things that a real loop lets pass are errors here, because a test must not hang or
pass by accident: all tasks wait and no timer is left (`Deadlock`), callbacks keep each
other busy and time never moves on, and an exception that nobody took.
"""

import asyncio
import math
from collections import deque
from collections.abc import Callable, Coroutine, Iterator
from contextlib import suppress
from contextvars import Context, ContextVar, copy_context
from heapq import heapify, heappop, heappush
from typing import Any, Final, NoReturn, Protocol, TypeVar, TypeVarTuple

from raftwerk.errors import Deadlock, InvariantViolation, require

__all__ = ["OWNER", "VirtualLoop", "run"]

Args = TypeVarTuple("Args")
Result = TypeVar("Result")

OWNER: ContextVar[object] = ContextVar("OWNER", default=None)
"""On whose behalf code runs; contexts carry it on to all that this code starts."""

RESOLUTION_SECONDS: Final = 1e-9
"""The shortest delay above zero, as on a real clock."""

CALLS_MAX: Final = 1_000_000
"""What the loop calls at one moment, until we believe that it will never end."""

FINALLY_BLOCKS_MAX: Final = 100
"""Times that a coroutine which is closed may await something all the same."""

NAMED_TASKS_MAX: Final = 8
"""Tasks that the message of a `Deadlock` names."""


# The loop makes one for each thing that happens, so both are made without asking
# whether it debugs, which asyncio does each time. The fields are all that theirs have.
# pylint: disable=super-init-not-called


class _Handle(asyncio.Handle):
    """A callback that is due."""

    __slots__ = ()

    def __init__(
        self,
        callback: Callable[..., object],
        args: tuple[Any, ...],
        loop: asyncio.AbstractEventLoop,
        context: Context | None,
    ) -> None:
        self._context = copy_context() if context is None else context
        self._loop = loop
        self._callback = callback
        self._args = args
        self._cancelled = False
        self._repr = None
        self._source_traceback = None


class _TimerHandle(asyncio.TimerHandle):
    """A callback that will be due."""

    __slots__ = ()

    def __init__(
        self,
        when: float,
        callback: Callable[..., object],
        args: tuple[Any, ...],
        loop: asyncio.AbstractEventLoop,
        context: Context | None,
    ) -> None:
        self._when = when
        self._scheduled = True
        self._context = copy_context() if context is None else context
        self._loop = loop
        self._callback = callback
        self._args = args
        self._cancelled = False
        self._repr = None
        self._source_traceback = None


# pylint: enable=super-init-not-called


class _Task(asyncio.Task[Result]):
    """A task that knows its owner, and whose hash is its number.

    asyncio keeps tasks in sets (in task groups, for instance) and cancels them in the
    order of the set: with the usual hash that is the order of their addresses.
    """

    def __init__(self, number: int, coroutine: Any, **options: Any) -> None:
        context: Context | None = options.get("context")
        self.owner = context.get(OWNER) if context else OWNER.get()
        self._number = number
        super().__init__(coroutine, **options)

    def __hash__(self) -> int:
        return self._number

    def set_name(self, value: object) -> None:
        """Name the task; Python 3.13 passes None where nobody gave it a name."""
        if value is not None:
            super().set_name(value)

    def bury(self) -> None:
        """End the coroutine where it waits: nobody will ever run it again."""
        # pylint: disable-next=attribute-defined-outside-init  # asyncio's, to be silent
        self._log_destroy_pending = False
        coroutine = self.get_coro()
        require(isinstance(coroutine, Coroutine), "a task of ours has a coroutine")
        # A `finally` block may await something (that is a RuntimeError here) or raise;
        # to close what is closed does nothing.
        for _ in range(FINALLY_BLOCKS_MAX):
            with suppress(Exception):
                coroutine.close()


class _Countdown:
    """Stands where callbacks are held back: it runs them, and strikes after some."""

    def __init__(self, turns: int, strike: Callable[[], None]) -> None:
        self._turns = turns
        self._strike = strike

    def append(self, handle: _Handle | _TimerHandle) -> None:
        """Run a callback; after the last one, strike."""
        handle._run()  # pylint: disable=protected-access  # as in `_run_once`
        self._turns -= 1
        if self._turns == 0:
            self._strike()

    def __iter__(self) -> Iterator[_Handle | _TimerHandle]:
        """Return what was held back: nothing."""
        return iter(())


class Sockets(Protocol):
    """What connects machines of a simulated world."""

    async def connect(self, factory: Any, host: str, port: int) -> Any:
        """Connect, as `asyncio.AbstractEventLoop.create_connection` does.

        Parameters
        ----------
        factory : callable
            Makes the protocol at this end.
        host : str
            With whom.
        port : int
            And on which port.

        Returns
        -------
        tuple of asyncio.Transport and asyncio.Protocol
            This end.
        """

    async def listen(self, factory: Any, host: str, port: int) -> Any:
        """Listen, as `asyncio.AbstractEventLoop.create_server` does.

        Parameters
        ----------
        factory : callable
            Makes the protocol of each connection.
        host : str
            Where.
        port : int
            And on which port.

        Returns
        -------
        asyncio.Server
            To be closed.
        """


class VirtualLoop(asyncio.BaseEventLoop):  # pylint: disable=abstract-method  # no I/O
    """A loop on virtual time; it begins at 0.0 seconds.

    It relies on one inner method of `asyncio.BaseEventLoop`, `_run_once`, which
    ``run_forever`` calls until the loop is stopped.

    Examples
    --------
    >>> import asyncio
    >>> async def hour() -> float:
    ...     await asyncio.sleep(3600)
    ...     return asyncio.get_running_loop().time()
    >>> run(hour())
    3600.0
    """

    _closed: bool
    """Of the base class: whether nothing may be begun any more."""

    _stopping: bool
    """Of the base class: whether this turn is the last of `run_forever`."""

    def __init__(self) -> None:
        """Begin at 0.0 seconds with nothing to do."""
        super().__init__()
        self.sockets: Sockets | None = None
        """Simulated ones, of whoever simulates a world; else there are none."""
        self.seconds = 0.0
        """The virtual time; to be read, by those who ask for it all the time."""
        self._due: deque[_Handle | _TimerHandle] = deque()
        self._timers: list[tuple[float, int, _TimerHandle]] = []
        self._timers_set = 0
        self._timers_cancelled = 0
        self._calls = 0
        self._tasks_made = 0
        self._abandoned: set[object] = set()
        self._suspended: dict[object, list[_Handle | _TimerHandle] | _Countdown] = {}
        self._pinned: list[_Task[Any]] = []
        self._failures: list[dict[str, Any]] = []
        self.set_task_factory(self._make_task)  # type: ignore[arg-type]  # see there

    def __del__(self, *_warn: object) -> None:
        """Warn of nothing: unlike a real loop, this one holds nothing of the system."""

    # -- What asyncio asks of a loop ---------------------------------------------------

    def time(self) -> float:
        """Return the virtual time in seconds.

        Returns
        -------
        float
            Since the loop was made.
        """
        return self.seconds

    def call_soon(
        self,
        callback: Callable[[*Args], object],
        *args: *Args,
        context: Context | None = None,
    ) -> asyncio.Handle:
        """Do as `asyncio.AbstractEventLoop.call_soon` says."""
        if self._closed:
            self._refuse()
        handle = _Handle(callback, args, self, context)
        self._due.append(handle)
        return handle

    # There are no other threads; who calls this is on the loop's.
    call_soon_threadsafe = call_soon

    def call_later(
        self,
        delay: float,
        callback: Callable[[*Args], object],
        *args: *Args,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        """Do as `asyncio.AbstractEventLoop.call_later` says."""
        return self.set_timer(delay, callback, args, context)

    def call_at(
        self,
        when: float,
        callback: Callable[[*Args], object],
        *args: *Args,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        """Do as `asyncio.AbstractEventLoop.call_at` says."""
        if self._closed:
            self._refuse()
        return self._set(when, callback, args, context)

    def run_in_executor(
        self, executor: object, func: object, *args: object
    ) -> NoReturn:
        """Refuse: a thread would bring real time in.

        Parameters
        ----------
        executor : object
            Not used.
        func : object
            Named in the error.
        *args : object
            Not used.

        Raises
        ------
        InvariantViolation
            Always.
        """
        raise InvariantViolation(
            f"{func!r} was given to a thread, and a virtual loop has none; use the"
            " threads of its host"
        )

    # asyncio takes many options of sockets, of which a simulated world has none.
    # pylint: disable=signature-differs

    async def create_connection(  # type: ignore[override]  # as above
        self,
        protocol_factory: Callable[[], asyncio.BaseProtocol],
        host: str,
        port: int,
        **_options: object,
    ) -> Any:
        """Do as `asyncio.AbstractEventLoop.create_connection` says, if there is one.

        Parameters
        ----------
        protocol_factory : callable
            Makes the protocol at this end.
        host : str
            With whom.
        port : int
            And on which port.
        **_options : object
            Not used.

        Returns
        -------
        tuple of asyncio.Transport and asyncio.Protocol
            As `Sockets.connect` has it.

        Raises
        ------
        InvariantViolation
            If this loop was given no sockets.
        """
        return await self._given_sockets().connect(protocol_factory, host, port)

    async def create_server(  # type: ignore[override]  # as above
        self,
        protocol_factory: Callable[[], asyncio.BaseProtocol],
        host: str,
        port: int,
        **_options: object,
    ) -> Any:
        """Do as `asyncio.AbstractEventLoop.create_server` says, if there is one.

        Parameters
        ----------
        protocol_factory : callable
            Makes the protocol of each connection.
        host : str
            Where to listen.
        port : int
            And on which port.
        **_options : object
            Not used.

        Returns
        -------
        asyncio.Server
            As `Sockets.listen` has it.

        Raises
        ------
        InvariantViolation
            If this loop was given no sockets.
        """
        return await self._given_sockets().listen(protocol_factory, host, port)

    # pylint: enable=signature-differs

    def _given_sockets(self) -> Sockets:
        """Return the simulated sockets."""
        if self.sockets is None:
            raise InvariantViolation("a virtual loop has no sockets but simulated ones")
        return self.sockets

    def default_exception_handler(self, context: dict[str, Any]) -> None:
        """Keep what nobody took, to raise it right after this call.

        Parameters
        ----------
        context : dict
            As `asyncio.AbstractEventLoop.call_exception_handler` has it.
        """
        if self.is_closed():
            super().default_exception_handler(context)
        else:
            self._failures.append(context)

    def close(self) -> None:
        """Cancel what still runs, let it end, and close.

        Raises
        ------
        Exception
            What went wrong in the meantime and nobody took.
        Deadlock
            If a task does not end although it was cancelled.
        """
        if self.is_closed():
            return
        live = [task for task in self._all_tasks() if task not in self._pinned]
        for owner in list(self._suspended):
            self.resume(owner)  # its tasks could never end
        for task in live:
            task.cancel()
        try:
            self._raise_failure()
            if live:
                self.run_until_complete(asyncio.gather(*live, return_exceptions=True))
            self.run_until_complete(self.shutdown_asyncgens())
        finally:
            for task in self._pinned:
                task.bury()
            self._due.clear()
            self._timers.clear()
            super().close()

    # -- What a simulated world asks of it ---------------------------------------------

    def set_timer(
        self,
        delay: float,
        callback: Callable[[*Args], object],
        args: tuple[*Args],
        context: Context | None,
    ) -> asyncio.TimerHandle:
        """Do as `call_later`, without taking arguments apart and together again.

        Parameters
        ----------
        delay : float
            In seconds.
        callback : callable
            What is called then.
        args : tuple
            With what.
        context : contextvars.Context or None
            In which; None: in a copy of the present one.

        Returns
        -------
        asyncio.TimerHandle
            To be cancelled.
        """
        if self._closed:
            self._refuse()
        if 0.0 < delay < RESOLUTION_SECONDS:
            # Who waits for the rest of a tick might wait for it again and again, with
            # sums in which it vanishes, and time would never move on.
            delay = RESOLUTION_SECONDS
        # As `_set` does, which is not called: there are more timers than anything else.
        when = self.seconds + delay
        handle = _TimerHandle(when, callback, args, self, context)
        if when > self.seconds:
            self._timers_set += 1
            heappush(self._timers, (when, self._timers_set, handle))
        elif when <= self.seconds:
            self._due.append(handle)
        else:
            require(False, "a timer has a time, not a NaN")
        return handle

    def abandon(self, owner: object) -> None:
        """Never again run code on behalf of this owner: as if its process were killed.

        Not even its ``finally`` blocks run, before the loop is closed.

        Parameters
        ----------
        owner : object
            The value of `OWNER` in the contexts of that code.
        """
        self._abandoned.add(owner)
        # Kept, because a coroutine that is collected runs its `finally` blocks too.
        self._pinned += [task for task in self._all_tasks() if task.owner is owner]

    def suspend(self, owner: object) -> None:
        """Run no code on behalf of this owner until `resume`: as SIGSTOP would.

        Parameters
        ----------
        owner : object
            The value of `OWNER` in the contexts of that code.
        """
        if not isinstance(self._suspended.get(owner), list):
            self._suspended[owner] = []

    def strike_after(
        self, owner: object, turns: int, strike: Callable[[], None]
    ) -> None:
        """Have something happen between two callbacks of this owner.

        That may be amid all that is due at one moment, where no timer ever comes.

        Parameters
        ----------
        owner : object
            The value of `OWNER` in the contexts of its code; not one that is suspended.
            If it is suspended later, or resumed, nothing will happen.
        turns : int
            How many more callbacks run before; from 1.
        strike : callable
            What happens; it may abandon the owner.
        """

        def _once() -> None:
            """Strike, and count no more."""
            del self._suspended[owner]
            strike()

        require(owner not in self._suspended, "who is suspended takes no turns")
        self._suspended[owner] = _Countdown(turns, _once)

    def resume(self, owner: object) -> None:
        """Run all that was held back, in the order in which it became due.

        Parameters
        ----------
        owner : object
            Nothing happens if it was not suspended.
        """
        self._due.extend(self._suspended.pop(owner, ()))

    # -- Inside ------------------------------------------------------------------------

    def _run_once(self) -> None:
        """Run all that is due, one thing after the other, until the loop is stopped.

        `run_forever` of the base class calls this. What is due when the loop is stopped
        stays due: it is run when the loop goes on, or is closed.
        """
        # pylint: disable=protected-access  # a loop runs handles: theirs is made for it
        due, abandoned, suspended = self._due, self._abandoned, self._suspended
        while True:
            if not due:
                if self._stopping:
                    return
                self._jump()
            self._calls += 1
            if self._calls > CALLS_MAX:
                raise InvariantViolation(
                    f"{CALLS_MAX} calls of the loop at {self.seconds} s, and time does"
                    " not move on: something waits without a timer, or nothing takes"
                    " any time"
                )
            handle = due.popleft()
            if handle._cancelled:
                continue
            if abandoned or suspended:
                # Whose process was killed or stands still must not run now.
                owner = handle._context.get(OWNER)
                if owner in abandoned:
                    continue
                if owner in suspended:
                    suspended[owner].append(handle)
                    continue
            try:  # what `asyncio.Handle._run` does, without a call for each
                handle._context.run(handle._callback, *handle._args)
            except (SystemExit, KeyboardInterrupt):
                raise
            # pylint: disable-next=broad-exception-caught  # raised right below
            except BaseException as error:
                words = f"Exception in callback {handle!r}"
                self.call_exception_handler(
                    {"message": words, "exception": error, "handle": handle}
                )
            if self._failures:
                self._raise_failure()
            if self._stopping:
                return

    def _set(
        self,
        when: float,
        callback: Callable[..., object],
        args: tuple[Any, ...],
        context: Context | None,
    ) -> asyncio.TimerHandle:
        """Set a timer; one whose time has come is due behind all that is."""
        handle = _TimerHandle(when, callback, args, self, context)
        if when > self.seconds:
            self._timers_set += 1
            heappush(self._timers, (when, self._timers_set, handle))
        elif when <= self.seconds:
            self._due.append(handle)
        else:
            require(False, "a timer has a time, not a NaN")
        return handle

    def _jump(self) -> None:
        """Move the time on to the earliest timer that was not cancelled.

        All of that moment are due then, in the order in which they were set; none is
        left behind that would have been due before, for those never wait here.
        """
        # pylint: disable=protected-access  # as in `_run_once`
        timers, due = self._timers, self._due
        now = -1.0
        while timers:
            handle = timers[0][2]
            if not handle._cancelled:
                when = timers[0][0]
                if now < 0.0:
                    if when == math.inf:
                        break
                    self.seconds = now = when
                    self._calls = 0
                elif when > now:
                    return
                due.append(handle)
            heappop(timers)
        if now < 0.0:
            raise Deadlock(self._describe_deadlock())

    def _timer_handle_cancelled(self, _handle: asyncio.TimerHandle) -> None:
        """Forget cancelled timers once they may be the greater part.

        `asyncio.TimerHandle` calls this; a Raft node sets many timers that never fire.
        """
        self._timers_cancelled += 1
        if self._timers_cancelled > 64 + len(self._timers) // 2:
            self._timers[:] = [item for item in self._timers if not item[2].cancelled()]
            heapify(self._timers)
            self._timers_cancelled = 0

    def _make_task(
        self,
        _loop: asyncio.AbstractEventLoop,
        coroutine: Coroutine[Any, Any, Result],
        **options: Any,
    ) -> _Task[Result]:
        """Make a task; asyncio has more options than its types tell."""
        self._tasks_made += 1
        return _Task(self._tasks_made, coroutine, loop=self, **options)

    def _all_tasks(self) -> list[_Task[Any]]:
        """Return the tasks that are not done, in the order in which they were made."""
        tasks = asyncio.all_tasks(self)
        return sorted((t for t in tasks if isinstance(t, _Task)), key=hash)

    @staticmethod
    def _refuse() -> NoReturn:
        """Raise because the loop was closed, as asyncio does."""
        raise RuntimeError("Event loop is closed")

    def _describe_deadlock(self) -> str:
        """Name those that wait, and where."""
        waiting = [task for task in self._all_tasks() if task not in self._pinned]
        count = "1 task waits" if len(waiting) == 1 else f"{len(waiting)} tasks wait"
        lines = [
            f"at {self.seconds} s nothing is ready and no timer is set, but {count}:"
        ]
        for task in waiting[:NAMED_TASKS_MAX]:
            for frame in task.get_stack(limit=1):
                place = f"{frame.f_code.co_qualname}, line {frame.f_lineno}"
                lines.append(f"  {task.get_name()} in {place}")
        return "\n".join(lines)

    def _raise_failure(self) -> None:
        """Raise the first failure, if there is one, with what asyncio said of it."""
        if not self._failures:
            return
        context = self._failures[0]
        self._failures.clear()
        exception = context.get("exception")
        if exception is None:
            raise InvariantViolation(f"virtual loop: {context}")
        exception.add_note(f"virtual loop: {context['message']}")
        raise exception


def run(main: Coroutine[Any, Any, Result]) -> Result:
    """Run a coroutine on a virtual loop of its own, and close that.

    Parameters
    ----------
    main : Coroutine
        What to run; all it needs of time, it takes from the running loop.

    Returns
    -------
    object
        What the coroutine returned.

    Raises
    ------
    Deadlock
        If it can't end, because nothing is left that could wake a task.

    Examples
    --------
    >>> async def day() -> str:
    ...     await asyncio.sleep(86_400.0)
    ...     return "a day later, at once"
    >>> run(day())
    'a day later, at once'
    """
    loop = VirtualLoop()
    try:
        return loop.run_until_complete(main)
    finally:
        loop.close()
