"""A user's client in a simulated world: what it is given, and what it remembers."""

from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, Final

import msgspec

from raftwerk.errors import NotProposed, OutcomeUnknown, RaftwerkError
from raftwerk.host.draw import SplitMix64
from raftwerk.runtime.answered import OfSession, Once
from raftwerk.runtime.sessions import Session
from raftwerk.sim.calls import Caller, Lost, Unreached
from raftwerk.sim.machine import Machine, Services
from raftwerk.sim.trial import Call, Turns
from raftwerk.sim.tried_machine import TriedServices
from raftwerk.sim.world import World

__all__ = ["SimulatedClient", "TriedRecords"]

CALL_SECONDS: Final = 2.0


class TriedRecords:
    """What all clients of a run asked for, and were told.

    Attributes
    ----------
    calls : list of Call
        All that may have happened.
    answered : int
        How many calls were answered.
    failed_since : int
        How many were not, since the last that was.
    outcomes : dict of str to int
        What clients were told, and how often.
    """

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.answered = 0
        self.failed_since = 0
        self.outcomes: dict[str, int] = {}

    def count(self, what: str) -> None:
        """Count an outcome.

        Parameters
        ----------
        what : str
            In a few words.
        """
        self.outcomes[what] = self.outcomes.get(what, 0) + 1
        if what == "answered":
            self.answered += 1
            self.failed_since = 0
        else:
            self.failed_since += 1


class _Raised(msgspec.Struct, frozen=True):
    """That the user's machine or query gave an exception as its answer."""

    error: Exception


