"""Proposals through the library, three processes with their disks, beside PySyncObj.

    python benchmarks/bench_library.py [--seconds S] [--rounds R]

Sketch: with one proposal at a time, it costs a message to a follower and back and one
sync, on both sides at the same time; all else is calls, and the way into a thread that
syncs. With a thousand under way, a sync is shared by all that came meanwhile, and what
counts is the work per entry in three processes on two processors.

The load runs in the process of the member that leads, as a user of the library would
have it; values have 100 bytes. PySyncObj never syncs as it is shipped. Here its journal
is patched so that it does: whatever a member is about to send, be it a leader's entries
or a follower's word that it has them, its journal is flushed to the disk before, once
for all that it wrote since. Of its two ways of sending, at once and what gathers in a
short period, the better one counts for each window.

"One fsync and two round trips" is the floor for one proposal: what a write with its
sync takes on this disk, and a byte there and back between two processes, twice, each
measured alone in the same run.
"""

import argparse
import asyncio
import json
import logging
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import meters
from clusters import RunFailed, free_ports

VALUE = b"x" * 100
WINDOWS = (1, 1000)
GATHERING_SECONDS = 0.0005
ELECTION_SECONDS = 20.0
SETTLE_SECONDS = 0.3
SAMPLES = 300

# ---- a member of ours -------------------------------------------------------------


class Counter:
    """A state machine that does next to nothing."""

    is_quick = True

    def __init__(self) -> None:
        self.count = 0

    def apply(self, _index: int, commands: Sequence[bytes]) -> list[int]:
        """Count."""
        self.count += len(commands)
        return [self.count] * len(commands)

    def snapshot(self) -> list[bytes]:
        """Return the count."""
        return [str(self.count).encode()]

    def restore(self, chunks: Any) -> None:
        """Take the count."""
        self.count = int(b"".join(chunks) or b"0")


def make_node(number: int, ports: Sequence[int], folder: Path) -> Any:
    """Return a member of ours, with its log in a folder."""
    # pylint: disable=import-outside-toplevel  # of the other side nothing is loaded
    # pylint: disable=too-many-locals  # most are imports
    from raftwerk.host.real import real_host
    from raftwerk.runtime import Member, Node, NodeConfig, bootstrap_snapshot
    from raftwerk.storage.disk import RealDisk
    from raftwerk.storage.protocol import DirectoryIdentity
    from raftwerk.storage.snapshots import SnapshotFiles
    from raftwerk.storage.wal import Wal
    from raftwerk.transport.protocol import Identity
    from raftwerk.transport.tcp import TcpTransport
    from raftwerk.types import NodeId

    host, disk = real_host(), RealDisk()
    ids = {"cluster_id": 1, "node_id": NodeId(number + 1), "directory_id": number + 1}
    urls = [f"http://127.0.0.1:{port}" for port in ports]
    first = bootstrap_snapshot(
        Member(node_id=NodeId(each + 1), peer_urls=(url,))
        for each, url in enumerate(urls)
    )
    log = Wal.create(disk, str(folder), DirectoryIdentity(**ids), first)
    snapshots = SnapshotFiles(disk, str(folder))
    snapshots.prepare(log.snapshot().index)
    address = f"127.0.0.1:{ports[number]}"
    return Node(
        NodeConfig(**ids, peer_urls=(urls[number],)),
        Counter(),
        host=host,
        store=log,
        snapshots=snapshots,
        transport=TcpTransport(
            Identity(**ids, address=address),
            address,
            host=host,
            report=lambda *_words, **_fields: None,
        ),
    )


async def run_raftwerk(number: int, ports: Sequence[int], folder: Path) -> None:
    """Be a member of ours, and do what is asked for on standard input."""
    node = make_node(number, ports, folder)
    await node.start()
    loop = asyncio.get_running_loop()

    async def work(window: int, seconds: float) -> list[float]:
        """Keep so many proposals under way; return how long each took."""
        end = time.perf_counter() + seconds
        took: list[float] = []

        async def one() -> None:
            while (began := time.perf_counter()) < end:
                await node.propose(VALUE)
                took.append(time.perf_counter() - began)

        await asyncio.gather(*(one() for _ in range(window)))
        return took

    while line := await loop.run_in_executor(None, sys.stdin.readline):
        words = line.split()
        if words[0] == "leads":
            say(node.status().role.name == "LEADER")
        else:
            say(sorted(await work(int(words[1]), float(words[2]))))
    await node.stop()


# ---- a member of PySyncObj --------------------------------------------------------


