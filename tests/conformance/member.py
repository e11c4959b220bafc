"""One node: a replica, what it has stored, and the work that it has ordered.

It does what a driver would do, one step a call, and prints what it does. In
asynchronous mode two threads are played: one appends, one applies.
"""

from collections import deque
from collections.abc import Callable, Sequence

import msgspec

from raftwerk.core.config import CoreConfig
from raftwerk.core.inputs import Input
from raftwerk.core.ready import AppendOrder, ApplyOrder
from raftwerk.core.records import (
    ConfChange,
    ConfState,
    Entry,
    EntryKind,
    HardState,
    Snapshot,
)
from raftwerk.core.replica import Replica
from raftwerk.types import NodeId

from .events import log_lines
from .output import Output
from .storage import ScriptStorage
from .wire import (
    Wire,
    describe_ready,
    wire_from_append_order,
    wire_from_apply_order,
    wire_from_message,
)

__all__ = ["Member", "Send"]

Send = Callable[[Wire], None]
"""Puts a message on its way."""


class Member:
    """One node of the environment.

    Parameters
    ----------
    config : CoreConfig
        What its replica is told.
    snapshot : Snapshot
        What it starts from; empty for a blank node.
    draw : callable
        Where its replica's election timeouts come from.
    output : Output
        Where it prints.
    """

    def __init__(
        self,
        config: CoreConfig,
        snapshot: Snapshot,
        draw: Callable[[int], int],
        output: Output,
    ) -> None:
        self.config = config
        self.storage = ScriptStorage(snapshot)
        self.append_work: deque[AppendOrder] = deque()
        self.apply_work: deque[ApplyOrder] = deque()
        self._draw = draw
        self._output = output
        self.replica = self._start()

    @property
    def id(self) -> NodeId:
        """Who this is."""
        return self.config.node_id

    def _start(self) -> Replica:
        """Make a replica of what is stored."""
        replica = Replica(self.config, self.storage, self._draw)
        self._print_events(replica)
        return replica

    def restart(self) -> None:
        """Lose all but what is stored; the state machine has its last state still."""
        applied_index = self.storage.history[-1].index
        self.config = msgspec.structs.replace(self.config, applied_index=applied_index)
        self.append_work.clear()
        self.apply_work.clear()
        self.replica = self._start()

    def step(self, event: Input) -> None:
        """Tell the replica something; what happened is printed even if it refuses."""
        try:
            self.replica.step(event)
        finally:
            self._print_events(self.replica)

    def _print_events(self, replica: Replica) -> None:
        """Print what happened since the last time."""
        for event in replica.take_events():
            for line in log_lines(event):
                self._output.log(*line)

    # ---- a Ready ------------------------------------------------------------

    def process_ready(self, send: Send) -> None:
        """Take one Ready, print it, and do it or order it to be done."""
        if not self.replica.has_ready():
            self._output.write("<empty Ready>")
            return
        ready = self.replica.ready()
        messages = [
            wire_from_message(message)
            for message in (*ready.messages, *ready.messages_after_sync)
        ]
        orders: list[Wire] = []
        if ready.append is not None:
            orders.append(wire_from_append_order(self.id, ready.append))
            self.append_work.append(ready.append)
        if ready.apply is not None:
            orders.append(wire_from_apply_order(self.id, ready.apply))
            self.apply_work.append(ready.apply)
        self._output.write(describe_ready(ready, [*messages, *orders]))

        if not self.config.asynchronous_storage:
            self.storage.store(ready.hard_state, ready.entries, ready.snapshot)
            self._apply(ready.committed)
        for message in messages:
            send(message)
        if not self.config.asynchronous_storage:
            self.replica.advance()
            self._print_events(self.replica)

    def _apply(self, entries: Sequence[Entry]) -> None:
        """Play the state machine: what it holds is all data it was given, in a row."""
        for entry in entries:
            before = self.storage.history[-1]
            conf_state: ConfState = before.conf_state
            data = entry.data
            if entry.kind is not EntryKind.COMMAND:
                change = ConfChange.decode(entry.data)
                data = change.context
                conf_state = self.replica.apply_conf_change(change)
                self._print_events(self.replica)
            self.storage.history.append(
                Snapshot(entry.index, entry.term, conf_state, before.data + data)
            )

    # ---- the threads of the asynchronous mode -------------------------------

    def process_append_thread(self, send: Send) -> None:
        """Do the oldest order to append."""
        if not self.append_work:
            self._output.write("no append work to perform")
            return
        order = self.append_work.popleft()
        wire = wire_from_append_order(self.id, order)
        self._begin(wire)
        hard_state = order.hard_state or HardState()
        self.storage.store(hard_state, order.entries, order.snapshot)
        self._end(wire, send)

    def process_apply_thread(self, send: Send) -> None:
        """Do the oldest order to apply."""
        if not self.apply_work:
            self._output.write("no apply work to perform")
            return
        order = self.apply_work.popleft()
        wire = wire_from_apply_order(self.id, order)
        self._begin(wire)
        self._apply(order.entries)
        self._end(wire, send)

    def _begin(self, order: Wire) -> None:
        """Print an order before it is done."""
        alone = msgspec.structs.replace(order, responses=())
        self._output.write(f"Processing:\n{alone.describe()}\n")

    def _end(self, order: Wire, send: Send) -> None:
        """Print and send the answers to an order that is done."""
        self._output.write("Responses:\n")
        for response in order.responses:
            self._output.write(f"{response.describe()}\n")
        for response in order.responses:
            send(response)
