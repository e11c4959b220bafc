"""What a simulated way between two members does to messages."""

from typing import Final

import msgspec

from raftwerk.errors import ConfigError
from raftwerk.host.protocol import Draw

__all__ = ["Conditions", "happens"]

_PARTS: Final = 1_000_000
"""How finely rates and times are drawn: in millionths, and microseconds."""


class Conditions(msgspec.Struct, frozen=True, kw_only=True):
    """What happens to messages on one way.

    Parameters
    ----------
    latency_min_seconds : float
        Least time on the way.
    latency_max_seconds : float
        Greatest time on the way.
    drop_rate : float
        Part of the messages that are lost, from 0 to 1.
    duplicate_rate : float
        Part of them that arrive a second time, some time later.
    reorder_rate : float
        Part of them that are late, so that others overtake them.
    late_seconds : float
        How much longer these may take.

    damage_rate : float
        On byte streams: part of the pieces that come with other bytes than were sent.

    Raises
    ------
    ConfigError
        If a rate is no rate, or a time no time.
    """

    latency_min_seconds: float = 0.000_2
    latency_max_seconds: float = 0.001
    drop_rate: float = 0.0
    duplicate_rate: float = 0.0
    reorder_rate: float = 0.0
    late_seconds: float = 0.05
    damage_rate: float = 0.0

    def __post_init__(self) -> None:
        """Check each."""
        for name in ("drop_rate", "duplicate_rate", "reorder_rate", "damage_rate"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise ConfigError(f"{name} is {getattr(self, name)}; it must be 0 to 1")
        if not 0.0 <= self.latency_min_seconds <= self.latency_max_seconds:
            raise ConfigError(
                f"latency_min_seconds is {self.latency_min_seconds}; it must be from 0"
                f" to latency_max_seconds ({self.latency_max_seconds})"
            )
        if self.late_seconds < 0.0:
            raise ConfigError(
                f"late_seconds is {self.late_seconds}; it must be 0 or more"
            )

    @property
    def keeps_all(self) -> bool:
        """Whether each message arrives once, and in its order.

        Returns
        -------
        bool
            False: something is drawn for each.
        """
        return not (self.drop_rate or self.duplicate_rate or self.reorder_rate)

    def latency_seconds(self, draw: Draw) -> float:
        """Draw a time on the way.

        Parameters
        ----------
        draw : Draw
            What decides.

        Returns
        -------
        float
            Between least and greatest.
        """
        least = self.latency_min_seconds
        # As `_drawn_up_to`, which is not called: it is asked of each message.
        parts = round((self.latency_max_seconds - least) * _PARTS)
        return least + draw.below(parts + 1) / _PARTS if parts > 0 else least

    def extra_seconds(self, draw: Draw) -> float:
        """Draw how much longer a message takes that is late.

        Parameters
        ----------
        draw : Draw
            What decides.

        Returns
        -------
        float
            At most `late_seconds`.
        """
        return _drawn_up_to(self.late_seconds, draw)


def happens(rate: float, draw: Draw) -> bool:
    """Draw whether something of a certain rate happens.

    Parameters
    ----------
    rate : float
        From 0, never, to 1, always; for 0 nothing is drawn.
    draw : Draw
        What decides.

    Returns
    -------
    bool
        Whether it does.
    """
    return rate > 0.0 and draw.below(_PARTS) < rate * _PARTS


def _drawn_up_to(seconds: float, draw: Draw) -> float:
    """Return a drawn time of whole microseconds."""
    parts = round(seconds * _PARTS)
    return draw.below(parts + 1) / _PARTS if parts > 0 else 0.0
