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

import json
import time
from base64 import b64decode, b64encode
from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from incumbent.errors import ConfigurationError, StoreError, StoreUnavailable
from incumbent.lease import Lease, StoredLease, Version
from incumbent.shown import Secret
from incumbent.stores import _login
from incumbent.stores._http import OPEN_TIMEOUT, Address, Http, Misconfigured, Reply, parse
from incumbent.stores._kinds import KINDS
from incumbent.stores._server import Listener, Server, ServerStore, from_json, to_json

_PORT: Final = 2379
_SILENCE: Final = 30.0
"""Seconds after which a watch that hears nothing is begun anew: its connection may be dead."""

_NEVER: Final = -1
"""A revision that no key has."""

_OK: Final = 200
_NOT_ETCD: Final = frozenset({400, 404, 405})
"""Statuses that a proxy answers to everybody, before it has read the request."""

# Status codes of gRPC: what etcd refused, and so did not do.
_INVALID: Final = 3
_EXHAUSTED: Final = 8
_PRECONDITION: Final = 9
_UNAUTHENTICATED: Final = 16
_HOPELESS: Final = frozenset({_INVALID, 5, 6, 7, _PRECONDITION, 11, 12, _UNAUTHENTICATED})
_STALE_LOGIN: Final = ("invalid auth token", "revision of auth store is old", "user name is empty")
_NO_LOGIN: Final = "authentication is not enabled"


class EtcdStore(ServerStore["_EtcdServer"]):
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
        super().__init__(name, url, lambda: _EtcdServer(address))
        self._key = _encode(address.key_of(name))

    def get_lease(self, *, timeout: float) -> StoredLease:
        """See `LeaseStore.get_lease`."""
        answer = self._reach().ask("/v3/kv/range", {"key": self._key}, timeout)
        if not answer.get("kvs"):
            self._not_found()
        return _stored(answer["kvs"][0])

    def create_lease(self, lease: Lease, *, timeout: float) -> Version:
        """See `LeaseStore.create_lease`."""
        answer = self._put_if_at(0, lease, timeout)
        if not answer.get("succeeded"):
            self._conflict()
        return int(answer["header"]["revision"])

    def update_lease(self, lease: Lease, version: Version, *, timeout: float) -> Version:
        """See `LeaseStore.update_lease`."""
        # A version of another kind is none of ours, and neither is 0, which is that of a missing record.
        is_ours = type(version) is int and 0 < version < 2**63
        answer = self._put_if_at(version if is_ours else _NEVER, lease, timeout)
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
        answer = self._reach().ask("/v3/kv/deleterange", {"key": self._key}, timeout)
        if int(answer.get("deleted", 0)) == 0:
            self._not_found()

    def check(self, *, timeout: float) -> None:
        """Ask for all that the election will need, and change nothing: etcd checks both branches first.

        Raises:
            StoreUnavailable: As every call; `Misconfigured` if trying again will not mend it.
        """
        server = self._reach()
        to_watch = {"request_range": {**server.range, "limit": 1, "keys_only": True}}
        server.ask("/v3/kv/txn", self._transaction(_NEVER, "", to_watch), timeout)

    def _put_if_at(self, revision: object, lease: Lease, timeout: float) -> dict[str, Any]:
        transaction = self._transaction(revision, _encode(to_json(lease)))
        return self._reach().ask("/v3/kv/txn", transaction, timeout)

    def _transaction(self, revision: object, value: str, *otherwise: dict[str, Any]) -> dict[str, Any]:
        at = {"key": self._key, "target": "MOD", "result": "EQUAL", "mod_revision": str(revision)}
        put = {"request_put": {"key": self._key, "value": value}}
        look = {"request_range": {"key": self._key, "keys_only": True}}
        return {"compare": [at], "success": [put], "failure": [look, *otherwise]}


