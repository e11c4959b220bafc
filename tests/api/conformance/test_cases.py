"""Every recorded case against our client port; see README.md beside this file."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from raftwerk.host.virtual import run
from raftwerk.kv import DeleteRange, Put
from tests.api.conformance.replay import Replay, Step
from tests.api.documented import Documented, document
from tests.api.whole_member import WholeMember

FILES = sorted((Path(__file__).parent / "cases").glob("*.json"))

CASES: dict[str, list[Step]] = {
    f"{path.stem}/{case['name']}": case["steps"]
    for path in FILES
    for case in msgspec.json.decode(path.read_bytes())
}

NOT_YET: dict[str, str] = {}
"""What can't pass yet, and why; what is not named here must."""


def parameters() -> list[Any]:
    """Return each case, marked if it can't pass yet."""
    return [
        pytest.param(
            steps,
            id=name,
            marks=(
                [pytest.mark.xfail(reason=NOT_YET[name], strict=True)]
                if name in NOT_YET
                else []
            ),
        )
        for name, steps in CASES.items()
    ]


@pytest.mark.parametrize("steps", parameters())
def test_we_answer_as_etcd_did(steps: list[Step]) -> None:
    documented = Documented(document())

    async def story() -> list[str]:
        member = await WholeMember.start()
        # An empty store with a past, as the one that was recorded had.
        for value in (b"1", b"2"):
            await member.kv.put(Put(b"past", value))
        await member.kv.delete_range(DeleteRange(b"\0", b"\0"))
        return await Replay(member, documented).run(steps)

    assert run(story()) == []


def test_no_case_is_excused_that_does_not_exist() -> None:
    assert NOT_YET.keys() <= CASES.keys()
    assert len(CASES) > len(NOT_YET) + 60
