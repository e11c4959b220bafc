"""Who may talk to whom, and in which words the others are refused."""

import msgspec
import pytest

from raftwerk.errors import PeerError
from raftwerk.transport.handshake import (
    VERSION_MAX,
    VERSION_MIN,
    Hello,
    Refusal,
    RefusalCode,
    Welcome,
    answer,
    check_welcome,
    object_to_stranger,
)
from raftwerk.transport.protocol import Identity, Objection
from tests.transport.helpers import ONE, THREE, TWO, identity

HELLO = Hello(
    version_min=VERSION_MIN,
    version_max=VERSION_MAX,
    receiver=TWO,
    identity=identity(ONE),
)
WELCOME = Welcome(version=VERSION_MAX, identity=identity(TWO))


def admit(theirs: Identity) -> Objection | None:
    """Know members 1 to 3, that 3 has lost its disk, and that 4 was removed."""
    if theirs.node_id == 3 and theirs.directory_id != 33:
        return Objection("node 3 lost its data: run `raftwerk member replace 3`")
    if theirs.node_id == 4:
        return Objection("node 4 was removed", is_removed=True)
    if theirs.node_id > 4:
        return object_to_stranger(theirs, identity(TWO))
    return None


def hello(**changes: object) -> Hello:
    return msgspec.structs.replace(HELLO, **changes)


REFUSED_BY_LISTENER = [
    (
        hello(version_min=3, version_max=4),
        RefusalCode.VERSION,
        "node 1 speaks versions 3 to 4 of the peer protocol, node 2 1 to 2:"
        " upgrade the older one",
    ),
    (
        hello(version_min=0, version_max=0),
        RefusalCode.VERSION,
        "node 1 speaks versions 0 to 0 of the peer protocol, node 2 1 to 2:"
        " upgrade the older one",
    ),
    (
        hello(identity=identity(ONE, cluster_id=0xBAD)),
        RefusalCode.CLUSTER,
        "node 1 belongs to cluster bad, node 2 to cluster c1: correct the address,"
        " or the setting that the cluster's id is made of",
    ),
    (
        hello(identity=msgspec.structs.replace(identity(ONE), epoch=1)),
        RefusalCode.EPOCH,
        "node 2 is of epoch 0 of cluster c1, which has lost its quorum since and was"
        " recovered as epoch 1, in which node 1 is: what node 2 has takes part no more."
        " Stop it, put its data directory aside, and have it added anew with"
        " `raftwerk member add`",
    ),
    (
        hello(identity=msgspec.structs.replace(identity(ONE), epoch=-1)),
        RefusalCode.REMOVED,
        "node 1 is of epoch -1 of cluster c1, which has lost its quorum since and was"
        " recovered as epoch 0, in which node 2 is: what node 1 has takes part no more."
        " Stop it, put its data directory aside, and have it added anew with"
        " `raftwerk member add`",
    ),
    (
        hello(identity=identity(TWO)),
        RefusalCode.SAME_ID,
        "node 2 met another node 2: two processes use one id, or an address leads"
        " back to where it came from",
    ),
    (
        hello(receiver=THREE),
        RefusalCode.RECEIVER,
        "this is node 2, not node 3: correct the address",
    ),
    (
        hello(identity=Identity(cluster_id=0xC1, node_id=THREE, directory_id=34)),
        RefusalCode.NOT_ADMITTED,
        "node 3 lost its data: run `raftwerk member replace 3`",
    ),
    (
        hello(identity=Identity(cluster_id=0xC1, node_id=THREE)),
        RefusalCode.NOT_ADMITTED,
        "node 3 lost its data: run `raftwerk member replace 3`",
    ),
    (
        hello(identity=Identity(cluster_id=0xC1, node_id=type(ONE)(4))),
        RefusalCode.REMOVED,
        "node 4 was removed",
    ),
    (
        hello(identity=Identity(cluster_id=0xC1, node_id=type(ONE)(0xABC))),
        RefusalCode.NOT_ADMITTED,
        "node abc is no member as far as node 2 knows: add it to the cluster first,"
        " or wait until the change has arrived here",
    ),
]


