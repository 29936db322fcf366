"""Leases in the key/value store of Consul.

The primitive is check-and-set: a transaction of the one verb `cas` puts the record if the key's `ModifyIndex`
is the one named (0: if there is no key), and answers with the new one, which a plain `PUT ?cas=` does not. A
version is that index. It is one of Consul's log, so it grows through deletions and restarts and never comes
again, unless the servers were brought back from a snapshot. One thing has to be helped along: a record that
is written as it already was would keep its index. So each write keeps the version that it replaces in the
key's `Flags`, and is like no other.

A majority of the servers has each write on disk before it is acknowledged, and a read is confirmed by a
majority, too (`?consistent`). No session is used: those expire after ten seconds at the least, by the
server's clock, while an election needs no more than that each follower waits by its own (P4).

The agent is called by httpcore: py-consul 1.8 has one timeout for all calls, and none of its queries that
wait can be ended.

URL: `consul://[:token@]host[:8500][,host2[:8500]...]/[prefix]`, or `consuls:` for TLS with the options `ca=`,
`cert=` and `key=` (paths of PEM files; without `ca`, the system's authorities are trusted), and `?dc=` for
another datacenter than the agent's. A token that the URL leaves out is looked for in the file that
CONSUL_HTTP_TOKEN_FILE names, and in CONSUL_HTTP_TOKEN. The key of a lease is `PREFIX/incumbent/NAME`, its
name percent-encoded. The next host is tried when no connection to one could be made; a write that was sent is
never sent again.
"""

from __future__ import annotations

import json
import time
from base64 import b64decode, b64encode
from contextlib import suppress
from functools import partial
from typing import Any, Final
from urllib.parse import quote, urlencode

from incumbent.errors import ConfigurationError, StoreError, StoreUnavailable
from incumbent.lease import Lease, StoredLease, Version
from incumbent.shown import Secret
from incumbent.stores import _login
from incumbent.stores._http import OPEN_TIMEOUT, Address, Http, Misconfigured, Reply, parse
from incumbent.stores._kinds import KINDS
from incumbent.stores._server import Listener, Server, ServerStore, from_json, to_json

_PORT: Final = 8500
_WAIT: Final = 30.0
"""Seconds for which a query waits for a change. Consul may add a sixteenth."""

_PAUSE: Final = 0.02
"""Seconds between two such queries, so that what changes at once is one answer."""

_NEVER: Final = 2**63
"""An index that no key has."""

_INDEX: Final = "x-consul-index"
_DENIED: Final = "ermission denied"
_OK: Final = 200
_NOT_FOUND: Final = 404
_REFUSED: Final = 409
_HOPELESS: Final = frozenset({400, 401, 403, 404, 405})
_CLIENT_ERRORS: Final = range(400, 500)


