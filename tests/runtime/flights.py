"""Groups of cores that are recorded, and their flights, flown again."""

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from raftwerk.core.image import ReplicaImage, SeenImage, take_image
from raftwerk.core.ready import Ready
from raftwerk.core.replica import Replica
from raftwerk.host.draw import SplitMix64
from raftwerk.host.protocol import Host
from raftwerk.host.virtual import VirtualLoop, run, virtual_host
from raftwerk.runtime.flight import FlightPlan, FlightRecorder
from raftwerk.runtime.flight_form import Ended, Flight, read_flight
from raftwerk.runtime.flight_replay import FlightReplay
from raftwerk.storage.memory_disk import MemoryDisk
from raftwerk.storage.memory_snapshots import MemorySnapshots
from raftwerk.storage.protocol import LogStore
from raftwerk.storage.snapshot_protocol import Stores
from raftwerk.types import LogIndex, Term

from ..core.group import World, cause_chaos
from ..core.group import member as group_member

__all__ = ["Witness", "bytes_of", "flights_on", "fly_again", "recorded_group"]

PIECE_TICKS = 10
"""So long a group runs until the recorder's thread has its turn."""


class Witness(FlightRecorder):
    """A recorder that also keeps how the core was after each record."""

    def __init__(self, plan: FlightPlan, host: Host, disk: MemoryDisk) -> None:
        super().__init__(plan, host, disk)
        self.seen: list[tuple[ReplicaImage, Ready | None]] = []
        self._flown: Replica | None = None
        self._ready: Ready | None = None

    def enter(self, replica: Replica) -> None:
        self._flown = replica
        super().enter(replica)

    def took(self, ready: Ready) -> None:
        self._ready = ready
        super().took(ready)

    def _note(self, kind: Callable[..., Any], **fields: object) -> None:
        super()._note(kind, **fields)
        ready, self._ready = self._ready, None
        # Before the first call there is nothing to be compared.
        if self._flown is not None:
            self.seen.append((take_image(self._flown), ready))


def recorded_group(
    seed: int, plan: FlightPlan, monkeypatch: pytest.MonkeyPatch
) -> tuple[MemoryDisk, list[Witness]]:
    """Run a group through faults; each life of each member is recorded apart.

    Returns the disk, and the recorders, each with its own folder.
    """
    disk = MemoryDisk()
    recorders: list[Witness] = []

    async def story() -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        host = virtual_host(loop, SplitMix64(seed))

        def replica(config: Any, store: Any, draw: Any) -> Replica:
            folder = f"/flight/{config.node_id}-{len(recorders)}"
            here = msgspec.structs.replace(plan, directory=folder)
            recorder = Witness(here, host, disk)
            recorders.append(recorder)
            return recorder.replica(config, _noting(recorder, store), draw)

        with monkeypatch.context() as patch:
            patch.setattr(group_member, "Replica", replica)
            world = World(seed, ticks=PIECE_TICKS)
            for _ in range(10 + world.draw.below(20)):
                cause_chaos(world)
                await host.timers.sleep(1)
        for recorder in recorders:
            await recorder.close()

    run(story())
    return disk, recorders


def _noting(recorder: FlightRecorder, store: Any) -> LogStore:
    """Have what is written to a store noted, whoever writes it."""
    names = ["append", "compact", "first_index", "initial_state", "install"]
    names += ["last_index", "read", "snapshot", "term"]
    plain: Any = SimpleNamespace(**{name: getattr(store, name) for name in names})
    log = recorder.stores(Stores(plain, MemorySnapshots())).log
    store.append, store.install, store.compact = log.append, log.install, log.compact
    return log


def flights_on(disk: MemoryDisk, folder: str) -> list[Flight]:
    """Read all files in a folder, oldest first."""
    return [
        read_flight(bytes_of(disk, f"{folder}/{name}"), name)
        for name in disk.list_directory(folder)
    ]


def bytes_of(disk: MemoryDisk, path: str) -> bytes:
    """Return what a file holds."""
    file = disk.open_to_read(path)
    return file.read_at(0, file.size())


def fly_again(flight: Flight, witness: Witness) -> int:
    """Replay a file, and hold each moment against what was seen; return how many."""
    replay = FlightReplay(flight)
    while (moment := replay.next()) is not None:
        where = f"record {moment.number} of {flight.path}: {moment.record}"
        assert not moment.divergence, f"{where}: {moment.divergence}"
        assert not moment.broken, f"{where}: {moment.broken}"
        if isinstance(moment.record, Ended):
            continue
        image, ready = witness.seen[flight.beginning.step + moment.number - 1]
        if flight.beginning.is_shape:
            continue
        assert _without_seen(replay.image()) == _without_seen(image), where
        assert moment.ready == ready, where
    return replay.number


def _without_seen(image: ReplicaImage) -> ReplicaImage:
    """Leave out what `check_all` changes: the group calls it between two inputs."""
    state = msgspec.structs.replace(
        image.state, seen=SeenImage(term=Term(0), commit_index=LogIndex(0))
    )
    return msgspec.structs.replace(image, state=state)
