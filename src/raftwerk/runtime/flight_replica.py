"""A core each of whose calls is noted, for the flight recorder."""

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar, TypeVarTuple

from raftwerk.core.config import CoreConfig
from raftwerk.core.inputs import Input
from raftwerk.core.messages import Message
from raftwerk.core.ready import Ready
from raftwerk.core.records import ConfChange, ConfState
from raftwerk.core.replica import Replica
from raftwerk.core.stable import StableLog
from raftwerk.runtime.flight_form import (
    Advanced,
    ConfApplied,
    Stepped,
    TimeoutSet,
    Took,
)
from raftwerk.runtime.flight_writer import Noted

if TYPE_CHECKING:
    from raftwerk.runtime.flight import FlightRecorder

__all__ = ["RecordedReplica"]

Args = TypeVarTuple("Args")
Result = TypeVar("Result")


class RecordedReplica(Replica):
    """A replica each of whose calls is noted.

    Parameters
    ----------
    config, log, draw : CoreConfig, StableLog, callable
        As `Replica` has them.
    flight : FlightRecorder
        Who notes them.
    """

    __slots__ = ("_flight",)

    def __init__(
        self,
        config: CoreConfig,
        log: StableLog,
        draw: Callable[[int], int],
        flight: "FlightRecorder",
    ) -> None:
        super().__init__(config, log, draw)
        self._flight = flight

    def step(self, event: Input | Message) -> None:
        """Do as `Replica.step` says."""
        self._noted(super().step, event, kind=Stepped, event=event)

    def apply_conf_change(self, change: ConfChange) -> ConfState:
        """Do as `Replica.apply_conf_change` says."""
        apply = super().apply_conf_change
        return self._noted(apply, change, kind=ConfApplied, change=change)

    def set_election_timeout(self, ticks: int) -> None:
        """Do as `Replica.set_election_timeout` says."""
        self._noted(super().set_election_timeout, ticks, kind=TimeoutSet, ticks=ticks)

    def advance(self) -> None:
        """Do as `Replica.advance` says."""
        self._noted(super().advance, kind=Advanced)

    def ready(self) -> Ready:
        """Do as `Replica.ready` says."""
        self._flight.enter(self)
        try:
            ready = super().ready()
        except BaseException as error:
            self._flight.leave(error, Took, digest=b"")
            raise
        self._flight.took(ready)
        return ready

    def _noted(
        self,
        function: Callable[[*Args], Result],
        *args: *Args,
        kind: Callable[..., Noted],
        **fields: object,
    ) -> Result:
        """Make a call, and have it noted with all that it brought about."""
        self._flight.enter(self)
        raised: BaseException | None = None
        try:
            return function(*args)
        except BaseException as error:
            raised = error
            raise
        finally:
            self._flight.leave(raised, kind, **fields)
