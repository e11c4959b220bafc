"""The core alone: entries per second through three members in one process, no disk.

    python benchmarks/bench_step.py [--seconds S] [--rounds R] [--profile]

Sketch: to commit one batch, a leader appends it and sends it to two followers, these
store it and answer, the leader counts, and tells them. That is 16 steps and 6 `Ready`
of a few microseconds each, whatever the batch; beside that an entry costs an object, a
place in four lists, and a look from each member that applies it. So a batch of one is
bounded by calls, a batch of 256 by lists.

Beside it, in the same run and in turns: PySyncObj as it is quickest without disk and
sockets. Its three objects exchange messages through a list, unpickled; its two ways of
sending (at once, or what gathers in a short period) are both tried, and the better one
counts. Both sides have one batch in hand: the next begins when the last is applied at
the leader. Processor time is counted, for a busy machine can't change that.
"""

import argparse
import cProfile
import os
import platform
import pstats
import shlex
import statistics
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

# It has no types.
from pysyncobj import SyncObj, SyncObjConf, replicated  # type: ignore[import-untyped]
from pysyncobj.node import Node  # type: ignore[import-untyped]  # the same
from pysyncobj.transport import Transport  # type: ignore[import-untyped]  # the same

from raftwerk.core import (
    NO_LIMIT,
    Campaign,
    ConfState,
    CoreConfig,
    PeerMessage,
    Proposal,
    Propose,
    Replica,
    Role,
    Snapshot,
)
from raftwerk.storage.held_log import HeldLog, bootstrap_base
from raftwerk.types import LogIndex, NodeId, Term

ENTRY_BYTES = 100
BATCHES = (1, 16, 64, 256)
SHORT_LOG = 10_000
LONG_LOG = 1_000_000
GATHERING_SECONDS = 0.0002
"""How often PySyncObj sends what has gathered: less is all ticks, more all waits."""


class Member:
    """A replica of ours, and all that a driver without disk and network does."""

    def __init__(self, node_id: NodeId, start: Snapshot) -> None:
        self.log = HeldLog(bootstrap_base(start))
        config = CoreConfig(
            node_id=node_id, applied_index=start.index, append_bytes_max=NO_LIMIT
        )
        self.replica = Replica(config, self.log, draw=lambda bound: 0)
        self.applied_index = start.index

    def work(self, sent: list[PeerMessage]) -> None:
        """Do all that the replica wants done."""
        replica = self.replica
        while replica.has_ready():
            ready = replica.ready()
            self.log.append(ready.hard_state, ready.entries)
            sent += ready.messages
            sent += ready.messages_after_sync
            if ready.committed:
                self.applied_index = ready.committed[-1].index
            replica.advance()


class Cores:
    """Three of ours, the first of which leads."""

    name = "raftwerk core"

    def __init__(self) -> None:
        ids = (NodeId(1), NodeId(2), NodeId(3))
        start = Snapshot(LogIndex(1), Term(1), ConfState(voters=ids))
        self.members = {node_id: Member(node_id, start) for node_id in ids}
        self.leader = self.members[ids[0]]
        self.leader.replica.step(Campaign())
        while self.leader.applied_index < 2:
            self._exchange()
        assert self.leader.replica.status().role is Role.LEADER

    def _exchange(self) -> None:
        """Let each member work once, and deliver what they sent."""
        sent: list[PeerMessage] = []
        for member in self.members.values():
            member.work(sent)
        for message in sent:
            self.members[message.receiver].replica.step(message)

    def commit(self, batch: Sequence[bytes]) -> None:
        """Commit a batch, and apply it at the leader."""
        target = self.leader.applied_index + len(batch)
        self.leader.replica.step(Propose(tuple([Proposal(data) for data in batch])))
        while self.leader.applied_index < target:
            self._exchange()
        for member in self.members.values():
            member.replica.take_events()

    def close(self) -> None:
        """Let go of nothing: all is memory."""


class ListTransport(Transport):  # type: ignore[misc]  # it has no types
    """PySyncObj's messages, in a list and as they are."""

    everyone: dict[str, "ListTransport"] = {}

    def __init__(self, sync_obj: Any, own: Any, others: Any) -> None:
        super().__init__(sync_obj, own, others)
        self._own = own
        self._others = others
        self.inbox: deque[tuple[Any, Any]] = deque()
        self.everyone[own.id] = self

    @property
    def ready(self) -> bool:
        """Whether it can be used."""
        return True

    def connect(self) -> None:
        """Say that all others are there."""
        for other in self._others:
            self._onNodeConnected(other)

    def send(self, node: Any, message: Any) -> bool:
        """Put a message into the list of its receiver."""
        self.everyone[node.id].inbox.append((self._own, message))
        return True

    def deliver(self) -> None:
        """Give the object what is in its list."""
        while self.inbox:
            self._onMessageReceived(*self.inbox.popleft())


class Counting(SyncObj):  # type: ignore[misc]  # it has no types
    """A replicated object whose one command does next to nothing."""

    def __init__(self, own: Any, others: Any, conf: Any) -> None:
        self.count = 0
        super().__init__(
            own, others, conf, nodeClass=Node, transportClass=ListTransport
        )

    @replicated  # type: ignore[untyped-decorator]  # the same
    def apply(self, data: bytes) -> None:
        """Take one command."""
        self.count += len(data) > 0


