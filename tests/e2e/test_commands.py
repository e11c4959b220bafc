"""The commands that call a cluster, as people type them, against a real node."""

import io
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from raftwerk.cli.exit_codes import ExitCode
from raftwerk.cli.main import run
from tests.e2e.cluster import READY_SECONDS, NodeProcess
from tests.e2e.commands import addresses
from tests.e2e.lone import lone_node
from tests.e2e.ports import free_ports

pytestmark = pytest.mark.e2e

Type = Callable[..., str]


@pytest.fixture(name="node", scope="module")
def fixture_node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeProcess]:
    """Have a node that answers."""
    with lone_node(tmp_path_factory.mktemp("node")) as node:
        yield node


@pytest.fixture(name="type_in")
def fixture_type_in(node: NodeProcess, capsys: pytest.CaptureFixture[str]) -> Type:
    """Return what types a command and returns what it prints."""

    def type_in(*words: str, code: int = 0) -> str:
        assert run([*words, f"--endpoints={node.client}"]) == code
        captured = capsys.readouterr()
        if code == 0:
            assert captured.err == ""
            return captured.out
        assert captured.out == ""
        assert captured.err.startswith("raftwerk: ")
        assert captured.err.count("\n") == 1
        return captured.err

    return type_in


def test_what_was_put_is_got_and_deleted(type_in: Type) -> None:
    assert type_in("put", "greeting", "hello") == "OK\n"
    assert type_in("get", "greeting") == "greeting\nhello\n"
    again = type_in("put", "greeting", "hello again", "--prev-kv")
    assert again == "OK\ngreeting\nhello\n"
    assert type_in("del", "greeting", "--prev-kv") == "1\ngreeting\nhello again\n"
    assert type_in("get", "greeting") == ""
    assert type_in("del", "greeting") == "0\n"


def test_a_value_may_come_from_the_input(
    type_in: Type, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"from a pipe")))
    type_in("put", "piped")
    assert type_in("get", "piped", "--print-value-only") == "from a pipe\n"


def test_a_transaction_is_typed_as_etcdctls(
    type_in: Type, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = b'mod("once") > "0"\n\nget once\ndel once --prev-kv\n\nput once "1 2"\n'
    answers = ["FAILURE\n\nOK\n", "SUCCESS\n\nonce\n1 2\n\n1\nonce\n1 2\n"]
    for answer in answers:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(script)))
        assert type_in("txn") == answer
    assert type_in("get", "once") == ""
    monkeypatch.setattr(sys, "stdin", io.StringIO("\nmove a b\n"))
    assert "'move a b' is none of put, get and del" in type_in("txn", code=2)


def test_keys_and_values_may_be_any_bytes(type_in: Type) -> None:
    key, value = map(os.fsdecode, (b"\xff", b"\xfe"))  # as arguments reach a program
    type_in("put", key, value)
    assert type_in("get", key, "--hex") == "\\xff\n\\xfe\n"
    assert type_in("get", key, f"{key}{key}", "--count-only") == "1\n"
    assert type_in("del", key) == "1\n"


def test_an_answer_that_cannot_be_printed_is_no_failure_of_the_write(
    node: NodeProcess, type_in: Type
) -> None:
    words = [sys.executable, "-m", "raftwerk", "put", "an unseen one", "1"]
    closed = ["sh", "-c", '"$@" >&-', "sh"]
    with open("/dev/full", "wb") as full:
        for number, before in enumerate(([], closed), 1):
            ended = subprocess.run(
                [*before, *words, f"--endpoints={node.client}"],
                stdout=full,
                stderr=subprocess.PIPE,
                text=True,
                check=False,
            )
            assert ended.returncode == ExitCode.UNKNOWN, ended
            assert ended.stderr.startswith("raftwerk: what was asked for is done")
            assert ended.stderr.count("\n") == 1, ended
            found = json.loads(type_in("get", "an unseen one", "-o", "json"))
            assert found["kvs"][0]["version"] == number


def test_a_node_serves_though_its_output_is_full(tmp_path: Path) -> None:
    with (
        open("/dev/full", "wb") as full,
        subprocess.Popen(
            [sys.executable, "-m", "raftwerk", "serve", *addresses()],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            cwd=tmp_path,
        ) as process,
    ):
        assert process.stderr is not None
        lines = iter(process.stderr)
        assert any("who reads the output is not told" in line for line in lines)
        assert any('"ready"' in line for line in lines)
        process.terminate()
        _, rest = process.communicate(timeout=READY_SECONDS)
        assert process.returncode == ExitCode.OK, rest


