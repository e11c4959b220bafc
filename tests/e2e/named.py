"""Replicas behind one name: real processes, a real DNS server, loopback addresses.

Each replica has an address of its own in 127.0.0.0/8, and all listen on the same port,
as behind a service's name.
"""

import os
from collections.abc import Sequence
from pathlib import Path

import httpx

from raftwerk.config import Url
from tests.discovery.dns_server import DnsServer
from tests.e2e.cluster import Cluster, NodeProcess
from tests.e2e.ports import free_ports

NAME = "node"


def addresses(count: int, first: int = 1) -> list[str]:
    """Return so many addresses of this machine, in a range of this run."""
    network = 1 + os.getpid() % 250
    return [f"127.77.{network}.{first + number}" for number in range(count)]


class NamedCluster(Cluster):
    """Nodes that are told nothing but a name, and how many they are.

    Parameters
    ----------
    folder : Path
        For data directories and log files.
    dns : DnsServer
        Where the name is known.
    size : int
        How many nodes are started at first.
    replicas : int
        How many they are told to be.
    """

    def __init__(
        self, folder: Path, dns: DnsServer, size: int = 3, *, replicas: int = 3
    ) -> None:
        super().__init__(folder, size=0)
        self.dns = dns
        self.replicas = replicas
        self.client_port = free_ports(1)[0]
        self.peer_port = free_ports(1)[0]
        self.hosts: dict[str, str] = {}
        for number, host in enumerate(addresses(size), start=1):
            self.nodes.append(self.replica(f"r{number}", host))
        self.list_all()

    def replica(self, name: str, host: str, *flags: str) -> NodeProcess:
        """Return a node at an address; a name that was used before has its data."""
        self.hosts[name] = host
        client = Url(host, self.client_port)
        node = NodeProcess(
            name,
            self.folder,
            [
                f"--name={name}",
                f"--data-dir={self.folder / name}",
                f"--listen-client-urls={client}",
                f"--listen-peer-urls=http://{host}:{self.peer_port}",
                *(flags or self._flags_for_name()),
            ],
            client,
        )
        self._stack.callback(node.end)
        return node

    def _flags_for_name(self) -> Sequence[str]:
        """Return what tells a node to look for the others by name."""
        return (
            f"--app-name={NAME}",
            f"--num-replicas={self.replicas}",
            f"--dns-servers={self.dns.address}",
        )

    def list_all(self) -> None:
        """Have DNS know the address of each replica."""
        self.dns.records[(NAME, "A")] = list(self.hosts.values())

    async def members(self, node: NodeProcess) -> dict[str, dict[str, object]]:
        """Return the members as a node lists them, by name; empty if it does not."""
        try:
            answer = await self.http.post(
                f"{node.client}/v3/cluster/member/list", json={}, timeout=2.0
            )
        except httpx.TransportError:
            return {}
        listed = answer.json().get("members", [])
        return {member.get("name", ""): member for member in listed}
