"""An API server that says what a test wants it to say, without TLS; and kubeconfig files."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


class Scripted:
    """Says the same to everybody, until it is told to say something else.

    Attributes:
        status: What it answers with, and so
        content: and
        headers: are.
        requests: What it was asked: method and path; and
        asked_by: the headers that came with it.
        url: The URL of a store on it.
    """

    def __init__(self, folder: Path, status: int, content: bytes, headers: dict[str, str]) -> None:
        self.status, self.content, self.headers = status, content, headers
        self.requests: list[tuple[str, str]] = []
        self.asked_by: list[Message] = []
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.server.daemon_threads = True
        self.place = f"http://127.0.0.1:{self.server.server_port}"
        self.url = url_of(kubeconfig(folder / f"kubeconfig-{self.server.server_port}", it=self.place))

    def _handler(scripted) -> type[BaseHTTPRequestHandler]:  # noqa: N805 - `self` is the handler's
        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                scripted.requests.append((self.command, self.path))
                scripted.asked_by.append(self.headers)
                self.send_response(scripted.status)
                for name, value in scripted.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(scripted.content)

            do_GET = do_POST = do_PATCH = do_DELETE = answer  # noqa: N815 - their names

            def log_message(self, *_: Any) -> None:
                """Not to the terminal."""

        return Handler


@contextmanager
def scripted(folder: Path, status: int, content: bytes = b"", **headers: str) -> Iterator[Scripted]:
    """One that listens; `Retry_After` is the header `Retry-After`."""
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    server = Scripted(folder, status, content, headers)
    thread = threading.Thread(target=server.server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.server.shutdown()
        server.server.server_close()
        thread.join(10)


def kubeconfig(path: Path, user: object = None, cluster: object = None, **servers: str) -> Path:
    """A file with a context for each server, of its name; the first one is the current one."""
    content = {
        "clusters": [
            {"name": name, "cluster": {"server": url, **(cluster or {})}} for name, url in servers.items()
        ],
        "users": [{"name": "me", "user": user or {"token": "secret"}}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": "me"}} for name in servers],
        "current-context": next(iter(servers)),
    }
    path.write_text(json.dumps(content))
    return path


def url_of(path: Path) -> str:
    """The URL of a store with that kubeconfig file."""
    return f"kubernetes://default?kubeconfig={path}"
