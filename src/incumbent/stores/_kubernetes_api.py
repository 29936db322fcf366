"""The API server of a cluster, as one process reaches it: the leases of one namespace, and one watch.

The official client's generated methods are not used, for they drop fields that they do not know.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from functools import partial
from http import HTTPStatus
from typing import Any, Final

import urllib3

from incumbent.errors import ConfigurationError, StoreUnavailable
from incumbent.stores._kubernetes_access import Credentials
from incumbent.stores._kubernetes_record import stored_in
from incumbent.stores._kubernetes_requests import CHECK_TIMEOUT, Answer, Rejected, Requests
from incumbent.stores._server import Listener, Server

VERBS: Final = ("get", "create", "patch", "watch")
"""The verbs that a role needs on leases. Without `create` the record has to exist; without `watch` it is
polled."""

_GROUP: Final = "coordination.k8s.io"
_WATCH_SECONDS: Final = 120
_LOOK_EVERY: Final = 1.0
"""Seconds between two looks of whoever may not watch."""
_LOOKS: Final = 120
"""After so many it is asked anew whether one may watch."""


class ApiServer(Server):
    """The leases of one namespace, by these credentials."""

    def __init__(
        self, shown: str, namespace: str, kubeconfig: str | None = None, context: str | None = None
    ) -> None:
        super().__init__(shown)
        self._namespace = namespace
        self._credentials = Credentials(shown, kubeconfig, context)
        self._requests = Requests(shown, self._credentials)
        self._path = f"/apis/{_GROUP}/v1/namespaces/{namespace}/leases"
        self._is_checked = False
        self._allowed: set[str] = set()

    def request(
        self, method: str, name: str, body: dict[str, Any] | None, timeout: float, *, is_last: bool = False
    ) -> Answer:
        """Ask for something about a lease: see `Requests.ask`. The status is 2xx, 404 or 409.

        Raises:
            StoreUnavailable: Anything else. A 404 counts only if it says that this lease is not there, for
                load balancers say it, too.
        """
        path = f"{self._path}/{name}" if name else self._path
        answer = self._requests.ask(method, path, body, timeout=timeout, is_last=is_last)
        if answer.status in {HTTPStatus.OK, HTTPStatus.CREATED, HTTPStatus.CONFLICT}:
            return answer
        if name and answer.status == HTTPStatus.NOT_FOUND and _is_missing(answer.found, name):
            return answer
        raise self._requests.refusal(answer)

    def check(self, name: str) -> None:
        """See `KubernetesStore.check`. What holds for all leases is asked only once."""
        self._credentials.get(CHECK_TIMEOUT)
        if not self._is_checked:
            self._check_namespace()
            self._is_checked = True
        for verb in ("get", "patch"):
            if not (self._may(verb) or self._may(verb, name)):
                raise self._lacks(verb)

    def check_may_create(self, name: str) -> None:
        """Ask whether a lease that is not there can be made.

        Raises:
            ConfigurationError: It cannot.
        """
        if not self._may("create"):
            raise ConfigurationError(
                f"{self._lacks('create')}; or have it made by somebody who may: kubectl create -f - <<< "
                f"'{{apiVersion: {_GROUP}/v1, kind: Lease, metadata: {{name: {name}, "
                f"namespace: {self._namespace}}}}}'"
            )

    def listen(self, listener: Listener) -> None:
        """Watch all leases in the namespace. The stream begins with an event for each existing lease."""
        query = f"?watch=true&timeoutSeconds={_WATCH_SECONDS}"
        answer = self._requests.stream(self._path + query, _WATCH_SECONDS + 10.0)
        try:
            if answer.status == HTTPStatus.FORBIDDEN:
                self._look(listener)
                return
            if answer.status != HTTPStatus.OK:
                raise StoreUnavailable(f"{self.shown}: the watch was answered with status {answer.status}")
            listener.interrupt_by(answer.shutdown)
            listener.connected()
            for event in _events(answer):
                if listener.is_over or event["type"] == "ERROR":
                    return  # 410: too old a start; the next watch begins with what is there
                found, is_gone = event["object"], event["type"] == "DELETED"  # then it is what it was last
                listener.heard(found["metadata"]["name"], None if is_gone else partial(stored_in, found))
        finally:
            answer.close()

    def close(self) -> None:
        """See `Server.close`."""
        self._credentials.close()

    def _look(self, listener: Listener) -> None:
        """Have all leases looked at once in a while: these credentials may not watch."""
        is_over = threading.Event()
        listener.interrupt_by(is_over.set)
        listener.connected()
        for _ in range(_LOOKS):
            if is_over.wait(_LOOK_EVERY):
                return
            for name in listener.names:
                listener.heard(name)

    def _check_namespace(self) -> None:
        try:
            answer = self._requests.ask("GET", f"/api/v1/namespaces/{self._namespace}")
        except Rejected as error:
            if isinstance(error.__cause__, urllib3.exceptions.SSLError):
                raise ConfigurationError(
                    f"{error}: see to certificate-authority in the kubeconfig"
                ) from error
            raise ConfigurationError(
                f"{self.shown}: the API server does not accept these credentials"
            ) from error
        if answer.status == HTTPStatus.NOT_FOUND and answer.found.get("reason") == "NotFound":
            raise ConfigurationError(f"{self.shown}: there is no namespace {self._namespace!r}: create it")

    def _may(self, verb: str, name: str = "") -> bool:
        """Whether these credentials may do that to this lease, or to all; so too if nobody says."""
        if verb in self._allowed:
            return True
        attributes = {"group": _GROUP, "resource": "leases", "namespace": self._namespace, "verb": verb}
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": attributes | ({"name": name} if name else {})},
        }
        path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
        answer = self._requests.ask("POST", path, review)
        is_refused = answer.status == HTTPStatus.CREATED and not answer.found["status"]["allowed"]
        if not (is_refused or name):
            self._allowed.add(verb)
        return not is_refused

    def _lacks(self, verb: str) -> ConfigurationError:
        return ConfigurationError(
            f"{self.shown}: these credentials may not {verb} leases in {self._namespace!r}: bind a "
            f"role with apiGroups [{_GROUP}], resources [leases], verbs [{', '.join(VERBS)}]"
        )


def _is_missing(found: dict[str, Any], name: str) -> bool:
    """Whether it is the API server's word that there is no lease of that name."""
    if (found.get("kind"), found.get("reason")) != ("Status", "NotFound"):
        return False
    details = found.get("details")
    if isinstance(details, dict) and "name" in details:
        return (details["name"], details.get("kind", "leases")) == (name, "leases")
    return f'"{name}"' in str(found.get("message"))


def _events(answer: urllib3.BaseHTTPResponse) -> Iterator[dict[str, Any]]:
    """The lines of a watch; it ends when the server ends it, or raises when it breaks."""
    rest = b""
    for piece in answer.stream(amt=None, decode_content=False):
        *lines, rest = (rest + piece).split(b"\n")
        yield from (json.loads(line) for line in lines if line)
