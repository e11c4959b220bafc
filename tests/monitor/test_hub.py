"""One subscription a node, however many pages; and what each page is shown first."""

import asyncio
import json
from typing import Any

from raftwerk.config import Url
from raftwerk.monitor.hub import LINGER_SECONDS, PAGES_MAX
from raftwerk.monitor.pages import WAITING_BYTES_MAX, Page
from tests.monitor.stage import ONE, TWO, FakeNode, Stage, kinds, play, shown


def test_ten_pages_are_one_subscription_a_node() -> None:
    async def story(stage: Stage) -> None:
        assert stage.hub.subscriptions == 0
        pages = [stage.page() for _ in range(10)]
        await asyncio.sleep(1.0)
        assert [node.opened for node in stage.nodes.values()] == [1, 1]
        stage.nodes[ONE].say(type="event", name="BecameLeader", data={"term": 2})
        await asyncio.sleep(0.2)
        for page in pages:
            assert kinds(await shown(page)).count("event") == 1

    play(story)


def test_without_a_page_nobody_subscribes_and_soon_after_the_last_nobody_does() -> None:
    async def story(stage: Stage) -> None:
        await asyncio.sleep(1.0)
        assert [node.opened for node in stage.nodes.values()] == [0, 0]
        page = stage.page()
        await asyncio.sleep(0.5)
        stage.hub.close_page(page)
        await asyncio.sleep(LINGER_SECONDS / 2)
        assert [node.open_now for node in stage.nodes.values()] == [1, 1]
        await asyncio.sleep(LINGER_SECONDS)
        assert [node.open_now for node in stage.nodes.values()] == [0, 0]

    play(story)


def test_a_page_that_is_loaded_anew_keeps_the_subscription() -> None:
    async def story(stage: Stage) -> None:
        stage.hub.close_page(stage.page())
        await asyncio.sleep(LINGER_SECONDS / 2)
        stage.page()
        await asyncio.sleep(2 * LINGER_SECONDS)
        assert [node.opened for node in stage.nodes.values()] == [1, 1]

    play(story)


def test_a_late_page_knows_who_is_who_before_what_happened() -> None:
    async def story(stage: Stage) -> None:
        stage.page()
        await asyncio.sleep(0.2)
        one = stage.nodes[ONE]
        one.say(type="event", name="BecameLeader", data={"term": 2})
        one.say(type="state", term=1)
        one.say(type="state", term=2)
        one.say(type="members", members=[{"id": "1"}, {"id": "2"}])
        await asyncio.sleep(0.2)
        first = kinds(await shown(stage.page()))
        assert first.index("members") < first.index("event") < first.index("state")
        assert first.count("state") == 1

    play(story)


def test_a_late_page_knows_of_the_election_however_much_came_after_it() -> None:
    async def story(stage: Stage) -> None:
        stage.page()
        await asyncio.sleep(0.2)
        one = stage.nodes[ONE]
        one.say(type="event", name="BecameLeader", data={"term": 2})
        for number in range(2000):
            one.say(type="event", name="BecamePreCandidate", data={"number": number})
        await asyncio.sleep(0.2)
        told = await shown(stage.page())
        names = [each["name"] for each in told if each["type"] == "event"]
        assert names[0] == "BecameLeader"
        assert len(names) < 200

    play(story)


def test_a_node_that_falls_silent_is_missed_and_found_again() -> None:
    async def story(stage: Stage) -> None:
        page = stage.page()
        await asyncio.sleep(0.5)
        stage.nodes[ONE].say(type="state", term=1)
        await asyncio.sleep(3.0)  # silence
        stage.nodes[ONE].say(type="state", term=1)
        await asyncio.sleep(0.2)
        said = [each for each in await shown(page) if each["type"] == "reach"]
        of_one = [each for each in said if each["endpoint"] == str(ONE)]
        assert [each["is_reachable"] for each in of_one] == [True, False, True]
        assert of_one[1]["trouble"] == "silent for 1 s"

    play(story)


def test_a_node_that_went_is_asked_again_until_it_is_back() -> None:
    async def story(stage: Stage) -> None:
        page = stage.page()
        await asyncio.sleep(0.2)
        stage.nodes[TWO].end()
        await asyncio.sleep(2.0)
        stage.nodes[TWO].is_away = False
        await asyncio.sleep(0.5)
        said = [each for each in await shown(page) if each["type"] == "reach"]
        of_two = [each for each in said if each["endpoint"] == str(TWO)]
        assert [each["is_reachable"] for each in of_two] == [True, False, True]
        assert stage.nodes[TWO].opened == 2

    play(story)


