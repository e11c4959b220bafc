"""The end of a member that its group has removed.

Who is out of the configuration is sent nothing any more, often not even the commit
index of the entry that removed it. So there are two ways to know: the member's own log,
and a peer that refuses it in the handshake. Such a member can do nothing for anybody,
and must not linger: people would take a process that runs for a member.
"""

from collections.abc import Callable

from raftwerk.config import NodeConfig
from raftwerk.errors import MemberRemoved
from raftwerk.host.protocol import Timer, Timers
from raftwerk.runtime.members import Members, words_for_removed

__all__ = ["Removal"]


class Removal:
    """Ends a member once it is none.

    Parameters
    ----------
    config : NodeConfig
        Who it is, and its timeouts.
    timers : Timers
        For the time between knowing and ending.
    members : callable
        Returns who the members are.
    fail : callable
        Ends this member, with the reason.
    """

    def __init__(
        self,
        config: NodeConfig,
        timers: Timers,
        members: Callable[[], Members],
        fail: Callable[[MemberRemoved], None],
    ) -> None:
        self._node_id = config.node_id
        self._patience_seconds = config.election_timeout_max_millis / 1000
        self._timers = timers
        self._members = members
        self._fail = fail
        self._timer: Timer | None = None

    def look(self) -> None:
        """See whether our own log says so; if it does, end soon.

        Not at once: who led until now has answers and the last commit index to send.
        """
        if self._timer is None and self._node_id in self._members().removed:
            self._timer = self._timers.call_later(
                self._patience_seconds, self.told, words_for_removed(self._node_id)
            )

    def told(self, words: str) -> None:
        """End, for a peer says that the group has removed us.

        It has applied that, so a majority has it in its log: it can't be undone.

        Parameters
        ----------
        words : str
            For our operator.
        """
        self._fail(MemberRemoved(words))

    def stop(self) -> None:
        """End nothing any more."""
        if self._timer is not None:
            self._timer.cancel()