def run_pysyncobj(
    number: int, ports: Sequence[int], folder: Path, gathers: bool
) -> None:
    """Be a member of PySyncObj that syncs, and do what is asked for."""
    # pylint: disable=import-outside-toplevel  # of the other side nothing is loaded
    from pysyncobj import (  # type: ignore[import-untyped]  # it has no types
        SyncObj,
        SyncObjConf,
        replicated,
    )

    class Counting(SyncObj):  # type: ignore[misc]  # it has no types
        """The same state machine."""

        def __init__(self) -> None:
            names = [f"127.0.0.1:{port}" for port in ports]
            own = names.pop(number)
            super().__init__(
                own,
                names,
                SyncObjConf(
                    journalFile=str(folder / "journal"),
                    fullDumpFile=str(folder / "dump"),
                    autoTickPeriod=GATHERING_SECONDS if gathers else 0.05,
                    appendEntriesUseBatch=gathers,
                    appendEntriesPeriod=GATHERING_SECONDS if gathers else 0.1,
                    logCompactionMinEntries=10**9,
                    logCompactionMinTime=10**9,
                    commandsQueueSize=10**6,
                ),
            )
            self.count = 0

        @replicated  # type: ignore[untyped-decorator]  # the same
        def add(self, _value: bytes) -> int:
            """Count."""
            self.count += 1
            return self.count

    # It says at each re-sent entry that something may be wrong.
    logging.disable(logging.CRITICAL)
    member = Counting()
    sync_before_sending(member)
    while line := sys.stdin.readline():
        words = line.split()
        if words[0] == "leads":
            say(member._isLeader())  # pylint: disable=protected-access  # its own way
        else:
            say(sorted(propose_in_window(member, int(words[1]), float(words[2]))))
    os._exit(0)  # its threads don't end


def sync_before_sending(member: Any) -> None:
    """Have its journal on the disk before it sends anything; see the module."""
    # pylint: disable-next=protected-access  # it has no other way
    journal, transport = member._SyncObj__raftLog, member._SyncObj__transport
    dirty = [False]
    add, send = journal.add, transport.send

    def noting_add(*entry: Any) -> None:
        add(*entry)
        dirty[0] = True

    def syncing_send(node: Any, message: Any) -> Any:
        if dirty[0]:
            journal.flush()
            dirty[0] = False
        return send(node, message)

    journal.add = noting_add
    transport.send = syncing_send


def propose_in_window(member: Any, window: int, seconds: float) -> list[float]:
    """Keep so many proposals under way; return how long each took."""
    # pylint: disable=consider-using-with  # it is released when the answer is there
    end = time.perf_counter() + seconds
    took: list[float] = []
    under_way = threading.Semaphore(window)

    def begin() -> None:
        began = time.perf_counter()

        def done(_result: Any, error: int) -> None:
            if error == 0:
                took.append(time.perf_counter() - began)
            under_way.release()

        member.add(VALUE, callback=done)

    while time.perf_counter() < end:
        under_way.acquire()
        begin()
    for _ in range(window):
        under_way.acquire()
    return took


# ---- both sides -------------------------------------------------------------------


def say(value: object) -> None:
    """Answer the one who asked."""
    print(json.dumps(value), flush=True)


