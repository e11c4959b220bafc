"""Where a campaign runs: seeds are independent, so any engine that maps will do.

An engine takes a function and values, and returns what the function made of each, in
the order of the values. Functions and values travel, so they are importable by name.
"""

import pickle  # nosec B403: see `_run_packed`
import sys
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Final, Protocol, cast

from raftwerk import __version__
from raftwerk.errors import ConfigError
from raftwerk.sim.campaign import Told
from raftwerk.sim.plan import Plan

__all__ = ["DaskEngine", "Engine"]

if TYPE_CHECKING:
    from distributed import Client

AHEAD: Final = 4
"""How many plans for each thread of all workers are under way at a time."""

CONNECT_SECONDS: Final = 20
"""How long to wait for the scheduler, and for a first worker."""


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
        waiting = deque(plans)
        running: deque[object] = deque()
        while waiting or running:
            while waiting and len(running) < AHEAD * threads:
                running.append(
                    client.submit(_run_packed, packed, waiting.popleft(), pure=False)
                )
            yield cast(Told, running.popleft().result())  # type: ignore[attr-defined]  # a future of Dask


def _version() -> str:
    """Return which raftwerk a worker has."""
    return __version__


def _run_packed(packed: bytes, plan: Plan) -> Told:
    """Run a plan, on a worker."""
    # A worker runs whatever its scheduler sends; these bytes come the same way.
    function: Callable[[Plan], Told] = pickle.loads(packed)  # nosec B301: see above
    return function(plan)