def test_ranges_are_chosen_sorted_and_cut_as_with_etcdctl(type_in: Type) -> None:
    for name in ("c", "a", "b"):
        type_in("put", f"range/{name}", name.upper())
    keys = "range/a\nrange/b\nrange/c\n"
    assert type_in("get", "range/", "--prefix", "--keys-only") == keys
    assert type_in("get", "range/a", "range/c", "--keys-only") == keys[:16]
    assert type_in("get", "range/b", "--from-key", "--keys-only") == keys[8:]
    newest = ("--sort-by=create", "--order=descend", "--limit=1")
    assert type_in("get", "range/", "--prefix", "--print-value-only", *newest) == "B\n"
    assert type_in("get", "range/", "--prefix", "--count-only") == "3\n"
    assert type_in("get", "range/a", "--consistency=s") == "range/a\nA\n"
    assert type_in("del", "range/", "--prefix") == "3\n"


def test_the_past_can_be_read(type_in: Type) -> None:
    first = json.loads(type_in("put", "old", "1", "-o", "json"))
    type_in("put", "old", "2")
    revision = str(first["header"]["revision"])
    assert type_in("get", "old", "--rev", revision) == "old\n1\n"


def test_json_has_bytes_in_base64_and_numbers_as_numbers(type_in: Type) -> None:
    type_in("put", "json", "é")
    found = json.loads(type_in("get", "json", "--write-out=json"))
    (kv,) = found["kvs"]
    assert (kv["key"], kv["value"], kv["version"]) == ("anNvbg==", "w6k=", 1)
    assert found["count"] == 1


def test_the_status_fits_a_terminal(type_in: Type) -> None:
    shown = type_in("status")
    heading, row, _, whole = shown.splitlines()
    assert heading.split() == "NAME ID STATE TERM COMMIT APPLIED LAG CLIENT".split()
    assert row.split()[0] == "n1"
    assert row.split()[2] == "LEADER"
    assert whole == "n1 leads term 2; 1 of 1 voters answer, 1 are needed"
    assert max(map(len, shown.splitlines())) <= 80


def test_the_status_in_json_has_ids_as_other_commands_take_them(type_in: Type) -> None:
    told = json.loads(type_in("status", "-o", "json"))
    (member,) = told["members"]
    assert member["status"]["state"] == "LEADER"
    assert told["leader"] == member["id"]
    moved = json.loads(type_in("move-leader", told["leader"], "-o", "json"))
    assert moved == {"leader": told["leader"]}


def test_members_are_listed_added_and_removed(type_in: Type) -> None:
    heading, row = type_in("member", "list").splitlines()
    assert heading.split() == ["ID", "NAME", "IS", "PEERS", "CLIENTS"]
    assert row.split()[1:3] == ["n1", "leader"]
    url = "http://127.0.0.1:1"
    added = type_in("member", "add", "n2", f"--peer-urls={url}", "--learner")
    assert "raftwerk serve --name=n2 --initial-cluster-state=existing" in added
    assert f"n2={url}" in added
    assert "unstarted" in type_in("member", "list")
    listed = json.loads(type_in("member", "list", "-o", "json"))
    (new,) = [each["id"] for each in listed["members"] if not each["has_started"]]
    words = type_in("member", "promote", new, code=1)
    assert "has not caught up" in words
    moved = type_in("member", "update", new, "--peer-urls=http://127.0.0.1:2")
    assert moved.endswith("is reached at http://127.0.0.1:2 from now on\n")
    replaced = json.loads(type_in("member", "replace", new, "-o", "json"))
    assert replaced["replaced"] == new
    left = type_in("member", "remove", replaced["member"]["id"])
    assert left.endswith("was removed; 1 remain\n")


REFUSED = [
    # words                                        exit code  what is said
    (["get", "x", "--rev", "999999"], 1, "future revision"),
    (["put", "", "x"], 1, "key is not provided"),
    (["put", "x", "y", "--lease", "1f"], 1, "lease not found"),
    (["put", "x", "y", "--lease", "z"], 2, "lease is z"),
    (["get", "x", "y", "--prefix"], 2, "only one can be meant"),
    (["get", "x", "--order", "up"], 2, "order is up; it must be one of ASCEND"),
    (["get", "x", "--consistency", "x"], 2, "consistency is x"),
    (["get", "x", "-o", "yaml"], 2, "output is yaml; it must be one of text, json"),
    (["get", "x", "--command-timeout", "soon"], 2, "command-timeout is soon"),
    (["member", "remove", "7"], 1, "there is no member 7"),
    (["member", "remove", "nobody"], 2, "a member's id, or one of n1"),
    (["member", "remove", "n1"], 1, "is the only voter"),
    (["member", "add", "x", "--peer-urls=x"], 1, "of the form http://HOST:PORT"),
    (["move-leader", "7"], 1, "member 7 does not vote"),
]


