"""An HTTP server in front of a real API server: it passes requests on, or answers as a test wants it to."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

from support.servers.kubernetes import ApiServer
from support.servers.scripted_kubernetes import kubeconfig, url_of


class Said(NamedTuple):
    """An answer that is not the API server's."""

    status: int
    content: bytes = b'{"message": "said by the front"}'
    headers: dict[str, str] = {}  # noqa: RUF012 - nobody changes it
    is_late: bool = False
    """The API server was asked first, and did what it was asked."""


class Front:
    """Asks `says` about each request: None to pass it on, or what to answer instead.

    Attributes:
        requests: What it was asked: method and path.
        url: The URL of a store on it.
    """

    def __init__(self, server: ApiServer, says: Callable[[str, str], Said | None], port: int = 0) -> None:
        self.requests: list[tuple[str, str]] = []
        self.says = says
        self.http = ThreadingHTTPServer(("127.0.0.1", port), _handler(self, server))
        self.http.daemon_threads = True
        place = f"http://127.0.0.1:{self.http.server_port}"
        path = server.directory / f"front-{self.http.server_port}"
        self.url = url_of(kubeconfig(path, it=place))

    def count(self, method: str) -> int:
        """How many requests of that kind there were."""
        return sum(method == each for each, _ in self.requests)


def _handler(front: Front, server: ApiServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0))) or None
            front.requests.append((self.command, self.path))
            said = front.says(self.command, self.path)
            if said is None or said.is_late:
                passed = server.passed(self.path, self.command, body, self.headers["Content-Type"])
                said = said or Said(*passed)
            self.send_response(said.status)
            for name, value in said.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(said.content)

        do_GET = do_POST = do_PATCH = do_DELETE = answer  # noqa: N815 - their names

        def log_message(self, *_: Any) -> None:
            """Not to the terminal."""

    return Handler


def once(method: str, *answers: Said, path: str = "/leases") -> Callable[[str, str], Said | None]:
    """Each of these answers once, one after another, to requests of that kind; the rest is passed on."""
    left = list(answers)

    def says(asked: str, where: str) -> Said | None:
        if asked == "GET" and "watch=true" in where:
            return Said(403)
        return left.pop(0) if left and asked == method and path in where else None

    return says


@contextmanager
def in_front(server: ApiServer, says: Callable[[str, str], Said | None], port: int = 0) -> Iterator[Front]:
    """One that listens."""
    front = Front(server, says, port)
    thread = threading.Thread(target=front.http.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield front
    finally:
        front.http.shutdown()
        front.http.server_close()
        thread.join(10)
