"""Nodes as processes: killed ones come back, none is left; with small stand-ins."""

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from raftwerk.cli import supervisor as module
from raftwerk.cli.child import Child, node_command
from raftwerk.cli.demo_nodes import plan_of
from raftwerk.cli.supervisor import Supervisor
from raftwerk.config import DemoConfig, Url
from raftwerk.host.real import RealTimers

WAIT_SECONDS = 20

OBEDIENT = "import signal; print('ready', flush=True); signal.pause()"

STUBBORN = (
    "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
    "print('ready', flush=True)\nwhile True: signal.pause()"
)


class Stage:
    """One child, what was told of it, and a bounded wait for anything."""

    def __init__(self, program: str, folder: Path) -> None:
        self.log = folder / "n1.log"
        self.child = Child("n1", (sys.executable, "-c", program), self.log)
        self.told: list[str] = []
        self.states: list[str] = []
        self.supervisor = Supervisor(
            (self.child,),
            self.told.append,
            timers=RealTimers(),
            changed=lambda child: self.states.append(child.state),
        )

    async def until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(WAIT_SECONDS):
            while not holds():
                await asyncio.sleep(0.01)

    async def ready(self, times: int) -> int:
        """Return the child's process id once it was ready so often."""
        await self.until(
            lambda: self.log.exists()
            and self.log.read_text().count("ready\n") == times
            and self.child.pid is not None
        )
        assert self.child.pid is not None
        return self.child.pid


def play(
    story: Callable[[Stage], Awaitable[None]], folder: Path, program: str = OBEDIENT
) -> list[str]:
    """Run a story beside a supervisor; afterwards no process may be left."""

    async def run() -> list[str]:
        stage = Stage(program, folder)
        running = asyncio.create_task(stage.supervisor.run())
        try:
            await story(stage)
        finally:
            async with asyncio.timeout(WAIT_SECONDS):
                await stage.supervisor.stop()
                await running
        assert stage.child.pid is None
        return stage.told

    return asyncio.run(run())


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.e2e
def test_a_killed_child_comes_back_as_another_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RESTART_SECONDS", 0.05)

    async def story(stage: Stage) -> None:
        first = await stage.ready(1)
        os.kill(first, signal.SIGKILL)
        second = await stage.ready(2)
        assert second != first

    first, killed, second = play(story, tmp_path)
    assert killed == "n1 was killed by SIGKILL; it comes back in 0.05 s"
    assert first.startswith("n1 runs as process ")
    assert second.startswith("n1 runs as process ")
    assert first != second


@pytest.mark.e2e
def test_a_child_that_fails_by_itself_stays_away_and_its_last_words_are_told(
    tmp_path: Path,
) -> None:
    async def story(stage: Stage) -> None:
        await stage.until(lambda: len(stage.told) == 3)

    program = "import sys; print('one line'); sys.exit('the last line\\n')"
    told = play(story, tmp_path, program)
    assert told[1:] == ["n1 ended with exit code 1", "n1 said: the last line"]


@pytest.mark.e2e
def test_a_child_that_ends_well_is_not_started_again(tmp_path: Path) -> None:
    async def story(stage: Stage) -> None:
        await stage.until(lambda: len(stage.told) == 2)

    assert play(story, tmp_path, "print('done')")[1:] == ["n1 ended with exit code 0"]


@pytest.mark.e2e
def test_to_stop_is_to_ask_and_then_to_kill(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "STOP_SECONDS", 0.1)
    pids: list[int] = []

    async def story(stage: Stage) -> None:
        pids.append(await stage.ready(1))

    assert len(play(story, tmp_path, STUBBORN)) == 1
    assert not is_alive(pids[0])


@pytest.mark.e2e
def test_a_paused_child_is_woken_to_end(tmp_path: Path) -> None:
    async def story(stage: Stage) -> None:
        os.kill(await stage.ready(1), signal.SIGSTOP)

    assert len(play(story, tmp_path)) == 1


@pytest.mark.e2e
def test_a_child_that_is_away_does_not_come_back_after_the_stop(tmp_path: Path) -> None:
    async def story(stage: Stage) -> None:
        os.kill(await stage.ready(1), signal.SIGKILL)
        await stage.until(lambda: len(stage.told) == 2)

    told = play(story, tmp_path)
    assert told[1:] == ["n1 was killed by SIGKILL; it comes back in 1 s"]


@pytest.mark.e2e
def test_a_child_that_was_stopped_waits_to_be_started(tmp_path: Path) -> None:
    async def story(stage: Stage) -> None:
        first = await stage.ready(1)
        await stage.supervisor.halt(stage.child)
        await stage.until(lambda: stage.child.state == "stopped")
        assert stage.child.pid is None
        stage.supervisor.start(stage.child)
        assert await stage.ready(2) != first

    told = play(story, tmp_path)
    assert [line.partition(" ")[2].partition(" as ")[0] for line in told] == [
        "runs",
        "was stopped",
        "runs",
    ]


@pytest.mark.e2e
def test_each_state_of_a_child_is_told_once(tmp_path: Path) -> None:
    states: list[str] = []

    async def story(stage: Stage) -> None:
        await stage.ready(1)
        await stage.until(lambda: stage.child.state == "running")
        stage.supervisor.pause(stage.child)
        stage.supervisor.pause(stage.child)
        stage.supervisor.resume(stage.child)
        stage.supervisor.kill(stage.child)
        await stage.until(lambda: stage.child.state == "killed")
        states.extend(stage.states)

    play(story, tmp_path)
    assert states == ["running", "paused", "running", "killed"]


@pytest.mark.e2e
def test_a_child_comes_and_goes_while_others_run(tmp_path: Path) -> None:
    async def story(stage: Stage) -> None:
        await stage.ready(1)
        more = Child("n2", (sys.executable, "-c", OBEDIENT), tmp_path / "n2.log")
        stage.supervisor.add(more)
        await stage.until(lambda: more.pid is not None)
        await stage.supervisor.remove(more)
        assert more.pid is None
        assert stage.supervisor.children == [stage.child]

    play(story, tmp_path)


def test_a_node_is_started_with_flags_that_a_user_could_write() -> None:
    config = DemoConfig(nodes=2, base_port=4000)
    plans = [plan_of(config, number) for number in range(2)]
    command = node_command(plans[1], plans, Path("data"))
    expected = (
        "-m",
        "raftwerk",
        "serve",
        "--name=n2",
        "--data-dir=data/n2.raftwerk",
        "--listen-client-urls=http://127.0.0.1:4002",
        "--listen-peer-urls=http://127.0.0.1:4003",
        "--initial-cluster=n1=http://127.0.0.1:4001,n2=http://127.0.0.1:4003",
        "--initial-cluster-token=raftwerk-demo",
        "--api-prefix=/api",
    )
    assert command[1:] == (*expected, "--exit-with-parent")


def test_behind_a_relay_a_node_listens_elsewhere_than_it_tells() -> None:
    plan = plan_of(DemoConfig(nodes=1, base_port=4000), 0)
    command = node_command(
        plan, [plan], Path("data"), listens=Url("127.0.0.1", 5000), joins=True
    )
    assert "--listen-peer-urls=http://127.0.0.1:5000" in command
    assert "--initial-advertise-peer-urls=http://127.0.0.1:4001" in command
    assert "--initial-cluster-state=existing" in command
