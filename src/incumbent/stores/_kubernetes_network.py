"""Connections to an API server whose answers come in time, or not at all.

urllib3 gives its time to each single read, so that an answer which drips would stretch it without end. Here
the time that is left when an answer is waited for is for all of it.
"""

from __future__ import annotations

import io
import ssl
import tempfile
import time
from collections.abc import Mapping
from http.client import HTTPResponse
from pathlib import Path
from socket import socket
from typing import Any
from urllib.parse import urlsplit

import urllib3
from kubernetes import client
from urllib3.util.ssl_ import create_urllib3_context

from incumbent.stores._kubernetes_config import Endpoint
from incumbent.stores._kubernetes_plugin import Wrong


class _InTime(io.RawIOBase):
    """A reader of a socket, whose whole time is the timeout that the socket has when it is made."""

    def __init__(self, sock: socket) -> None:
        self._socket = sock
        self._raw: Any = sock.makefile("rb", buffering=0)
        timeout = sock.gettimeout()
        self._end = None if timeout is None else time.monotonic() + timeout

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        if self._end is not None:
            left = self._end - time.monotonic()
            if left <= 0:
                raise TimeoutError("the answer took too long")
            self._socket.settimeout(left)
        size: int | None = self._raw.readinto(buffer)
        return size

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Response(HTTPResponse):
    def __init__(self, sock: socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp.close()
        self.fp = io.BufferedReader(_InTime(sock))


def pools_of(endpoint: Endpoint) -> urllib3.PoolManager:
    """Connections to that server, through the proxy that it or the environment names.

    Raises:
        Wrong: The certificates or the proxy cannot be used.
    """
    settings = client.Configuration(host=endpoint.server)
    settings.verify_ssl, settings.tls_server_name = endpoint.is_verified, endpoint.tls_name
    if endpoint.proxy is not None:
        settings.proxy = endpoint.proxy
    if settings.proxy and settings.proxy.startswith("socks5://"):
        # As with kubectl, the proxy finds the server's address: private ones are known only behind it.
        settings.proxy = settings.proxy.replace("socks5", "socks5h", 1)
    try:
        manager: urllib3.PoolManager = client.ApiClient(settings).rest_client.pool_manager
    except ImportError:
        raise Wrong("a SOCKS proxy needs PySocks: pip install 'urllib3[socks]'") from None
    except (ValueError, urllib3.exceptions.HTTPError):
        scheme = urlsplit(settings.proxy or "").scheme
        raise Wrong(f"the proxy's URL begins with {scheme!r}: give http, https or socks5") from None
    manager.connection_pool_kw["ssl_context"] = _context(endpoint)
    manager.pool_classes_by_scheme = _in_time(manager.pool_classes_by_scheme)
    return manager


def _in_time(pools: Mapping[str, Any]) -> dict[str, Any]:
    """The same kinds of pools, also of those that go through a proxy, with answers that come in time."""
    return {
        scheme: type(
            pool.__name__,
            (pool,),
            {"ConnectionCls": type("InTime", (pool.ConnectionCls,), {"response_class": _Response})},
        )
        for scheme, pool in pools.items()
    }


def _context(endpoint: Endpoint) -> ssl.SSLContext:
    """TLS with what is in memory: files that vanish afterwards, as temporary ones do, are not missed."""
    context = create_urllib3_context(cert_reqs=ssl.CERT_REQUIRED if endpoint.is_verified else ssl.CERT_NONE)
    try:
        if endpoint.authority is not None:
            context.load_verify_locations(cadata=endpoint.authority.encode("ascii", "ignore").decode())
        else:
            context.load_default_certs()
        if endpoint.certificate is not None:
            with tempfile.TemporaryDirectory() as folder:  # OpenSSL's, by Python, come from files only
                path = Path(folder, "certificate")
                path.touch(mode=0o600)
                path.write_text(endpoint.certificate, encoding="utf-8")
                context.load_cert_chain(path, password="")  # else it would ask the terminal for one
    except ssl.SSLError as error:
        raise Wrong(f"a certificate or key is malformed: {error.reason}") from None
    return context
