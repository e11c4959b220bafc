"""The files of a flight recorder: the newest stay, and those that end in a failure.

Called beside the loop alone. Nothing is synced but the end of a file: what the machine
loses with its power is the end of a recording, and what a killed process wrote stays.
"""

import re
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from raftwerk.runtime.flight_form import Beginning, FlightFile, Record
from raftwerk.storage.disk_protocol import Disk, File

__all__ = ["FAILED_MAX", "FlightRing", "flight_names"]

FAILED_MAX: Final = 4
"""Files that end in a failure and are kept beside the ring: a member that can't start
must not fill the disk with proof of it."""

_NAME: Final = re.compile(r"(\d{8})(-failed)?\.flight")


def flight_names(names: Sequence[str], *, failed: bool) -> list[str]:
    """Return the flight files among some names, oldest first.

    Parameters
    ----------
    names : sequence of str
        Of a directory.
    failed : bool
        Those that end in a failure, or the others.

    Returns
    -------
    list of str
        Without their path.

    Examples
    --------
    >>> names = ["00000002.flight", "00000001-failed.flight", "notes"]
    >>> flight_names(names, failed=True)
    ['00000001-failed.flight']
    """
    found = [(each, _NAME.fullmatch(each)) for each in sorted(names)]
    return [each for each, known in found if known and bool(known[2]) == failed]


class FlightRing:
    """Writes one file after the other, and lets old ones go.

    Parameters
    ----------
    disk : Disk
        Where they are.
    directory : str
        The folder; it is made with the first file.
    files_max : int
        How many there may be, with the one that is written.
    """

    def __init__(self, disk: Disk, directory: str, files_max: int) -> None:
        self._disk = disk
        self._directory = directory
        self._files_max = files_max
        self._sequence: int | None = None
        self._form = FlightFile()
        self._file: File | None = None
        self._path = ""
        self._bytes = 0

    @property
    def file_bytes(self) -> int:
        """How large the file is that is being written; 0 without one."""
        return self._bytes

    def next_sequence(self) -> int:
        """Return the number of the next file.

        Returns
        -------
        int
            Above that of every file that is there.
        """
        if self._sequence is None:
            names = self._disk.list_directory(self._directory)
            known = [
                int(found[1]) for each in names if (found := _NAME.fullmatch(each))
            ]
            self._sequence = max(known, default=0)
        return self._sequence + 1

    def begin(self, beginning: Beginning) -> None:
        """Begin the next file, and let the oldest one go.

        Parameters
        ----------
        beginning : Beginning
            With the number from `next_sequence`.

        Raises
        ------
        OSError
            If the disk refuses; the file before has ended all the same.
        """
        self.end()
        self._disk.make_directory(self._directory)
        self._prune(self._files_max - 1, failed=False)
        self._sequence = beginning.sequence
        self._path = f"{self._directory}/{beginning.sequence:08}.flight"
        self._form = FlightFile()
        self._file = self._disk.create(self._path)
        self._write(self._form.begin(beginning))

    def add(self, records: list[Record]) -> None:
        """Write what happened next.

        Parameters
        ----------
        records : list of Record
            At least one; nothing is done if no file was begun.

        Raises
        ------
        OSError
            If the disk refuses.
        """
        if self._file is not None and records:
            self._write(self._form.add(records))

    def _write(self, data: bytes) -> None:
        """Write the next bytes."""
        if self._file is not None:
            self._file.write_at(self._bytes, data)
            self._bytes += len(data)

    def end(self, *, failed: bool = False) -> str:
        """End the file.

        Parameters
        ----------
        failed : bool
            Whether the member failed: then the file is kept beside the ring.

        Returns
        -------
        str
            Where the file is; empty if none was begun.

        Raises
        ------
        OSError
            If the disk refuses.
        """
        file, self._file, self._bytes = self._file, None, 0
        path, self._path = self._path, ""
        if file is None:
            return ""
        try:
            file.sync()
        finally:
            file.close()
        if failed:
            self._prune(FAILED_MAX - 1, failed=True)
            kept = path.removesuffix(".flight") + "-failed.flight"
            self._disk.rename(path, kept)
            path = kept
        self._disk.sync_directory(self._directory)
        return path

    def abandon(self) -> None:
        """Remove the file: the disk took it in part, or there is no room for more."""
        file, self._file, self._bytes = self._file, None, 0
        path, self._path = self._path, ""
        with suppress(OSError):
            if file is not None:
                file.close()
            if path:
                self._disk.remove(path)

    def _prune(self, count_max: int, *, failed: bool) -> None:
        """Remove the oldest files of one kind, so that so many stay at most."""
        names = flight_names(self._disk.list_directory(self._directory), failed=failed)
        for name in names[: max(len(names) - count_max, 0)]:
            self._disk.remove(f"{self._directory}/{name}")
