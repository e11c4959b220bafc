"""A member loses its disk, and a new one takes its place while the group works on.

Three real members in one process, on virtual time. The lost one must not come back
under its id, for it has forgotten what it promised: `ReplaceMember` takes the old id
out and a new one in, as a learner; the leader lets it vote when it has caught up.
"""

from raftwerk.host.draw import SplitMix64
from raftwerk.host.virtual import VirtualLoop, virtual_host
from raftwerk.kv import Put, Store, encode
from raftwerk.runtime import Member, Node, NodeConfig, bootstrap_snapshot
from raftwerk.service.cluster import ClusterService
from raftwerk.service.cluster_calls import ReplaceMember
from raftwerk.storage.memory import MemoryLog
from raftwerk.transport.memory import MemoryNetwork, MemoryTransport
from raftwerk.transport.protocol import Identity
from raftwerk.types import NodeId

loop = VirtualLoop()
host = virtual_host(loop, SplitMix64(1))
network = MemoryNetwork(host.timers, SplitMix64(2))
services: dict[NodeId, ClusterService] = {}
founders = [
    Member(node_id=NodeId(i), name=f"n{i}", peer_urls=(f"http://n{i}:2380",))
    for i in (1, 2, 3)
]


async def start(node_id: NodeId, name: str, log: MemoryLog, disk: int) -> Node:
    """Start a member, with the service that changes members."""
    config = NodeConfig(node_id=node_id, name=name, directory_id=disk)
    identity = Identity(
        cluster_id=1, node_id=node_id, directory_id=disk, address=f"{name}:2380"
    )
    transport = MemoryTransport(
        identity,
        f"{name}:2380",
        network=network,
        host=host,
        report=lambda *_, **__: None,
        admit=lambda peer: node.refusal(peer),
    )
    node = Node(config, Store(), host=host, store=log, transport=transport)
    services[node_id] = ClusterService(node, host.timers, host.draw)
    loop.create_task(services[node_id].run())
    await node.start()
    return node


async def story() -> None:
    """Lose a member, and replace it."""
    first = bootstrap_snapshot(founders)
    one, two, _ = [
        await start(each.node_id, each.name, MemoryLog(first), 100 + each.node_id)
        for each in founders
    ]
    await one.propose(encode(Put(b"kept", b"by a majority")))

    await two.stop()  # and its disk is gone
    view = await services[NodeId(1)].request(ReplaceMember(NodeId(2)))
    new = view.subject
    print("member 2 is removed:", NodeId(2) in one.removed)
    print("a learner is added:", new in one.status().conf_state.learners)

    node = await start(new, "n2", MemoryLog(), disk=200)
    while new not in node.status().conf_state.voters:
        await host.timers.sleep(0.05)
    print("it votes, and has all:", node.status().applied_index > 1)


loop.run_until_complete(story())

# It prints:
# member 2 is removed: True
# a learner is added: True
# it votes, and has all: True
