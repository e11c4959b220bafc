"""Reads that a member hands on to the leader, for its own disk is full.

A member without room for new entries falls behind what others write, and a linearizable
read there would wait until there is room. The leader has all that is to be seen, and
its answer needs nobody's disk: the confirmation of who leads is a message (thesis
§6.4). So the read is done there, and answered here (decision 133).
"""

import asyncio
from itertools import cycle
from typing import Final

from raftwerk.errors import NoRoom, NotLeader, NotProposed, OutcomeUnknown
from raftwerk.kv import KvError, Txn, TxnResult, decode, encode
from raftwerk.kv.result_codec import (
    decode_result,
    encode_result,
    encode_result_in_steps,
)
from raftwerk.service.kv import KvService
from raftwerk.service.node import CallNode

__all__ = ["ANSWER_BYTES_MAX", "LeaderReads"]

TOPIC: Final = "read"

ANSWER_BYTES_MAX: Final = 16 * 1024 * 1024
"""The largest answer that travels between two members; a larger one is refused."""

ANSWERED_AT_ONCE: Final = 4
"""Reads of other members that the leader works on at a time; the others wait, so that
their answers take no more memory than so many of the largest."""


class LeaderReads:
    """Hands reads on, and answers those that are handed on.

    Parameters
    ----------
    node : CallNode
        This member.
    kv : KvService
        Its key-value calls; it hands on what it can't answer from now on.
    """

    def __init__(self, node: CallNode, kv: KvService) -> None:
        self._node = node
        self._kv = kv
        self._desks = cycle([asyncio.Lock() for _ in range(ANSWERED_AT_ONCE)])
        node.serve_calls(TOPIC, self._answer)
        kv.read_elsewhere = self._ask

    async def _ask(self, request: Txn, _refusal: NoRoom) -> TxnResult:
        """Have the leader do a transaction that only reads."""
        try:
            answer = await self._node.ask_leader(TOPIC, encode(request))
        except OutcomeUnknown as lost:
            raise NotLeader(f"a read was handed on, and {lost}") from None
        result = decode_result(answer)
        if isinstance(result, KvError):
            raise result
        assert isinstance(result, TxnResult)  # nosec B101: for the type checker
        return result

    async def _answer(self, content: bytes) -> bytes:
        """Answer what another member was asked."""
        request = decode(content)
        assert isinstance(request, Txn)  # nosec B101: for the type checker
        async with next(self._desks):
            try:
                answer = await _encoded(await self._kv.read_here(request))
            except KvError as refusal:
                answer = encode_result(refusal)
        if len(answer) > ANSWER_BYTES_MAX:
            raise NotProposed(
                f"the answer has {len(answer)} bytes, and between two members it may"
                f" have {ANSWER_BYTES_MAX}: read less at a time, or ask another member"
            )
        return answer


async def _encoded(result: TxnResult) -> bytes:
    """Return a result as bytes, with turns for others if it is a large one."""
    pieces: list[bytes] = []
    for piece in encode_result_in_steps(result):
        if pieces:
            await asyncio.sleep(0)
        pieces.append(piece)
    return b"".join(pieces)
