"""How a body is read; each row of the tables was tried on etcd 3.5.1."""

import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raftwerk.api.errors import BadRequest
from raftwerk.api.proto_json import (
    Enumeration,
    Message,
    Repeated,
    parse,
    read_bool,
    read_bytes,
    read_int64,
)

BODIES = [
    # body                             members             why
    (b"", {}, "no body is an empty message"),
    (b"  \n", {}, "nor is white space one"),
    (b"null", {}, "null is the default"),
    (b"{}", {}, "an empty message"),
    (b' {"a":1}', {"a": 1}, "white space before it"),
    (b'{"a":1} trailing', {"a": 1}, "what follows is ignored"),
    (b'{"a":1}{"a":2}', {"a": 1}, "another message too"),
    (b'{"a":1}\xff\xfe', {"a": 1}, "whatever it is"),
    (b'{"a":1,"a":2}', {"a": 2}, "the last of repeated members"),
    (b'{"\\u0061":"\\u0079"}', {"a": "y"}, "escapes in names and values"),
    (b'{"a":-0}', {"a": 0}, "there is no negative zero"),
]

NO_BODIES = [
    # body               what is said
    (b"{", "the body is no JSON"),
    (b'{"a":1', "the body is no JSON"),
    (b"[]", "it is a list; the body must be an object"),
    (b'"x"', "it is the text 'x'; the body must be an object"),
    (b"5", "it is a number; the body must be an object"),
    (b"true", "it is a truth value; the body must be an object"),
    (b"nonsense", "the body is no JSON"),
    (b'{"a":NaN}', "the body is no JSON: NaN is no JSON value"),
    (b"[" * 100_000, "the body is nested too deeply"),
    (b'{"a":' + b"[" * 100_000, "the body is nested too deeply"),
]

INTEGERS = [
    (5, 5),
    ("5", 5),
    (" 5\t", 5),
    ("-5", -5),
    ("null", 0),
    ("9223372036854775807", 2**63 - 1),
    (-(2**63), -(2**63)),
]

NO_INTEGERS = [
    "many", "", "+5", "05", "5.0", "1e3", "0x5", "٥", 1.0, 1.5, True, [], {},
    2**63, "9223372036854775808", "-9223372036854775809", 10**30, "9" * 5000,
]  # fmt: skip

BYTES = [
    ("", b""),
    ("Zm9v", b"foo"),
    ("AP/+", b"\0\xff\xfe"),
    ("Y\nQ=\r=", b"a"),
    ("YR==", b"a"),
    ([], b""),
    ([0, 97, None, 255], b"\0a\0\xff"),
]

NO_BYTES = [
    "!!", "a", "YQ", "YQ=", "YQ===", "YQ==YQ==", "_-==", " YQ==", "é", 5, {}, True,
    [256], [-1], [1.0], [True], ["a"], [[]],
]  # fmt: skip

read_order = Enumeration({"NONE": 0, "UP": 1})


@pytest.mark.parametrize(("body", "members", "why"), BODIES)
def test_the_first_value_of_a_body_is_read(
    body: bytes, members: dict[str, Any], why: str
) -> None:
    assert parse(body) == members, why


@pytest.mark.parametrize(("body", "said"), NO_BODIES)
def test_a_body_that_is_no_object_is_refused(body: bytes, said: str) -> None:
    with pytest.raises(BadRequest) as caught:
        parse(body)
    assert str(caught.value).startswith(said)


@given(st.binary(max_size=40) | st.text(max_size=40).map(str.encode))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    try:
        parse(body)
    except BadRequest as error:
        assert "\n" not in str(error)


@pytest.mark.parametrize(("value", "number"), INTEGERS)
def test_an_integer_is_a_number_or_its_text(value: object, number: int) -> None:
    assert read_int64(value) == number


@pytest.mark.parametrize("value", NO_INTEGERS)
def test_what_is_no_integer_of_64_bits_is_refused(value: object) -> None:
    with pytest.raises(BadRequest, match="; it must be an integer of 64 bits"):
        read_int64(value)


