"""Compaction without anybody asking: by time, or by the number of revisions.

The leader does it, by an ordinary compaction. All members look at the clock, though, so
that whoever leads next knows at once which revisions are old. Source: etcd's
``--auto-compaction-mode`` and ``--auto-compaction-retention``.
"""

from collections import deque
from typing import Final

from raftwerk.config.compaction import AutoCompaction
from raftwerk.core.roles import Role
from raftwerk.errors import NotLeader, RequestError
from raftwerk.host.protocol import Clock, Timers
from raftwerk.kv import Compact, Store
from raftwerk.service.kv import KvService
from raftwerk.service.node import NodeLike

__all__ = ["Compactor"]

LOOKS_PER_RETENTION: Final = 10
"""So that what is kept is at most a tenth more than what is wanted."""

LOOK_SECONDS_MAX: Final = 300.0
"""The longest time from one look to the next; etcd's, where revisions count."""

LOOK_SECONDS_MIN: Final = 0.1


class Compactor:
    """Compacts what is older than is to be kept.

    Parameters
    ----------
    node : NodeLike
        The member.
    store : Store
        Its state machine.
    kv : KvService
        Its key-value calls.
    config : AutoCompaction
        What is to be kept.
    clock : Clock
        What tells how old a revision is.
    timers : Timers
        What wakes it.
    """

    def __init__(
        self,
        node: NodeLike,
        store: Store,
        kv: KvService,
        config: AutoCompaction,
        *,
        clock: Clock,
        timers: Timers,
    ) -> None:
        self._node = node
        self._store = store
        self._kv = kv
        self._config = config
        self._clock = clock
        self._timers = timers
        self._seen: deque[tuple[float, int]] = deque()

    async def run(self) -> None:
        """Compact now and then; it does not end by itself, unless all is to be kept."""
        seconds, revisions = self._config.seconds, self._config.revisions
        if not (seconds or revisions):
            return
        wanted = seconds / LOOKS_PER_RETENTION if seconds else LOOK_SECONDS_MAX
        pause = min(max(wanted, LOOK_SECONDS_MIN), LOOK_SECONDS_MAX)
        while True:
            oldest = self._oldest_kept(seconds, revisions)
            newer = oldest > max(0, self._store.compact_revision)
            if newer and self._leads():
                try:
                    await self._kv.compact(Compact(oldest))
                except RequestError:
                    pass  # it is tried again, with a newer revision
            await self._timers.sleep(pause)

    def _oldest_kept(self, seconds: float, revisions: int) -> int:
        """Return the oldest revision that is to be kept; 0 or below for all."""
        revision = self._store.revision
        if revisions:
            return revision - revisions
        now = self._clock.now()
        self._seen.append((now, revision))
        oldest = 0
        while self._seen and self._seen[0][0] <= now - seconds:
            _, oldest = self._seen.popleft()
        return oldest

    def _leads(self) -> bool:
        """Tell whether this member leads, as far as it knows."""
        try:
            return self._node.status().role is Role.LEADER
        except NotLeader:
            return False
