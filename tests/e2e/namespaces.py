"""A network without containers: a bridge, and a network namespace for each machine.

All of it lives in namespaces of its own and is removed at the end; the host's network
is not touched. Needs root, and iproute2.
"""

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

NETWORK = "10.77.0"
HUB = f"{NETWORK}.1"


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


def why_not() -> str:
    """Return why there can be no namespaces here; empty if there can."""
    if shutil.which("ip") is None:
        return "iproute2 is not installed"
    if os.geteuid() != 0:
        return "network namespaces need root"
    name = f"rwk{os.getpid()}-try"
    try:
        _ip("netns", "add", name)
        _ip("netns", "del", name)
    except subprocess.CalledProcessError as error:
        return f"no namespaces here: {error.stderr.decode().strip()}"
    return ""


class Namespaces:
    """Machines on one network, that ask the hub for names.

    Parameters
    ----------
    count : int
        How many machines.
    """

    def __init__(self, count: int) -> None:
        self._prefix = f"rwk{os.getpid()}"
        self.hub = f"{self._prefix}-hub"
        self.machines = [f"{self._prefix}-{n}" for n in range(1, count + 1)]
        self.addresses = [f"{NETWORK}.{10 + n}" for n in range(1, count + 1)]

    @staticmethod
    def command(machine: str, words: Sequence[str]) -> list[str]:
        """Return a command line that runs another one on a machine."""
        return ["ip", "netns", "exec", machine, *words]

    def move(self, number: int, address: str) -> None:
        """Give a machine another address in place of the one that it has."""
        machine, was = self.machines[number], self.addresses[number]
        _ip("-n", machine, "addr", "del", f"{was}/24", "dev", "eth0")
        _ip("-n", machine, "addr", "add", f"{address}/24", "dev", "eth0")
        self.addresses[number] = address

    def __enter__(self) -> Self:
        try:
            self._make()
        except BaseException:
            self._remove()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._remove()

    def _make(self) -> None:
        _ip("netns", "add", self.hub)
        _ip("-n", self.hub, "link", "set", "lo", "up")
        _ip("-n", self.hub, "link", "add", "br0", "type", "bridge")
        _ip("-n", self.hub, "addr", "add", f"{HUB}/24", "dev", "br0")
        _ip("-n", self.hub, "link", "set", "br0", "up")
        for number, (machine, address) in enumerate(
            zip(self.machines, self.addresses, strict=True)
        ):
            _ip("netns", "add", machine)
            _ip("-n", machine, "link", "set", "lo", "up")
            peer = ["peer", "name", f"v{number}", "netns", self.hub]
            _ip("-n", machine, "link", "add", "eth0", "type", "veth", *peer)
            _ip("-n", machine, "addr", "add", f"{address}/24", "dev", "eth0")
            _ip("-n", machine, "link", "set", "eth0", "up")
            _ip("-n", self.hub, "link", "set", f"v{number}", "master", "br0", "up")
            folder = Path("/etc/netns") / machine
            folder.mkdir(parents=True)
            text = f"nameserver {HUB}\noptions timeout:1 attempts:2\n"
            (folder / "resolv.conf").write_text(text)

    def _remove(self) -> None:
        for machine in (self.hub, *self.machines):
            subprocess.run(
                ["ip", "netns", "del", machine], check=False, capture_output=True
            )
            shutil.rmtree(Path("/etc/netns") / machine, ignore_errors=True)
