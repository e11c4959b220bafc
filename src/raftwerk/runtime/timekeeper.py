"""What time means to the core: ticks that count, and when the next turn is due."""

from collections.abc import Callable

from raftwerk.config import NodeConfig
from raftwerk.core.inputs import Tick
from raftwerk.core.replica import Replica
from raftwerk.core.roles import Role
from raftwerk.host.protocol import Host
from raftwerk.runtime.ticker import Ticker, ticks_that_count

__all__ = ["Timekeeper"]


class Timekeeper:
    """Steps the core's time, and has a turn come at its deadline.

    Parameters
    ----------
    config : NodeConfig
        How long a tick and a heartbeat interval are.
    replica : Replica
        The core.
    host : Host
        Clock and timers.
    wake : callable
        Makes a turn come.
    look_around : callable
        Called once in a heartbeat interval, at most, with the clock's seconds.
    may_stand : callable
        Says whether this member may stand for election now.
    """

    def __init__(
        self,
        config: NodeConfig,
        replica: Replica,
        host: Host,
        wake: Callable[[], None],
        look_around: Callable[[float], None],
        may_stand: Callable[[], bool],
    ) -> None:
        self._replica = replica
        self._clock = host.clock
        self._look_around = look_around
        self._may_stand = may_stand
        self._tick_seconds = config.tick_millis / 1000
        self._heartbeat_seconds = config.heartbeat_millis / 1000
        self._heartbeat_ticks = replica.state.config.heartbeat_ticks
        self._ticker = Ticker(host, self._tick_seconds, wake)
        self._next_look = 0.0

    def pass_time(self) -> bool:
        """Count the ticks since the last call.

        Returns
        -------
        bool
            Whether it was time to look around.
        """
        passed = self._ticker.passed()
        if passed == 0:
            return False
        replica, ticks = self._replica, passed
        deadline = replica.ticks_until_deadline()
        if passed >= deadline - 1:  # else nothing is due, nor about to be
            is_leader = replica.state.role is Role.LEADER
            ticks = ticks_that_count(
                passed, deadline, self._heartbeat_ticks, is_leader=is_leader
            )
            if not is_leader and not self._may_stand():
                # Up to the deadline and not beyond: then it stands as soon as it may.
                ticks = min(ticks, deadline - 1)
        replica.step(Tick(ticks))
        now = self._clock.now()
        if now >= self._next_look:
            self._next_look = now + self._heartbeat_seconds
            self._look_around(now)
            return True
        return False

    def arm(self, is_any_waiting: bool) -> None:
        """Have a turn at the core's deadline, or sooner if somebody waits.

        Parameters
        ----------
        is_any_waiting : bool
            Whether requests have no answer yet.
        """
        ticks = self._replica.ticks_until_deadline()
        if is_any_waiting:
            ticks = min(ticks, self._heartbeat_ticks)
        self._ticker.arm(ticks)

    def election_timer(self) -> tuple[float, float]:
        """Return how far the election timeout has run: no turn may come for long.

        Returns
        -------
        tuple of float
            Seconds that it has run, and its length.
        """
        state = self._replica.state
        is_leader = state.role is Role.LEADER
        timeout = (
            state.config.election_ticks_min if is_leader else state.election_timeout
        )
        elapsed = state.election_elapsed * self._tick_seconds + self._ticker.uncounted()
        return elapsed, timeout * self._tick_seconds

    def stop(self) -> None:
        """Have no turn come any more."""
        self._ticker.stop()
