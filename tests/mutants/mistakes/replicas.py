"""Mistakes of the runtime: what is applied, answered, handed on, kept in snapshots."""

from typing import Final

from ..mistake import Mistake, Patch

__all__ = ["REPLICAS"]

BARRIERS: Final = "raftwerk.runtime.barriers"
TAKING: Final = "raftwerk.runtime.snapshot_taking"
CLIENTS: Final = ("clients",)
WORLD: Final = ("world",)

REPLICAS: Final = (
    Mistake(
        name="a read does not wait for the state machine",
        section="thesis §6.4, step 4",
        checks=WORLD,
        patches=(
            Patch(
                BARRIERS,
                "Barriers.applied",
                "while self._confirmed and self._confirmed[0][0] <= applied_index:",
                "while self._confirmed:",
            ),
        ),
    ),
    Mistake(
        name="what an earlier life proposed is taken for ours",
        section="decision 35",
        checks=WORLD,
        patches=(
            Patch(
                "raftwerk.runtime.envelope",
                "Sender.__init__",
                "_HEADER.pack(0, 0, node_id, incarnation, 0)",
                "_HEADER.pack(0, 0, node_id, 0 * incarnation, 0)",
            ),
        ),
    ),
    Mistake(
        name="the configuration in a snapshot is the one before",
        section="§7, thesis §4",
        checks=WORLD,
        patches=(
            Patch(
                TAKING,
                "SnapshotTaker._finish",
                "Snapshot(index, term, conf_state, data)",
                "Snapshot(index, term, self._log.snapshot().conf_state, data)",
            ),
        ),
    ),
    Mistake(
        name="the members in a snapshot are those before",
        section="§7, thesis §4",
        checks=WORLD,
        patches=(
            Patch(
                TAKING,
                "SnapshotTaker._begin",
                "members=members.in_order()",
                "members=Manifest.decode(self._log.snapshot().data).members",
            ),
        ),
    ),
    Mistake(
        name="the state of a snapshot is not taken over at a restart",
        section="§7",
        checks=WORLD,
        patches=(
            Patch(
                "raftwerk.runtime.snapshot_reading",
                "fill",
                "        machine.restore(chunks)\n",
                "        list(chunks)\n",
            ),
        ),
    ),
    Mistake(
        name="a retry is applied twice",
        section="thesis §6.3",
        checks=WORLD,
        patches=(
            Patch(
                "raftwerk.runtime.answered",
                "Answers.begin",
                "        if number not in kept.answers:\n",
                "        if number >= 0:\n",
            ),
        ),
    ),
    Mistake(
        name="the table of sessions is not in the snapshot",
        section="thesis §6.3, §7",
        checks=WORLD,
        patches=(
            Patch(
                TAKING,
                "SnapshotTaker._begin",
                "applier.answers.save()",
                "type(applier.answers)().save()",
            ),
        ),
    ),
    Mistake(
        name="the length that a frame claims is trusted",
        section="decision 22, `transport.frame`",
        checks=WORLD,
        patches=(
            Patch(
                "raftwerk.transport.frame",
                "FrameDecoder._frames",
                "                if not 1 <= length <= self.frame_bytes_max:\n",
                "                if length < 1:\n",
            ),
        ),
    ),
    Mistake(
        name="a read joins a round already under way",
        section="thesis §6.4",
        checks=CLIENTS,
        patches=(
            Patch(
                BARRIERS,
                "Barriers.add",
                "        self._waiting.append(",
                "        (self._asked or self._waiting).append(",
            ),
        ),
    ),
    Mistake(
        name="an old answer confirms a newer read",
        section="thesis §6.4",
        checks=CLIENTS,
        patches=(
            Patch(
                BARRIERS,
                "Barriers.confirm",
                "        if context == self._context and self._asked:\n",
                "        if context and self._asked:\n",
            ),
        ),
    ),
    Mistake(
        name="what was fetched of a snapshot is not compared with its names",
        section="decision 142, §7",
        checks=WORLD,
        patches=(
            Patch(
                "raftwerk.runtime.snapshot_fetching",
                "SnapshotFetcher._keep",
                "        self._snapshots.kept.keep(name, chunk.data)\n",
                "        self._snapshots.kept.keep(name, chunk.data[:-1])\n",
            ),
            Patch(
                "raftwerk.runtime.snapshot_fetching",
                "SnapshotFetcher._put_together",
                "if chunk is None or hashes.add(chunk) != name:",
                "if chunk is None or not hashes.add(chunk):",
            ),
            Patch(
                "raftwerk.runtime.snapshot_fetching",
                "SnapshotFetcher._put_together",
                "        if hashes.complete(transfer.manifest) != transfer.manifest:\n",
                "        if not hashes.complete(transfer.manifest):\n",
            ),
        ),
    ),
)
