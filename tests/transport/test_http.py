"""The contract by letters over HTTP, and what only letters can do to us."""

import asyncio
from collections.abc import Sequence
from typing import Any

import httpx
import msgspec
import pytest

from raftwerk.api.peer_routes import PeerRoutes, Sender
from raftwerk.api.server import ApiServer
from raftwerk.config import Url
from raftwerk.core.messages import Message, RequestVote, RequestVoteReply
from raftwerk.host.real import real_host
from raftwerk.transport.address import Address
from raftwerk.transport.handshake import VERSION_MAX, Hello
from raftwerk.transport.http import HttpListener, HttpSettings, HttpTransport
from raftwerk.transport.http_desk import (
    TERM_FIRST_MAX,
    TERM_STEP_MAX,
    HttpDesk,
    LetterRefused,
    check_terms,
)
from raftwerk.transport.http_letter import Route, encode_letter, route_of
from raftwerk.transport.protocol import Admission, Identity, Transport
from raftwerk.types import NO_TERM, LogIndex, NodeId, Term
from tests.transport.contract import Group, Story, TransportContract
from tests.transport.helpers import (
    CLUSTER,
    ONE,
    THREE,
    TWO,
    Recorder,
    append_entries,
    chunk,
    disk_report,
    heartbeat,
    identity,
    snapshot,
)

pytestmark = pytest.mark.e2e

TERM = Term(7)


class Listener:
    """A server of the documented kind, that knows where it was bound."""

    def __init__(self, desk: HttpDesk, address: str) -> None:
        self.desk = desk
        where = Address.parse(address)
        self._server = ApiServer(
            PeerRoutes(desk, Sender("app", "n1")),
            [Url(where.host, where.port)],
            stop_seconds=1,
            is_for_peers=True,
        )
        self.urls: tuple[Url, ...] = ()

    async def start(self) -> Sequence[Url]:
        self.urls = await self._server.start()
        return self.urls

    async def stop(self) -> None:
        await self._server.stop()


class HttpGroup(Group):
    """Members on loopback, each on a port that the system chooses."""

    def __init__(self, secret: str = "") -> None:
        self.host = real_host()
        super().__init__(self.host.timers)
        self.secret = secret
        self.listeners: dict[Transport, Listener] = {}

    def make(
        self, who: Identity, address: str, admit: Admission | None = None
    ) -> Transport:
        made: list[Listener] = []

        def listen(desk: HttpDesk) -> HttpListener:
            made.append(Listener(desk, address))
            return made[0]

        transport = HttpTransport(
            who,
            listen,
            host=self.host,
            report=self.lines,
            settings=HttpSettings(secret=self.secret),
            term_now=lambda: TERM,
            admit=admit,
        )
        self.listeners[transport] = made[0]
        return transport

    def free_address(self) -> str:
        return "127.0.0.1:0"

    def address_of(self, transport: Transport, address: str) -> str:
        return self.listeners[transport].urls[0].host_port


def play(story: Story, group: HttpGroup | None = None) -> None:
    async def tell() -> None:
        ours = HttpGroup() if group is None else group
        try:
            await story(ours)
        finally:
            await ours.stop_all()

    asyncio.run(tell())


class TestHttpContract(TransportContract):
    """What every transport must do."""

    def play(self, story: Story) -> None:
        play(story)


def vote(term: int = TERM, sender: NodeId = TWO, receiver: NodeId = ONE) -> RequestVote:
    return RequestVote(
        sender=sender,
        receiver=receiver,
        term=Term(term),
        last_log_index=LogIndex(3),
        last_log_term=Term(2),
    )


def letter(
    *messages: Message, who: Identity = identity(TWO), to: NodeId = ONE
) -> bytes:
    hello = Hello(version_min=1, version_max=1, receiver=to, identity=who)
    return encode_letter(hello, messages)


async def put(
    group: Group, body: bytes, route: str = "vote", **headers: str
) -> httpx.Response:
    async with httpx.AsyncClient(trust_env=False) as client:
        return await client.request(
            "PUT" if route == "vote" else "POST",
            f"http://{group.addresses[ONE]}/api/v1/raft/{route}",
            content=body,
            headers=headers,
        )


class Voter(Recorder):
    """Grants each vote at once."""

    transport: Transport

    def on_messages(self, messages: Sequence[Message]) -> None:
        super().on_messages(messages)
        for asked in messages:
            self.transport.send(
                [
                    RequestVoteReply(
                        sender=asked.receiver,
                        receiver=asked.sender,
                        term=asked.term,
                        granted=True,
                    )
                ]
            )