class _EtcdServer(Server):
    """A cluster: its connections, and the token of who is logged in there.

    Attributes:
        range: Where the keys of all leases are.
    """

    def __init__(self, address: Address) -> None:
        super().__init__(address.shown)
        self.range: Final = {"key": _encode(address.prefix), "range_end": _end_of(address.prefix)}
        self._address = address
        self._http = Http(address)
        self._login: Secret[Mapping[str, str]] | None = None

    def ask(self, path: str, body: dict[str, Any], timeout: float) -> dict[str, Any]:
        """Send a request and return the answer of etcd.

        Raises:
            StoreUnavailable: Nothing, or an error; certainly not done if etcd refused it.
            Misconfigured: It refused, and would again.
        """
        deadline = time.monotonic() + timeout
        content = json.dumps(body).encode()
        for is_last in (False, True):
            headers = self._logged_in(deadline - time.monotonic())
            try:
                reply = self._http.call(
                    "POST", path, headers=headers, content=content, timeout=deadline - time.monotonic()
                )
            except StoreUnavailable:
                # Some versions hang up on a token that they do not know (etcd#20332).
                self._login = None
                raise
            if is_last or reply.status == _OK or not self._is_login_stale(reply):
                break
            self._login = None  # who was not let in has written nothing, so that it may be sent again
        return self._judge(reply)

    def listen(self, listener: Listener) -> None:
        """See `Server.listen`. A stream begins at the present: of what was missed, all watches are told."""
        content = json.dumps({"create_request": self.range})
        with self._http.another() as http:
            listener.interrupt_by(http.interrupt)
            # A member that is cut off from the others has to say so, and not keep silent.
            headers = {**self._logged_in(OPEN_TIMEOUT), "Grpc-Metadata-hasleader": "true"}
            with http.stream(
                "POST", "/v3/watch", headers=headers, content=content.encode(), silence=_SILENCE
            ) as (reply, lines):
                for line in lines:
                    self._heed(listener, reply, line)

    def close(self) -> None:
        """See `Server.close`."""
        self._http.close()

    def _logged_in(self, timeout: float) -> Mapping[str, str]:
        """The header that says who asks; none where nobody has to say."""
        if not self._address.user:
            return {}
        login = self._login
        if login is None:
            who = {"name": self._address.user, "password": self._address.password.value}
            content = json.dumps(who).encode()
            reply = self._http.call(
                "POST", "/v3/auth/authenticate", headers={}, content=content, timeout=timeout
            )
            # As etcd's own clients do: who has a password may come before the doors have locks.
            needs_none = _NO_LOGIN in reply.text
            login = Secret({} if needs_none else {"Authorization": str(self._judge(reply)["token"])})
            self._login = login
        return login.value

    def _is_login_stale(self, reply: Reply) -> bool:
        return bool(self._address.user) and any(why in reply.text for why in _STALE_LOGIN)

    def _heed(self, listener: Listener, reply: Reply, line: bytes) -> None:
        result = (json.loads(line) if line.strip() else {"result": {}}).get("result")
        if result is None or result.get("canceled"):
            self._login = None
            raise StoreUnavailable(f"{self.shown}: the watch ended: {reply.status} {line[:200]!r}")
        if result.get("created"):
            listener.connected()
        for event in result.get("events", ()):
            key = b64decode(event["kv"]["key"]).decode(errors="replace")
            listener.heard(self._address.lease_of(key), partial(_stored, event["kv"]))

    def _judge(self, reply: Reply) -> dict[str, Any]:
        """The answer, or the error that it is."""
        answer = reply.json()
        if isinstance(answer, dict):
            if isinstance(answer.get("header"), dict):
                return answer
            code = answer.get("code")
            message = f"{self.shown}: etcd answers: {answer.get('message') or answer.get('error')}"
            if code in _HOPELESS:
                raise Misconfigured(message)
            if code is not None:
                raise StoreUnavailable(message, outcome_unknown=code != _EXHAUSTED)
        message = f"{self.shown}: this is no answer of etcd's JSON gateway: {reply.status} {reply.text!r}"
        raise Misconfigured(message) if reply.status in _NOT_ETCD else StoreUnavailable(message)


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


def _stored(record: dict[str, Any]) -> StoredLease:
    """The record of a key, as a read and a watch answer it."""
    # Of a value that is empty, or was deleted, the gateway says nothing at all.
    return StoredLease(from_json(b64decode(record.get("value", ""))), int(record["mod_revision"]))


def _encode(text: str) -> str:
    return b64encode(text.encode()).decode()


def _end_of(prefix: str) -> str:
    """The first key behind all that begin so; the prefix ends with a slash."""
    return _encode(prefix[:-1] + chr(ord(prefix[-1]) + 1))
