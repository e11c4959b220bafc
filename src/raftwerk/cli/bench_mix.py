"""What a benchmark sends: requests of several kinds, drawn by their shares."""

import base64
import random
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from raftwerk.config import bad_setting

__all__ = ["KINDS", "PREFIX", "Mix", "Shot", "parse_mix"]

PREFIX: Final = b"raftwerk-bench/"
"""Of all keys that are written, so that they can be deleted."""

KINDS: Final = ("put", "get", "stale", "txn")
"""A put; a range of one key, linearizable; the same, serializable; and a transaction
that compares a key's version and puts it."""

VALUES: Final = 64
"""Different values; made once, for to make one takes longer than to send it."""


class Shot(msgspec.Struct, frozen=True, gc=False):
    """A request, as it is sent.

    Parameters
    ----------
    kind : str
        One of `KINDS`.
    path : str
        Of etcd's JSON gateway.
    body : bytes
        In JSON.
    """

    kind: str
    path: str
    body: bytes


def parse_mix(text: str) -> dict[str, float]:
    """Return the share of each kind of request.

    Parameters
    ----------
    text : str
        ``put=3,get=1``, say; a kind alone counts once.

    Returns
    -------
    dict of str to float
        Above 0, by kind; together they are 1.

    Raises
    ------
    ConfigError
        If it can't be meant.

    Examples
    --------
    >>> parse_mix("put=3,get")
    {'put': 0.75, 'get': 0.25}
    """
    shares: dict[str, float] = {}
    for item in text.split(","):
        kind, equals, share = item.strip().partition("=")
        share = share if equals else "1"
        if kind not in KINDS or kind in shares or not share.isdecimal():
            raise bad_setting(
                "mix", text, f"some of {', '.join(KINDS)} with shares: put=3,get=1"
            )
        shares[kind] = float(share)
    total = sum(shares.values())
    if not total:
        raise bad_setting("mix", text, "of shares above 0 in all")
    return {kind: share / total for kind, share in shares.items() if share}


class Mix:
    """Draws requests.

    Parameters
    ----------
    shares : mapping of str to float
        From `parse_mix`.
    keys : int
        How many different ones.
    key_bytes : int
        Of each, with the prefix and a number of ten digits; shorter ones can't be had.
    value_bytes : int
        Of each.
    seed : int
        Of the draws, and of the values.
    """

    def __init__(
        self,
        shares: Mapping[str, float],
        *,
        keys: int,
        key_bytes: int,
        value_bytes: int,
        seed: int,
    ) -> None:
        self._draw = random.Random(seed)  # nosec B311: a load, not a secret
        self._kinds = list(shares)
        self._shares = list(shares.values())
        self._keys = [_text(_key(number, key_bytes)) for number in range(keys)]
        self._values = [_text(self._draw.randbytes(value_bytes)) for _ in range(VALUES)]

    @property
    def kinds(self) -> Sequence[str]:
        """What it draws from.

        Returns
        -------
        sequence of str
            Some of `KINDS`.
        """
        return self._kinds

    def all_keys(self) -> list[Shot]:
        """Return a put of each key.

        Returns
        -------
        list of Shot
            In the order of the keys.
        """
        return [self._put(key) for key in self._keys]

    def draw(self) -> Shot:
        """Return the next request.

        Returns
        -------
        Shot
            Of a kind and a key that are drawn.
        """
        (kind,) = self._draw.choices(self._kinds, self._shares)
        key = self._draw.choice(self._keys)
        if kind == "put":
            return self._put(key)
        if kind == "get":
            return Shot(kind, "/v3/kv/range", b'{"key":"%b"}' % key)
        if kind == "stale":
            body = b'{"key":"%b","serializable":true}' % key
            return Shot(kind, "/v3/kv/range", body)
        compare = b'{"key":"%b","target":"VERSION","result":"GREATER"}' % key
        put = b'{"request_put":{"key":"%b","value":"%b"}}' % (key, self._value())
        body = b'{"compare":[%b],"success":[%b]}' % (compare, put)
        return Shot(kind, "/v3/kv/txn", body)

    def _put(self, key: bytes) -> Shot:
        """Return a put of a key."""
        body = b'{"key":"%b","value":"%b"}' % (key, self._value())
        return Shot("put", "/v3/kv/put", body)

    def _value(self) -> bytes:
        """Return any value."""
        return self._draw.choice(self._values)


def _key(number: int, key_bytes: int) -> bytes:
    """Return a key of a number, at least as long as wanted."""
    return PREFIX + b"%010d" % number + b"-" * (key_bytes - len(PREFIX) - 10)


def _text(data: bytes) -> bytes:
    """Return bytes as etcd's JSON has them."""
    return base64.b64encode(data)
