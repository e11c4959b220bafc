"""What is wrong, as pages are told it: while anybody looks, if it is new, and soon."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from raftwerk.config import Url
from raftwerk.monitor.diagnosis import AGAIN_SECONDS, PAUSE_SECONDS, Diagnosis
from raftwerk.monitor.hub import LINGER_SECONDS
from raftwerk.service.deposition import Acquaintance, Deposition, Sight
from raftwerk.service.inquiry import NotHeard
from tests.monitor.stage import ONE, TWO, Stage, play, shown

NODES = {ONE: "1", TWO: "2"}

SOON = PAUSE_SECONDS + 0.2


class Members:
    """Two voters; those who are away say nothing."""

    def __init__(self) -> None:
        self.away: set[Url] = set()
        self.asked: list[Url] = []

    async def __call__(self, url: Url) -> Deposition:
        self.asked.append(url)
        if url in self.away:
            raise NotHeard("no connection")
        own = NODES[url]
        return Deposition(
            id=own,
            name=f"n{own}",
            state="LEADER" if url == ONE else "FOLLOWER",
            term=3,
            leader="1",
            voters=("1", "2"),
            members=tuple(
                Acquaintance(id=each, name=f"n{each}", client_urls=(str(other),))
                for other, each in NODES.items()
            ),
            sights=tuple(
                Sight(id=each, is_connected=other not in self.away, since=0.0)
                for other, each in NODES.items()
                if each != own
            ),
        )


def diagnosed(story: Callable[[Stage, Members], Awaitable[None]]) -> None:
    """Run a story beside a diagnosis, on virtual time."""

    async def told(stage: Stage) -> None:
        members = Members()
        diagnosis = Diagnosis(stage.hub, members, timers=stage.host.timers)
        looking = asyncio.create_task(diagnosis.run())
        await story(stage, members)
        looking.cancel()
        await asyncio.wait([looking])

    play(told)


def diagnoses(records: list[dict[str, Any]]) -> list[str]:
    return [each["summary"] for each in records if each["type"] == "diagnosis"]


def test_pages_are_told_what_explain_says_and_only_what_is_new() -> None:
    async def story(stage: Stage, members: Members) -> None:
        page = stage.page()
        await asyncio.sleep(3 * AGAIN_SECONDS)
        members.away.add(TWO)
        await asyncio.sleep(3 * AGAIN_SECONDS)
        healthy, missing = diagnoses(await shown(page))
        assert healthy == "healthy: n1 leads in term 3, all 2 voters answer"
        assert missing.startswith("No quorum: of 2 voters only 1 can be seen (n1)")
        late = [each for each in await shown(stage.page()) if "findings" in each]
        assert [each["kind"] for each in late[-1]["findings"]] == ["no-quorum"]

    diagnosed(story)


def test_without_a_reachable_node_pages_are_told_so() -> None:
    async def story(stage: Stage, members: Members) -> None:
        members.away = {ONE, TWO}
        page = stage.page()
        await asyncio.sleep(SOON)
        (said,) = diagnoses(await shown(page))
        assert said.startswith("I cannot reach any member (http://node-1:2379: no con")

    diagnosed(story)


def test_what_happens_is_looked_at_soon() -> None:
    async def story(stage: Stage, members: Members) -> None:
        page = stage.page()
        await asyncio.sleep(AGAIN_SECONDS / 2)
        members.away.add(TWO)
        for _ in range(10):  # an election, say
            stage.nodes[ONE].say(type="event", name="BecameFollower", data={})
        asked = len(members.asked)
        await asyncio.sleep(SOON)
        assert len(members.asked) <= asked + 2 * len(NODES)
        assert diagnoses(await shown(page))[-1].startswith("No quorum")

    diagnosed(story)


def test_where_nobody_looks_nobody_is_asked() -> None:
    async def story(stage: Stage, members: Members) -> None:
        await asyncio.sleep(3 * AGAIN_SECONDS)
        assert not members.asked
        stage.hub.close_page(stage.page())
        await asyncio.sleep(LINGER_SECONDS + 2 * AGAIN_SECONDS)
        asked = len(members.asked)
        assert asked
        await asyncio.sleep(3 * AGAIN_SECONDS)
        assert len(members.asked) == asked
        # What was true then is not shown to who comes now.
        assert not diagnoses(await shown(stage.page()))

    diagnosed(story)
