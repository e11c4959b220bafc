"""What a `Ready` asks for, done in the order that it asks for.

Messages leave before the disk is asked, and what the disk has to have is written while
they travel (thesis §10.2.1). Replies wait for it; applying does not.
"""

from collections.abc import Sequence
from typing import Final, Protocol

from raftwerk.config import NodeConfig
from raftwerk.core.inputs import Input
from raftwerk.core.messages import AppendEntriesReply, Message, PeerMessage
from raftwerk.core.ready import AppendOrder, ApplyOrder, Ready
from raftwerk.core.replica import Replica
from raftwerk.host.protocol import Host
from raftwerk.runtime.apply import Applier
from raftwerk.runtime.disk_guard import DiskGuard
from raftwerk.runtime.handed_on import stamped
from raftwerk.runtime.machine_queue import MachineQueue, MachineSteps, is_quick
from raftwerk.runtime.notices import Notices
from raftwerk.runtime.requests import Requests
from raftwerk.runtime.snapshots import Snapshots
from raftwerk.runtime.sync_times import SyncTimes
from raftwerk.runtime.syncer import Syncer
from raftwerk.storage.snapshot_protocol import Stores
from raftwerk.transport.protocol import Transport

__all__ = ["SLICE_ENTRIES", "Effects", "Owner"]

WINDOW_TIMEOUTS: Final = 5
"""For so many election timeouts at least a slow sync is remembered."""

SLICE_ENTRIES: Final = 500
"""Entries that are applied before others on the loop have their turn: a few
milliseconds' work for a quick machine."""


class Owner(Protocol):
    """What the driver does for its effects."""

    def give(self, event: Input | Message) -> None:
        """Give the core an input, in this turn or the next.

        Parameters
        ----------
        event : Input
            Any.
        """

    def take(self, events: Sequence[Input | Message]) -> None:
        """Give the core inputs, for which alone there need be no turn.

        Parameters
        ----------
        events : sequence of Input
            What storage has done, or messages.
        """

    def members_changed(self) -> None:
        """Know that members, or their addresses, may be others now."""

    def fail(self, error: BaseException) -> None:
        """End this member.

        Parameters
        ----------
        error : BaseException
            Why.
        """


class Effects:
    """Carries out what the core wants done.

    Parameters
    ----------
    config : NodeConfig
        What the node was told.
    replica : Replica
        The core.
    applier : Applier
        Where committed entries go.
    requests : Requests
        Who waits for what is done.
    host : Host
        Time and threads.
    stores : Stores
        The log, and the state of snapshots.
    transport : Transport
        The way to the peers.
    owner : Owner
        The driver.

    Attributes
    ----------
    disk : DiskGuard
        What follows from how the disk is.
    machine_queue : MachineQueue
        All calls of the state machine.
    notices : Notices
        Sends what the core sends.
    snapshots : Snapshots
        All about snapshots.
    """

    def __init__(
        self,
        config: NodeConfig,
        replica: Replica,
        applier: Applier,
        requests: Requests,
        *,
        host: Host,
        stores: Stores,
        transport: Transport,
        owner: Owner,
    ) -> None:
        self._node_id = config.node_id
        self._replica = replica
        self._applier = applier
        self._requests = requests
        self._transport = transport
        self._owner = owner
        self._is_stopped = False
        self._told: PeerMessage | None = None
        """The answer that was sent last, unless something else was sent since."""
        timeout_seconds = config.election_timeout_max_millis / 1000
        self._syncer = Syncer(
            stores.log,
            host,
            self._finish,
            owner.fail,
            SyncTimes(timeout_seconds / 4, WINDOW_TIMEOUTS * timeout_seconds),
        )
        self.notices = Notices(replica.state, transport, host)
        self.disk = DiskGuard(
            config, replica.state, self._syncer, host.clock, self.give
        )
        self.machine_queue = MachineQueue(
            host.threads("machine"),
            quick=is_quick(applier.machine),
            on_error=owner.fail,
        )
        self.snapshots = Snapshots(
            config,
            applier,
            replica,
            stores,
            syncer=self._syncer,
            machine_queue=self.machine_queue,
            host=host,
            owner=self,
        )

    def carry_out(self, ready: Ready) -> bool:
        """Do what one `Ready` asks for.

        Parameters
        ----------
        ready : Ready
            The next one.

        Returns
        -------
        bool
            Whether entries are applied.
        """
        if ready.soft_state is not None:
            self._requests.leader_changed()
        if ready.messages:
            self._told = None
            messages = stamped(ready.messages, self._replica.state.term)
            self.snapshots.sending(messages)
            self.notices.send(self.disk.beside(messages))
        if ready.append is not None and self._syncer.give(ready.append):
            self._finish([ready.append])
        if ready.read_states:
            self._requests.confirmed(ready.read_states, self._applier.applied_index)
        if ready.apply is None:
            return False
        self.machine_queue.run(self._apply(ready.apply))
        return True

    def _apply(self, order: ApplyOrder) -> MachineSteps[None]:
        """Apply committed entries, and serve the reads that waited for them."""
        entries = order.entries
        for begin in range(0, len(entries), SLICE_ENTRIES):
            if begin > 0:
                yield None
            end = begin + SLICE_ENTRIES
            if (yield from self._applier.apply(entries[begin:end])):
                self._owner.members_changed()
            self._requests.applied(self._applier.applied_index)
        self.give(order.done)
        self.snapshots.applied(entries)

    def _finish(self, orders: list[AppendOrder]) -> None:
        """Send the replies of orders that are done, and tell the core."""
        outgoing: list[PeerMessage] = []
        inputs: list[Input | Message] = []
        for order in orders:
            for reply in order.replies:
                if reply.receiver == self._node_id:
                    inputs.append(reply)
                elif not self._is_told(reply):
                    self._told = reply
                    outgoing.append(reply)
            if order.snapshot is not None:
                self.snapshots.restore(order)
            elif order.done is not None:
                inputs.append(order.done)
        # The leader waits for an answer; nobody does for what the core makes of it.
        if outgoing:
            self.send(outgoing)
        if inputs:
            self._owner.take(inputs)

    def _is_told(self, reply: PeerMessage) -> bool:
        """Tell whether the leader was just told the same.

        It asks with each news of what is committed, and the answer is that of the
        entries before. Should that be lost, the leader asks again when we have answered
        its next heartbeat (`core.answers`), and that is one that is told anew.
        """
        return isinstance(reply, AppendEntriesReply) and reply == self._told

    # ---- what snapshots ask -------------------------------------------------

    def send(self, messages: Sequence[Message]) -> None:
        """Send messages; none after the end.

        Parameters
        ----------
        messages : sequence of Message
            To any peers.
        """
        if not self._is_stopped:
            self._transport.send(messages)

    def give(self, event: Input) -> None:
        """Give the core an input.

        Parameters
        ----------
        event : Input
            Any.
        """
        self._owner.give(event)

    def on_restored(self) -> None:
        """Go on from a snapshot."""
        self._owner.members_changed()
        self._requests.applied(self._applier.applied_index)

    def fail(self, error: BaseException) -> None:
        """End this member.

        Parameters
        ----------
        error : BaseException
            Why.
        """
        self._owner.fail(error)

    # ---- the end ------------------------------------------------------------

    def stop(self) -> None:
        """Begin nothing more, and promise nothing more."""
        self._is_stopped = True
        self.notices.stop()
        self.machine_queue.stop()
        self.snapshots.stop()

    async def close(self) -> None:
        """Wait for what is under way on disks and in threads."""
        await self.machine_queue.close()
        await self.snapshots.close()
        await self._syncer.close()
