"""Requests to an API server, and what its answers say about a write: done, not done, or nobody knows."""

from __future__ import annotations

import json
import ssl
import time
from http import HTTPStatus
from typing import Any, Final, NamedTuple

import urllib3
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError, ProxyError

from incumbent.errors import ConfigurationError, StoreUnavailable
from incumbent.stores._kubernetes_access import Access, Credentials

CHECK_TIMEOUT: Final = 5.0
"""Seconds that one request of those that a store is opened with may take."""
_LONGEST_QUIET: Final = 5.0
_SHORTEST_PAUSE: Final = 0.1


class Answer(NamedTuple):
    """An answer of the API server.

    Attributes:
        status: That of HTTP.
        found: The object, or what else there was as its `message`.
        is_doubtful: A request of before may have taken effect, though its answer did not say so.
    """

    status: int
    found: dict[str, Any]
    is_doubtful: bool = False


class Rejected(StoreUnavailable):
    """These credentials are not accepted; or the server's certificate is not, and nothing was sent."""


class _Later(StoreUnavailable):
    """The server asks to retry. With 429 nothing was done (a queue was full); with 503 it may have begun."""


class Requests:
    """Requests to one API server.

    Args:
        shown: The server, for people.
        credentials: Who we are there.
    """

    def __init__(self, shown: str, credentials: Credentials) -> None:
        self._shown = shown
        self._credentials = credentials
        self._quiet_until = 0.0

    def ask(
        self,
        method: str,
        path: str,
        body: dict[str, Any] | None = None,
        *,
        timeout: float = CHECK_TIMEOUT,
        is_last: bool = False,
    ) -> Answer:
        """Ask, and wait for an answer, whichever it is.

        A server that asks for a pause has it, as far as the time goes, and then the same request again. That
        is safe for a write that names the version it replaces: whichever of the two comes first, the other
        one can only conflict.

        Args:
            method: GET, POST, PATCH or DELETE.
            path: The URL's.
            body: What to write.
            timeout: Seconds for all of it.
            is_last: Nobody will ask later: whatever keeps it from being answered, ask again while there is
                time, even if that is sooner than the server wants.

        Raises:
            Rejected: See there.
            StoreUnavailable: No answer.
        """
        deadline, is_doubtful, attempts = time.monotonic() + timeout, False, 0
        trouble: StoreUnavailable | None = None
        while (pause := self._pause(deadline, attempts, is_last=is_last)) is not None:
            time.sleep(pause)
            try:
                answer = self._once(method, path, body, deadline)
            except StoreUnavailable as error:
                is_doubtful = is_doubtful or error.outcome_unknown
                attempts, trouble = attempts + 1, error
                if not (is_last or isinstance(error, _Later)):
                    error.outcome_unknown = is_doubtful
                    raise
            else:
                return answer._replace(is_doubtful=is_doubtful)
        if trouble is None:
            quiet = self._quiet_until - time.monotonic()
            raise StoreUnavailable(f"{self._shown} asked for {quiet:.1f} s of quiet", outcome_unknown=False)
        raise StoreUnavailable(str(trouble), outcome_unknown=is_doubtful) from trouble

    def stream(self, path: str, patience: float) -> urllib3.BaseHTTPResponse:
        """Ask for an answer that goes on, with `patience` for each piece of it.

        Raises:
            StoreUnavailable: There are no credentials.
            HTTPError: No connection.
        """
        access = self._access(CHECK_TIMEOUT)
        answer = _open(access, "GET", path, None, urllib3.Timeout(connect=CHECK_TIMEOUT, read=patience))
        if answer.status == HTTPStatus.UNAUTHORIZED:
            self._credentials.refuse(access)
        return answer

    def refusal(self, answer: Answer, kind: type[StoreUnavailable] = StoreUnavailable) -> StoreUnavailable:
        """Make an error of a useless answer. A request that was turned away certainly did not happen."""
        is_certain = (
            HTTPStatus.BAD_REQUEST <= answer.status < HTTPStatus.INTERNAL_SERVER_ERROR
            and answer.status != HTTPStatus.REQUEST_TIMEOUT
        )
        why = answer.found.get("message", "no reason given")
        return kind(
            f"{self._shown} answered with status {answer.status}: {why}",
            outcome_unknown=answer.is_doubtful or not is_certain,
        )

    def _pause(self, deadline: float, attempts: int, *, is_last: bool) -> float | None:
        """Seconds until the next attempt; None: there is none to be made."""
        now = time.monotonic()
        quiet, left = self._quiet_until - now, deadline - now
        if quiet <= 0 and attempts == 0:
            return 0.0
        if quiet <= 0 and not is_last:
            return None  # it named no pause, and its caller will ask again
        pause = max(quiet, _SHORTEST_PAUSE * 2 ** max(attempts - 1, 0))
        if is_last:
            pause = min(pause, left / 2)
        return pause if left - pause >= _SHORTEST_PAUSE / 2 else None

    def _once(self, method: str, path: str, body: dict[str, Any] | None, deadline: float) -> Answer:
        """Ask once; twice if the first time was refused for credentials that have been renewed since."""
        access = self._access(deadline - time.monotonic())
        try:
            return self._send(access, method, path, body, deadline)
        except Rejected:
            self._credentials.refuse(access)
            renewed = self._access(deadline - time.monotonic())
            if renewed.is_like(access):
                raise
        return self._send(renewed, method, path, body, deadline)

    def _send(
        self, access: Access, method: str, path: str, body: dict[str, Any] | None, deadline: float
    ) -> Answer:
        left = max(deadline - time.monotonic(), 0.001)  # 0 would be no time to urllib3, and wrong
        try:
            reply = _open(access, method, path, body, urllib3.Timeout(total=left))
            content = reply.read()
            reply.release_conn()
        except (HTTPError, OSError) as error:
            raise self._unreached(error) from error
        answer, pause = Answer(reply.status, _object(content)), reply.headers.get("Retry-After", "")
        if answer.status == HTTPStatus.UNAUTHORIZED:
            raise self.refusal(answer, Rejected)
        is_strangers = answer.status == HTTPStatus.NOT_FOUND and answer.found.get("kind") != "Status"
        is_breakdown = answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR
        if is_breakdown or is_strangers or answer.status == HTTPStatus.TOO_MANY_REQUESTS:
            if pause.isdecimal():
                self._quiet_until = time.monotonic() + min(float(pause), _LONGEST_QUIET)
            raise self.refusal(answer, _Later)
        return answer

    def _access(self, timeout: float) -> Access:
        try:
            return self._credentials.get(timeout)
        except ConfigurationError as error:
            raise StoreUnavailable(str(error), outcome_unknown=False) from None

    def _unreached(self, error: Exception) -> StoreUnavailable:
        """Without a connection nothing was sent; after that, who knows."""
        message = f"{self._shown}: {type(error).__name__}: {error}"
        if isinstance(next(iter(error.args), None), ssl.SSLCertVerificationError):
            return Rejected(message, outcome_unknown=False)
        is_certain = isinstance(error, (NewConnectionError, ConnectTimeoutError, ProxyError))
        return StoreUnavailable(message, outcome_unknown=not is_certain)


def _open(
    access: Access, method: str, path: str, body: dict[str, Any] | None, timeout: urllib3.Timeout
) -> urllib3.BaseHTTPResponse:
    headers = access.headers.copy()
    headers["Content-Type"] = "application/merge-patch+json" if method == "PATCH" else "application/json"
    answer: urllib3.BaseHTTPResponse = access.pools.urlopen(
        method,
        access.server + path,
        body=None if body is None else json.dumps(body),
        headers=headers,
        timeout=timeout,
        retries=False,
        preload_content=False,
    )
    return answer


def _object(content: bytes) -> dict[str, Any]:
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        found = None
    if isinstance(found, dict):
        return found
    text = content[:200].decode(errors="replace").strip()
    return {"message": "".join(each if each.isprintable() else repr(each)[1:-1] for each in text)}
