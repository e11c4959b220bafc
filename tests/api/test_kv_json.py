"""The messages of the key-value calls, both ways."""

import base64
from itertools import pairwise
from typing import Any
from unittest import mock

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from raftwerk.api import kv_calls, kv_json
from raftwerk.api.errors import BadRequest
from raftwerk.kv import (
    Compact,
    Compare,
    DeleteRange,
    DeleteRangeResult,
    KeyValue,
    Nothing,
    Put,
    PutResult,
    Range,
    RangeResult,
    Txn,
    TxnResult,
)
from raftwerk.service import Header
from raftwerk.types import NodeId, Term

HEADER = kv_json.write_header(Header(1, NodeId(2), 3, Term(4)))
HEADER_JSON = {"cluster_id": "1", "member_id": "2", "revision": "3", "raft_term": "4"}
KV = KeyValue(b"k", 5, 6, 7, b"v", 8)
KV_JSON = {
    "key": "aw==",
    "create_revision": "5",
    "mod_revision": "6",
    "version": "7",
    "value": "dg==",
    "lease": "8",
}


def test_each_field_of_a_range_is_read() -> None:
    members = {
        "key": "YQ==",
        "rangeEnd": "Yg==",
        "limit": "1",
        "revision": 2,
        "sort_order": "DESCEND",
        "sort_target": 4,
        "serializable": True,
        "keysOnly": True,
        "count_only": True,
        "min_mod_revision": "3",
        "max_mod_revision": "4",
        "minCreateRevision": "5",
        "max_create_revision": "6",
    }
    assert kv_calls.RANGE.request.read(members) == Range(
        b"a", b"b", 1, 2, 2, 4, True, True, True, 3, 4, 5, 6
    )
    assert kv_calls.RANGE.request.read({}) == Range(b"")


def test_each_field_of_the_others_is_read() -> None:
    flags = {"prev_kv": True, "ignoreValue": True, "ignore_lease": True}
    put = {"key": "YQ==", "value": "Yg==", "lease": "-7", **flags}
    assert kv_calls.PUT.request.read(put) == Put(b"a", b"b", -7, True, True, True)
    delete = {"key": "YQ==", "range_end": "AA==", "prevKv": True}
    assert kv_calls.DELETE_RANGE.request.read(delete) == DeleteRange(b"a", b"\0", True)
    compaction = kv_calls.COMPACTION.request.read({"revision": "9", "physical": True})
    assert compaction == (Compact(9), True)
    assert kv_calls.COMPACTION.request.read({}) == (Compact(0), False)


COMPARES = [
    # members                                       compare             why
    ({}, Compare(b""), "a version of 0"),
    ({"version": "1"}, Compare(b"", number=1), "the default target"),
    ({"target": "VALUE", "value": "YQ=="}, Compare(b"", target=3, value=b"a"), "bytes"),
    ({"target": "VALUE", "version": "1"}, Compare(b"", target=3), "another's operand"),
    ({"target": "MOD", "value": "YQ=="}, Compare(b"", target=2), "another's operand"),
    (
        {"target": "LEASE", "lease": "7", "version": "1", "result": "NOT_EQUAL"},
        Compare(b"", result=3, target=4, number=7),
        "of several, the target's",
    ),
    ({"target": 9, "version": "1"}, Compare(b"", target=9), "to be refused later"),
]


@pytest.mark.parametrize(("members", "compare", "why"), COMPARES)
def test_a_compare_takes_the_operand_of_its_target(
    members: dict[str, object], compare: Compare, why: str
) -> None:
    assert kv_calls.TXN.request.read({"compare": [members]}) == Txn((compare,)), why


@pytest.mark.parametrize("operation", [{}, None, {"request_put": None}, {"other": {}}])
def test_an_operation_may_say_nothing_until_it_is_checked(operation: object) -> None:
    assert kv_calls.TXN.request.read({"failure": [operation]}) == Txn(
        failure=(Nothing(),)
    )


def test_an_operation_is_one_operation() -> None:
    both: dict[str, object] = {"request_put": {}, "request_range": {}}
    with pytest.raises(BadRequest) as caught:
        kv_calls.TXN.request.read({"success": [both]})
    said = "success[0]: it has request_put and request_range; it must be one of them"
    assert str(caught.value) == said
    one = {"request_put": None, "request_range": {"key": "YQ=="}}
    assert kv_calls.TXN.request.read({"success": [one]}).success == (Range(b"a"),)


def test_transactions_are_read_within_transactions() -> None:
    inner = {"requestTxn": {"success": [{"request_delete_range": {"key": "YQ=="}}]}}
    txn = kv_calls.TXN.request.read(
        {"success": [inner, {"request_put": {"key": "Yg=="}}]}
    )
    assert txn.success == (Txn(success=(DeleteRange(b"a"),)), Put(b"b"))


def written(answer: bytes) -> Any:
    """Return an answer as JSON."""
    return msgspec.json.decode(answer)


def test_a_header_leaves_out_what_is_zero() -> None:
    header = kv_json.write_header(Header(1, NodeId(2), 3, Term(0)))
    expected = {"cluster_id": "1", "member_id": "2", "revision": "3"}
    assert written(b"{%b}" % header) == {"header": expected}


