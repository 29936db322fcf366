"""A SOCKS5 proxy without authentication, that knows where one private host is."""

from __future__ import annotations

import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_ADDRESS, _NAME = 1, 3


class _Handler(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        _, count = self.rfile.read(2)
        self.rfile.read(count)
        self.wfile.write(b"\x05\x00")
        *_, kind = self.rfile.read(4)
        size = 4 if kind == _ADDRESS else self.rfile.read(1)[0]
        host = self.rfile.read(size)
        port = int.from_bytes(self.rfile.read(2), "big")
        self.server.asked.append(host.decode() if kind == _NAME else socket.inet_ntoa(host))
        with socket.create_connection(("127.0.0.1", port)) as far:
            self.wfile.write(b"\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x00")
            back = threading.Thread(target=_copy, args=(far, self.connection), daemon=True)
            back.start()
            _copy(self.connection, far)


def _copy(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while piece := source.recv(65536):
            target.sendall(piece)
        target.shutdown(socket.SHUT_WR)


class Socks(socketserver.ThreadingTCPServer):
    """Whatever host it is asked for is on this machine.

    Attributes:
        asked: The hosts that it was asked for.
        url: Its own.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked: list[str] = []
        self.url = f"socks5://127.0.0.1:{self.server_address[1]}"


@contextmanager
def socks() -> Iterator[Socks]:
    """One that listens."""
    with Socks() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join(10)
