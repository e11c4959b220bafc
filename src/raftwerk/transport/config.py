"""The bounds of a transport: sizes in bytes, times in seconds, each checked once."""

import math
from typing import Final

import msgspec

from raftwerk.errors import ConfigError

__all__ = ["FRAME_BODY_BYTES", "TransportConfig"]

FRAME_BODY_BYTES: Final = 64 * 1024
"""What we put into one frame at most; larger messages travel in parts.

A heartbeat waits for at most the frame that is being written: 64 KiB are 5 ms on a
line of 100 Mbit/s, a tenth of the default heartbeat interval.
"""

_MIB: Final = 1024 * 1024


class TransportConfig(msgspec.Struct, frozen=True, kw_only=True):
    """What bounds the queues, frames, waits and retries between two members.

    Parameters
    ----------
    queue_messages_max : int
        Messages that may wait for one peer; more are dropped and reported.
    queue_bytes_max : int
        Encoded bytes that may wait for one peer, of entries and of control each;
        more are dropped and reported.
    frame_bytes_max : int
        Largest frame that is read; the sender of a larger one is cut off.
    message_bytes_max : int
        Largest message that is sent or put together from parts; so much of
        snapshots and their chunks may wait for one peer.
    handshake_bytes_max : int
        Largest frame that is read of someone who has not said who he is.
    handshake_seconds : float
        Time for a connection to be made and for both sides to introduce themselves.
    handshakes_max : int
        Incoming connections that may be in their handshake; more are closed at once.
    ping_seconds : float
        Time between two questions whether the peer is still there.
    silence_seconds : float
        Time without an answer or a question after which a connection is dead.
    retry_min_seconds : float
        Longest wait before the first attempt to connect again; doubled each time.
    retry_max_seconds : float
        Longest wait before any attempt. Short, for a healed cut must not be noticed
        late, and an attempt costs next to nothing.
    refused_seconds : float
        Longest wait after a peer refused us in words.
    close_seconds : float
        Time to send what was written before a connection is cut off.

    Raises
    ------
    ConfigError
        If a setting can't work; the message names it, its value and what is allowed.
    """

    queue_messages_max: int = 4096
    queue_bytes_max: int = 64 * _MIB
    frame_bytes_max: int = _MIB
    message_bytes_max: int = 256 * _MIB
    handshake_bytes_max: int = 4096
    handshake_seconds: float = 1.0
    handshakes_max: int = 64
    ping_seconds: float = 0.5
    silence_seconds: float = 2.0
    retry_min_seconds: float = 0.025
    retry_max_seconds: float = 0.25
    refused_seconds: float = 2.0
    close_seconds: float = 0.2

    def __post_init__(self) -> None:
        """Check each alone, then what depends on one another."""
        for name in self.__struct_fields__:
            if getattr(self, name) <= 0:
                raise ConfigError(
                    f"{name} is {getattr(self, name)}; it must be above 0"
                )
        # A peer's frames are as large as ours: FRAME_BODY_BYTES and a header.
        self._require_at_least(
            "frame_bytes_max", "2 * FRAME_BODY_BYTES", 2 * FRAME_BODY_BYTES
        )
        self._require_at_least("handshake_bytes_max", "1024", 1024)
        self._require_at_least(
            "message_bytes_max", "queue_bytes_max", self.queue_bytes_max
        )
        self._require_at_least(
            "silence_seconds", "2 * ping_seconds", 2 * self.ping_seconds
        )
        self._require_at_least(
            "retry_max_seconds", "retry_min_seconds", self.retry_min_seconds
        )

    @property
    def looks_max(self) -> int:
        """How many looks in a row may find no sign of life.

        Returns
        -------
        int
            `silence_seconds` in units of `ping_seconds`, rounded up.
        """
        return math.ceil(self.silence_seconds / self.ping_seconds)

    def _require_at_least(self, name: str, bound_name: str, bound: float) -> None:
        """Raise `ConfigError` if the setting is below the bound."""
        value = getattr(self, name)
        if value < bound:
            raise ConfigError(
                f"{name} is {value}; it must be at least {bound_name} ({bound})"
            )
