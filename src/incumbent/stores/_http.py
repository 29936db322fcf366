"""HTTP for the stores that speak it: every call ends in time, and what was sent is never sent again.

httpcore speaks the protocol and keeps the connections. Added here: one deadline for a whole call, for clients
of HTTP give each read of a reply its time anew; further endpoints, tried only while no connection can be
made; and an interruption for a request that waits.
"""

from __future__ import annotations

import json
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from typing import Any, Final, NamedTuple, TypeVar

import httpcore

from incumbent.errors import StoreUnavailable
from incumbent.stores._http_network import Instant, Network
from incumbent.stores._http_url import Address, parse, tls_of

__all__ = ["OPEN_TIMEOUT", "Address", "Http", "Misconfigured", "Reply", "parse"]

T = TypeVar("T")

OPEN_TIMEOUT: Final = 5.0
"""Seconds that the one look at the server may take when a store is opened, or listens."""

_KEPT: Final = 60.0
"""Seconds for which an idle connection is kept: less than what load balancers forget."""

_SERVER_ERROR: Final = 500
_NOT_SENT: Final = (httpcore.ConnectError, httpcore.ConnectTimeout, httpcore.PoolTimeout)
_LOST: Final = (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError)


class Misconfigured(StoreUnavailable):
    """Trying again will not mend it: a wrong password, a missing permission, another kind of server.

    Certainly nothing was written. When a store is opened it becomes a `ConfigurationError`.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message, outcome_unknown=False)


class Reply(NamedTuple):
    """The answer of the server, of any status."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    def json(self) -> Any:
        """The content; None if it is no JSON, as of something that stands between."""
        try:
            return json.loads(self.content)
        except (ValueError, RecursionError):
            return None

    @property
    def text(self) -> str:
        """The beginning of the content, for a message."""
        return self.content[:200].decode(errors="replace").strip()


