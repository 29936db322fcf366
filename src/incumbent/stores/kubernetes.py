"""Leases as Kubernetes keeps its own: `coordination.k8s.io/v1` Lease objects, shared with client-go.

`kubernetes://NAMESPACE` finds the API server as `kubectl` does: by the files that `$KUBECONFIG` names, or
else by `~/.kube/config`, or else, inside a pod, by its service account; `?kubeconfig=PATH` and
`?context=NAME` choose. The lease's name is the object's, if Kubernetes takes it; see `object_name`.

Every write is one merge patch that names the `resourceVersion` it replaces: the API server refuses it with
409 if the object is at another. A patch leaves alone what it does not name, so foreign labels and fields
survive. A version is the `resourceVersion`, a revision of the cluster's etcd: it only grows, and never comes
again. Only a cluster that was restored from a backup goes back.

A write that the API server was too busy for is sent again within its time, just as it was, and a release
whatever became of it. That is no second look (P9b): it names the same version, so that of all its copies one
takes effect at most. Only the answer "conflict" is not plain any more where an earlier copy may have been
carried out: then the record says, by a mark that each write has of its own, whether it is ours that is there.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from hashlib import sha256
from http import HTTPStatus
from typing import Any, Final

from incumbent.errors import ConfigurationError, CorruptLease, LeaseNotFound, StoreUnavailable
from incumbent.lease import Lease, StoredLease, Version
from incumbent.shown import redacted
from incumbent.store import Watch
from incumbent.stores._kinds import KINDS
from incumbent.stores._kubernetes_api import ApiServer
from incumbent.stores._kubernetes_record import Coordinated, is_of, stored_in, to_patch
from incumbent.stores._kubernetes_requests import CHECK_TIMEOUT, Answer
from incumbent.stores._options import options_of
from incumbent.stores._server import ServerStore

_PART: Final = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_NAME: Final = re.compile(rf"(?!.{{254}}){_PART}(\.{_PART})*")
_READABLE: Final = 40
"""Characters of a lease's name that are kept of one that Kubernetes does not take."""


def object_name(lease: str) -> str:
    """Return the name of the lease's object in Kubernetes.

    Just so, if that is up to 253 lower-case letters, digits, `-` and `.`, with a letter or digit at both ends
    and beside each `.`. Otherwise what can be read of it, and a hash: always the same, and never that of
    another lease.
    """
    if _NAME.fullmatch(lease):
        return lease
    readable = re.sub(r"[^a-z0-9]+", "-", lease.lower())[:_READABLE].strip("-")
    return f"{readable or 'lease'}-{sha256(lease.encode()).hexdigest()[:16]}"