class ConsulStore(ServerStore["_ConsulServer"]):
    """One lease in Consul. All stores of one URL in a process share their connections.

    Args:
        url: See the module.
        name: The lease's name.

    Raises:
        ConfigurationError: The URL is wrong, or a file that it names.
    """

    guarantees: Final = KINDS["consul"].guarantees

    def __init__(self, url: str, name: str) -> None:
        address = parse(url, port=_PORT, options=("dc",))
        if address.user:
            raise ConfigurationError(f"store {address.shown!r} has a user: give the token alone, as :token@")
        if not address.password.value:
            address = address._replace(password=Secret(_login.consul_token()))
        if not {"", ".", ".."}.isdisjoint(address.prefix.split("/")[:-1]):
            raise ConfigurationError(f"store {address.shown!r} has a prefix that is no path: give one as a/b")
        super().__init__(name, url, lambda: _ConsulServer(address))
        self._key = address.key_of(name)

    def get_lease(self, *, timeout: float) -> StoredLease:
        """See `LeaseStore.get_lease`."""
        record = self._reach().read(self._key, timeout)
        if record is None:
            self._not_found()
        return _stored(record)

    def create_lease(self, lease: Lease, *, timeout: float) -> Version:
        """See `LeaseStore.create_lease`."""
        return self._put_if_at(0, lease, timeout)

    def update_lease(self, lease: Lease, version: Version, *, timeout: float) -> Version:
        """See `LeaseStore.update_lease`."""
        # A version of another kind is none of ours, and neither is 0, which is that of a missing record.
        is_ours = type(version) is int and 0 < version < _NEVER
        return self._put_if_at(version if is_ours else _NEVER, lease, timeout)

    def delete_lease(self, *, timeout: float = OPEN_TIMEOUT) -> None:
        """Remove the record: for tests and operators, no election does it.

        Raises:
            LeaseNotFound: There is no record.
        """
        deadline = time.monotonic() + timeout
        try:
            self._reach().transact([self._verb("get"), self._verb("delete")], timeout)
        except _Refusal as refusal:
            if self._looked(refusal, deadline) is None:
                self._not_found()
            raise self._unexplained(refusal) from refusal

    def check(self, *, timeout: float) -> None:
        """Ask for all that the election will need, and change nothing: a transaction that must fail.

        Raises:
            StoreUnavailable: As every call; `Misconfigured` if trying again will not mend it.
        """
        deadline = time.monotonic() + timeout
        # First what has no content: a server that wants TLS may hang up before it has read one, and then the
        # reset overtakes its answer.
        self._reach().look_below(timeout)
        impossible = self._verb("check-index", Index=_NEVER)
        with suppress(_Refusal):
            self._reach().transact([impossible, self._verb("set", Value="")], deadline - time.monotonic())

    def _put_if_at(self, index: Any, lease: Lease, timeout: float) -> Version:
        deadline = time.monotonic() + timeout
        value = b64encode(to_json(lease).encode()).decode()
        put = self._verb("cas", Value=value, Index=index, Flags=index)
        try:
            [written] = self._reach().transact([put], timeout)
        except _Refusal as refusal:
            record = self._looked(refusal, deadline)
            if record is None and index:
                self._not_found()
            if record is not None and record["ModifyIndex"] != index:
                self._conflict(index or None)
            raise self._unexplained(refusal) from refusal
        return int(written["KV"]["ModifyIndex"])

    def _verb(self, verb: str, **arguments: object) -> dict[str, Any]:
        return {"KV": {"Verb": verb, "Key": self._key, **arguments}}

    def _looked(self, refusal: _Refusal, deadline: float) -> dict[str, Any] | None:
        """Read the record after Consul refused to write: a fact, and no guess from its words."""
        try:
            return self._reach().read(self._key, deadline - time.monotonic())
        except StoreUnavailable as error:
            raise StoreUnavailable(f"{refusal}; then {error}", outcome_unknown=False) from error

    def _unexplained(self, refusal: _Refusal) -> StoreUnavailable:
        return StoreUnavailable(f"{self._shown}: Consul refuses: {refusal}", outcome_unknown=False)


class _Refusal(Exception):
    """Consul did nothing, for the reason that it gives."""