def test_answers_leave_out_what_is_zero() -> None:
    only = {"header": HEADER_JSON}
    assert written(kv_json.write_put(HEADER, PutResult(3, None))) == only
    empty = RangeResult(3, [], False, 0)
    assert written(kv_json.write_range(HEADER, empty, b"")) == only
    nothing = DeleteRangeResult(3, 0, [])
    assert written(kv_json.write_delete_range(HEADER, nothing, b"")) == only
    assert written(kv_json.write_txn(HEADER, TxnResult(3, False, []))) == only
    bare = KeyValue(b"k", 5, 6, 7)
    lacking = {"value": "dg==", "lease": "8"}
    assert written(kv_json.write_kvs([bare])) | lacking == KV_JSON


def test_answers_say_all_there_is() -> None:
    kvs = kv_json.write_kvs([KV, KV])
    put = kv_json.write_put(HEADER, PutResult(3, KV))
    assert written(put) == {"header": HEADER_JSON, "prev_kv": KV_JSON}
    range_ = kv_json.write_range(HEADER, RangeResult(3, [KV, KV], True, 9), kvs)
    assert written(range_) == {
        "header": HEADER_JSON,
        "kvs": [KV_JSON, KV_JSON],
        "more": True,
        "count": "9",
    }
    delete = DeleteRangeResult(3, 2, [KV, KV])
    assert written(kv_json.write_delete_range(HEADER, delete, kvs)) == {
        "header": HEADER_JSON,
        "deleted": "2",
        "prev_kvs": [KV_JSON, KV_JSON],
    }


def test_the_headers_within_a_transaction_have_a_revision_alone() -> None:
    inner = TxnResult(9, True, [DeleteRangeResult(9, 1, [KV])])
    result = TxnResult(
        9, False, [RangeResult(8, [KV], False, 1), PutResult(9, KV), inner]
    )
    then, now = {"header": {"revision": "8"}}, {"header": {"revision": "9"}}
    delete = {"response_delete_range": now | {"deleted": "1", "prev_kvs": [KV_JSON]}}
    assert written(kv_json.write_txn(HEADER, result)) == {
        "header": HEADER_JSON,
        "responses": [
            {"response_range": then | {"kvs": [KV_JSON], "count": "1"}},
            {"response_put": now | {"prev_kv": KV_JSON}},
            {"response_txn": {"header": {}, "succeeded": True, "responses": [delete]}},
        ],
    }


PIECES = [
    TxnResult(3, False, []),
    TxnResult(3, True, [RangeResult(3, [], False, 0), PutResult(3, KV)]),
    TxnResult(3, True, [RangeResult(3, [KV] * 7, True, 9), PutResult(3, None)]),
    TxnResult(
        3,
        False,
        [
            TxnResult(
                4, True, [RangeResult(4, [KV], False, 1), TxnResult(4, True, [])]
            ),
            DeleteRangeResult(5, 3, [KV] * 3),
            DeleteRangeResult(5, 0, []),
        ],
    ),
]


@pytest.mark.parametrize("result", PIECES)
def test_the_answer_to_a_transaction_is_the_same_in_pieces(result: TxnResult) -> None:
    with mock.patch.object(kv_json, "KVS_PER_PIECE", 2):
        pieces = list(kv_json.txn_pieces(HEADER, result))
    assert b"".join(pieces) == kv_json.write_txn(HEADER, result)
    assert max(piece.count(b'"key"') for piece in pieces) <= 2


def test_a_short_answer_to_a_transaction_is_written_in_one_go() -> None:
    for kvs_max, expected in ((0, 1), (1, 2), (4, 3), (7, 4)):
        with mock.patch.object(kv_json, "KVS_PER_PIECE", kvs_max):
            assert sum(map(kv_json.is_one_piece, PIECES)) == expected
    large = KeyValue(b"a", 1, 1, 1, b"x" * 40_000)
    ranges = TxnResult(1, True, [RangeResult(1, [large], False, 1)] * 2)
    puts = TxnResult(1, True, [TxnResult(1, True, [PutResult(1, large)] * 2)])
    assert not kv_json.is_one_piece(ranges)
    assert not kv_json.is_one_piece(puts)


@given(st.lists(st.sampled_from([0, 10, 40, 90]), max_size=12))
def test_keys_are_parted_by_number_and_bytes(sizes: list[int]) -> None:
    kvs = [KeyValue(b"k" * 10, 1, 1, n, b"x" * size) for n, size in enumerate(sizes, 1)]
    with mock.patch.multiple(kv_json, KVS_PER_PIECE=4, BYTES_PER_PIECE=100):
        parts = list(kv_json.parts_of(kvs))
    assert [kv for part in parts for kv in part] == kvs
    for part in parts:
        assert 1 <= len(part) <= 4
        assert sum(10 + len(kv.value) for kv in part[:-1]) < 100
    for part, following in pairwise(parts):
        # None ends early.
        ended = len(part) == 4 or sum(10 + len(kv.value) for kv in part) >= 100
        assert ended and following


@given(st.binary(min_size=1, max_size=9), st.binary(max_size=9))
def test_any_key_and_value_can_be_written(key: bytes, value: bytes) -> None:
    kv = written(kv_json.write_kvs([KeyValue(key, 1, 1, 1, value)]))
    assert base64.b64decode(kv["key"]) == key
    assert base64.b64decode(kv.get("value", "")) == value
