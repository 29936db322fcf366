"""Leases as Kubernetes keeps its own: `coordination.k8s.io/v1` Lease objects, shared with client-go.

`kubernetes://NAMESPACE` finds the API server as `kubectl` does, or from inside a pod by its service account;
`?kubeconfig=PATH` and `?context=NAME` choose. The lease's name is the object's.

Every write is one merge patch that names the `resourceVersion` it replaces: the API server refuses it with
409 if the object is at another. A patch leaves alone what it does not name, so foreign labels and fields
survive. A version is the `resourceVersion`, a revision of the cluster's etcd: it only grows, and never comes
again. Only a cluster that was restored from a backup goes back.
"""

from __future__ import annotations

import re
from contextlib import suppress
from functools import partial
from http import HTTPStatus
from typing import Any, Final

from incumbent.errors import ConfigurationError, CorruptLease, StoreUnavailable
from incumbent.lease import Lease, StoredLease, Version
from incumbent.shown import redacted
from incumbent.stores._kinds import KINDS
from incumbent.stores._kubernetes_api import CHECK_TIMEOUT, ApiServer
from incumbent.stores._kubernetes_record import from_object, to_patch
from incumbent.stores._options import options_of
from incumbent.stores._server import ServerStore

_PART: Final = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_NAME: Final = re.compile(rf"(?!.{{254}}){_PART}(\.{_PART})*")


class KubernetesStore(ServerStore[ApiServer]):
    """One Lease object.

    Args:
        url: `kubernetes://NAMESPACE`, see above.
        name: The lease's name; Kubernetes wants it of lower-case letters, digits, `-` and `.`.

    Raises:
        ConfigurationError: The URL or the name is malformed, there are no credentials, or the API server says
            that they do not suffice.
    """

    guarantees: Final = KINDS["kubernetes"].guarantees

    def __init__(self, url: str, name: str) -> None:
        namespace, options = _parts(url)
        super().__init__(name, url, lambda: ApiServer(redacted(url), namespace, **options))
        if not _NAME.fullmatch(name):
            self.close()
            raise ConfigurationError(
                f"lease is {name!r}, but Kubernetes names objects by up to 253 lower-case letters, digits, "
                f"'-' and '.', with a letter or digit at both ends and beside each '.': give such a name"
            )

    def get_lease(self, *, timeout: float) -> StoredLease:
        """See `LeaseStore.get_lease`."""
        status, found = self._reach().request("GET", self.name, None, timeout)
        return self._stored(status, found)

    def create_lease(self, lease: Lease, *, timeout: float) -> Version:
        """See `LeaseStore.create_lease`."""
        body = to_patch(lease)
        body["metadata"]["name"] = self.name
        status, found = self._reach().request("POST", "", body, timeout)
        if status == HTTPStatus.CONFLICT:
            self._conflict()
        if status == HTTPStatus.NOT_FOUND:
            raise StoreUnavailable(f"{self._shown}: {found.get('message')}", outcome_unknown=False)
        return self._version(found)

    def update_lease(self, lease: Lease, version: Version, *, timeout: float) -> Version:
        """See `LeaseStore.update_lease`."""
        server = self._reach()
        if not (isinstance(version, str) and version.isdecimal()):  # an empty one would be no condition
            self.get_lease(timeout=timeout)
            self._conflict(version)
        body = to_patch(lease)
        body["metadata"]["resourceVersion"] = version
        status, found = server.request("PATCH", self.name, body, timeout)
        if status == HTTPStatus.CONFLICT:
            self._conflict(version)
        if status == HTTPStatus.NOT_FOUND:
            self._not_found()
        return self._version(found)

    def delete_lease(self, *, timeout: float = CHECK_TIMEOUT) -> None:
        """Remove the record: for tests and operators, no election does it.

        Raises:
            LeaseNotFound: There is no record.
        """
        if self._reach().request("DELETE", self.name, None, timeout)[0] == HTTPStatus.NOT_FOUND:
            self._not_found()

    def check(self) -> None:
        """Ask, once, whether these credentials suffice.

        Raises:
            ConfigurationError: They do not, or there is no such namespace.
        """
        self._reach().check(self.name)

    def _stored(self, status: int, found: dict[str, Any]) -> StoredLease:
        if status == HTTPStatus.NOT_FOUND:
            self._not_found()
        try:
            return StoredLease(from_object(found), self._version(found))
        except (AttributeError, LookupError, TypeError) as error:
            raise CorruptLease(f"{self.name!r} at {self._shown} is malformed: {error}") from error

    @staticmethod
    def _version(found: dict[str, Any]) -> Version:
        version: str = found["metadata"]["resourceVersion"]
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
