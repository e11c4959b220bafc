"""How much of its past a store keeps by itself, as etcd's flags say it."""

import re
from typing import Final

import msgspec

from raftwerk.config.form import bad_setting, require_one_of, require_setting

__all__ = ["AutoCompaction"]

MODES: Final = ("periodic", "revision")

_PART: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?)(h|ms|m|s)")
_SECONDS: Final = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_INTEGER: Final = re.compile(r"[0-9]+")

_MODE: Final = "auto-compaction-mode"
_RETENTION: Final = "auto-compaction-retention"


class AutoCompaction(msgspec.Struct, frozen=True, kw_only=True):
    """Which past is kept, and which is compacted without anybody asking.

    Parameters
    ----------
    mode : str
        ``periodic`` counts in time, ``revision`` in revisions.
    retention : str
        What is kept: hours, or a duration like ``30m``; or a number of revisions.
        ``0`` keeps all, until somebody compacts.

    Raises
    ------
    ConfigError
        If a setting can't work; the message names it, its value and what is allowed.

    Examples
    --------
    >>> AutoCompaction(retention="1h30m").seconds
    5400.0
    >>> AutoCompaction(mode="revision", retention="1000").revisions
    1000
    """

    mode: str = "periodic"
    retention: str = "0"

    def __post_init__(self) -> None:
        """Check both together."""
        require_one_of(_MODE, self.mode, MODES)
        if self.mode == "revision":
            require_setting(
                bool(_INTEGER.fullmatch(self.retention)),
                _RETENTION,
                self.retention,
                "a number of revisions, for auto-compaction-mode is revision",
            )
        else:
            self._duration()

    @property
    def seconds(self) -> float:
        """How long what was overtaken is kept; 0 if time does not count."""
        return self._duration() if self.mode == "periodic" else 0.0

    @property
    def revisions(self) -> int:
        """How many revisions are kept; 0 if they don't count."""
        return int(self.retention) if self.mode == "revision" else 0

    def _duration(self) -> float:
        """Return the duration in seconds; a mere number has hours."""
        text = self.retention.strip()
        if _INTEGER.fullmatch(text):
            return int(text) * _SECONDS["h"]
        parts = _PART.findall(text)
        if not parts or "".join(number + unit for number, unit in parts) != text:
            allowed = "a number of hours, or a duration like 30m, 1h30m or 90s"
            raise bad_setting(_RETENTION, self.retention, allowed)
        return sum([float(number) * _SECONDS[unit] for number, unit in parts])
