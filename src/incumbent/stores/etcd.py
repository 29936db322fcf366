"""Leases in etcd (3.4 or newer), over the JSON gateway that its servers have on the client port.

The primitive is the transaction: if the key's `mod_revision` is the one named, put the record; else look
whether there is one, in the same request. A version is that revision. It counts the writes of the whole
cluster, goes through deletions and restarts, and never comes again; only a cluster that was brought back from
a backup counts anew from there, unless it was restored with `--bump-revision`.

A majority of the members has each write on disk before it is acknowledged, and a read asks a majority, too
(it is linearizable). No etcd lease is used: those expire by the server's clock and are prolonged when etcd
changes its own leader, while an election needs no more than that each follower waits by its own clock (P4).

The gateway is called by httpcore: there is no official client for Python, and etcd3gw 2.7 has one timeout for
all calls, none for a watch, no further endpoints and no login.

URL: `etcd://[user:password@]host[:2379][,host2[:2379]...]/[prefix]`, or `etcds:` for TLS with the options
`ca=`, `cert=` and `key=` (paths of PEM files; without `ca`, the system's authorities are trusted). A user
and a password that the URL leaves out are looked for in ETCDCTL_USER (`user:password`) and ETCDCTL_PASSWORD.
The key of a lease is `PREFIX/incumbent/NAME`, its name percent-encoded. The next endpoint is tried when no
connection to one could be made; a write that was sent is never sent again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, TypeVar

from incumbent.errors import ConfigurationError, StoreError
from incumbent.lease import Lease, StoredLease, Version
from incumbent.shown import Secret
from incumbent.store import Call
from incumbent.stores import _login
from incumbent.stores._etcd_server import EtcdServer, Operation, encode, stored_in
from incumbent.stores._http import OPEN_TIMEOUT, Misconfigured, parse
from incumbent.stores._kinds import KINDS
from incumbent.stores._server import ServerStore, Steps, conclude, to_json

T = TypeVar("T")

_PORT: Final = 2379
_NEVER: Final = -1
"""A revision that no key has."""


class EtcdStore(ServerStore[EtcdServer]):
    """One lease in etcd. All stores of one URL in a process share their connections.

    Args:
        url: See the module.
        name: The lease's name.

    Raises:
        ConfigurationError: The URL is wrong, or a file that it names.
    """

    guarantees: Final = KINDS["etcd"].guarantees

    def __init__(self, url: str, name: str) -> None:
        address = parse(url, port=_PORT)
        if not address.password.value:
            user, password = _login.etcd_login(address.user)
            address = address._replace(user=user, password=Secret(password))
        if bool(address.user) != bool(address.password.value):
            raise ConfigurationError(
                f"store {address.shown!r} has half a login: give user:password@, or ETCDCTL_USER"
            )
        super().__init__(name, url, lambda: EtcdServer(address))
        self._key = encode(address.key_of(name))

    def get_lease(self, *, timeout: float) -> StoredLease:
        """See `LeaseStore.get_lease`."""
        return self._alone(self._get_lease(), timeout)

    def create_lease(self, lease: Lease, *, timeout: float) -> Version:
        """See `LeaseStore.create_lease`."""
        return self._alone(self._create_lease(lease), timeout)

    def update_lease(self, lease: Lease, version: Version, *, timeout: float) -> Version:
        """See `LeaseStore.update_lease`."""
        return self._alone(self._update_lease(lease, version), timeout)

    def call_together(self, calls: Sequence[Call]) -> Sequence[object]:
        """See `BatchStore.call_together`: one transaction, in which up to 127 are nested."""
        return self._call_together(calls, EtcdServer.ask_together)

    def _alone(self, steps: Steps[Operation, T], timeout: float) -> T:
        return conclude(steps, self._reach().ask(next(steps), timeout))

    def _get_lease(self) -> Steps[Operation, StoredLease]:
        answer = yield Operation("range", self._key, {"key": self._key})
        if not answer.get("kvs"):
            self._not_found()
        return stored_in(answer["kvs"][0])

    def _create_lease(self, lease: Lease) -> Steps[Operation, Version]:
        answer = yield self._put_if_at(0, lease)
        if not answer.get("succeeded"):
            self._conflict()
        return int(answer["header"]["revision"])

    def _update_lease(self, lease: Lease, version: Version) -> Steps[Operation, Version]:
        # A version of another kind is none of ours, and neither is 0, which is that of a missing record.
        is_ours = type(version) is int and 0 < version < 2**63
        answer = yield self._put_if_at(version if is_ours else _NEVER, lease)
        if not answer.get("succeeded"):
            if answer["responses"][0]["response_range"].get("kvs"):
                self._conflict(version)
            self._not_found()
        return int(answer["header"]["revision"])

    def delete_lease(self, *, timeout: float = OPEN_TIMEOUT) -> None:
        """Remove the record: for tests and operators, no election does it.

        Raises:
            LeaseNotFound: There is no record.
        """
        answer = self._reach().ask(Operation("deleterange", self._key, {"key": self._key}), timeout)
        if int(answer.get("deleted", 0)) == 0:
            self._not_found()

    def check(self, *, timeout: float) -> None:
        """Ask for all that the election will need, and change nothing: etcd checks both branches first.

        Raises:
            StoreUnavailable: As every call; `Misconfigured` if trying again will not mend it.
        """
        server = self._reach()
        to_watch = {"request_range": {**server.range, "limit": 1, "keys_only": True}}
        server.ask(self._transaction(_NEVER, "", to_watch), timeout)

    def _put_if_at(self, revision: object, lease: Lease) -> Operation:
        return self._transaction(revision, encode(to_json(lease)))

    def _transaction(self, revision: object, value: str, *otherwise: dict[str, Any]) -> Operation:
        at = {"key": self._key, "target": "MOD", "result": "EQUAL", "mod_revision": str(revision)}
        put = {"request_put": {"key": self._key, "value": value}}
        look = {"request_range": {"key": self._key, "keys_only": True}}
        return Operation("txn", self._key, {"compare": [at], "success": [put], "failure": [look, *otherwise]})


def open_url(url: str, lease: str) -> EtcdStore:
    """The store at an `etcd:` or `etcds:` URL; see the module.

    Raises:
        ConfigurationError: The URL is wrong, or etcd refuses what an election needs.
    """
    store = EtcdStore(url, lease)
    try:
        store.check(timeout=OPEN_TIMEOUT)
    except Misconfigured as error:
        store.close()
        raise ConfigurationError(f"{error}; see the guide to etcd for what an election needs") from None
    except StoreError:
        pass  # it is away for now: the first call says so
    return store