class SyncObjects:
    """Three of PySyncObj's, the first one that leads first."""

    def __init__(self, *, gathers: bool) -> None:
        self.name = "PySyncObj, gathering" if gathers else "PySyncObj, at once"
        conf = SyncObjConf(
            autoTick=False,
            appendEntriesUseBatch=gathers,
            appendEntriesPeriod=GATHERING_SECONDS if gathers else 0.1,
            raftMinTimeout=0.5,
            raftMaxTimeout=1.0,
            connectionTimeout=60.0,
            # Compaction would count on their side alone.
            logCompactionMinEntries=10**9,
            logCompactionMinTime=10**9,
        )
        nodes = [Node(str(number)) for number in (1, 2, 3)]
        self.objects = [
            Counting(own, [node for node in nodes if node is not own], conf)
            for own in nodes
        ]
        self.transports = [ListTransport.everyone[node.id] for node in nodes]
        for transport in self.transports:
            transport.connect()
        while not (leaders := [one for one in self.objects if one._isLeader()]):
            self._exchange()
        self.leader = leaders[0]

    def _exchange(self) -> None:
        """Let each object tick once, and deliver what they sent."""
        for one, transport in zip(self.objects, self.transports, strict=True):
            transport.deliver()
            one.doTick(0.0)

    def commit(self, batch: Sequence[bytes]) -> None:
        """Commit a batch, and apply it at the leader."""
        target = self.leader.count + len(batch)
        for data in batch:
            self.leader.apply(data)
        while self.leader.count < target:
            self._exchange()

    def close(self) -> None:
        """Let go of pipes and pollers."""
        for one in self.objects:
            one.destroy()
            one.doTick(0.0)


Group = Cores | SyncObjects


def rate(group: Group, batch: int, seconds: float) -> float:
    """Return how many entries a second a group commits in such batches."""
    data = [bytes(ENTRY_BYTES)] * batch
    count = 0
    start = time.process_time()
    while (elapsed := time.process_time() - start) < seconds:
        group.commit(data)
        count += batch
    return count / elapsed


def compare(seconds: float, rounds: int) -> None:
    """Print entries per second at each batch, ours and theirs in turns."""
    print(
        f"{'batch':>5} {'raftwerk core':>15} {'PySyncObj':>12} {'ratio':>7}   its way"
    )
    for batch in BATCHES:
        ours: list[float] = []
        theirs: dict[str, list[float]] = {}
        for _ in range(rounds):
            # A group each round: else theirs would be slower for its longer log.
            for make in (
                Cores,
                lambda: SyncObjects(gathers=True),
                lambda: SyncObjects(gathers=False),
            ):
                group = make()
                group.commit([bytes(ENTRY_BYTES)] * batch)
                measured = rate(group, batch, seconds)
                group.close()
                if isinstance(group, Cores):
                    ours.append(measured)
                else:
                    theirs.setdefault(group.name, []).append(measured)
        _, best = max((statistics.median(each), name) for name, each in theirs.items())
        ratios = [one / other for one, other in zip(ours, theirs[best], strict=True)]
        print(
            f"{batch:>5} {statistics.median(ours):>13,.0f}/s"
            f" {statistics.median(theirs[best]):>10,.0f}/s"
            f" {statistics.median(ratios):>6.1f}x   {best.partition(', ')[2]}"
        )


def filled(entries: int) -> Cores:
    """Return a group with so many entries in its logs."""
    group = Cores()
    data = [bytes(ENTRY_BYTES)] * 1000
    for _ in range(entries // 1000):
        group.commit(data)
    return group


def compare_lengths(seconds: float, rounds: int) -> None:
    """Print what an entry costs with a short and with a long log, in turns."""
    groups = {entries: filled(entries) for entries in (SHORT_LOG, LONG_LOG)}
    costs: dict[int, list[float]] = {entries: [] for entries in groups}
    for _ in range(rounds):
        for entries, group in groups.items():
            costs[entries].append(1e6 / rate(group, 64, seconds))
    print(
        "\nentries in the log   microseconds an entry, batches of 64 (median, spread)"
    )
    for entries, values in costs.items():
        print(
            f"{entries:>18,}   {statistics.median(values):.2f}"
            f"  ({min(values):.2f} to {max(values):.2f})"
        )
    ratios = [b / a for a, b in zip(costs[SHORT_LOG], costs[LONG_LOG], strict=True)]
    print(f"long against short: {statistics.median(ratios):.2f}")


def profile(batch: int) -> None:
    """Print where the time goes."""
    group = Cores()
    profiler = cProfile.Profile()
    profiler.enable()
    rate(group, batch, 2.0)
    profiler.disable()
    pstats.Stats(profiler).sort_stats("tottime").print_stats(28)


def head() -> str:
    """Return what this is run on and how, a line each."""
    model = platform.processor() or platform.machine()
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                model = line.partition(": ")[2]
    program = f"benchmarks/{Path(sys.argv[0]).name}"
    return (
        f"machine   {model}, {os.cpu_count()} processors, {platform.system()}\n"
        f"load      {os.getloadavg()[0]:.1f}\n"
        f"python    {platform.python_implementation()} {platform.python_version()}\n"
        f"packages  raftwerk {version('raftwerk')}, pysyncobj {version('pysyncobj')}\n"
        f"command   {shlex.join(['python', program, *sys.argv[1:]])}\n"
    )


def main() -> None:
    """Measure as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=0.5, help="one measurement")
    parser.add_argument("--rounds", type=int, default=5, help="of all, in turns")
    parser.add_argument(
        "--profile", type=int, metavar="BATCH", help="only profile ours"
    )
    arguments = parser.parse_args()
    if arguments.profile:
        profile(arguments.profile)
        return
    print(head())
    measure: Callable[[float, int], None]
    for measure in (compare, compare_lengths):
        measure(arguments.seconds, arguments.rounds)


if __name__ == "__main__":
    main()