async def start_voter(group: Group) -> Voter:
    voter = Voter()
    voter.transport = await group.start(ONE, receiver=voter)
    voter.transport.set_peers({TWO: "127.0.0.1:1"})
    return voter


def test_a_request_is_answered_by_the_reply_in_the_envelope() -> None:
    async def story(group: Group) -> None:
        voter = await start_voter(group)
        answer = await put(group, letter(vote()))
        assert answer.status_code == 200
        assert answer.json() == {
            "apiVersion": "1.0",
            "data": {
                "messages": [
                    {
                        "type": "RequestVoteReply",
                        "sender": 1,
                        "receiver": 2,
                        "term": 7,
                        "granted": True,
                    }
                ],
                "version": VERSION_MAX,
            },
        }
        assert voter.messages == [vote()]

    play(story)


def test_a_kind_of_a_newer_version_is_told_to_who_says_it_speaks_it() -> None:
    async def story(group: Group) -> None:
        one, _ = await group.start_pair()
        # Whether it does is known from its first answer on.
        one.send([disk_report(), heartbeat()])
        await group.until(lambda: heartbeat() in group.receivers[TWO].messages)
        assert disk_report() not in group.receivers[TWO].messages

        def is_told() -> bool:
            one.send([disk_report()])
            return disk_report() in group.receivers[TWO].messages

        await group.until(is_told)
        # In a letter of an older member it is none of its words.
        refused = await put(group, letter(disk_report(TWO, ONE)), "log")
        assert refused.status_code == 403
        assert "is none of version 1 of the peer protocol" in refused.text

    play(story)


def test_two_that_have_nothing_to_say_know_that_they_could() -> None:
    """Followers, that is: a way which nobody goes is not to look cut."""

    async def story(group: Group) -> None:
        one, two = await group.start_pair()
        await group.until(lambda: one.peers()[TWO].is_connected)
        await group.until(lambda: two.peers()[ONE].is_connected)
        assert not group.receivers[ONE].messages and not group.receivers[TWO].messages

    play(story)


def test_a_request_that_nobody_answers_in_time_is_answered_with_nothing() -> None:
    async def story(group: Group) -> None:
        one = await group.start(ONE)
        one.set_peers({TWO: "127.0.0.1:1"})
        answer = await put(group, letter(vote()))
        assert answer.json()["data"]["messages"] == []
        assert group.receivers[ONE].messages == [vote()]

    play(story)


def test_an_answer_of_an_absurd_term_is_refused_as_a_letter_is() -> None:
    async def story(group: Group) -> None:
        one = await group.start(ONE)
        assert isinstance(one, HttpTransport)
        # pylint: disable-next=protected-access  # what each answer goes through
        check = one._check
        check(TWO, [vote(TERM + TERM_STEP_MAX)])
        with pytest.raises(LetterRefused, match="is absurd where term 7"):
            check(TWO, [vote(TERM + TERM_STEP_MAX + 1)])

    play(story)


def test_the_first_term_that_a_node_hears_of_is_bounded_too() -> None:
    """Else a single letter could leave it no term to stand in, for good."""
    check_terms([vote(TERM_FIRST_MAX)], NO_TERM)
    words = f"where none is known: the greatest that is believed here is {2**32}$"
    with pytest.raises(LetterRefused, match=words):
        check_terms([vote(TERM_FIRST_MAX + 1)], NO_TERM)


STRANGERS = {
    "another cluster": (letter(vote(), who=identity(TWO, 0xBAD)), "cluster bad"),
    "no member": (
        letter(vote(sender=THREE), who=identity(THREE)),
        "no member as far as node 1 knows",
    ),
    "another receiver": (
        letter(vote(receiver=THREE), to=THREE),
        "this is node 1, not node 3",
    ),
    "in another's name": (letter(vote(sender=THREE)), "came from node 2 to node 1"),
    "to another": (letter(vote(receiver=THREE)), "came from node 2 to node 1"),
    "an absurd term": (
        letter(vote(TERM + TERM_STEP_MAX + 1)),
        "is absurd where term 7",
    ),
    "a term below all": (letter(vote(-1)), "term -1 is absurd where term 7"),
    "a term of 63 bits": (letter(vote(2**63 - 1)), "is absurd where term 7"),
    "another route": (letter(heartbeat(0, TWO, ONE)), "goes to …/log, not to …/vote"),
}


