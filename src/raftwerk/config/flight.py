"""Whether a node records what its core is told, and how much of that is kept."""

from typing import Final

import msgspec

from raftwerk.config.form import require_one_of, require_setting

__all__ = ["RECORDS", "FlightSettings"]

RECORDS: Final = ("off", "full", "shape")
"""Nothing; all of it; or all but payloads, for which sizes and hashes stand."""

FILE_BYTES_MIN: Final = 64 * 1024
FILE_BYTES_MAX: Final = 1024 * 1024 * 1024
FILES_MAX: Final = 10_000


class FlightSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The flight recorder.

    Parameters
    ----------
    record : str
        One of `RECORDS`.
    directory : str
        Where its files are; empty for ``flight`` in the data directory.
    files : int
        How many are kept.
    file_bytes : int
        At which size the next one is begun, in bytes.

    Raises
    ------
    ConfigError
        If a setting can't work; the message names it, its value and what is allowed.
    """

    record: str = "off"
    directory: str = ""
    files: int = 8
    file_bytes: int = 8 * 1024 * 1024

    def __post_init__(self) -> None:
        """Check each; the folder is made when there is something to write."""
        require_one_of("record", self.record, RECORDS)
        require_setting(
            2 <= self.files <= FILES_MAX,
            "record-files",
            self.files,
            f"from 2 to {FILES_MAX}: one is written while the others are whole",
        )
        require_setting(
            FILE_BYTES_MIN <= self.file_bytes <= FILE_BYTES_MAX,
            "record-file-bytes",
            self.file_bytes,
            f"from {FILE_BYTES_MIN} to {FILE_BYTES_MAX}",
        )