class KubernetesStore(ServerStore[ApiServer]):
    """One Lease object. Making one requests nothing: `check`, which `open_store` calls, looks for it.

    Args:
        url: `kubernetes://NAMESPACE`, see above.
        name: The lease's name.

    Attributes:
        object_name: The object's.

    Raises:
        ConfigurationError: The URL is malformed.
    """

    guarantees: Final = KINDS["kubernetes"].guarantees

    def __init__(self, url: str, name: str) -> None:
        namespace, options = _parts(url)
        super().__init__(name, url, lambda: ApiServer(redacted(url), namespace, **options))
        self.object_name: Final = object_name(name)

    def get_lease(self, *, timeout: float) -> StoredLease:
        """See `LeaseStore.get_lease`."""
        answer = self._reach().request("GET", self.object_name, None, timeout)
        if answer.status == HTTPStatus.NOT_FOUND:
            self._not_found()
        try:
            return stored_in(answer.found)
        except Coordinated as error:
            raise Coordinated(f"lease {self.name!r} at {self._shown}: {error}") from None

    def create_lease(self, lease: Lease, *, timeout: float) -> Version:
        """See `LeaseStore.create_lease`."""
        body = to_patch(lease)
        body["metadata"]["name"] = self.object_name
        answer = self._write("POST", "", body, timeout)
        if answer.status == HTTPStatus.CONFLICT:
            self._conflict()
        return self._version(answer)

    def update_lease(self, lease: Lease, version: Version, *, timeout: float) -> Version:
        """See `LeaseStore.update_lease`. A release is sent again as long as it may, for nobody else will."""
        if not (isinstance(version, str) and version.isdecimal()):  # an empty one would be no condition
            self.get_lease(timeout=timeout)
            self._conflict(version)
        body = to_patch(lease)
        body["metadata"]["resourceVersion"] = version
        answer = self._write("PATCH", self.object_name, body, timeout, is_last=lease.is_vacant)
        if answer.status == HTTPStatus.CONFLICT:
            self._conflict(version)
        if answer.status == HTTPStatus.NOT_FOUND:
            self._not_found()
        return self._version(answer)

    def delete_lease(self, *, timeout: float = CHECK_TIMEOUT) -> None:
        """Remove the record: for tests and operators, no election does it.

        Raises:
            LeaseNotFound: There is no record.
        """
        if self._reach().request("DELETE", self.object_name, None, timeout).status == HTTPStatus.NOT_FOUND:
            self._not_found()

    def watch_lease(self, notify: Callable[[StoredLease | None], None]) -> Watch:
        """See `LeaseWatchableStore.watch_lease`."""
        return self._reach().listener.watch(self.object_name, notify)

    def check(self) -> None:
        """Ask, once, whether these credentials suffice, and whether the lease is one to contend for.

        Raises:
            ConfigurationError: They do not, it is not, or there is no such namespace.
        """
        server, is_there = self._reach(), True
        server.check(self.object_name)
        try:
            self.get_lease(timeout=CHECK_TIMEOUT)
        except LeaseNotFound:
            is_there = False
        except Coordinated as error:
            raise ConfigurationError(str(error)) from None
        except CorruptLease:
            pass  # which elections bear, and `status` shows
        if not is_there:
            server.check_may_create(self.object_name)

    def _write(
        self, method: str, name: str, body: dict[str, Any], timeout: float, *, is_last: bool = False
    ) -> Answer:
        deadline = time.monotonic() + timeout
        answer = self._reach().request(method, name, body, timeout, is_last=is_last)
        is_success = answer.status in {HTTPStatus.OK, HTTPStatus.CREATED}
        if is_success or not answer.is_doubtful:
            return answer
        left = max(deadline - time.monotonic(), 0.0)
        now = self._reach().request("GET", self.object_name, None, left, is_last=is_last)
        if now.status == HTTPStatus.OK and is_of(body, now.found):
            return now
        raise StoreUnavailable(f"{self._shown}: it was too busy to say whether it wrote")

    def _version(self, answer: Answer) -> Version:
        try:
            version: str = answer.found["metadata"]["resourceVersion"]
        except (LookupError, TypeError):
            raise StoreUnavailable(f"{self._shown} answered a write with what is no lease") from None
        return version


def _parts(url: str) -> tuple[str, dict[str, str]]:
    place, _, query = url.partition("?")
    namespace = place.removeprefix("kubernetes://").removesuffix("/")
    wrong = partial(_wrong, url)
    if not place.startswith("kubernetes://") or not _NAME.fullmatch(namespace):
        raise wrong("names no namespace")
    return namespace, options_of(query, ("kubeconfig", "context"), wrong)


def _wrong(url: str, what: str) -> ConfigurationError:
    form = "give kubernetes://NAMESPACE, with ?kubeconfig=PATH or ?context=NAME if need be"
    return ConfigurationError(f"store {redacted(url)!r} {what}: {form}")


def open_url(url: str, lease: str) -> KubernetesStore:
    """The store at `kubernetes://NAMESPACE`; one that is only out of reach for now is opened all the same.

    Raises:
        ConfigurationError: See `KubernetesStore`.
    """
    store = KubernetesStore(url, lease)
    try:
        with suppress(StoreUnavailable):
            store.check()
    except ConfigurationError:
        store.close()
        raise
    return store