async def _caught(ask: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    """Return what came of something; what is none of our errors, as `_Raised`."""
    try:
        return await ask()
    except RaftwerkError:
        raise
    except Exception as error:  # pylint: disable=broad-exception-caught  # an answer
        return _Raised(error)


class SimulatedClient:
    """A `TrialClient` in a simulated world.

    Parameters
    ----------
    world : World
        Where.
    records : TriedRecords
        Where it remembers what it was told.
    number : int
        Which it is.
    """

    def __init__(self, world: World, records: TriedRecords, number: int) -> None:
        self.number = number
        self.draw: SplitMix64 = world.draw.fork(f"client {number}")
        self.is_over = False
        self._world = world
        self._records = records
        self._ways = world.draw.fork(f"ways of client {number}")
        self._caller = Caller(world, self._ways.fork("calls"))
        self._member = number

    def _machine(self) -> Machine:
        """Return whom to ask: mostly the same as before."""
        machines = [each for each in self._world.machines.values() if not each.is_gone]
        return machines[self._member % len(machines)]

    async def propose(self, command: bytes, seconds: float = CALL_SECONDS) -> Any:
        """Do as `TrialClient.propose` says."""

        def _ask(services: Services) -> Coroutine[Any, Any, Any]:
            """Ask a member, in its process."""
            return _caught(lambda: services.node.propose(command))

        return await self.ask(command, _ask, seconds, changes=True)

    async def open_session(self, seconds: float = CALL_SECONDS) -> Session:
        """Do as `TrialClient.open_session` says."""
        opened: Session = await self.call(
            lambda services: services.node.open_session(), seconds, changes=True
        )  # of it only the id is used: each attempt is another member's
        return Session(_AnyMember(self, self._records.calls), opened.session_id)

    async def read(
        self, query: Callable[[Any], Any], seconds: float = CALL_SECONDS
    ) -> Any:
        """Do as `TrialClient.read` says."""

        def _ask(services: Services) -> Coroutine[Any, Any, Any]:
            """Ask a member, in its process."""
            assert isinstance(services, TriedServices)  # nosec B101: for types
            machine = services.machine
            return _caught(lambda: services.node.read(lambda: query(machine)))

        return await self.ask(query, _ask, seconds, changes=False)

    async def ask(
        self,
        asked: object,
        ask: Callable[[Services], Coroutine[Any, Any, Any]],
        seconds: float = CALL_SECONDS,
        *,
        changes: bool,
        keep: Callable[[Call], None] | None = None,
    ) -> Any:
        """Ask one member once, and remember it.

        Parameters
        ----------
        asked : object
            What a history calls it.
        ask : callable
            Asks a member's services, in its process.
        seconds : float
            How long to wait for the answer.
        changes : bool
            Whether an answer that is lost leaves open what happened.
        keep : callable, optional
            Takes what may have happened; without it the history does.

        Returns
        -------
        object
            What was answered.

        Raises
        ------
        NotProposed, OutcomeUnknown, Exception
            As `TrialClient.propose`.
        """
        keep = keep or self._records.calls.append
        call = Call(client=self.number, asked=asked, started=self.now())
        is_kept = changes  # whatever ends this early: nobody knows
        try:
            result = await self.call(ask, seconds, changes=changes)
            is_kept = True
            call = msgspec.structs.replace(
                call, ended=self.now(), is_known=True, result=result
            )
        except OutcomeUnknown:
            raise
        except RaftwerkError:
            is_kept = False
            raise
        finally:
            if is_kept:
                keep(call)
        if isinstance(result, _Raised):
            raise result.error
        return result

    async def call(
        self,
        ask: Callable[[Services], Coroutine[Any, Any, Any]],
        seconds: float,
        *,
        changes: bool,
    ) -> Any:
        """Ask one member once; whoever could not do it is not asked next time.

        Parameters
        ----------
        ask : callable
            Asks a member's services, in its process.
        seconds : float
            How long to wait for the answer.
        changes : bool
            Whether an answer that is lost leaves open what happened.

        Returns
        -------
        object
            What was answered.

        Raises
        ------
        NotProposed
            If nothing happened, or nothing that matters.
        OutcomeUnknown
            If nobody knows.
        RaftwerkError
            If the member refused.
        """
        try:
            result = await self._caller.call(self._machine(), ask, seconds)
        except Unreached as error:
            self._missed("nothing happened")
            raise NotProposed(str(error)) from None
        except Lost as error:
            self._missed("unknown")
            if changes:
                raise OutcomeUnknown(str(error)) from None
            raise NotProposed(str(error)) from None
        except RaftwerkError as error:
            self._missed(f"refused: {type(error).__name__}")
            raise
        self._records.count("answered")
        return result

    def _missed(self, what: str) -> None:
        """Count a call without an answer, and ask another member from now on."""
        self._records.count(what)
        self._member += 1 + self._ways.below(4)

    def now(self) -> float:
        """Do as `TrialClient.now` says."""
        return self._world.now()

    async def sleep(self, seconds: float) -> None:
        """Do as `TrialClient.sleep` says."""
        await self._world.sleep(seconds)

    def turns(self, pause_seconds: float = 0.1) -> Turns:
        """Do as `TrialClient.turns` says."""
        return Turns(self, pause_seconds, lambda: self.is_over)


class _AnyMember:
    """What a session asks: whichever member its client would ask, one after another.

    However often a command is asked for, it is one call in the history: from the first
    time that may have had an effect to the first answer.
    """

    def __init__(self, client: SimulatedClient, calls: list[Call]) -> None:
        self._client = client
        self._calls = calls
        self._places: dict[int, int] = {}

    async def propose_once(self, once: Once, command: bytes) -> object:
        """Do as `Node.propose_once` says."""
        assert isinstance(once, OfSession)  # nosec B101: for types

        def _ask(services: Services) -> Coroutine[Any, Any, Any]:
            """Ask a member, in its process."""
            return _caught(lambda: services.node.propose_once(once, command))

        keep = partial(self._keep, once.sequence)
        return await self._client.ask(command, _ask, changes=True, keep=keep)

    async def close_session(self, session: int) -> None:
        """Do as `Node.close_session` says."""
        await self._client.call(
            lambda services: services.node.close_session(session),
            CALL_SECONDS,
            changes=True,
        )

    def _keep(self, sequence: int, call: Call) -> None:
        """Put what may have happened into the history, where the command is."""
        place = self._places.setdefault(sequence, len(self._calls))
        if place == len(self._calls):
            self._calls.append(call)
        elif not self._calls[place].is_known:
            started = self._calls[place].started
            self._calls[place] = msgspec.structs.replace(call, started=started)