@pytest.mark.parametrize(("value", "data"), BYTES)
def test_bytes_are_base64_or_numbers(value: object, data: bytes) -> None:
    assert read_bytes(value) == data


@pytest.mark.parametrize("value", NO_BYTES)
def test_what_is_neither_base64_with_padding_nor_numbers_is_refused(
    value: object,
) -> None:
    with pytest.raises(BadRequest, match="base64|from 0 to 255"):
        read_bytes(value)


@given(st.binary(max_size=50))
def test_bytes_come_back(data: bytes) -> None:
    assert read_bytes(base64.b64encode(data).decode()) == data


@pytest.mark.parametrize("value", ["true", "yes", 1, 0, "", [], {}])
def test_only_true_and_false_are_truth_values(value: object) -> None:
    assert (read_bool(True), read_bool(False)) == (True, False)
    with pytest.raises(BadRequest, match="; it must be true or false"):
        read_bool(value)


@pytest.mark.parametrize(("value", "number"), [("UP", 1), (1, 1), (7, 7), (-1, -1)])
def test_an_enumeration_is_a_name_or_a_number(value: object, number: int) -> None:
    assert read_order(value) == number


@pytest.mark.parametrize("value", ["up", "1", "", 1.0, True, [], {}, 2**31])
def test_other_names_and_numbers_are_refused(value: object) -> None:
    with pytest.raises(BadRequest, match="; it must be one of NONE, UP, or a number"):
        read_order(value)


def made(**members: object) -> dict[str, object]:
    """Return what was given."""
    return members


INNER = Message("Inner", made, some_flag=read_bool)
OUTER = Message(
    "Outer",
    made,
    range_end=read_bytes,
    limit=read_int64,
    one=INNER,
    many=Repeated(INNER, null={}),
)

MESSAGES: list[tuple[dict[str, object], dict[str, object], str]] = [
    # members                                       made                     why
    ({"range_end": "YQ=="}, {"range_end": b"a"}, "one name"),
    ({"rangeEnd": "YQ=="}, {"range_end": b"a"}, "the other name"),
    ({"rangeEnd": "YQ==", "range_end": "Yg=="}, {"range_end": b"a"}, "camelCase wins"),
    ({"range_end": "Yg==", "rangeEnd": "YQ=="}, {"range_end": b"a"}, "in any order"),
    ({"limit": None}, {}, "null is the default"),
    ({"colour": "red", "x": {"y": []}}, {}, "unknown members are ignored"),
    ({"RANGE_END": "!!"}, {}, "names are matched exactly"),
    ({"one": {"someFlag": True}}, {"one": {"some_flag": True}}, "a message within"),
    ({"many": []}, {"many": ()}, "an empty list"),
    ({"many": [{}, None]}, {"many": ({}, {})}, "null in a list is an empty message"),
]


@pytest.mark.parametrize(("members", "expected", "why"), MESSAGES)
def test_a_message_is_read(
    members: dict[str, object], expected: dict[str, object], why: str
) -> None:
    assert OUTER.read(members) == expected, why


WRONG_MEMBERS: list[tuple[dict[str, object], str]] = [
    ({"limit": "x"}, "limit: it is the text 'x'; it must be an integer of 64 bits"),
    ({"rangeEnd": 5}, "rangeEnd: it is a number; it must be a text in base64"),
    ({"one": []}, "one: it is a list; it must be an object"),
    ({"many": {}}, "many: it is an object; it must be a list"),
    (
        {"many": [{}, {"some_flag": "x"}]},
        "many[1].some_flag: it is the text 'x'; it must be true or false",
    ),
]


@pytest.mark.parametrize(("members", "said"), WRONG_MEMBERS)
def test_a_wrong_member_is_named(members: dict[str, object], said: str) -> None:
    with pytest.raises(BadRequest) as caught:
        OUTER.read(members)
    assert str(caught.value) == said