class _ConsulServer(Server):
    """An agent, or some of one cluster."""

    def __init__(self, address: Address) -> None:
        super().__init__(address.shown)
        self._address = address
        self._http = Http(address)
        self._where = {"dc": address.options["dc"]} if "dc" in address.options else {}

    def transact(self, operations: list[Any], timeout: float) -> list[Any]:
        """The results, if all of them were done.

        Raises:
            _Refusal: None was done.
            StoreUnavailable: Consul does not answer, or with an error; certainly not done if it refused it.
            Misconfigured: It refused, and would again.
        """
        content = json.dumps(operations).encode()
        reply = self._call("PUT", f"/v1/txn?{urlencode(self._where)}", timeout, content)
        answer = reply.json()
        if not isinstance(answer, dict):
            raise self._error(reply)
        if reply.status == _REFUSED and answer.get("Errors"):
            words = "; ".join(str(error.get("What")) for error in answer["Errors"])
            if _DENIED in words:
                raise Misconfigured(f"{self.shown}: Consul refuses: {words}")
            raise _Refusal(words)
        if reply.status != _OK or not answer.get("Results"):
            raise self._error(reply)
        return list(answer["Results"])

    def read(self, key: str, timeout: float) -> dict[str, Any] | None:
        """The key, confirmed by a majority; None if it is missing.

        Raises:
            StoreUnavailable: As `transact`.
        """
        reply = self._call("GET", self._path(key, consistent=""), timeout)
        if reply.status == _NOT_FOUND and _INDEX in reply.headers:
            return None
        found = reply.json()
        if reply.status != _OK or not isinstance(found, list) or not found:
            raise self._error(reply)
        record: dict[str, Any] = found[0]
        return record

    def look_below(self, timeout: float) -> None:
        """Ask for the names of the leases, as who listens has to.

        Raises:
            StoreUnavailable: As `transact`.
        """
        reply = self._call("GET", self._path(self._address.prefix, keys="", separator="/"), timeout)
        if _INDEX not in reply.headers:
            raise self._error(reply)

    def listen(self, listener: Listener) -> None:
        """See `Server.listen`: queries that wait until something below the prefix changes."""
        with self._http.another() as http:
            listener.interrupt_by(http.interrupt)
            index, known = 0, dict[str, int]()
            while not listener.is_over:
                path = self._path(self._address.prefix, recurse="", index=index, wait=f"{_WAIT:g}s")
                # Without an end of its own a query could wait for a server that is gone (consul#1843).
                wait = _WAIT * 17 / 16 if index else 0.0
                reply = http.call("GET", path, headers=self._headers(), timeout=wait + OPEN_TIMEOUT)
                if _INDEX not in reply.headers or reply.status not in {_OK, _NOT_FOUND}:
                    raise self._error(reply)
                found: dict[str, dict[str, Any]] = {each["Key"]: each for each in reply.json() or ()}
                latest = int(reply.headers[_INDEX])
                if index == 0:
                    listener.connected()
                for key in known.keys() - found.keys():
                    listener.heard(self._address.lease_of(key))
                for key, record in found.items():
                    if record["ModifyIndex"] != known.get(key):
                        listener.heard(self._address.lease_of(key), partial(_stored, record))
                known = {key: record["ModifyIndex"] for key, record in found.items()}
                # An index that went backwards is that of servers that were made anew: from the beginning.
                index = max(latest, 1) if latest >= index else 0
                time.sleep(_PAUSE)

    def close(self) -> None:
        """See `Server.close`."""
        self._http.close()

    def _path(self, key: str, **query: object) -> str:
        return f"/v1/kv/{quote(key)}?{urlencode({**query, **self._where})}"

    def _call(self, method: str, path: str, timeout: float, content: bytes = b"") -> Reply:
        return self._http.call(method, path, headers=self._headers(), content=content, timeout=timeout)

    def _headers(self) -> dict[str, str]:
        token = self._address.password.value
        return {"X-Consul-Token": token} if token else {}

    def _error(self, reply: Reply) -> StoreUnavailable:
        message = f"{self.shown}: Consul answers {reply.status}: {reply.text!r}"
        if reply.status in _HOPELESS:
            return Misconfigured(message)
        return StoreUnavailable(message, outcome_unknown=reply.status not in _CLIENT_ERRORS)


def _stored(record: dict[str, Any]) -> StoredLease:
    """The record of a key, as a read and a query that waits answer it."""
    return StoredLease(from_json(b64decode(record["Value"] or "")), int(record["ModifyIndex"]))


def open_url(url: str, lease: str) -> ConsulStore:
    """The store at a `consul:` or `consuls:` URL; see the module.

    Raises:
        ConfigurationError: The URL is wrong, or Consul refuses what an election needs.
    """
    store = ConsulStore(url, lease)
    try:
        store.check(timeout=OPEN_TIMEOUT)
    except Misconfigured as error:
        store.close()
        raise ConfigurationError(f"{error}; see the guide to Consul for what an election needs") from None
    except StoreError:
        pass  # it is away for now: the first call says so
    return store