@pytest.mark.parametrize(
    ("words", "code", "said"), REFUSED, ids=[" ".join(words) for words, _, _ in REFUSED]
)
def test_a_refusal_is_one_line_and_has_its_exit_code(
    type_in: Type, words: list[str], code: int, said: str
) -> None:
    assert said in type_in(*words, code=code)


def test_dead_endpoints_are_passed_over(
    node: NodeProcess, capsys: pytest.CaptureFixture[str]
) -> None:
    dead, port = free_ports(1)[0], node.client.port
    endpoints = f"--endpoints=127.0.0.1:{dead},127.0.0.1:{port}"
    assert run(["put", "alive", "yes", endpoints]) == 0
    assert run(["get", "alive", endpoints]) == 0
    assert capsys.readouterr().out == "OK\nalive\nyes\n"


def test_nobody_there_is_told_soon_and_by_address(
    capsys: pytest.CaptureFixture[str],
) -> None:
    url = f"http://127.0.0.1:{free_ports(1)[0]}"
    began = time.monotonic()
    assert run(["status", f"--endpoints={url}"]) == 1
    assert time.monotonic() - began < 5.0
    words = f"raftwerk: no member could be asked: {url}: connection refused\n"
    assert capsys.readouterr().err == words


def test_a_write_whose_outcome_nobody_knows_has_a_code_of_its_own(
    node: NodeProcess, capsys: pytest.CaptureFixture[str]
) -> None:
    node.pause()
    try:
        words = ["put", "x", "y", "--command-timeout=300ms"]
        assert run([*words, f"--endpoints={node.client}"]) == 3
    finally:
        node.resume()
    assert "its outcome is not known" in capsys.readouterr().err


def test_a_reader_that_stops_reading_is_no_failure(node: NodeProcess) -> None:
    command = [sys.executable, "-m", "raftwerk", "get", "x", "-o", "json"]
    with subprocess.Popen(
        [*command, f"--endpoints={node.client}"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.wait(READY_SECONDS) == 0
        assert process.stderr is not None
        assert process.stderr.read() == b""


def test_a_data_directory_is_shown_while_a_node_uses_it(
    node: NodeProcess, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["inspect", str(node.data_dir)]) == 0
    shown = capsys.readouterr().out
    assert "(n1) of cluster" in shown
    assert "hard state      term" in shown
    assert shown.endswith("a node can start from this\n")
    assert run(["inspect", str(node.data_dir), "-o", "json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["members"][0]["name"] == "n1"
    assert told["log"]["damage"] is None


def test_damage_is_shown_with_all_that_is_sound(
    node: NodeProcess, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = tmp_path / "copy"
    (copy / "wal").mkdir(parents=True)
    (segment,) = node.data_dir.glob("wal/*.wal")
    data = bytearray(segment.read_bytes())
    data[700] ^= 1
    (copy / "wal" / segment.name).write_bytes(data)
    assert run(["inspect", str(copy)]) == 1
    shown = capsys.readouterr().out
    assert f"damaged: {copy}/wal/{segment.name} is damaged at byte" in shown
    assert segment.name in shown
    assert "a node can start from this" not in shown


def test_what_is_no_data_directory_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["inspect", str(tmp_path)]) == 1
    assert capsys.readouterr().err.endswith("has no log\n")
    file = tmp_path / "file"
    file.write_text("x")
    assert run(["inspect", str(file)]) == 2


def test_a_benchmark_measures_and_leaves_nothing_behind(type_in: Type) -> None:
    words = ["bench", "-d", "300ms", "--warm-up", "0", "-c", "4", "--keys", "50"]
    report = json.loads(
        type_in(*words, "--mix", "put,get,stale,txn", "-o", "json", "--seed", "3")
    )
    assert report["failed"] == 0
    kinds = {each["kind"]: each["answers"] for each in report["figures"]}
    assert sorted(kinds) == ["all", "get", "put", "stale", "txn"]
    assert kinds.pop("all") == sum(kinds.values()) > 0
    assert "A SECOND" in type_in(*words, "--plot")
    assert type_in("get", "raftwerk-bench/", "--prefix", "--keys-only") == ""
    type_in(*words, "--keep")
    kept = type_in("get", "raftwerk-bench/", "--prefix", "--keys-only").split()
    assert len(kept) == 50
    type_in("del", "raftwerk-bench/", "--prefix")


def test_a_benchmark_of_nobody_says_who_did_not_answer(
    capsys: pytest.CaptureFixture[str],
) -> None:
    port = free_ports(1)[0]
    assert run(["bench", f"--endpoints=127.0.0.1:{port}", "-d", "1s"]) == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert f"http://127.0.0.1:{port}" in said
