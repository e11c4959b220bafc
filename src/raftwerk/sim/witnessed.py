"""A member's log and transport, which show what they are given before they take it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from raftwerk.core.messages import Message
from raftwerk.core.records import Entry, HardState, Snapshot
from raftwerk.host.protocol import Host
from raftwerk.storage.protocol import Written
from raftwerk.storage.wal import Wal
from raftwerk.transport.memory import MemoryTransport
from raftwerk.transport.protocol import Admission, Identity, Report, Transport
from raftwerk.transport.tcp import TcpTransport
from raftwerk.types import LogIndex, Term

if TYPE_CHECKING:
    from raftwerk.sim.machine import Machine

__all__ = ["WitnessedLog", "witnessed_transport"]


class WitnessedLog(Wal):
    """A log that shows what it is given before it takes it."""

    machine: "Machine | None" = None
    _written: tuple[LogIndex, HardState, LogIndex] = (
        LogIndex(0),
        HardState(),
        LogIndex(0),
    )
    """What is durable when the sync that was begun last has ended; `Durable.note`."""

    def append(self, hard_state: HardState | None, entries: Sequence[Entry]) -> None:
        """Do as `LogStore.append` says."""
        if entries and self.machine is not None:
            first = entries[0].index
            prev_term = (
                self.term(LogIndex(first - 1))
                if first - 1 >= self.first_index() - 1
                else Term(0)
            )
            self.machine.check_append(entries, prev_term, self.last_index())
            now = hard_state or self.initial_state()[0]
            self._cut(LogIndex(first - 1), now.term > self._written[1].term)
        super().append(hard_state, entries)

    def install(self, snapshot: Snapshot) -> None:
        """Do as `LogStore.install` says."""
        self._cut(snapshot.index, False)
        super().install(snapshot)

    def sync(self) -> None:
        """Do as `LogStore.sync` says."""
        super().sync()
        if self.machine is not None:
            hard_state, _ = self.initial_state()
            self.machine.durable.note(self.last_index(), hard_state)

    def begin_sync(self) -> Written | None:
        """Do as `SyncsInPlace.begin_sync` says."""
        written = super().begin_sync()
        if written is not None:
            end = self.last_index()
            self._written = end, self.initial_state()[0], end
        return written

    def end_sync(self, error: BaseException | None) -> None:
        """Do as `SyncsInPlace.end_sync` says."""
        super().end_sync(error)
        if error is None and self.machine is not None:
            self.machine.durable.note(*self._written)

    def _cut(self, index: LogIndex, by_newer_term: bool) -> None:
        """Know that entries behind an index are replaced, also on their way."""
        if self.machine is not None:
            self.machine.durable.cut(index, by_newer_term=by_newer_term)
        last_index, hard_state, stored = self._written
        kept = stored if by_newer_term else min(stored, index)
        self._written = min(last_index, index), hard_state, kept


class _WitnessedMessages(MemoryTransport):
    """Messages, before each of which a member is looked at."""

    machine: "Machine | None" = None

    def send(self, messages: Sequence[Message]) -> None:
        """Do as `Transport.send` says."""
        if self.machine is not None:
            self.machine.look(messages)
        super().send(messages)


class _WitnessedStreams(TcpTransport):
    """Messages on byte streams, before each of which a member is looked at."""

    machine: "Machine | None" = None

    def send(self, messages: Sequence[Message]) -> None:
        """Do as `Transport.send` says."""
        if self.machine is not None:
            self.machine.look(messages)
        super().send(messages)


def witnessed_transport(
    machine: "Machine", identity: Identity, host: Host, report: Report, admit: Admission
) -> Transport:
    """Return the transport of a member: messages or streams, as the plan says.

    Parameters
    ----------
    machine : Machine
        Which is looked at.
    identity : Identity
        Of the member.
    host : Host
        Of its process.
    report : Report
        Takes what the transport tells.
    admit : Admission
        Says who is refused.

    Returns
    -------
    Transport
        Not started.
    """
    world, address = machine.world, machine.address
    transport: _WitnessedMessages | _WitnessedStreams
    if world.plan.wires == "streams":
        transport = _WitnessedStreams(
            identity, address, host=host, report=report, admit=admit
        )
    else:
        transport = _WitnessedMessages(
            identity,
            address,
            network=world.ways.network,
            host=host,
            report=report,
            admit=admit,
        )
    transport.machine = machine
    return transport
