"""The calls about keys."""

import base64
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeVar

import msgspec

from raftwerk.client.endpoints import Endpoints
from raftwerk.client.http import Answer, Request
from raftwerk.client.values import Deleted, Done, Found, Written

__all__ = ["KeyCalls", "prefix_end"]

Result = TypeVar("Result")


def prefix_end(prefix: bytes) -> bytes:
    """Return the first key after all that begin with a prefix.

    Parameters
    ----------
    prefix : bytes
        Perhaps empty.

    Returns
    -------
    bytes
        For ``range_end``; one NUL byte, which means "no end", if there is none.

    Examples
    --------
    >>> prefix_end(b"jobs/")
    b'jobs0'
    """
    kept = prefix.rstrip(b"\xff")
    return kept[:-1] + bytes([kept[-1] + 1]) if kept else b"\0"


class KeyCalls:
    """Reads and writes keys through any member.

    Parameters
    ----------
    endpoints : Endpoints
        Where members answer.
    """

    def __init__(self, endpoints: Endpoints) -> None:
        self._endpoints = endpoints
        self._new_key: Callable[[], str] | None = None

    async def put(
        self,
        key: str | bytes,
        value: str | bytes,
        *,
        lease: int = 0,
        prev_kv: bool = False,
        ignore_value: bool = False,
        ignore_lease: bool = False,
    ) -> Written:
        """Set a key.

        Parameters
        ----------
        key, value : str or bytes
            A text stands for its UTF-8.
        lease : int
            What the key lives as long as; 0: it stays.
        prev_kv : bool
            Whether to return what was there.
        ignore_value, ignore_lease : bool
            Whether the key keeps the value or lease that it has.

        Returns
        -------
        Written
            With the write's revision.

        Raises
        ------
        Refused
            If the cluster refused it.
        NotProposed
            If nothing happened.
        OutcomeUnknown
            If it may or may not be done.
        """
        fields = {
            "key": _bytes(key),
            "value": _bytes(value),
            "lease": lease,
            "prev_kv": prev_kv,
            "ignore_value": ignore_value,
            "ignore_lease": ignore_lease,
        }
        return await self._call("kv/put", fields, Written, is_read=False)

    # pylint: disable-next=too-many-arguments  # keywords, as etcd has them
    async def get(
        self,
        key: str | bytes,
        range_end: str | bytes = b"",
        *,
        revision: int = 0,
        limit: int = 0,
        sort_order: str = "NONE",
        sort_target: str = "KEY",
        serializable: bool = False,
        keys_only: bool = False,
        count_only: bool = False,
    ) -> Found:
        """Read a key, or all from it up to another one.

        Parameters
        ----------
        key : str or bytes
            The first one.
        range_end : str or bytes
            Before which to end; empty: the one key. See `prefix_end`.
        revision : int
            As of when; 0: now.
        limit : int
            How many at most; 0: all.
        sort_order : str
            ``NONE``, ``ASCEND`` or ``DESCEND``.
        sort_target : str
            ``KEY``, ``VERSION``, ``CREATE``, ``MOD`` or ``VALUE``.
        serializable : bool
            Whether what one member has by itself is good enough; it may be old.
        keys_only, count_only : bool
            Whether to leave out values, or all but how many there are.

        Returns
        -------
        Found
            What there is.

        Raises
        ------
        Refused
            If the cluster refused it.
        NotProposed
            If nobody could be asked in time.
        """
        fields = {
            "key": _bytes(key),
            "range_end": _bytes(range_end),
            "revision": revision,
            "limit": limit,
            "sort_order": sort_order if sort_order != "NONE" else "",
            "sort_target": sort_target if sort_target != "KEY" else "",
            "serializable": serializable,
            "keys_only": keys_only,
            "count_only": count_only,
        }
        return await self._call("kv/range", fields, Found, is_read=True)

    async def delete(
        self, key: str | bytes, range_end: str | bytes = b"", *, prev_kv: bool = False
    ) -> Deleted:
        """Delete a key, or all from it up to another one.

        Parameters
        ----------
        key : str or bytes
            The first one.
        range_end : str or bytes
            Before which to end; empty: the one key. See `prefix_end`.
        prev_kv : bool
            Whether to return what was there.

        Returns
        -------
        Deleted
            How many there were.

        Raises
        ------
        Refused
            If the cluster refused it.
        NotProposed
            If nothing happened.
        OutcomeUnknown
            If it may or may not be done.
        """
        fields = {
            "key": _bytes(key),
            "range_end": _bytes(range_end),
            "prev_kv": prev_kv,
        }
        return await self._call("kv/deleterange", fields, Deleted, is_read=False)

    async def txn(
        self,
        compare: Sequence[Mapping[str, object]],
        success: Sequence[Mapping[str, object]] = (),
        failure: Sequence[Mapping[str, object]] = (),
    ) -> Done:
        """Compare, and do this if all holds, or else that; all of it at one revision.

        Parameters
        ----------
        compare, success, failure : sequence of mapping
            As they stand in the body of etcd's ``/v3/kv/txn``: what is bytes there may
            be bytes here, or a text for its UTF-8.

        Returns
        -------
        Done
            Whether all held, and what was done.

        Raises
        ------
        Refused
            If the cluster refused it.
        NotProposed
            If nothing happened.
        OutcomeUnknown
            If it may or may not be done.
        """
        fields = {
            "compare": [_in_json(each) for each in compare],
            "success": [_in_json(each) for each in success],
            "failure": [_in_json(each) for each in failure],
        }
        return await self._call("kv/txn", fields, Done, is_read=False)

    async def _call(
        self, name: str, fields: dict[str, Any], kind: type[Result], *, is_read: bool
    ) -> Result:
        """Do a call of etcd's gateway."""
        given = {name: value for name, value in fields.items() if value}
        request = Request(path=f"/v3/{name}", body=msgspec.json.encode(given))
        if is_read:
            answer = await self._endpoints.ask(request, is_read=True)
        else:
            answer = await self._write(request)
        return msgspec.json.decode(answer.body, type=kind, strict=False)

    async def _write(self, request: Request) -> Answer:
        """Ask for a write: once only, unless it has a key."""
        new_key = self._new_key
        if new_key is not None:
            headers = {"Idempotency-Key": new_key()}
            request = msgspec.structs.replace(request, headers=headers)
        return await self._endpoints.ask(
            request, is_read=False, is_done_once=new_key is not None
        )


def _bytes(text: str | bytes) -> str:
    """Return bytes as they stand in JSON."""
    data = text.encode() if isinstance(text, str) else text
    return base64.b64encode(data).decode()


_BYTES_FIELDS: Final = frozenset({"key", "range_end", "value"})
"""Fields of operations and compares that are bytes."""


def _in_json(part: Mapping[str, object]) -> dict[str, object]:
    """Return an operation or a compare as it stands in JSON."""
    said: dict[str, object] = {}
    for name, value in part.items():
        if isinstance(value, Mapping):
            said[name] = _in_json(value)
        elif name in _BYTES_FIELDS and isinstance(value, str | bytes):
            said[name] = _bytes(value)
        else:
            said[name] = value
    return said