@pytest.mark.parametrize(("said", "code", "reason"), REFUSED_BY_LISTENER)
def test_a_listener_refuses_what_does_not_fit(
    said: Hello, code: RefusalCode, reason: str
) -> None:
    assert answer(said, identity(TWO), admit) == Refusal(code=code, reason=reason)


def test_a_listener_welcomes_a_member_and_says_who_it_is() -> None:
    assert answer(HELLO, identity(TWO), admit) == WELCOME


def test_the_newest_version_that_both_speak_is_used() -> None:
    verdict = answer(hello(version_min=0, version_max=9), identity(TWO), admit)
    assert isinstance(verdict, Welcome)
    assert verdict.version == VERSION_MAX


def test_a_member_that_kept_its_directory_is_welcome() -> None:
    theirs = Identity(cluster_id=0xC1, node_id=THREE, directory_id=33)
    assert isinstance(answer(hello(identity=theirs), identity(TWO), admit), Welcome)


REFUSED_BY_DIALLER = [
    (
        msgspec.structs.replace(identity(TWO), epoch=-1),
        RefusalCode.EPOCH,
        "node 2 is of epoch -1 of cluster c1, which has lost its quorum since and was"
        " recovered as epoch 0, in which node 1 is: what node 2 has takes part no more."
        " Stop it, put its data directory aside, and have it added anew with"
        " `raftwerk member add`",
    ),
    (
        msgspec.structs.replace(identity(TWO), epoch=1),
        RefusalCode.REMOVED,
        "node 1 is of epoch 0 of cluster c1, which has lost its quorum since and was"
        " recovered as epoch 1, in which node 2 is: what node 1 has takes part no more."
        " Stop it, put its data directory aside, and have it added anew with"
        " `raftwerk member add`",
    ),
    (
        identity(THREE),
        RefusalCode.RECEIVER,
        "node 3 answers at the address of node 2: correct the address",
    ),
    (
        identity(TWO, cluster_id=0xBAD),
        RefusalCode.CLUSTER,
        "node 2 belongs to cluster bad, node 1 to cluster c1: correct the address,"
        " or the setting that the cluster's id is made of",
    ),
]


@pytest.mark.parametrize(("theirs", "code", "reason"), REFUSED_BY_DIALLER)
def test_a_dialler_refuses_whom_it_did_not_want(
    theirs: Identity, code: RefusalCode, reason: str
) -> None:
    welcome = Welcome(version=1, identity=theirs)
    verdict = check_welcome(welcome, identity(ONE), TWO, admit)
    assert verdict == Refusal(code=code, reason=reason)


def test_a_dialler_asks_the_owner_too() -> None:
    welcome = Welcome(version=1, identity=identity(THREE))
    verdict = check_welcome(welcome, identity(ONE), THREE, admit)
    assert verdict is not None and verdict.code == RefusalCode.NOT_ADMITTED


def test_a_dialler_that_met_a_removed_member_does_not_take_that_for_itself() -> None:
    four = type(ONE)(4)
    welcome = Welcome(version=1, identity=identity(four))
    verdict = check_welcome(welcome, identity(ONE), four, admit)
    assert verdict is not None and verdict.code == RefusalCode.NOT_ADMITTED


def test_a_dialler_takes_whom_it_wanted() -> None:
    assert check_welcome(WELCOME, identity(ONE), TWO, admit) is None


def test_a_version_that_was_not_offered_breaks_the_protocol() -> None:
    welcome = Welcome(version=VERSION_MAX + 1, identity=identity(TWO))
    with pytest.raises(PeerError, match="was chosen and never offered"):
        check_welcome(welcome, identity(ONE), TWO, admit)


def test_words_of_others_are_one_harmless_line() -> None:
    refusal = Refusal(code="x", reason="\x1b[2Jline one\nline two\u202e" + 5000 * "a")
    assert refusal.words.startswith(" [2Jline one line two a")
    assert len(refusal.words) == 1000
