"""A small generator of our own: one seed, the same draws on every Python, for ever.

The standard library keeps its raw generator stable but not what it makes of it, and a
seed that once failed must fail again in ten years. SplitMix64 is a counter and a mixing
function: ten lines, 64 bits of state, good enough for schedules and timeouts and for
nothing secret. Source: Steele, Lea, Flood: Fast Splittable Pseudorandom Number
Generators, OOPSLA 2014; the constants are those of java.util.SplittableRandom.
"""

import hashlib
from typing import Final

from raftwerk.errors import require

__all__ = ["SplitMix64"]

_MASK: Final = 2**64 - 1
_STEP: Final = 0x9E3779B97F4A7C15
"""The golden ratio in 64 bits: odd, so that the counter visits every state."""


class SplitMix64:
    """A `Draw` that one integer decides.

    Parameters
    ----------
    seed : int
        Any integer; its lower 64 bits count.

    Examples
    --------
    >>> dice = SplitMix64(6)
    >>> [1 + dice.below(6) for _ in range(5)]
    [6, 4, 1, 1, 5]
    >>> [dice.fork(label).below(100) for label in ("network", "disk", "network")]
    [36, 64, 36]
    """

    __slots__ = ("_seed", "_state")

    def __init__(self, seed: int) -> None:
        """Begin where the seed says."""
        self._seed = seed & _MASK
        self._state = self._seed

    def next_64_bits(self) -> int:
        """Return the next number of the stream.

        Returns
        -------
        int
            From 0 to 2**64 - 1, each alike likely.
        """
        self._state = mixed = (self._state + _STEP) & _MASK
        mixed = ((mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & _MASK
        return mixed ^ (mixed >> 31)

    def below(self, bound: int) -> int:
        """Do as `Draw.below` says."""
        if bound < 1:  # asked here, for the words would be made at each draw
            require(False, f"a draw has something to choose from, not {bound}")
        bits = (bound - 1).bit_length()
        # A remainder would favour small numbers. So we take as many bits as the
        # greatest answer has, and draw again what is too great: half of it at most.
        while True:
            if 0 < bits <= 64:  # nearly always: `next_64_bits`, without the call
                self._state = mixed = (self._state + _STEP) & _MASK
                mixed = ((mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
                mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & _MASK
                drawn = (mixed ^ (mixed >> 31)) >> 64 - bits
            else:
                drawn = self._bits(bits)
            if drawn < bound:
                return drawn

    def fork(self, label: str) -> "SplitMix64":
        """Return an independent stream that the seed and a label decide.

        How much was drawn here before makes no difference, so that one more draw in
        one part of a simulated world does not change all the others.

        Parameters
        ----------
        label : str
            What the stream is for; the same label gives the same stream.

        Returns
        -------
        SplitMix64
            At its beginning.
        """
        # Not `hash`: it differs from one process to the next.
        key = self._seed.to_bytes(8, "little")
        digest = hashlib.blake2b(label.encode(), digest_size=8, key=key).digest()
        return SplitMix64(int.from_bytes(digest, "little"))

    def _bits(self, count: int) -> int:
        """Return a number of so many bits; the upper ones of a word are mixed best."""
        drawn = 0
        while count > 64:
            drawn = drawn << 64 | self.next_64_bits()
            count -= 64
        return drawn << count | self.next_64_bits() >> 64 - count
