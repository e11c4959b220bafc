"""Transactions as they are typed."""

import pytest

from raftwerk.cli.txn_lines import read_script
from raftwerk.errors import ConfigError

SCRIPT = """value("a b") = "it's"
mod("a")>"0"
lease("a") != "1f"

put a "two words" --lease=1f --prev-kv
del b --prefix

get a --limit 3 --sort-by modify --order descend
"""


def test_a_script_has_three_parts() -> None:
    script = read_script(SCRIPT.splitlines())
    equal = {"target": "VALUE", "result": "EQUAL", "key": b"a b", "value": b"it's"}
    above = {"target": "MOD", "result": "GREATER", "key": b"a", "mod_revision": 0}
    other = {"target": "LEASE", "result": "NOT_EQUAL", "key": b"a", "lease": 31}
    assert script.compare == [equal, above, other]
    put = {"key": b"a", "value": b"two words", "lease": 31, "prev_kv": True}
    delete = {"key": b"b", "range_end": b"c"}
    assert script.success == [{"request_put": put}, {"request_delete_range": delete}]
    (get,) = script.failure
    assert get["request_range"] == {
        "key": b"a",
        "range_end": b"",
        "limit": 3,
        "sort_order": "DESCEND",
        "sort_target": "MOD",
    }


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        (["a = 1"], "compares nothing"),
        (['size("a") = "1"'], "compares nothing"),
        (['mod("a") = "x"'], "is no number"),
        (["", "move a b"], "none of put, get and del"),
        (["", "put a"], "needs a key and a value"),
        (["", "get a --hex"], "there is no --hex here"),
        (["", "get a --limit=x"], "needs a number"),
        (["", 'put a "b'], "no closing quotation"),
    ],
)
def test_a_line_that_can_not_be_read_is_shown(lines: list[str], why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        read_script(lines)
