"""Connections for httpcore that can be given a deadline, and be cut from another thread."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

import httpcore


class Instant(float):
    """A reading of the monotonic clock, where httpcore and its streams take seconds from now."""

    __slots__ = ()


def _left(timeout: float | None, too_late: type[Exception]) -> float | None:
    if not isinstance(timeout, Instant):
        return timeout
    left = timeout - time.monotonic()
    if left <= 0:
        raise too_late("its time is up")
    return left


class Network(httpcore.SyncBackend):
    """Connections whose timeouts may be instants, and of which the latest can be cut."""

    def __init__(self) -> None:
        self._latest: socket.socket | None = None
        self._is_shut = False

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect to the first address of the host that answers; each is given its share of the time.

        The host's name is resolved by the system, in the time that it takes.
        """
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError as error:
            raise httpcore.ConnectError(f"{host}: {error}") from error
        for number, (*_, address) in enumerate(found, 1):
            left = _left(timeout, httpcore.ConnectTimeout)
            share = None if left is None else left / (len(found) - number + 1)
            try:
                return self.kept(
                    super().connect_tcp(str(address[0]), port, share, local_address, socket_options)
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                if number == len(found):
                    raise
        raise httpcore.ConnectError(f"{host} has no address")

    def kept(self, stream: httpcore.NetworkStream) -> httpcore.NetworkStream:
        """The stream, known as the latest from now on."""
        self._latest = stream.get_extra_info("socket")
        if self._is_shut:
            stream.close()
            raise httpcore.ConnectError("interrupted")
        return _Stream(stream, self)

    def shut(self) -> None:
        """Cut the latest connection, and make no other."""
        self._is_shut = True
        if self._latest is not None:
            with suppress(OSError):
                # Not a TLS socket's own method, which would take the connection from under who reads.
                socket.socket.shutdown(self._latest, socket.SHUT_RDWR)


class _Stream(httpcore.NetworkStream):
    """A connection whose timeouts may be instants."""

    def __init__(self, stream: httpcore.NetworkStream, network: Network) -> None:
        self._stream = stream
        self._network = network

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, _left(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, _left(timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        left = _left(timeout, httpcore.ConnectTimeout)
        return self._network.kept(self._stream.start_tls(ssl_context, server_hostname, left))

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)
