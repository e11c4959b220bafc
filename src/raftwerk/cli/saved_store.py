"""Where a store was saved: a snapshot's file, or a folder that nodes archive into."""

# pylint: disable=import-outside-toplevel  # see `cli.main`

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from raftwerk.errors import ConfigError

if TYPE_CHECKING:
    from raftwerk.kv import Store
    from raftwerk.storage.archive import Archive

__all__ = ["Source", "archive_in", "load_store"]

Source = Annotated[
    str, typer.Argument(metavar="FILE|DIR", help="A snapshot's file, or an archive.")
]


def archive_in(folder: str) -> "Archive":
    """Return the one archive in a folder.

    Parameters
    ----------
    folder : str
        The archive itself, or the ``--archive-dir`` that it is in.

    Returns
    -------
    Archive
        To be read.

    Raises
    ------
    ConfigError
        If there is none, or more than one.
    """
    from raftwerk.storage.archive import Archive, lineages
    from raftwerk.storage.disk import RealDisk

    disk = RealDisk()
    found = lineages(disk, folder)
    if not found:
        raise ConfigError(f"{folder} is no archive, and has none in it")
    if len(found) > 1:
        names = ", ".join(Path(each).name for each in found)
        raise ConfigError(
            f"{folder} has the archives of several clusters or epochs ({names}); name"
            " one of these folders"
        )
    return Archive(disk, found[0])


def load_store(path: str, *, skip_check: bool) -> "Store":
    """Return the store that is in a snapshot's file.

    Parameters
    ----------
    path : str
        The file.
    skip_check : bool
        Whether it has no checksum at its end.

    Returns
    -------
    Store
        As it was saved.

    Raises
    ------
    StorageError
        If the file can't be read, or is not whole.
    """
    from raftwerk.kv import Store
    from raftwerk.service.backup import read_backup
    from raftwerk.storage.disk import RealDisk

    store = Store()
    chunks = read_backup(RealDisk(), os.path.abspath(path), skip_check=skip_check)
    store.restore(chunks)
    return store
