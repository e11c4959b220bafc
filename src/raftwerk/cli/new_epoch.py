"""A new log in the place of the old one: how ``raftwerk recover`` changes directories.

Within the data directory, for it may be a volume, which can't be renamed::

    DIRECTORY/
    ├── epoch-1.tmp/        the new log while it is written; means nothing
    ├── epoch-1.ready/      whole and durable; takes the place of wal/ and snap/
    └── before-epoch-1/     what was there; `raftwerk inspect` reads it
"""

import os
import re
import shutil
from typing import Final

from raftwerk.runtime.survivors import Decision, write_epoch
from raftwerk.storage.disk_protocol import Disk

__all__ = ["begin_epoch", "finish"]

_PARTS: Final = ("wal", "snap")
"""What makes up the data of a member; all else in its directory stays as it is."""

_READY: Final = re.compile(r"epoch-(\d+)\.ready")


def begin_epoch(disk: Disk, decision: Decision) -> None:
    """Write the new logs, all of them, and only then put them in their places.

    Parameters
    ----------
    disk : Disk
        Where they are.
    decision : Decision
        With what the cluster goes on, and who takes part.

    Raises
    ------
    StorageError
        If the disk fails; the same command does the rest later.
    """
    for keeper in decision.keepers:
        made = f"{keeper.directory}/epoch-{decision.epoch}.tmp"
        shutil.rmtree(made, ignore_errors=True)  # what an earlier attempt left
        write_epoch(disk, decision, keeper, made)
    for keeper in decision.keepers:
        made = f"{keeper.directory}/epoch-{decision.epoch}"
        disk.rename(f"{made}.tmp", f"{made}.ready")
        disk.sync_directory(keeper.directory)
    for keeper in decision.keepers:
        finish(disk, keeper.directory)


def finish(disk: Disk, directory: str) -> None:
    """Put a new log that is ready in its place; what was there is put aside.

    Parameters
    ----------
    disk : Disk
        Where it is.
    directory : str
        A member's data directory. Nothing is done in one without a new log.

    Notes
    -----
    If this is interrupted, the same call does the rest.
    """
    for name in disk.list_directory(directory):
        found = _READY.fullmatch(name)
        if found is None:
            continue
        ready, aside = f"{directory}/{name}", f"{directory}/before-epoch-{found[1]}"
        disk.make_directory(aside)
        for part in _PARTS:
            old, new = f"{directory}/{part}", f"{ready}/{part}"
            if os.path.isdir(old) and not os.path.isdir(f"{aside}/{part}"):
                disk.rename(old, f"{aside}/{part}")
                disk.sync_directory(aside)
            if os.path.isdir(new):
                disk.rename(new, old)
                disk.sync_directory(directory)
        shutil.rmtree(ready)
        disk.sync_directory(directory)
