"""Credentials of one process for one API server, renewed in the background while the old ones still do.

Files are read, and plugins run, on a thread of its own: either may hang. Who needs credentials waits for it
as long as a call may take, and no longer; no lock is held meanwhile.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Final

import urllib3
import yaml
from kubernetes.config import ConfigException
from urllib3 import HTTPHeaderDict

from incumbent.errors import ConfigurationError, StoreUnavailable
from incumbent.stores._kubernetes_config import Endpoint, checked, read
from incumbent.stores._kubernetes_network import pools_of
from incumbent.stores._kubernetes_plugin import PLUGIN_TIMEOUT, Grant, Plugin, Provider, Wrong

_LOG: Final = logging.getLogger(__name__)
_READ_EVERY: Final = 60.0
"""Seconds after which files are read again: what is rotated stands in them before the old one runs out."""
_PAUSE: Final = 5.0
"""Seconds after which a renewal in the background is tried again."""
_AHEAD: Final = 300.0, 0.2
"""A credential is renewed this long before it expires: seconds, and at most this fraction of its lifetime."""
_ABANDONED: Final = PLUGIN_TIMEOUT + 5.0
"""Seconds after which a renewal that hangs, as files on a network may, is left behind."""


class Access:
    """Where and how a request is sent.

    Attributes:
        server: The API server's URL.
        headers: Who we are, and as whom we act.
        pools: The connections.
        endpoint: What the connections are made from.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        headers: HTTPHeaderDict,
        pools: urllib3.PoolManager,
        expires_at: float | None,
    ) -> None:
        self.server, self.headers, self.pools = endpoint.server, headers, pools
        self.endpoint = endpoint
        self._read_at = time.monotonic()
        self._expires_at = math.inf if expires_at is None else expires_at
        most, part = _AHEAD
        self._runs_out_from = self._expires_at - min(most, part * (self._expires_at - time.time()))

    def is_like(self, other: Access) -> bool:
        """Whether it makes no difference to the server which of the two is used."""
        return self.headers == other.headers and self.endpoint == other.endpoint

    @property
    def has_expired(self) -> bool:
        """Whether the server will refuse it."""
        return time.time() >= self._expires_at

    @property
    def is_running_out(self) -> bool:
        """Whether it is time to ask for a newer one."""
        return time.time() >= min(self._runs_out_from, self._expires_at)

    @property
    def is_old(self) -> bool:
        """Whether it is time to read the files again."""
        return time.monotonic() - self._read_at >= _READ_EVERY


class Credentials:
    """Any thread may use them.

    Args:
        shown: The server, for people.
        kubeconfig: The file that was named, if one was.
        context: The context of it that was named, if one was.
    """

    def __init__(self, shown: str, kubeconfig: str | None, context: str | None) -> None:
        self._shown = shown
        self._named = kubeconfig, context
        self._changed = threading.Condition()
        self._access: Access | None = None
        self._refused: Access | None = None
        self._failure: Callable[[], Exception] | None = None
        self._renewal: threading.Thread | None = None
        self._begun_at = 0.0
        self._source: Plugin | Provider | None = None
        self._grant: Grant | None = None
        self._is_closed = False

    def get(self, timeout: float) -> Access:
        """Those that do now, if need be after a renewal.

        Raises:
            ConfigurationError: There are none, or what is there is malformed.
            StoreUnavailable: There are none yet. Nothing was sent.
        """
        with self._changed:
            access = self._access
            if access is not None and access is not self._refused and not access.has_expired:
                is_time = access.is_old or access.is_running_out
                if is_time and time.monotonic() - self._begun_at >= _PAUSE:
                    with suppress(StoreUnavailable):
                        self._renew()
                return access
            renewal = self._renew()
            if not self._changed.wait_for(lambda: self._renewal is not renewal, timeout):
                raise StoreUnavailable(f"{self._shown}: there are no credentials yet", outcome_unknown=False)
            if self._failure is not None:
                raise self._failure()
            assert self._access is not None  # noqa: S101  # a renewal ends with one or the other
            return self._access

    def refuse(self, access: Access) -> None:
        """Say that the server does not accept it: the next one who asks waits for another."""
        with self._changed:
            if access is self._access:
                self._refused = access

    def close(self) -> None:
        """End what is under way, and the idle connections."""
        with self._changed:
            self._is_closed = True
            source, access = self._source, self._access
        if source is not None:
            source.close()
        if access is not None:
            access.pools.clear()

    def _renew(self) -> threading.Thread:
        """Begin, unless somebody has. Under the lock."""
        now = time.monotonic()
        if self._renewal is None or now - self._begun_at > _ABANDONED:
            self._renewal = threading.Thread(target=self._run, name="incumbent-credentials", daemon=True)
            self._begun_at = now
            try:
                self._renewal.start()
            except RuntimeError as error:  # this machine has no thread left for it, or the interpreter ends
                self._renewal = None
                raise StoreUnavailable(f"{self._shown}: {error}", outcome_unknown=False) from error
        return self._renewal

    def _run(self) -> None:
        access: Access | None = None
        failure: Callable[[], Exception] | None = None
        try:
            access = self._load()
        except StoreUnavailable as error:
            failure = partial(StoreUnavailable, f"{self._shown}: {error}", outcome_unknown=False)
        except Exception as error:  # noqa: BLE001  # what is malformed makes it stumble in many ways
            failure = partial(
                ConfigurationError,
                f"{self._shown}: no credentials ({type(error).__name__}: {_told(error)}): give "
                f"?kubeconfig=PATH, or run in a pod with a service account",
            )
        with self._changed:
            if self._renewal is not threading.current_thread():
                return  # it took too long, and another one was begun
            if failure is not None and self._failure is None and self._access is not None:
                with suppress(Exception):  # P13
                    _LOG.warning("the credentials of before are used as long as they do: %s", failure())
            self._renewal, self._failure = None, failure
            self._access = access or self._access
            self._changed.notify_all()

    def _load(self) -> Access:
        found = read(*self._named)
        endpoint, headers, expires_at = found.endpoint, HTTPHeaderDict(found.headers), None
        if found.source is not None:
            grant = self._ask(found.source)
            expires_at = grant.expires_at
            if grant.token is not None:
                headers["Authorization"] = f"Bearer {checked('token', grant.token.strip())}"
            if grant.certificate is not None:
                endpoint = replace(endpoint, certificate=grant.certificate)
        old = self._access
        pools = old.pools if old is not None and old.endpoint == endpoint else pools_of(endpoint)
        return Access(endpoint, headers, pools, expires_at)

    def _ask(self, source: Plugin | Provider) -> Grant:
        """Ask for a grant, or take the last one as long as it is good: a plugin may take seconds."""
        with self._changed:
            if self._is_closed:
                raise StoreUnavailable("the store is closed", outcome_unknown=False)
            if source != self._source:
                self._source, self._grant = source, None
            source, grant, access = self._source, self._grant, self._access
        is_good = access is not None and access is not self._refused and not access.is_running_out
        if grant is not None and is_good:
            return grant
        grant = source.grant()
        with self._changed:
            self._grant = grant
        return grant


def _told(error: Exception) -> str:
    """Describe an error in a file of secrets without quoting the file."""
    if isinstance(error, (OSError, Wrong)):
        return str(error)
    if isinstance(error, ConfigException):
        return str(error).partition("/{")[0]  # behind it is what stands there
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        return f"line {error.problem_mark.line + 1}"
    return "malformed"
