"""How much the store may take before nothing may be put into it.

The member that is asked looks at its own store. If a request would bring it above its
quota, it raises the NOSPACE alarm through the log and refuses; from then on all members
refuse what takes room, until an operator has made room (deletions and compactions are
still done) and ended the alarm. Source: etcd's quota.
"""

from typing import Final

from raftwerk.kv import AlarmKind, Command, NoSpace, SetAlarm, Store, encode
from raftwerk.kv.alarms import bytes_taken
from raftwerk.service.node import NodeLike

__all__ = ["QUOTA_BYTES", "Quota"]

QUOTA_BYTES: Final = 2 * 1024**3
"""What a store may take if nobody says otherwise, as in etcd."""


class Quota:
    """The quota of one member.

    Parameters
    ----------
    node : NodeLike
        The member.
    store : Store
        Its state machine.
    bytes_max : int
        What it may take; 0 for `QUOTA_BYTES`, below 0 for as much as there is.

    Attributes
    ----------
    bytes_max : int
        The same, never 0.
    """

    def __init__(self, node: NodeLike, store: Store, bytes_max: int = 0) -> None:
        self._node = node
        self._store = store
        self.bytes_max = bytes_max or QUOTA_BYTES

    def has_room_for(self, command: Command) -> bool:
        """Tell whether a command would leave the store within its quota.

        Parameters
        ----------
        command : Command
            Any.

        Returns
        -------
        bool
            True for all that takes no room.
        """
        if self.bytes_max < 0:
            return True
        more = bytes_taken(command)
        return not more or self._store.size_bytes + more <= self.bytes_max

    async def refuse(self) -> None:
        """Raise the alarm, if it is not raised, and refuse.

        Raises
        ------
        NoSpace
            Always, unless the alarm could not be raised: then why.
        """
        ours = self._node.status().node_id
        if (AlarmKind.NOSPACE, ours) not in self._store.alarms():
            await self._node.propose(encode(SetAlarm(True, ours, AlarmKind.NOSPACE)))
        raise NoSpace(
            f"the store takes about {self._store.size_bytes} bytes and may take"
            f" {self.bytes_max}; delete, compact, then end the NOSPACE alarm"
        )
