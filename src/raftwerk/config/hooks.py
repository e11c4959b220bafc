"""What is run when a node begins or ceases to lead."""

from typing import Final

import msgspec

from raftwerk.config.form import require_setting

__all__ = ["HookSettings"]

TIMEOUT_MILLIS_MAX: Final = 3_600_000
"""An hour: who needs longer starts something that goes on by itself."""


class HookSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The role scripts.

    Parameters
    ----------
    leader_path : str
        What is run when the node begins to lead; empty for nothing.
    follower_path : str
        What is run when it starts without leading, or ceases to lead; the same.
    timeout_millis : int
        How long either may take, in milliseconds.

    Raises
    ------
    ConfigError
        If a setting can't work; the message names it, its value and what is allowed.
    """

    leader_path: str = ""
    follower_path: str = ""
    timeout_millis: int = 30_000

    def __post_init__(self) -> None:
        """Check the timeout; the files are looked at when the node starts."""
        require_setting(
            1 <= self.timeout_millis <= TIMEOUT_MILLIS_MAX,
            "script-timeout",
            self.timeout_millis,
            f"from 1 to {TIMEOUT_MILLIS_MAX} (milliseconds)",
        )
