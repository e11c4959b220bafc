"""`raftwerk watch`, as people and scripts use it, against a real node."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from raftwerk.cli.main import run
from tests.e2e.cluster import READY_SECONDS, NodeProcess
from tests.e2e.lone import lone_node

pytestmark = pytest.mark.e2e


@pytest.fixture(name="node", scope="module")
def fixture_node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeProcess]:
    """Have a node that answers."""
    with lone_node(tmp_path_factory.mktemp("node")) as node:
        yield node


class Watching:
    """A command that watches, and what it prints."""

    def __init__(self, node: NodeProcess, *words: str) -> None:
        self._node = node
        # pylint: disable-next=consider-using-with  # it outlives this call
        self.process = subprocess.Popen(
            [sys.executable, "-m", "raftwerk", "watch", *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"RAFTWERK_ENDPOINTS": str(node.client)},
        )
        self.lines: list[str] = []
        assert self.process.stdout is not None
        self._reader = threading.Thread(target=self._read, args=[self.process.stdout])
        self._reader.start()

    def _read(self, stdout: Iterator[str]) -> None:
        for line in stdout:
            self.lines.append(line.removesuffix("\n"))

    def say(self, line: str) -> None:
        """Type a line."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()

    def put(self, key: str, value: str) -> None:
        """Set a key."""
        assert run(["put", key, value, f"--endpoints={self._node.client}"]) == 0

    def until(self, seen: Callable[[list[str]], bool], *, key: str = "") -> None:
        """Wait until what it printed is this; meanwhile set a key, if one is named.

        A watch begins when it begins: what is written before, it does not see.
        """
        end = time.monotonic() + READY_SECONDS
        while not seen(self.lines):
            assert time.monotonic() < end, self.lines
            assert self.process.poll() is None, self.lines
            if key:
                self.put(key, "again")
            time.sleep(0.02)

    def end(self) -> tuple[int, str]:
        """Return its exit code, and what it said of what is wrong."""
        code = self.process.wait(READY_SECONDS)
        self._reader.join()
        assert self.process.stderr is not None and self.process.stdin is not None
        said = self.process.stderr.read()
        for file in (self.process.stderr, self.process.stdin, self.process.stdout):
            assert file is not None
            file.close()
        return code, said

    def interrupt(self) -> None:
        """Press ctrl-c; it must have nothing to complain of."""
        self.process.send_signal(signal.SIGINT)
        assert self.end() == (130, "")


def revision(node: NodeProcess, capsys: pytest.CaptureFixture[str]) -> int:
    """Return the revision of the store."""
    capsys.readouterr()
    assert run(["get", "x", "-w=json", f"--endpoints={node.client}"]) == 0
    return int(capsys.readouterr().out.partition('"revision":')[2].partition(",")[0])


def test_it_prints_what_etcdctl_prints(
    node: NodeProcess, capsys: pytest.CaptureFixture[str]
) -> None:
    since = revision(node, capsys)
    watching = Watching(node, "w/a", f"--rev={since + 1}", "--prev-kv")
    watching.put("w/a", "one")
    watching.put("w/a", "two")
    assert run(["del", "w/a", f"--endpoints={node.client}"]) == 0
    expected = ["PUT", "w/a", "one"]
    expected += ["PUT", "w/a", "one", "w/a", "two"]
    expected += ["DELETE", "w/a", "two", "w/a", ""]
    watching.until(lambda lines: len(lines) >= len(expected))
    watching.interrupt()
    assert watching.lines == expected


def test_bytes_are_printed_one_by_one_if_asked(
    node: NodeProcess, capsys: pytest.CaptureFixture[str]
) -> None:
    since = revision(node, capsys)
    watching = Watching(node, "w/hex", f"--rev={since + 1}", "--hex")
    watching.put("w/hex", "é")
    watching.until(lambda lines: len(lines) >= 3)
    watching.interrupt()
    assert watching.lines == ["PUT", r"\x77\x2f\x68\x65\x78", r"\xc3\xa9"]


def test_a_command_is_run_for_each_change(
    node: NodeProcess, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    since = revision(node, capsys)
    script = tmp_path / "script"
    script.write_text(
        'test "$ETCD_WATCH_REVISION" -gt 1 && printf "%s %s %s %s\\n" "$1"'
        ' "$ETCD_WATCH_EVENT_TYPE" "$ETCD_WATCH_KEY" "$ETCD_WATCH_VALUE"\n'
    )
    command = ["--", "sh", str(script), "--prefix"]  # its flag, not ours
    watching = Watching(node, "w/run", f"--rev={since + 1}", *command)
    watching.put("w/run", 'say "x"\n\x01')
    watching.put("w/run", "é")
    watching.until(lambda lines: sum("--prefix" in line for line in lines) == 2)
    watching.interrupt()
    told = [line for line in watching.lines if "--prefix" in line]
    assert told == [
        '--prefix "PUT" "w/run" "say \\"x\\"\\n\\x01"',
        '--prefix "PUT" "w/run" "é"',
    ]


def test_a_command_that_fails_ends_the_watch(
    node: NodeProcess, capsys: pytest.CaptureFixture[str]
) -> None:
    since = revision(node, capsys)
    words = ("w/fail", f"--rev={since + 1}", "--")
    watching = Watching(node, *words, "sh", "-c", "exit 3")
    watching.put("w/fail", "x")
    code, said = watching.end()
    assert code == 1
    assert said == "raftwerk: the command sh -c exit 3 failed with exit code 3\n"
    watching = Watching(node, *words, "there-is-no-such-program")
    code, said = watching.end()
    assert (code, said.count("\n")) == (1, 1)
    assert "there-is-no-such-program: No such file or directory" in said


def test_lines_begin_watches_and_a_wrong_one_harms_none(node: NodeProcess) -> None:
    watching = Watching(node, "--interactive")
    watching.say('watch "w/l one"')
    watching.say("dance")
    watching.say("watch --rev=x w/l")
    watching.say("watch")
    watching.say("watch w/l 'no end")
    watching.say("")
    watching.say("watch --prefix w/m --hex")  # that is said once, for all
    watching.say("watch --prefix w/m -- echo ran")
    watching.until(lambda lines: "w/l one" in lines, key="w/l one")
    watching.until(lambda lines: "ran" in lines, key="w/m")
    assert watching.process.stdin is not None
    watching.process.stdin.close()  # the end of the input
    code, said = watching.end()
    assert code == 0
    assert [line.split(":")[1].strip() for line in said.splitlines()] == [
        "unknown command dance",
        "rev is x; it must be a whole number",
        "say which key to watch, or --interactive",
        "the line can't be read",
        "No such option",
    ]


def test_what_can_not_be_meant_is_refused(
    node: NodeProcess, capsys: pytest.CaptureFixture[str]
) -> None:
    for words in (["watch"], ["watch", "-i", "key"], ["watch", "a", "b", "--prefix"]):
        assert run([*words, f"--endpoints={node.client}"]) == 2
        captured = capsys.readouterr()
        assert captured.out == ""
        assert captured.err.startswith("raftwerk: ")
        assert captured.err.count("\n") == 1