class Group:
    """Three processes of one kind."""

    def __init__(self, kind: str, folder: Path) -> None:
        self.kind = kind
        ports = [str(port) for port in free_ports(3)]
        self.processes = []
        for number in range(3):
            place = folder / f"{kind}-{number}"
            place.mkdir()
            command = [sys.executable, __file__, "--member", kind, str(number)]
            # pylint: disable-next=consider-using-with  # ended by `end`
            process = subprocess.Popen(
                [*command, str(place), *ports],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            self.processes.append(process)

    def ask(self, number: int, words: str) -> Any:
        """Have a member do something, and return its answer."""
        process = self.processes[number]
        assert process.stdin is not None and process.stdout is not None
        process.stdin.write(words + "\n")
        process.stdin.flush()
        line = process.stdout.readline()
        if not line:
            raise RunFailed(f"a member of {self.kind} has ended")
        return json.loads(line)

    def leader(self) -> int:
        """Return who leads, when somebody does."""
        end = time.monotonic() + ELECTION_SECONDS
        while time.monotonic() < end:
            for number in range(3):
                if self.ask(number, "leads"):
                    return number
            time.sleep(0.05)
        raise RunFailed(f"nobody of {self.kind} leads")

    def measure(self, window: int, seconds: float) -> tuple[float, float, float]:
        """Return proposals a second, their median in ms, and CPU seconds per 1,000."""
        leader = self.leader()
        time.sleep(SETTLE_SECONDS)
        with meters.Span([process.pid for process in self.processes]) as used:
            took = self.ask(leader, f"work {window} {seconds}")
        if not took:
            raise RunFailed(f"{self.kind} answered nothing")
        per_thousand = used.servers / len(took) * 1000
        return len(took) / seconds, statistics.median(took) * 1000, per_thousand

    def end(self) -> None:
        """End all."""
        for process in self.processes:
            process.kill()
            process.wait()


def floor_millis(folder: Path) -> float:
    """Return one sync and two round trips between processes, in ms, as medians."""
    syncs = []
    with (folder / "floor").open("wb", buffering=0) as file:
        file.write(bytes(1 << 20))
        os.fsync(file.fileno())
        for place in range(SAMPLES):
            began = time.perf_counter()
            os.pwrite(file.fileno(), VALUE, place * 512)
            os.fdatasync(file.fileno())
            syncs.append(time.perf_counter() - began)
    with socket.create_server(("127.0.0.1", 0)) as server:
        # pylint: disable-next=consider-using-with  # waited for below
        echo = subprocess.Popen(
            [sys.executable, __file__, "--echo", str(server.getsockname()[1])]
        )
        connection, _ = server.accept()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        trips = []
        for _ in range(SAMPLES):
            began = time.perf_counter()
            connection.sendall(VALUE)
            connection.recv(1000)
            trips.append(time.perf_counter() - began)
        connection.close()
        echo.wait()
    return (statistics.median(syncs) + 2 * statistics.median(trips)) * 1000


def run_echo(port: int) -> None:
    """Send back all that comes."""
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while data := connection.recv(1000):
            connection.sendall(data)


def run_member(words: Sequence[str]) -> None:
    """Be a member, as `Group` starts it."""
    kind, number, folder, *ports = words
    places = [int(port) for port in ports]
    if kind == "raftwerk":
        # pylint: disable-next=import-outside-toplevel  # of the other side nothing
        import uvloop

        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(run_raftwerk(int(number), places, Path(folder)))
    else:
        run_pysyncobj(int(number), places, Path(folder), kind == "gathering")


Measured = dict[tuple[str, int], list[tuple[float, float, float]]]

KINDS = ("raftwerk", "at-once", "gathering")


def measure_all(rounds: int, seconds: float) -> tuple[Measured, list[float]]:
    """Measure all in turns; return rounds by kind and window, and the floors."""
    found: Measured = {(kind, window): [] for kind in KINDS for window in WINDOWS}
    floors = []
    with tempfile.TemporaryDirectory(dir=".") as name:
        groups = [Group(kind, Path(name)) for kind in KINDS]
        try:
            for number in range(rounds):
                floors.append(floor_millis(Path(name)))
                for window in WINDOWS:
                    for group in groups:
                        measured = group.measure(window, seconds)
                        found[group.kind, window].append(measured)
                print(f"round {number + 1} of {rounds} is done", file=sys.stderr)
        finally:
            for group in groups:
                group.end()
    return found, floors


def print_tables(found: Measured, floors: Sequence[float]) -> None:
    """Print what was measured."""

    def median(kind: str, window: int, figure: int) -> float:
        return statistics.median(each[figure] for each in found[kind, window])

    print("| window | raftwerk | PySyncObj, synced | its way | ratio | CPU s/1,000 |")
    print("|---:|---:|---:|---|---:|---|")
    for window in WINDOWS:
        rates = {kind: median(kind, window, 0) for kind in KINDS}
        ours = rates.pop("raftwerk")
        way, theirs = max(rates.items(), key=lambda each: each[1])
        cpu = [f"{median(kind, window, 2):.3f}" for kind in ("raftwerk", way)]
        print(
            f"| {window} | {ours:,.0f}/s | {theirs:,.0f}/s | {way} |"
            f" {ours / theirs:.1f} x | {' against '.join(cpu)} |"
        )
    floor = statistics.median(floors)
    one = median("raftwerk", 1, 1)
    print(f"\none client: {one:.2f} ms; one sync and two round trips: {floor:.2f} ms")
    print(f"ratio: {one / floor:.2f}")


def main() -> None:
    """Measure, or be one of the processes that are measured."""
    if sys.argv[1:2] == ["--member"]:
        run_member(sys.argv[2:])
        return
    if sys.argv[1:2] == ["--echo"]:
        run_echo(int(sys.argv[2]))
        return
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=1.0, help="for each load")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    print_tables(*measure_all(options.rounds, options.seconds))


if __name__ == "__main__":
    main()
