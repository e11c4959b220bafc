"""How a node comes to its cluster, and back to it: the ways, with all they need.

A data directory that knows its cluster wins. Else a list of the first members is taken
at its word (`cli.joining`); and where the others are found by a name, or through any
member, a node asks until it knows what it is to be (`raftwerk.discovery`). While it
does, it answers others that ask the same, on its peers' address.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack, suppress
from typing import Final

import msgspec
import structlog

from raftwerk.cli.config_command import way_of
from raftwerk.cli.data_directory import refusing_unusable
from raftwerk.cli.joining import find_own_place
from raftwerk.cli.lookup import look_up
from raftwerk.cli.reachable import hint_for, told_urls
from raftwerk.config import InitialMember, ServeConfig, Url, Way
from raftwerk.core.messages import Message
from raftwerk.discovery import Place, Question, encode
from raftwerk.discovery.bootstrap import (
    Record,
    Terms,
    View,
    decode_record,
    decode_view,
    encode_record,
)
from raftwerk.discovery.first_start import FirstStart, Start
from raftwerk.errors import NotLeader
from raftwerk.host.protocol import Host
from raftwerk.runtime import Node
from raftwerk.storage.directory import lock_directory
from raftwerk.storage.discard import discard_log
from raftwerk.storage.disk_protocol import Disk
from raftwerk.storage.kept_file import KeptFile
from raftwerk.storage.protocol import DirectoryIdentity
from raftwerk.storage.wal import Wal
from raftwerk.transport.protocol import Identity
from raftwerk.transport.tcp import TcpTransport
from raftwerk.transport.tcp_ask import ask
from raftwerk.types import NodeId

__all__ = ["Beginning"]

RECORD_NAME: Final = "first-start"
"""The file with what a node must not forget before it has a log."""

NODE_IDS: Final = 2**63

AGAIN_SECONDS: Final = 0.25
"""From one look for the others to the next, as long as somebody is missing."""

AGAIN_SECONDS_MAX: Final = 5.0
"""The same while all is well."""

_NAMED: Final = (Way.DNS, Way.SRV)
"""The ways on which the others stand behind a name, now and later."""

_log = structlog.get_logger("raftwerk.discovery")


class Beginning:
    """One node's way into its cluster.

    Parameters
    ----------
    config : ServeConfig
        What it was told.
    disk : Disk
        Where its data is, or will be.
    host : Host
        Time, threads and draws.

    Attributes
    ----------
    config : ServeConfig
        The same, with the addresses under which the node is reached, once it has found
        its cluster.
    start : Start or None
        What a node without data is to be, once that is known.
    """

    def __init__(self, config: ServeConfig, disk: Disk, host: Host) -> None:
        self.config = config
        self.start: Start | None = None
        self._way = config.discovery.way
        if self._way is Way.ALONE and config.initial_cluster_state == "existing":
            self._way = Way.INITIAL_CLUSTER
        self._disk = disk
        self._host = host
        self._file = KeptFile(disk, config.data_dir, RECORD_NAME)
        self._threads = host.threads("first-start")
        self._first: FirstStart | None = None
        self._found: tuple[str, str] | None = None
        self._lost_words = ""

    # ---- before there is a cluster ------------------------------------------

    async def find(self) -> None:
        """Find out who this node is; at once if its data says it.

        Raises
        ------
        ConfigError
            If that is not possible; the message says what helps.
        StorageError
            If the disk fails.
        """
        way, why = way_of(self.config)
        if self._way in (Way.INITIAL_CLUSTER, Way.ALONE):
            place = await find_own_place(
                self.config, self._disk, self._host.timers, self._tell_lost
            )
            if place is not None:
                self.start = Start(place=place)
            # Told once nothing was refused: that is one line, and no other.
            self._found = (way, why)
            return
        _log.info("finding the cluster", way=way, why=why)
        lock = lock_directory(
            self._disk, self.config.data_dir, f"raftwerk {self.config.name}"
        )
        try:
            self._first = await self._open_first_start()
            if not self._has_log:
                self.start = await self._find(self._first)
        finally:
            lock.close()
        found = self.start.peer_urls if self.start else self._first.record.peer_urls
        self._use_urls(tuple(map(str, told_urls(self.config))) or found)

    async def _open_first_start(self) -> FirstStart:
        """Return the first start as far as it had come."""
        with refusing_unusable():
            data = self._file.load()
        kept = record = None if data is None else decode_record(data)
        if record is not None and record.has_log and not record.has_cluster:
            _log.warning(
                "beginning anew: the cluster that was started never came to be, for"
                " too many of its founders refused it",
            )
            discard_log(self._disk, self.config.data_dir)
            record = msgspec.structs.replace(record, has_log=False)
        elif record is not None and record.has_log and not self._has_log:
            _log.error(
                "this node has lost its log, and begins as a new one",
                lost_node_id=f"{record.joined_as or record.node_id:x}",
            )
            record = None
        if record is None:
            record = Record(node_id=NodeId(1 + self._host.draw.below(NODE_IDS)))
        if record != kept:  # on a full disk a member that has all it needs can start
            await self._save(encode_record(record))
        discovery = self.config.discovery
        terms = Terms(
            app_name=discovery.app_name or discovery.srv_domain,
            replicas=discovery.num_replicas if self._way in _NAMED else 0,
            token=self.config.initial_cluster_token,
            name=self.config.name,
            peer_urls=tuple(map(str, told_urls(self.config))),
        )
        return FirstStart(
            terms,
            record,
            save=self._save,
            names=look_up(self.config, self._way, has_log=self._has_log),
            ask=self._ask,
            timers=self._host.timers,
            clock=self._host.clock,
            tell=self._tell,
        )

    async def _find(self, first: FirstStart) -> Start:
        """Look for a cluster, and answer others that do."""
        listener = TcpTransport(
            Identity(cluster_id=0, node_id=first.record.node_id),
            [url.host_port for url in self.config.listen_peer_urls],
            host=self._host,
            report=_report_quietly,
            answer=first.answer,
        )
        async with AsyncExitStack() as stack:
            await listener.start(_Nobody())
            stack.push_async_callback(listener.stop)
            start = await first.find()
        _log.info(
            "founding a cluster" if start.founders else "joining a cluster",
            cluster_id=f"{start.place.cluster_id:x}",
            node_id=f"{start.place.node_id:x}",
            peer_urls=start.peer_urls,
        )
        return start

    def _tell(self, words: str) -> None:
        """Say what a first start waits for."""
        listed = () if self._first is None else self._first.inquiry.listed
        hint = hint_for(self.config.listen_peer_urls, listed)
        _log.info("waiting for the cluster", reason=words + hint)

    async def _save(self, content: bytes) -> None:
        """Make a record durable."""
        await self._threads.run(self._file.save, content)

    async def _ask(self, peer: Url, question: Question) -> View:
        """Ask whoever listens at an address."""
        return decode_view(
            await ask(peer.host_port, encode(question), timers=self._host.timers)
        )

    def take_servers(self, told: ServeConfig) -> Callable[[], None]:
        """Return what has others asked for names from then on.

        Parameters
        ----------
        told : ServeConfig
            What is said now.

        Returns
        -------
        callable
            To be called when all that was said is known to be good.

        Raises
        ------
        ConfigError
            If they can't be asked.
        """
        first = self._first
        if first is None or self._way not in _NAMED:
            return lambda: None
        names = look_up(told, self._way, has_log=self._has_log)

        def take() -> None:
            """Ask them."""
            first.inquiry.names = names

        return take

    @property
    def _has_log(self) -> bool:
        """Whether the data directory says who this node is."""
        return Wal.exists(self._disk, self.config.data_dir)

    # ---- addresses ----------------------------------------------------------

    def _use_urls(self, peer_urls: Sequence[str]) -> None:
        """Have the node told where it is reached."""
        urls = tuple(Url.parse("peer URL", url) for url in peer_urls)
        if urls:
            self.config = msgspec.structs.replace(
                self.config,
                initial_advertise_peer_urls=urls,
                initial_cluster=(InitialMember(self.config.name, urls),),
            )

    # ---- once there is a log ------------------------------------------------

    @property
    def place(self) -> Place | None:
        """Which member a node without data is; None if it has data.

        Returns
        -------
        Place or None
            As it was found.
        """
        return self.start.place if self.start else None

    async def note(self, identity: DirectoryIdentity) -> None:
        """Keep that the node has a log, before it takes part with it.

        Parameters
        ----------
        identity : DirectoryIdentity
            Of the log.

        Raises
        ------
        StorageError
            If that can't be made durable.
        """
        if self._first is None:
            return
        record = self._first.record
        is_founder = record.has_started and identity.node_id == record.node_id
        await self._first.keep(
            msgspec.structs.replace(
                record,
                has_log=True,
                joined_as=NodeId(0) if is_founder else identity.node_id,
                peer_urls=tuple(map(str, self.config.initial_advertise_peer_urls)),
            )
        )

    @property
    def waits_for(self) -> str:
        """What a node that looks for its cluster waits for, in words.

        Returns
        -------
        str
            Empty where there is nothing to say.
        """
        if self._first is not None:
            return self._first.waits_for
        return self._lost_words

    def tell_found(self) -> None:
        """Say how the cluster was found, once the node takes part in it."""
        if self._found is not None:
            way, why = self._found
            _log.info("found the cluster", way=way, why=why)

    def _tell_lost(self, words: str) -> None:
        """Say that this node waits to be replaced."""
        self._lost_words = words
        _log.error("waiting to be replaced", reason=words)

    def say(self) -> View:
        """Return what others are told of this node's own first start.

        Returns
        -------
        View
            With the id that it had then.
        """
        if self._first is None:
            return View(node_id=NodeId(0), name=self.config.name)
        return self._first.view()

    async def watch(self, node: Node) -> None:
        """Look after the members behind the name; return if all must begin anew.

        A cluster that was started and refused by too many never had a leader: then
        there is nothing to lose, and the node has to be started again.

        Parameters
        ----------
        node : Node
            The member, running.

        Raises
        ------
        StorageError
            If the disk fails.
        """
        if self._first is not None and self._way in _NAMED:
            with suppress(NotLeader):  # the node has ended; that is told elsewhere
                await self._watch(self._first, node)
                return
        await asyncio.get_running_loop().create_future()  # nothing to look after

    async def _watch(self, first: FirstStart, node: Node) -> None:
        """Do what `watch` says."""
        cluster_id, node_id = node.status().cluster_id, node.status().node_id
        exists = not first.record.has_started
        while True:
            await first.inquiry.round()
            exists = exists or node.status().leader is not None
            if not exists:
                await first.settle()
                if not first.record.has_started:
                    return
            peers = node.peers()
            sighted = first.inquiry.sightings(cluster_id)
            missing = [each for each in peers if not peers[each].is_connected]
            node.sight(
                {each: sighted[each].host_port for each in missing if each in sighted}
            )
            urls = first.own_urls(node_id)
            if urls and urls != first.record.peer_urls:
                _log.info("reached at another address now", peer_urls=urls)
                node.move(urls)
                await first.keep(msgspec.structs.replace(first.record, peer_urls=urls))
            is_well = exists and not missing and node.status().leader is not None
            await self._host.timers.sleep(
                AGAIN_SECONDS_MAX if is_well else AGAIN_SECONDS
            )

    def close(self) -> None:
        """Let go of the worker that writes."""
        self._threads.close()


class _Nobody:
    """The receiver of a listener that lets no member in."""

    def on_messages(self, messages: Sequence[Message]) -> None:
        """Do as `Receiver.on_messages` says."""

    def on_unreachable(self, peer: NodeId) -> None:
        """Do as `Receiver.on_unreachable` says."""

    def on_snapshot(self, peer: NodeId, arrived: bool) -> None:
        """Do as `Receiver.on_snapshot` says."""

    def on_removed(self, words: str) -> None:
        """Do as `Receiver.on_removed` says."""


def _report_quietly(_level: int, event: str, /, **fields: object) -> None:
    """Write what happens at the door before there is a cluster: for debugging only."""
    structlog.get_logger("raftwerk.transport").log(logging.DEBUG, event, **fields)