def test_what_a_node_tells_twice_is_shown_once() -> None:
    async def story(stage: Stage) -> None:
        page = stage.page()
        await asyncio.sleep(0.2)
        for _ in range(2):  # its past comes again whenever it is followed again
            stage.nodes[ONE].say(type="event", name="BecameLeader", data={"term": 2})
        await asyncio.sleep(0.2)
        assert kinds(await shown(page)).count("event") == 1

    play(story)


def test_members_are_followed_by_the_addresses_that_others_tell() -> None:
    three = Url("node-3", 2379)

    async def story(stage: Stage) -> None:
        stage.nodes[three] = FakeNode("3")
        page = stage.page()
        await asyncio.sleep(0.2)
        everyone: list[dict[str, Any]] = [
            {"id": "1", "client_urls": [str(ONE)]},
            {"id": "2", "client_urls": [str(TWO)]},
            {"id": "3", "client_urls": [str(three)]},
        ]
        stage.nodes[ONE].say(type="members", members=everyone)
        await asyncio.sleep(0.2)
        assert stage.nodes[three].open_now == 1
        stage.nodes[ONE].say(type="members", members=everyone[:2])
        await asyncio.sleep(0.2)
        assert stage.nodes[three].open_now == 0
        gone = [each for each in await shown(page) if each["type"] == "gone"]
        assert [each["node"] for each in gone] == ["3"]

    play(story)


def test_two_ways_to_one_node_are_one_subscription() -> None:
    other = Url("the-same", 2379)

    async def story(stage: Stage) -> None:
        stage.nodes[other] = FakeNode("1")
        stage.page()
        await asyncio.sleep(0.2)
        told = [{"id": "1", "client_urls": [str(other)]}, {"id": "2"}]
        stage.nodes[TWO].say(type="members", members=told)
        await asyncio.sleep(0.2)
        assert stage.nodes[other].opened == 0

    play(story)


def test_a_recording_has_everything_and_needs_no_page() -> None:
    async def story(stage: Stage) -> None:
        lines: list[bytes] = []
        stage.hub.record(lines.extend)
        await asyncio.sleep(0.2)
        stage.nodes[ONE].say(type="state", term=1)
        stage.hub.publish({"type": "act", "text": "killed n1"})
        await asyncio.sleep(2 * LINGER_SECONDS)
        said = [json.loads(line) for line in lines]
        assert said[0]["format"] == "raftwerk-events"
        assert {"state", "act"} <= set(kinds(said))
        assert [node.opened for node in stage.nodes.values()] == [1, 1]

    play(story)


def test_what_the_demo_says_of_itself_stays_until_it_is_forgotten() -> None:
    async def story(stage: Stage) -> None:
        stage.hub.publish({"type": "process", "name": "n1"}, key="n1")
        assert kinds(await shown(stage.page())).count("process") == 1
        stage.hub.forget("process", "n1")
        assert "process" not in kinds(await shown(stage.page()))

    play(story)


def test_there_is_a_bound_on_pages() -> None:
    async def story(stage: Stage) -> None:
        for _ in range(PAGES_MAX):
            stage.page()
        assert stage.hub.open_page() is None

    play(story)


def test_who_is_no_node_is_missed_and_harms_nobody() -> None:
    async def story(stage: Stage) -> None:
        page = stage.page()
        await asyncio.sleep(0.2)
        stage.nodes[ONE].say(type=17)
        await asyncio.sleep(0.2)
        said = [each for each in await shown(page) if each["type"] == "reach"]
        assert "not a record" in said[-1]["trouble"]

    play(story)


def test_a_page_that_does_not_read_costs_a_bounded_amount_and_is_told_so() -> None:
    async def story(_stage: Stage) -> None:
        page = Page()
        line = b'"' + b"x" * 1_000_000 + b'"'
        for _ in range(20):
            page.put([line])
        stream = page.stream()
        await anext(stream)  # how soon to come again
        waiting = await anext(stream)
        assert len(waiting) < WAITING_BYTES_MAX + 2 * len(line)
        page.put([b'{"type":"state"}'])
        text = await anext(stream)
        records = json.loads(text.removeprefix(b"data: "))
        assert records[0]["type"] == "dropped"
        assert records[0]["count"] == 20 - waiting.count(b"data: ")
        await stream.aclose()  # type: ignore[attr-defined]  # a generator, as it is

    play(story)
