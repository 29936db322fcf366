"""Endpoints for probes and load balancers, to be served by whatever serves your application::

    from incumbent import Campaign, open_store
    from incumbent.health import asgi, wsgi

    with Campaign(open_store("memory:", lease="reports")) as campaign:
        application = wsgi(campaign)  # or asgi(campaign): for a server, or to be mounted in your own

Each answers GET and HEAD with 200, or 503 where it is not so, and tells in JSON all that
`incumbent.Campaign.health` says:

- `/livez`: the campaign does what is due; if not, restart the process.
- `/readyz`: it leads, or may come to.
- `/leader`: it leads at this instant, so this is where requests for the leader go.
- `/metrics`: what Prometheus scrapes, if a registry is given.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol, TypeAlias

from incumbent.core.health import Health

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment
    from prometheus_client import CollectorRegistry

__all__ = ["Health", "asgi", "wsgi"]

PROBES: Final = {"/livez": "is_live", "/readyz": "is_ready", "/leader": "is_leader"}
"""The fields of `Health` that decide, by path."""

METRICS: Final = "/metrics"

_METHODS: Final = ("GET", "HEAD")

_Message: TypeAlias = MutableMapping[str, Any]
_Asgi: TypeAlias = Callable[
    [_Message, Callable[[], Awaitable[_Message]], Callable[[_Message], Awaitable[None]]], Awaitable[None]
]


class HasHealth(Protocol):
    """A campaign, of either kind."""

    def health(self) -> Health:
        """See `incumbent.Campaign.health`."""


def wsgi(
    campaign: HasHealth, *, registry: CollectorRegistry | None = None
) -> Callable[[WSGIEnvironment, StartResponse], Iterable[bytes]]:
    """Make a WSGI application that says how a campaign does.

    Args:
        campaign: Whose health it is. It need not run yet.
        registry: What `/metrics` shows, such as `prometheus_client.REGISTRY`; None: there is no such path.
    """

    def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        method = environ["REQUEST_METHOD"]
        answer = _answer(campaign, method, environ.get("PATH_INFO", ""), registry)
        start_response(f"{answer.status.value} {answer.status.phrase}", answer.headers)
        return [] if method == "HEAD" else [answer.body]

    return application


def asgi(campaign: HasHealth, *, registry: CollectorRegistry | None = None) -> _Asgi:
    """Make an ASGI application that says how a campaign does; the parameters are those of `wsgi`."""

    async def application(
        scope: _Message,
        receive: Callable[[], Awaitable[_Message]],  # noqa: ARG001 - no body is of interest
        send: Callable[[_Message], Awaitable[None]],
    ) -> None:
        if scope["type"] != "http":
            raise RuntimeError(
                f"no {scope['type']} here, only HTTP"
            )  # by which a server knows (ASGI, lifespan)
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        answer = _answer(campaign, scope["method"], path, registry)
        headers = [(name.lower().encode(), value.encode()) for name, value in answer.headers]
        await send({"type": "http.response.start", "status": answer.status.value, "headers": headers})
        # To a HEAD, too: a server sends no body then.
        await send({"type": "http.response.body", "body": answer.body})

    return application


class _Answer(NamedTuple):
    status: HTTPStatus
    headers: list[tuple[str, str]]
    body: bytes


def _answer(campaign: HasHealth, method: str, path: str, registry: CollectorRegistry | None) -> _Answer:
    if path == METRICS and registry is not None:
        from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest  # noqa: PLC0415 - an extra

        status, kind, body = HTTPStatus.OK, CONTENT_TYPE_LATEST, generate_latest(registry)
    elif path in PROBES:
        health = campaign.health()
        is_so = getattr(health, PROBES[path])
        status = HTTPStatus.OK if is_so else HTTPStatus.SERVICE_UNAVAILABLE
        kind, body = "application/json", json.dumps(health._asdict()).encode() + b"\n"
    else:
        paths = (*PROBES, *([] if registry is None else [METRICS]))
        status, kind = HTTPStatus.NOT_FOUND, "text/plain; charset=utf-8"
        body = f"there is no such path: ask for one of {', '.join(paths)}\n".encode()
    headers = [("Content-Type", kind), ("Cache-Control", "no-store")]
    if method not in _METHODS:
        status, body = HTTPStatus.METHOD_NOT_ALLOWED, b"ask by GET or HEAD\n"
        headers = [("Content-Type", "text/plain; charset=utf-8"), ("Allow", ", ".join(_METHODS))]
    return _Answer(status, [*headers, ("Content-Length", str(len(body)))], body)
