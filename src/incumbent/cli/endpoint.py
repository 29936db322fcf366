"""`incumbent run --health`: answer probes by `incumbent.health`, on threads that nobody waits for."""

from __future__ import annotations

import logging
import socket
import threading
from socketserver import TCPServer, ThreadingMixIn
from typing import Any, Final
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from incumbent.errors import ConfigurationError
from incumbent.health import METRICS, PROBES, HasHealth, wsgi

LONGEST_WAIT: Final = 5.0
"""Seconds within which a request has to be sent and its answer taken."""

_NEVER_ENDED: Final = 3600.0
"""Seconds from one look to the next whether it was told to end, which nobody does."""

log: Final = logging.getLogger("incumbent.run")


def serve(host: str, port: int, campaign: HasHealth, *, metrics: bool) -> None:
    """Answer for `campaign` from now on, as long as this process lives.

    The socket is closed in every program that this process starts, as Python's are.

    Raises:
        ConfigurationError: It cannot listen there.
    """
    try:
        server = _Server(host, port)
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ConfigurationError(
            f"--health cannot listen at {_shown(host, port)}: {reason}; give an address of this machine, and "
            f"a port that is free"
        ) from error
    paths = [*PROBES]
    if metrics:
        from prometheus_client import REGISTRY  # noqa: PLC0415 - an extra

        paths.append(METRICS)
        server.set_app(wsgi(campaign, registry=REGISTRY))
    else:
        server.set_app(wsgi(campaign))
    threading.Thread(
        name="incumbent-health", target=server.serve_forever, args=(_NEVER_ENDED,), daemon=True
    ).start()
    log.info("health: http://%s %s", _shown(*server.server_address[:2]), " ".join(paths))


def _shown(host: Any, port: Any) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


class _Server(ThreadingMixIn, WSGIServer):
    """A thread for each request: who asks slowly keeps nobody else waiting."""

    daemon_threads = True
    request_queue_size = 128  # of those who come at once; whoever finds no place comes again a second later

    def __init__(self, host: str, port: int) -> None:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        self.address_family = found[0][0]
        super().__init__((host, port), _Handler)

    def server_bind(self) -> None:
        TCPServer.server_bind(self)  # `HTTPServer` would ask a resolver for a name, which may take long
        self.server_name, self.server_port = self.server_address[:2]  # type: ignore[assignment]  # as it does
        self.setup_environ()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: whoever asked has gone, or took too long."""


class _Handler(WSGIRequestHandler):
    timeout = LONGEST_WAIT

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name there
        """A probe is asked every few seconds."""
