"""Three machines that share a name find each other, as containers of a service do.

They listen on all their addresses and are not told which of them is theirs, and they
ask whom the system asks for names.
"""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.e2e.cluster import READY_SECONDS
from tests.e2e.namespaces import HUB, NETWORK, Namespaces, why_not

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).parents[2]

ANY_CLIENT, ANY_PEER = "http://0.0.0.0:2379", "http://0.0.0.0:2380"

WRITE = """
import base64, json, sys, time, urllib.request as web
def call(host, path, **fields):
    request = web.Request(f"http://{host}:2379/v3/{path}", json.dumps(fields).encode())
    return json.load(web.urlopen(request, timeout=2))
seconds, hosts, text = float(sys.argv[1]), sys.argv[2:], base64.b64encode(b"a").decode()
end = time.monotonic() + seconds
while time.monotonic() < end:
    for host in hosts:
        try:
            call(host, "kv/put", key=text, value=text)
            print(json.dumps(call(host, "cluster/member/list")))
            sys.exit()
        except OSError:
            time.sleep(0.05)
sys.exit("nothing was written")
"""


class Machines:
    """Three machines, each with a replica that knows a name."""

    def __init__(self, net: Namespaces, folder: Path, stack: ExitStack) -> None:
        self.net = net
        self.folder = folder
        self.stack = stack

    def name_means(self, addresses: list[str]) -> None:
        """Have the name lead to these addresses."""
        aside = self.folder / "records.new"
        aside.write_text(json.dumps({"node": addresses}))
        aside.replace(self.folder / "records")

    def run(self, machine: str, *words: str) -> subprocess.Popen[bytes]:
        """Start a program on a machine; it ends with the test."""
        log = self.stack.enter_context((self.folder / f"{machine}.log").open("ab"))
        command = self.net.command(machine, [sys.executable, *words])
        # pylint: disable-next=consider-using-with  # the stack ends it
        process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log)
        self.stack.callback(process.wait, 10)
        self.stack.callback(process.kill)
        return process

    def start(self, machine: str) -> subprocess.Popen[bytes]:
        """Start the replica of a machine, with the data that it has."""
        return self.run(
            machine,
            *("-m", "raftwerk", "serve", f"--name={machine}", "--app-name=node"),
            *(f"--data-dir={self.folder / machine}", "--num-replicas=3"),
            *(f"--listen-client-urls={ANY_CLIENT}", f"--listen-peer-urls={ANY_PEER}"),
        )

    def write(self, addresses: list[str]) -> dict[str, list[str]]:
        """Return each member's peer URLs, after a write through one of these."""
        words = [sys.executable, "-c", WRITE, str(READY_SECONDS), *addresses]
        ended = subprocess.run(
            self.net.command(self.net.hub, words),
            capture_output=True,
            check=False,
        )
        assert ended.returncode == 0, ended.stderr.decode() + self.logs()
        members = json.loads(ended.stdout)["members"]
        return {member.get("name", ""): member["peerURLs"] for member in members}

    def logs(self) -> str:
        """Return what all have said."""
        return "\n".join(path.read_text() for path in sorted(self.folder.glob("*.log")))


def urls(net: Namespaces) -> dict[str, list[str]]:
    """Return where each replica is to be reached."""
    return {
        machine: [f"http://{address}:2380"]
        for machine, address in zip(net.machines, net.addresses, strict=True)
    }


@pytest.fixture(name="machines")
def _machines(tmp_path: Path) -> Iterator[Machines]:
    if reason := why_not():
        pytest.skip(reason)
    with ExitStack() as stack:
        net = stack.enter_context(Namespaces(3))
        machines = Machines(net, tmp_path, stack)
        machines.name_means(net.addresses)
        records = str(tmp_path / "records")
        machines.run(net.hub, "-m", "tests.discovery.dns_server", HUB, records)
        yield machines


def test_machines_that_share_a_name_found_a_cluster(machines: Machines) -> None:
    net = machines.net
    replicas = [machines.start(machine) for machine in net.machines]
    assert machines.write(net.addresses) == urls(net), machines.logs()

    # One of them comes back at another address, and is the same member.
    replicas[2].kill()
    replicas[2].wait()
    net.move(2, f"{NETWORK}.99")
    machines.name_means(net.addresses)
    machines.start(net.machines[2])
    deadline = time.monotonic() + 30  # they look around each 5 s
    while time.monotonic() < deadline:
        members = machines.write(net.addresses[:2])
        if members == urls(net):
            return
    raise AssertionError(f"{members}\n{machines.logs()}")
