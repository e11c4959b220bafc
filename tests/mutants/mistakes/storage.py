"""Mistakes about disks: what is synced when, and what is believed of a damaged file."""

from typing import Final

from ..mistake import Mistake, Patch

__all__ = ["STORAGE"]

SEGMENT: Final = "raftwerk.storage.segment"
SNAPSHOT_FILE: Final = "raftwerk.storage.snapshot_file"
SYNCER: Final = "raftwerk.runtime.syncer"
TAKING: Final = "raftwerk.runtime.snapshot_taking"
WORLD: Final = ("world",)
DISKS: Final = ("disks",)

STORAGE: Final = (
    Mistake(
        name="a batch is written and not synced",
        section="Fig. 2, decision 13",
        checks=WORLD,
        patches=(
            Patch(
                SEGMENT,
                "Segment.sync",
                "            self._file.sync()\n",
                "            pass\n",
            ),
        ),
    ),
    Mistake(
        name="it is acknowledged before it is synced",
        section="Fig. 2, thesis §10.2.1",
        checks=WORLD,
        patches=(
            Patch(
                SYNCER,
                "Syncer.give",
                "        self._waiting.append(order)\n"
                "        if not self._is_busy:\n"
                "            self._begin()\n"
                "        return False\n",
                "        if not self._is_busy:\n"
                "            self._begin()\n"
                "        return True\n",
            ),
        ),
    ),
    Mistake(
        name="the folder is not synced when a segment is made",
        section="POSIX, fsync",
        checks=WORLD,
        patches=(
            Patch(
                SEGMENT,
                "Segment.create",
                "                disk.sync_directory(folder)\n",
                "",
            ),
        ),
    ),
    Mistake(
        name="a snapshot is renamed before it is synced",
        section="decision 14",
        checks=WORLD,
        patches=(
            Patch(
                SNAPSHOT_FILE,
                "SnapshotWriter.finish",
                "            self._file.sync()\n",
                "",
            ),
        ),
    ),
    Mistake(
        name="the folder is not synced when a snapshot is renamed",
        section="decision 14",
        checks=WORLD,
        patches=(
            Patch(
                SNAPSHOT_FILE,
                "SnapshotWriter.finish",
                "            self._disk.sync_directory(self._folder)\n",
                "",
            ),
        ),
    ),
    Mistake(
        name="the log names a snapshot that is not finished",
        section="decision 14",
        checks=WORLD,
        patches=(
            Patch(
                "raftwerk.runtime.snapshot_writing",
                "SnapshotWriting._write",
                "                sink.finish()\n",
                "",
            ),
        ),
    ),
    Mistake(
        name="an old snapshot goes before the log's record of the new one is synced",
        section="decision 54",
        checks=DISKS,
        patches=(
            Patch(
                TAKING,
                "SnapshotTaker._finish",
                "        self._syncer.after_sync(lambda: self._prune(index))\n",
                "        self._prune(index)\n",
            ),
        ),
    ),
    Mistake(
        name="a segment is dropped that has entries still needed",
        section="decision 13",
        checks=WORLD,
        patches=(
            Patch(
                "raftwerk.storage.wal_writer",
                "WalWriter._has_unneeded",
                "self._sealed[0][1] < base.first_index",
                "self._sealed[0][1] < base.last_index",
            ),
        ),
    ),
    Mistake(
        name="a damaged record is taken for a torn one",
        section="decision 12",
        checks=WORLD,
        patches=(
            Patch(
                "raftwerk.storage.recovery",
                "_torn",
                "        if found.end < found.marked_end:\n"
                "            raise damage(segment.path, found.end,"
                " found.bad.expected)\n",
                "",
            ),
        ),
    ),
    Mistake(
        name="a failed sync is tried again",
        section="fsync(2): what failed counts as clean",
        checks=WORLD,
        patches=(
            Patch(
                SEGMENT,
                "Segment.sync",
                "            self._file.sync()\n",
                "            try:\n"
                "                self._file.sync()\n"
                "            except OSError:\n"
                "                self._file.sync()\n",
            ),
        ),
    ),
    Mistake(
        name="the vote does not reach the log",
        section="Fig. 2",
        checks=WORLD,
        patches=(
            Patch(
                SYNCER,
                "Syncer.give",
                "self._store.append(order.hard_state, order.entries)",
                "self._store.append(None, order.entries)",
            ),
        ),
    ),
)