@pytest.mark.parametrize("kind", STRANGERS)
def test_a_stranger_gets_403_and_changes_nothing(kind: str) -> None:
    body, words = STRANGERS[kind]

    async def story(group: Group) -> None:
        voter = await start_voter(group)
        answer = await put(group, body)
        assert answer.status_code == 403
        error = answer.json()["error"]
        assert error["id"] == "app.FORBIDDEN" and words in error["message"]
        assert error["sender"] == "n1" and error["term"] == TERM
        assert len(group.lines.about(words)) == 1, "it is said in the log"
        await put(group, letter(vote()))
        assert voter.messages == [vote()], "nothing but what is good arrived"

    play(story)


def test_a_term_that_is_ahead_by_what_may_be_is_taken() -> None:
    async def story(group: Group) -> None:
        voter = await start_voter(group)
        answer = await put(group, letter(vote(TERM + TERM_STEP_MAX)))
        assert answer.status_code == 200
        assert len(voter.messages) == 1

    play(story)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "no letter of a member"),
        (b"{}", "missing required field"),
        (b'{"hello": {}, "messages": []}', "missing required field"),
        (letter(vote())[:-3], "no letter of a member"),
        (letter(vote()).replace(b'"term":7', b'"term":"7"'), "Expected `int`"),
        (letter(vote()).replace(b"RequestVote", b"Wish"), "Invalid value 'Wish'"),
        (b"\xff\xfe", "no letter of a member"),
    ],
)
def test_what_is_no_letter_is_refused_with_the_place(body: bytes, words: str) -> None:
    async def story(group: Group) -> None:
        voter = await start_voter(group)
        answer = await put(group, body)
        assert answer.status_code == 400
        assert words in answer.json()["error"]["message"]
        assert not voter.messages

    play(story)


def test_members_with_a_secret_hear_nobody_without_it() -> None:
    async def story(group: Group) -> None:
        voter = await start_voter(group)
        for wrong in (
            {},
            {"authorization": "Bearer sesam"},
            {"authorization": "s3cret"},
        ):
            answer = await put(group, letter(vote()), **wrong)
            assert answer.status_code == 403
            assert "RAFTWERK_PEER_SECRET" in answer.json()["error"]["message"]
        assert not voter.messages
        right = await put(group, letter(vote()), authorization="Bearer s3cret")
        assert right.status_code == 200

    play(story, HttpGroup("s3cret"))


def test_members_with_one_secret_hear_each_other() -> None:
    async def story(group: Group) -> None:
        await group.start_pair()
        await group.until_heard(ONE, TWO)
        await group.until_heard(TWO, ONE)

    play(story, HttpGroup("s3cret"))


def test_letters_from_other_machines_need_a_secret() -> None:
    async def story(group: Group) -> None:
        voter = await start_voter(group)
        assert isinstance(group, HttpGroup)
        desk = group.listeners[voter.transport].desk
        for secret in (b"", b"guess"):
            with pytest.raises(Exception, match="give all members the same"):
                desk.require_secret(secret, is_near=False, who="somebody")
        assert not voter.messages

    play(story)


def test_no_web_page_and_no_other_path_or_method_gets_in() -> None:
    async def story(group: Group) -> None:
        voter = await start_voter(group)
        page = await put(group, letter(vote()), origin="http://127.0.0.1:2380")
        assert page.status_code == 403
        assert (await put(group, letter(vote()), route="kv")).status_code == 404
        async with httpx.AsyncClient(trust_env=False) as client:
            url = f"http://{group.addresses[ONE]}/api/v1/raft/vote"
            assert (await client.post(url, content=letter(vote()))).status_code == 405
        assert not voter.messages

    play(story)


def test_each_message_has_its_route() -> None:
    assert route_of(vote()) is Route.VOTE
    assert route_of(append_entries(1)) is route_of(heartbeat()) is Route.LOG
    assert route_of(snapshot(1)) is route_of(chunk(1)) is Route.SNAPSHOT


def test_ids_of_64_bits_travel_whole() -> None:
    big = NodeId(2**64 - 59)
    body = letter(vote(sender=big), who=identity(big, CLUSTER))
    told: dict[str, Any] = msgspec.json.decode(body)
    assert told["hello"]["identity"]["node_id"] == big
    assert told["messages"][0]["sender"] == big
