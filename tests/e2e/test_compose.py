"""The compose file, really brought up: images built, three replicas, one page.

Minutes, most of them for the images; packages come from where this machine has them.
"""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e import podman
from tests.e2e.compose_inside import NODES

pytestmark = [pytest.mark.e2e, pytest.mark.long]

ROOT = Path(__file__).parents[2]
COMPOSE_FILE = str(ROOT / "docker-compose.yaml")


@pytest.fixture(name="folder")
def _folder(tmp_path: Path) -> Iterator[Path]:
    if reason := podman.why_not():
        pytest.skip(reason)
    yield tmp_path
    shutil.rmtree(tmp_path, ignore_errors=True)  # images are large


def test_the_compose_file_starts_three_nodes_and_a_page(folder: Path) -> None:
    env = podman.settings(folder)
    podman.make_base(folder, env)
    compose = [podman.compose_command(), "-f", COMPOSE_FILE]
    build = [*compose, "build", "--build-arg", f"PYTHON={podman.BASE}"]
    _run(podman.private(*build, network=False), env)

    inside = [sys.executable, "-m", "tests.e2e.compose_inside"]
    words = podman.private(*inside, str(folder), COMPOSE_FILE, network=True)
    saw: dict[str, Any] = json.loads(_run(words, env).splitlines()[-1])

    assert saw["read elsewhere"] == "greeting\nhello"
    assert saw["read after the kill"] == "greeting\nstill here"
    assert saw["read on the one that came back"] == "greeting\nstill here"
    assert saw["users"] == ["10001"] * len(NODES)
    assert all(saw["healthy"].values()) and len(saw["healthy"]) == len(NODES) + 1
    # A container that came back has another address, and is the same member.
    ids = [sorted(each["id"] for each in saw[when]) for when in ("first", "last")]
    assert ids[0] == ids[1] and len(set(ids[0])) == len(NODES)


def _run(words: list[str], env: dict[str, str]) -> str:
    """Run a command, and return what it said on standard output."""
    ended = subprocess.run(
        words, cwd=ROOT, env=env, check=False, capture_output=True, text=True
    )
    said = f"{ended.stdout[-6000:]}\n{ended.stderr[-12000:]}"
    assert ended.returncode == 0, f"{words}: {said}"
    return ended.stdout
