"""The endpoints for probes, as a server and as a framework call them."""

import asyncio
import http.client
import json
import threading
from wsgiref.simple_server import WSGIRequestHandler, make_server
from wsgiref.util import setup_testing_defaults
from wsgiref.validate import validator

import httpx
import pytest
from prometheus_client import CollectorRegistry
from starlette.applications import Starlette
from starlette.routing import Mount

from incumbent import Campaign, aio
from incumbent.core.health import Health
from incumbent.health import asgi, wsgi
from incumbent.prometheus import Metrics
from incumbent.stores.memory import MemoryStore


class Told:
    """A campaign that does as it is told."""

    def __init__(self, health):
        self.health = lambda: health


FOLLOWS = Health(is_ready=True, state="follower", answer_age=1.5, reason="")
LEADS = Health(is_ready=True, is_leader=True, state="leader", answer_age=0.5, time_left=9.0, reason="")
HANGS = Health(is_live=False, state="leader", reason="nothing was done for 15.0 s")


def by_wsgi(application, path, method="GET"):
    """Status, headers and body; the standard library's validator checks both sides of the call."""
    environ = {"REQUEST_METHOD": method, "SCRIPT_NAME": "", "PATH_INFO": path, "QUERY_STRING": ""}
    started = []
    setup_testing_defaults(environ)

    def start_response(status, headers, exc_info=None):
        started.extend((int(status.split()[0]), dict(headers)))
        return lambda _: None

    answer = validator(application)(environ, start_response)
    body = b"".join(answer)
    answer.close()
    return *started, body


def by_asgi(application, path, method="GET"):
    async def ask():
        transport = httpx.ASGITransport(application)
        async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
            return await client.request(method, path)

    answer = asyncio.run(ask())
    names = {name.title(): value for name, value in answer.headers.items()}
    return answer.status_code, names, answer.content


INTERFACES = [(wsgi, by_wsgi), (asgi, by_asgi)]


@pytest.fixture(params=INTERFACES, ids=["wsgi", "asgi"])
def ask(request):
    """Ask an application of either interface about a campaign."""
    make, call = request.param
    return lambda campaign, path, method="GET", **settings: call(make(campaign, **settings), path, method)


@pytest.mark.parametrize(
    ("health", "codes"),
    [
        (Health(), (200, 503, 503)),
        (FOLLOWS, (200, 200, 503)),
        (LEADS, (200, 200, 200)),
        (HANGS, (503, 503, 503)),
    ],
)
def test_each_path_is_of_one_field(ask, health, codes):
    """200 or 503, and all of it as JSON."""
    told = [ask(Told(health), path) for path in ("/livez", "/readyz", "/leader")]
    assert tuple(status for status, _, _ in told) == codes
    for _, headers, body in told:
        assert json.loads(body) == health._asdict()
        assert headers["Content-Type"] == "application/json"
        assert headers["Cache-Control"] == "no-store"


def test_a_load_balancer_may_ask_by_head(ask):
    """The same without the body, of which the length is told."""
    status, headers, body = ask(Told(FOLLOWS), "/leader", "HEAD")
    assert (status, body) == (503, b"")
    assert int(headers["Content-Length"]) == len(ask(Told(FOLLOWS), "/leader")[2])


@pytest.mark.parametrize("path", ["/", "", "/leader/", "/metrics", "/health"])
def test_another_path_is_told_what_there_is(ask, path):
    status, _, body = ask(Told(LEADS), path)
    assert (status, body) == (404, b"there is no such path: ask for one of /livez, /readyz, /leader\n")


def test_nothing_is_to_be_written_here(ask):
    status, headers, body = ask(Told(LEADS), "/leader", "POST")
    assert (status, headers["Allow"], body) == (405, "GET, HEAD", b"ask by GET or HEAD\n")


def test_metrics_are_there_if_they_are_asked_for(ask):
    registry = CollectorRegistry()
    Metrics("reports", registry=registry)
    status, headers, body = ask(Told(LEADS), "/metrics", registry=registry)
    assert (status, headers["Content-Type"].split(";")[0]) == (200, "text/plain")
    assert b'leader_election_master_status{name="reports"} 0.0' in body
    assert b"/metrics" in ask(Told(LEADS), "/", registry=registry)[2]


def test_a_real_server_serves_a_real_campaign(clock):
    """And says at once that it has ended."""

    class Silent(WSGIRequestHandler):
        def log_message(self, *_):
            pass

    campaign = Campaign(MemoryStore(), clock=clock)
    with make_server("127.0.0.1", 0, validator(wsgi(campaign)), handler_class=Silent) as server:
        serving = threading.Thread(target=server.serve_forever, args=(0.01,))
        serving.start()

        def ask(path, method="GET"):
            connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=10)
            connection.request(method, path)
            answer = connection.getresponse()
            body = answer.read()
            connection.close()
            return answer.status, body

        assert ask("/readyz")[0] == 503
        with campaign:
            assert ask("/leader")[0] == 200
            assert ask("/leader", "HEAD") == (200, b"")
            clock.jump(10)
        assert ask("/leader")[0] == 503
        server.shutdown()
        serving.join(10)


def test_it_is_mounted_in_an_application(clock):
    """Below a path of that's own, on the loop that the campaign's work runs on."""

    async def run():
        campaign = aio.Campaign(MemoryStore(), clock=clock)
        application = Starlette(routes=[Mount("/election", asgi(campaign))])
        transport = httpx.ASGITransport(application)
        async with httpx.AsyncClient(transport=transport, base_url="http://here") as client, campaign:
            told = await client.get("/election/leader")
            return told.status_code, told.json()["state"], (await client.get("/leader")).status_code

    assert asyncio.run(run()) == (200, "leader", 404)


@pytest.mark.parametrize("kind", ["lifespan", "websocket"])
def test_what_is_no_request_is_refused_as_a_server_expects(kind):
    """By which it knows that there is nothing to be told when it starts."""
    with pytest.raises(RuntimeError, match=f"no {kind} here"):
        asyncio.run(asgi(Told(LEADS))({"type": kind}, None, None))
