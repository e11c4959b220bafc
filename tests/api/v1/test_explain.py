"""What a member says to whoever looks for a fault, in two ways that are one."""

from raftwerk.api import ClientApp
from raftwerk.api.v1.app import make_documented_api
from raftwerk.api.v1.context import ApiContext
from raftwerk.config import ApiSettings, Url
from raftwerk.errors import NotLeader
from raftwerk.kv import Store
from raftwerk.service import KvService
from raftwerk.service.deposition import Acquaintance, Deposition, Sight
from raftwerk.service.explain import Explainer
from tests.api.asgi import ask_now
from tests.service.fake_node import FakeNode

PATH = "/api/v1/explain/own"

SAID = Deposition(
    id="1f",
    name="n1",
    cluster_id="c1",
    state="LEADER",
    term=7,
    leader="1f",
    voters=("1f", "20"),
    members=(Acquaintance(id="1f", name="n1", client_urls=("http://a:1",)),),
    sights=(Sight(id="20", is_connected=False, since=1.5, trouble="refused"),),
    lags={"20": 3},
    alarms=("NOSPACE",),
)


async def nobody(_url: Url) -> Deposition:
    raise AssertionError("nobody is to be asked")


def make_context(explainer: Explainer | None) -> ApiContext:
    store = Store()
    node = FakeNode(store)
    return ApiContext(
        node=node,
        kv=KvService(node, store),
        settings=ApiSettings(),
        explainer=explainer,
    )


def test_the_quick_answer_is_the_documented_one() -> None:
    context = make_context(Explainer(lambda: SAID, nobody))
    quick = ask_now(ClientApp(context), "GET", PATH)
    slow = ask_now(make_documented_api(context), "GET", PATH)
    assert quick.status == slow.status == 200
    assert quick.json == slow.json
    assert quick.json["data"]["sights"][0]["trouble"] == "refused"


def test_without_a_cluster_there_is_nothing_to_say() -> None:
    assert ask_now(ClientApp(make_context(None)), "GET", PATH).status == 404


def test_a_member_that_does_not_run_says_so() -> None:
    def testify() -> Deposition:
        raise NotLeader("it does not run")

    context = make_context(Explainer(testify, nobody))
    assert ask_now(ClientApp(context), "GET", PATH).status == 503
