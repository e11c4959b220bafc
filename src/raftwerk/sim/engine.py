"""Where a campaign runs: seeds are independent, so any engine that maps will do.

An engine takes a function and values, and returns what the function made of each, in
the order of the values. Functions and values travel, so they are importable by name.
"""

import pickle  # nosec B403: see `_run_packed`
import sys
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Final, Protocol, cast

from raftwerk import __version__
from raftwerk.errors import ConfigError
from raftwerk.sim.campaign import Told, not_run
from raftwerk.sim.plan import Plan

__all__ = ["DaskEngine", "Engine"]

if TYPE_CHECKING:
    from distributed import Client, Future

AHEAD: Final = 4
"""How many plans for each thread of all workers are under way at a time."""

CONNECT_SECONDS: Final = 20
"""How long to wait for the scheduler, and for a first worker, or one again."""

LOOK_SECONDS: Final = 1
"""How often to see whether there are workers still, while one is waited for."""


class Engine(Protocol):
    """What runs many plans."""

    def __call__(
        self, function: Callable[[Plan], Told], plans: Sequence[Plan]
    ) -> Iterator[Told]:
        """Run plans.

        Parameters
        ----------
        function : callable
            Runs one.
        plans : sequence of Plan
            To be run.

        Returns
        -------
        iterator of Told
            What became of each, in their order.
        """


class DaskEngine:
    """An `Engine` on a cluster of Dask that runs already.

    Parameters
    ----------
    address : str
        Of its scheduler, like ``tcp://10.0.0.7:8786``.
    modules : sequence of str
        Names of modules that the workers do not have; they travel along, but not what
        they import.

    Raises
    ------
    ConfigError
        If `distributed` is not installed, or that is no address.
    """

    def __init__(self, address: str, modules: Sequence[str] = ()) -> None:
        try:
            # pylint: disable=import-outside-toplevel  # an extra
            import distributed
            from distributed.comm.addressing import get_address_host_port
        except ImportError:
            raise ConfigError(
                "engine is dask, which is not installed: pip install 'raftwerk[dask]'"
            ) from None
        try:
            get_address_host_port(address)  # a client would try for a minute
        except (ValueError, NotImplementedError) as error:
            raise ConfigError(
                f"scheduler is {address}; it must be like tcp://10.0.0.7:8786 ({error})"
            ) from None
        self._connect: Callable[..., Client] = distributed.Client
        self._killed = distributed.KilledWorker
        self._cancelled = distributed.client.FutureCancelledError
        self._address = address
        self._modules = modules

    def __call__(
        self, function: Callable[[Plan], Told], plans: Sequence[Plan]
    ) -> Iterator[Told]:
        """Do as `Engine.__call__` says."""
        try:
            client = self._connect(
                self._address, timeout=CONNECT_SECONDS, set_as_default=False
            )
        except (OSError, ValueError) as error:
            raise ConfigError(
                f"scheduler is {self._address}; nobody answers there: {error}"
            ) from error
        with client:
            threads = self._threads_of(client)
            yield from self._run(client, self._packed(function), plans, threads)

    def _threads_of(self, client: "Client") -> int:
        """Return how many runs the workers do at a time; they have to be like us."""
        try:
            client.wait_for_workers(1, timeout=CONNECT_SECONDS)
        except TimeoutError:
            raise ConfigError(
                f"scheduler is {self._address}; it has no workers"
            ) from None
        versions = client.run(_version)
        others = {
            worker: version
            for worker, version in versions.items()
            if version != __version__
        }
        if others:
            raise ConfigError(
                f"workers have another raftwerk than this one ({__version__}): {others}"
            )
        threads: dict[str, int] = client.nthreads()  # type: ignore[no-untyped-call]  # Dask's
        return sum(threads.values())

    def _packed(self, function: Callable[[Plan], Told]) -> bytes:
        """Return a function with the modules that it needs."""
        import cloudpickle  # pylint: disable=import-outside-toplevel  # comes with Dask

        modules = [sys.modules[name] for name in self._modules]
        for module in modules:
            cloudpickle.register_pickle_by_value(module)
        try:
            return cast(bytes, cloudpickle.dumps(function))
        finally:
            for module in modules:
                cloudpickle.unregister_pickle_by_value(module)

    def _run(
        self, client: "Client", packed: bytes, plans: Sequence[Plan], threads: int
    ) -> Iterator[Told]:
        """Run plans, so many at a time, and yield what became of them in order."""

        def _submit(plan: Plan) -> "Future[Told]":
            """Have a plan run."""
            return client.submit(_run_packed, packed, plan, pure=False)

        waiting = deque(plans)
        running: deque[tuple[Plan, Future[Told]]] = deque()
        while waiting or running:
            while waiting and len(running) < AHEAD * threads:
                plan = waiting.popleft()
                running.append((plan, _submit(plan)))
            plan, future = running.popleft()
            try:
                try:
                    told = self._result_of(client, future)
                except self._killed:
                    # Dask blames whatever was there when workers died. Alone, a plan
                    # that did nothing has its run.
                    for _, other in running:
                        self._wait_for(client, other)
                    told = self._result_of(client, _submit(plan))
            except self._killed as error:
                told = not_run(plan, f"each worker died that was to run it: {error}")
            except (_Alone, self._cancelled, OSError) as error:
                words = str(error) or type(error).__name__
                yield not_run(plan, words)
                for each in (*(each for each, _ in running), *waiting):
                    yield not_run(each, words)
                return
            yield told

    def _result_of(self, client: "Client", future: "Future[Told]") -> Told:
        """Return what became of a plan, as soon as that is known."""
        self._wait_for(client, future)
        return future.result()

    def _wait_for(self, client: "Client", future: "Future[Told]") -> None:
        """Wait until a run has ended, as long as somebody may be running it."""
        looks = 0
        while not future.done():  # type: ignore[no-untyped-call]  # Dask's
            with suppress(TimeoutError):
                future.exception(timeout=LOOK_SECONDS)  # type: ignore[no-untyped-call]  # as above
            # What the scheduler said last; asking it would wait where it is gone.
            has_workers = bool(client.scheduler_info()["workers"])
            looks = 0 if has_workers and client.status == "running" else looks + 1
            if looks * LOOK_SECONDS >= CONNECT_SECONDS:
                raise _Alone(
                    f"for {CONNECT_SECONDS} s there has been no worker, or no"
                    f" scheduler, at {self._address}"
                )


class _Alone(Exception):
    """Nobody is there any more to run anything."""


def _version() -> str:
    """Return which raftwerk a worker has."""
    return __version__


def _run_packed(packed: bytes, plan: Plan) -> Told:
    """Run a plan, on a worker."""
    # A worker runs whatever its scheduler sends; these bytes come the same way.
    function: Callable[[Plan], Told] = pickle.loads(packed)  # nosec B301: see above
    return function(plan)
