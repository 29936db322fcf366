"""The API server of a cluster, as one process reaches it: credentials, requests, and one watch.

`kubernetes`, the official client, provides the credentials (and renews them) and the connections; its
generated methods are not used, for they drop fields that they do not know.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

import urllib3
from kubernetes import client, config
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError, SSLError

from incumbent.errors import ConfigurationError, StoreUnavailable
from incumbent.stores._kubernetes_network import POOLS
from incumbent.stores._server import Listener, Server

CHECK_TIMEOUT: Final = 5.0
"""Seconds that one request of those that a store is opened with may take."""
VERBS: Final = ("get", "create", "patch", "watch")
"""What a role has to allow on leases."""

_GROUP: Final = "coordination.k8s.io"
_WATCH_SECONDS: Final = 120
_IN_CLUSTER: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount/token")
_ANSWERS: Final = {HTTPStatus.OK, HTTPStatus.CREATED, HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT}
_REFUSED: Final = {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}
_BUSY: Final = {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}


class ApiServer(Server):
    """The leases of one namespace, by these credentials."""

    def __init__(
        self, shown: str, namespace: str, kubeconfig: str | None = None, context: str | None = None
    ) -> None:
        super().__init__(shown)
        self._namespace = namespace
        self._kubeconfig, self._context = kubeconfig, context
        self._quiet_until = 0.0
        self._is_checked = False
        self._client = self._load()

    def request(
        self, method: str, name: str, body: dict[str, Any] | None, timeout: float
    ) -> tuple[int, dict[str, Any]]:
        """Ask for something about a lease: the status (2xx, 404 or 409), and the object in the answer.

        Raises:
            StoreUnavailable: Anything else.
        """
        path = f"/apis/{_GROUP}/v1/namespaces/{self._namespace}/leases"
        return self._send(method, f"{path}/{name}" if name else path, body, timeout)

    def check(self, name: str) -> None:
        """See `KubernetesStore.check`. Once is enough, as long as anybody uses this server."""
        if self._is_checked:
            return
        path = f"/api/v1/namespaces/{self._namespace}"
        try:
            status, _ = self._send("GET", path, None, CHECK_TIMEOUT, may_refuse=True)
        except StoreUnavailable as error:
            if isinstance(error.__cause__, SSLError):
                raise ConfigurationError(
                    f"{error}: see to certificate-authority in the kubeconfig"
                ) from error
            raise
        if status == HTTPStatus.UNAUTHORIZED:
            raise ConfigurationError(f"{self.shown}: the API server does not accept these credentials")
        if status == HTTPStatus.NOT_FOUND:
            raise ConfigurationError(f"{self.shown}: there is no namespace {self._namespace!r}: create it")
        for verb in VERBS:
            self._check_allowed(verb, name)
        self._is_checked = True

    def _check_allowed(self, verb: str, name: str) -> None:
        attributes = {"group": _GROUP, "resource": "leases", "namespace": self._namespace, "verb": verb}
        if verb in {"get", "patch"}:
            attributes["name"] = name
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": attributes},
        }
        path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
        status, found = self._send("POST", path, review, CHECK_TIMEOUT, may_refuse=True)
        if status == HTTPStatus.CREATED and not found["status"]["allowed"]:
            raise ConfigurationError(
                f"{self.shown}: these credentials may not {verb} leases in {self._namespace!r}: bind a "
                f"role with apiGroups [{_GROUP}], resources [leases], verbs [{', '.join(VERBS)}]"
            )

    def listen(self, listener: Listener) -> None:
        """One watch of all leases in the namespace; it begins with an event for each one that there is."""
        path = f"/apis/{_GROUP}/v1/namespaces/{self._namespace}/leases"
        query = f"?watch=true&timeoutSeconds={_WATCH_SECONDS}"
        patience = urllib3.Timeout(connect=CHECK_TIMEOUT, read=_WATCH_SECONDS + 10)
        answer = self._open("GET", path + query, None, patience)
        try:
            if answer.status != HTTPStatus.OK:
                raise StoreUnavailable(f"{self.shown}: the watch was answered with status {answer.status}")
            listener.interrupt_by(answer.shutdown)
            listener.connected()
            for event in _events(answer):
                if listener.is_over or event["type"] == "ERROR":
                    return  # 410: too old a start; the next watch begins with what is there
                listener.heard(event["object"]["metadata"]["name"])
        finally:
            answer.close()

    def close(self) -> None:
        """Close every idle connection."""
        self._client.rest_client.pool_manager.clear()

    def _load(self) -> client.ApiClient:
        settings = client.Configuration()
        try:
            if self._kubeconfig is None and self._context is None and _IN_CLUSTER.exists():
                config.load_incluster_config(settings)  # type: ignore[no-untyped-call]  # it has no types
            else:
                config.load_kube_config(  # type: ignore[no-untyped-call]  # it has no types
                    self._kubeconfig, self._context, client_configuration=settings, persist_config=False
                )
        except Exception as error:  # noqa: BLE001  # what is malformed makes it stumble in many ways
            raise ConfigurationError(
                f"{self.shown}: no credentials ({type(error).__name__}: {_told(error)}): give "
                f"?kubeconfig=PATH, or run in a pod with a service account"
            ) from None  # its message may quote the file
        found = client.ApiClient(settings)
        found.rest_client.pool_manager.pool_classes_by_scheme = POOLS
        return found

    def _open(
        self, method: str, path: str, body: dict[str, Any] | None, timeout: urllib3.Timeout
    ) -> urllib3.BaseHTTPResponse:
        settings = self._client.configuration
        headers = dict(self._client.default_headers)
        for auth in settings.auth_settings().values():  # renews a token that has run out
            headers[auth["key"]] = auth["value"]
        headers["Content-Type"] = "application/merge-patch+json" if method == "PATCH" else "application/json"
        answer: urllib3.BaseHTTPResponse = self._client.rest_client.pool_manager.urlopen(
            method,
            settings.host + path,
            body=None if body is None else json.dumps(body),
            headers=headers,
            timeout=timeout,
            retries=False,
            preload_content=False,
        )
        return answer

    def _send(
        self,
        method: str,
        path: str,
        body: dict[str, Any] | None,
        timeout: float,
        *,
        may_refuse: bool = False,
    ) -> tuple[int, dict[str, Any]]:
        quiet = self._quiet_until - time.monotonic()
        if quiet > 0:
            raise StoreUnavailable(f"{self.shown} asked for {quiet:.1f} s of quiet", outcome_unknown=False)
        try:
            answer = self._open(method, path, body, urllib3.Timeout(total=timeout))
            content = answer.read()
            answer.release_conn()
        except (HTTPError, OSError) as error:
            raise _unreached(self.shown, error) from error
        if answer.status in _ANSWERS or (may_refuse and answer.status in _REFUSED):
            return answer.status, _object(content)
        raise self._refused(answer, _object(content))

    def _refused(self, answer: urllib3.BaseHTTPResponse, found: dict[str, Any]) -> StoreUnavailable:
        """Only what was turned away before it was looked at is certain not to happen."""
        pause = answer.headers.get("Retry-After", "")
        if answer.status in _BUSY and pause.isdecimal():
            self._quiet_until = time.monotonic() + min(float(pause), CHECK_TIMEOUT)
        if answer.status == HTTPStatus.UNAUTHORIZED:
            self._client = self._load()  # a token that was rotated is read anew
        is_certain = HTTPStatus.BAD_REQUEST <= answer.status < HTTPStatus.INTERNAL_SERVER_ERROR
        message = (
            f"{self.shown} answered with status {answer.status}: {found.get('message', 'no reason given')}"
        )
        return StoreUnavailable(message, outcome_unknown=not is_certain)


def _unreached(shown: str, error: Exception) -> StoreUnavailable:
    """Without a connection nothing was sent; after that, who knows."""
    is_certain = isinstance(error, (NewConnectionError, ConnectTimeoutError))
    return StoreUnavailable(f"{shown}: {type(error).__name__}: {error}", outcome_unknown=not is_certain)


def _told(error: Exception) -> str:
    """What can be said of a file that is full of secrets."""
    if isinstance(error, OSError):
        return str(error)
    if isinstance(error, config.ConfigException):
        return str(error).partition("/{")[0]  # behind it is what stands there
    return str(getattr(error, "problem_mark", "malformed")).strip()  # where YAML's parser stumbled


def _object(content: bytes) -> dict[str, Any]:
    try:
        found = json.loads(content)
    except ValueError:
        found = None
    return found if isinstance(found, dict) else {"message": content[:200].decode(errors="replace")}


def _events(answer: urllib3.BaseHTTPResponse) -> Iterator[dict[str, Any]]:
    """The lines of a watch; it ends when the server ends it, or raises when it breaks."""
    rest = b""
    for piece in answer.stream(amt=None, decode_content=False):
        *lines, rest = (rest + piece).split(b"\n")
        yield from (json.loads(line) for line in lines if line)
