"""A member's log in words."""

from collections.abc import Sequence

from raftwerk.api.v1.app import make_documented_api
from raftwerk.api.v1.context import ApiContext
from raftwerk.core.records import Entry, EntryKind
from raftwerk.kv import Command, Compact, DeleteRange, Put, Store, Txn, encode
from raftwerk.runtime.envelope import EnvelopeKind, Sender
from raftwerk.service import KvService
from raftwerk.types import LogIndex, NodeId, Term
from tests.api.asgi import Reply, ask_now
from tests.service.fake_node import FakeNode

FIRST = 3


class Log:
    """A member whose log has some entries from `FIRST` on."""

    def __init__(self, *datas: bytes | Command, kind: EntryKind | None = None) -> None:
        sender = Sender(NodeId(1), 1)
        self.entries = [
            Entry(
                Term(2),
                LogIndex(FIRST + place),
                (
                    data
                    if isinstance(data, bytes)
                    else sender.wrap(EnvelopeKind.COMMAND, place, encode(data))
                ),
                kind or EntryKind.COMMAND,
            )
            for place, data in enumerate(datas)
        ]
        store = Store()
        node = FakeNode(store)
        node.change(
            first_index=LogIndex(FIRST),
            last_log_index=LogIndex(FIRST - 1 + len(datas)),
            commit_index=LogIndex(FIRST),
        )
        context = ApiContext(node=node, kv=KvService(node, store), entries=self._read)
        self._app = make_documented_api(context)

    def _read(self, start: LogIndex, stop: LogIndex, _bytes: int) -> Sequence[Entry]:
        return self.entries[start - FIRST : stop - FIRST]

    def ask(self, query: str = "") -> Reply:
        """Return what is said of the log."""
        return ask_now(self._app, "GET", f"/api/v1/log/{query}")

    def words(self) -> list[str]:
        """Return what each entry says."""
        return [entry["what"] for entry in self.ask().json["data"]["entries"]]


def test_each_entry_says_what_it_does() -> None:
    log = Log(
        b"",
        Put(b"app/\xff", b"8080"),
        DeleteRange(b"a", b"b"),
        DeleteRange(b"a", b"\0"),
        Txn(success=(Put(b"a", b"1"),)),
        Compact(7),
        b"\xee\xee",
    )
    assert log.words() == [
        "a leader's first entry",
        "put app/%FF, 4 bytes",
        "delete from a to b",
        "delete from a to the end",
        "if 0 compares hold: put a, 1 bytes; else: nothing",
        "compact up to revision 7",
        "something of a newer version",
    ]
    assert Log(b"x", kind=EntryKind.CONF_CHANGE).words() == ["a change of members"]


def test_a_range_is_asked_for_by_its_start() -> None:
    log = Log(*(Put(b"k", b"%d" % each) for each in range(9)))
    data = log.ask("?start=4&limit=2").json["data"]
    assert (data["first_index"], data["last_index"], data["commit_index"]) == (3, 11, 3)
    assert [entry["index"] for entry in data["entries"]] == [4, 5]
    assert [entry["is_committed"] for entry in data["entries"]] == [False, False]
    last = log.ask("?limit=2").json["data"]["entries"]
    assert [entry["index"] for entry in last] == [10, 11]
    assert log.ask("?start=12").json["data"]["entries"] == []
    assert log.ask("?start=2").json["error"]["message"] == (
        "the log begins at 3; 2 is compacted"
    )
    for query in ("?start=0", "?limit=0", "?limit=201"):
        assert log.ask(query).status == 422