class Http:
    """Connections to the endpoints of one address. Any thread may call."""

    def __init__(
        self, address: Address, context: ssl.SSLContext | None = None, endpoints: list[str] | None = None
    ) -> None:
        self.address: Final = address
        self._context = context or tls_of(address)
        self._endpoints = endpoints or list(address.endpoints)
        self._network = Network()
        self._lock = threading.Lock()
        self._idle: dict[str, list[httpcore.HTTPConnection]] = {}
        self._is_closed = False

    def call(
        self, method: str, path: str, *, headers: Mapping[str, str], content: bytes = b"", timeout: float
    ) -> Reply:
        """Send one request, once, and read the whole reply.

        Raises:
            StoreUnavailable: There is no reply. Certainly nothing was done if no connection could be made.
            Misconfigured: TLS rejects the certificate of the server, or the server rejects ours.
        """
        deadline = Instant(time.monotonic() + timeout)

        def send(endpoint: str, connect_by: Instant) -> Reply:
            with self._connection(endpoint) as connection:
                response = connection.request(
                    method,
                    endpoint + path,
                    headers=_headers(endpoint, headers),
                    content=content,
                    extensions={"timeout": {"connect": connect_by, "write": deadline, "read": deadline}},
                )
            if response.status >= _SERVER_ERROR:
                self._turn_from(endpoint)
            return _reply(response, response.content)

        return self._at_some_endpoint(send, deadline)

    @contextmanager
    def stream(
        self, method: str, path: str, *, headers: Mapping[str, str], content: bytes, silence: float
    ) -> Iterator[tuple[Reply, Iterable[bytes]]]:
        """Send one request, and read the lines of its reply as they come, until `silence` seconds pass.

        Raises:
            StoreUnavailable: No connection could be made, or it was lost.
        """
        deadline = Instant(time.monotonic() + OPEN_TIMEOUT)

        def send(endpoint: str, connect_by: Instant) -> tuple[str, httpcore.Response]:
            connection = stack.enter_context(closing(self._take(endpoint)))
            url = httpcore.URL(endpoint + path)
            request = httpcore.Request(
                method,
                url,
                headers=[*_headers(endpoint, headers), ("Content-Length", str(len(content)))],
                content=content,
                extensions={"timeout": {"connect": connect_by, "write": deadline, "read": silence}},
            )
            return endpoint, connection.handle_request(request)

        with ExitStack() as stack:
            endpoint, response = self._at_some_endpoint(send, deadline)
            stack.callback(response.close)
            stack.callback(self._turn_from, endpoint)  # whatever ended it, another one may do better
            yield _reply(response, b""), self._lines(response)

    def another(self) -> Http:
        """The same endpoints, over connections that can be interrupted without disturbing these."""
        return Http(self.address, self._context, self._endpoints)

    def interrupt(self) -> None:
        """End the request that waits, and let none follow. Any thread may do so."""
        self._network.shut()

    def close(self) -> None:
        """Close the connections; those in use when they come back."""
        with self._lock:
            self._is_closed = True
            idle = [connection for connections in self._idle.values() for connection in connections]
            self._idle.clear()
        for connection in idle:
            connection.close()

    def __enter__(self) -> Http:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # One request has a connection to itself. httpcore's own pool looks at idle connections while others begin
    # to use them, takes an answer that comes meanwhile for the end of the connection, and closes it.

    @contextmanager
    def _connection(self, endpoint: str) -> Iterator[httpcore.HTTPConnection]:
        connection = self._take(endpoint)
        try:
            yield connection
        except BaseException:
            connection.close()
            raise
        with self._lock:
            if not self._is_closed:
                self._idle.setdefault(endpoint, []).append(connection)
                return
        connection.close()

    def _take(self, endpoint: str) -> httpcore.HTTPConnection:
        """A connection that was kept and is still good, or one that is to be made by its first request."""
        while True:
            with self._lock:
                connection = self._idle[endpoint].pop() if self._idle.get(endpoint) else None
            if connection is None:
                return httpcore.HTTPConnection(
                    httpcore.URL(endpoint).origin,
                    ssl_context=self._context,
                    keepalive_expiry=_KEPT,
                    network_backend=self._network,
                )
            if connection.is_available() and not connection.has_expired():
                return connection
            connection.close()

    def _at_some_endpoint(self, send: Callable[[str, Instant], T], deadline: Instant) -> T:
        trouble: Exception | None = None
        endpoints = tuple(self._endpoints)
        for number, endpoint in enumerate(endpoints):
            # Those that come later have their share, so that one host that is down does not take it all.
            left = max(deadline - time.monotonic(), 0.0) / (len(endpoints) - number)
            try:
                if left > 0:
                    return send(endpoint, Instant(time.monotonic() + left))
            except _NOT_SENT as error:
                trouble = error
                self._turn_from(endpoint)
            except _LOST as error:
                self._turn_from(endpoint)
                raise self._lost(error) from error
        why = "no time was left" if trouble is None else f"no connection: {_describe(trouble)}"
        if _tls_error(trouble) is not None:
            raise Misconfigured(f"{self.address.shown}: {why}") from trouble
        raise StoreUnavailable(f"{self.address.shown}: {why}", outcome_unknown=False) from trouble

    def _turn_from(self, endpoint: str) -> None:
        """The next call begins with another endpoint, here and in all that are like this."""
        if self._endpoints[0] == endpoint:
            self._endpoints[:] = [*self._endpoints[1:], endpoint]

    def _lines(self, response: httpcore.Response) -> Iterator[bytes]:
        rest = b""
        try:
            for piece in response.iter_stream():
                *lines, rest = (rest + piece).split(b"\n")
                yield from lines
        except httpcore.ReadTimeout:
            return
        except _LOST as error:
            raise self._lost(error) from error
        yield rest

    def _lost(self, error: Exception) -> StoreUnavailable:
        message = f"{self.address.shown}: the connection was lost: {_describe(error)}"
        # With TLS 1.3 a server says only after the handshake that it wants another certificate.
        is_refused = "CERTIFICATE" in (getattr(_tls_error(error), "reason", None) or "")
        return Misconfigured(message) if is_refused else StoreUnavailable(message)


def _headers(endpoint: str, headers: Mapping[str, str]) -> list[tuple[bytes | str, bytes | str]]:
    return [("Host", endpoint.partition("://")[2]), *headers.items()]


def _reply(response: httpcore.Response, content: bytes) -> Reply:
    names = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers}
    return Reply(response.status, names, content)


def _describe(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def _tls_error(error: Exception | None) -> ssl.SSLError | None:
    """Return the error of TLS itself, such as a bad certificate; None for a connection that merely broke."""
    cause = None if error is None else next(iter(error.args), None)  # httpcore cuts the chain of causes
    broke = (ssl.SSLEOFError, ssl.SSLZeroReturnError, ssl.SSLSyscallError)
    return cause if isinstance(cause, ssl.SSLError) and not isinstance(cause, broke) else None
