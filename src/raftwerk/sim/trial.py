"""What a user brings to be tried: a machine, who uses it, and what must always hold."""

from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Protocol

import msgspec

from raftwerk.host.draw import SplitMix64
from raftwerk.runtime import StateMachine
from raftwerk.runtime.sessions import Session

__all__ = ["Call", "Trial", "TrialClient", "Turns"]


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that a client asked for, and what it was told.

    What is known not to have happened is not in a history.

    Parameters
    ----------
    client : int
        Who asked.
    asked : object
        The command, or the query of a read.
    started, ended : float
        When it was asked and answered, in seconds of the time that all clients share.
    is_known : bool
        False: nobody knows whether it happened, and `ended` and `result` mean nothing.
    result : object
        What was answered.
    """

    client: int
    asked: object
    started: float
    ended: float = 0.0
    is_known: bool = False
    result: object = None


class Turns:
    """What `TrialClient.turns` returns: to be looped over with ``async for``.

    Parameters
    ----------
    client : TrialClient
        Whose; the pauses are of its time and draw.
    pause_seconds : float
        How long a pause is on average.
    is_over : callable
        Tells whether there are to be no more turns.
    """

    def __init__(
        self, client: "TrialClient", pause_seconds: float, is_over: Callable[[], bool]
    ) -> None:
        self._client = client
        self._micros = round(2e6 * pause_seconds)
        self._is_over = is_over
        self._turn = -1

    def __aiter__(self) -> "Turns":
        """Return itself."""
        return self

    async def __anext__(self) -> int:
        """Return the number of the next turn, when it is time."""
        client = self._client
        await client.sleep((1 + client.draw.below(self._micros + 1)) / 1e6)
        if self._is_over():
            raise StopAsyncIteration
        self._turn += 1
        return self._turn


class TrialClient(Protocol):
    """What a user's client is given, on virtual time and in earnest alike.

    Attributes
    ----------
    number : int
        Which of the clients it is, from 0.
    draw : SplitMix64
        Randomness of its own, which the seed decides.
    """

    number: int
    draw: SplitMix64

    async def propose(self, command: bytes, seconds: float = 2.0) -> Any:
        """Have a command applied by all, and return its result.

        Parameters
        ----------
        command : bytes
            For `StateMachine.apply`.
        seconds : float
            How long to wait for the answer.

        Returns
        -------
        object
            What the machine made of it.

        Raises
        ------
        NotProposed
            If nothing happened and nothing will: it is safe to try again.
        OutcomeUnknown
            If it may or may not be applied: look before you try again.
        Exception
            What the machine returned as the result, if it is an exception.
        """

    async def open_session(self, seconds: float = 2.0) -> Session:
        """Open a session, whose commands are done exactly once, whatever gets lost.

        Its `propose` asks one member after the other for an answer that was lost, and
        may be called again with the number of a command.

        Parameters
        ----------
        seconds : float
            How long to wait for the answer.

        Returns
        -------
        Session
            As `raftwerk.runtime.Node.open_session` returns it.

        Raises
        ------
        NotProposed, OutcomeUnknown
            As `propose`; one that nobody uses ends by itself.
        """

    async def read(self, query: Callable[[Any], Any], seconds: float = 2.0) -> Any:
        """Look into a machine, linearizably: see all that was done before.

        Parameters
        ----------
        query : callable
            Is given a replica's machine, and changes nothing.
        seconds : float
            How long to wait for the answer.

        Returns
        -------
        object
            What the query returned; nothing in it may change later.

        Raises
        ------
        NotProposed
            If nobody answered; it is safe to try again.
        Exception
            What the query raised.
        """

    def now(self) -> float:
        """Return the time that all clients share, in seconds."""

    async def sleep(self, seconds: float) -> None:
        """Let time pass.

        Parameters
        ----------
        seconds : float
            How much.
        """

    def turns(self, pause_seconds: float = 0.1) -> Turns:
        """Return turns with pauses in between, until the run is over.

        Parameters
        ----------
        pause_seconds : float
            How long a pause is on average.

        Returns
        -------
        Turns
            To be looped over with ``async for``.
        """


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """A user's machine, who uses it, and what must always hold.

    To run in other processes, all of it must be importable by name.

    Parameters
    ----------
    machine : callable
        Makes a new state machine; a class, mostly.
    client : callable or None
        What each client does, of a `TrialClient`; None: nothing.
    invariants : sequence of callable
        Each is given a machine after every batch that a replica applied; it returns
        False, or raises AssertionError, if something does not hold.
    judge : callable or None
        Is given the history, a list of `Call` in order of their beginnings, at the end
        of a run; as an invariant.
    state : callable or None
        Is given a machine, and returns bytes that are equal for equal states. None: the
        stretches of `ShowsState.inspect` if the machine has them, else its snapshot.
    """

    machine: Callable[[], StateMachine]
    client: Callable[[TrialClient], Coroutine[Any, Any, object]] | None = None
    invariants: Sequence[Callable[[Any], object]] = ()
    judge: Callable[[list[Call]], object] | None = None
    state: Callable[[Any], bytes] | None = None
