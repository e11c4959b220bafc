"""Where members are asked about the cluster."""

from raftwerk.client import Client
from raftwerk.client.http import Answer
from raftwerk.host.virtual import run
from tests.client.scripted import ScriptedHttp, here


def test_members_are_asked_below_the_prefix_that_they_were_told() -> None:
    async def story() -> None:
        http = ScriptedHttp(a=[Answer(200, b'{"data":{"leader":"1"}}')])
        client = Client("http://a:1", api_prefix="/foo", host=here()[1], http=http)
        await client.move_leader(1)
        assert [request.path for request in http.requests] == ["/foo/v1/transfer"]

    run(story())
