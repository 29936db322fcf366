"""A cluster of etcd as one process reaches it: requests, many of them in one transaction, and watches."""

from __future__ import annotations

import json
import time
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Final, NamedTuple

from incumbent.errors import StoreUnavailable
from incumbent.lease import StoredLease
from incumbent.shown import Secret
from incumbent.stores._http import OPEN_TIMEOUT, Address, Http, Misconfigured, Reply
from incumbent.stores._server import Listener, Server, from_json

_SILENCE: Final = 30.0
"""Seconds after which a watch that hears nothing is begun anew: its connection may be dead."""

_MOST_TOGETHER: Final = 127
"""Operations in one transaction: a server allows 128 (`--max-txn-ops`), counting the level that is nested."""

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


class Operation(NamedTuple):
    """One request of etcd's key-value service.

    Attributes:
        kind: `range`, `txn` or `deleterange`.
        key: The key of the lease.
        body: The rest of the request.
    """

    kind: str
    key: str
    body: dict[str, Any]


class EtcdServer(Server):
    """A cluster: its connections, and the token of who is logged in there.

    Attributes:
        range: Where the keys of all leases are.
    """

    def __init__(self, address: Address) -> None:
        super().__init__(address.shown)
        self.range: Final = {"key": encode(address.prefix), "range_end": _end_of(address.prefix)}
        self._address = address
        self._http = Http(address)
        self._login: Secret[Mapping[str, str]] | None = None

    def ask(self, operation: Operation, timeout: float) -> dict[str, Any]:
        """Send a request and return the answer of etcd.

        Raises:
            StoreUnavailable: Nothing, or an error; certainly not done if etcd refused it.
            Misconfigured: It refused, and would again.
        """
        return self._judge(self._send(f"/v3/kv/{operation.kind}", operation.body, timeout))

    def ask_together(self, asked: Sequence[tuple[Operation, float]]) -> list[Any]:
        """Make many operations in one transaction, each of them until its deadline.

        Each write is a transaction within it, with a condition and so an outcome of its own. What is more
        than a transaction may hold is for the next one.

        Returns:
            The answer of each, or what `ask` would raise. Or None if it has to be made by itself: etcd
            refused the transaction, maybe for one of them; or an earlier one writes the same key, and a
            transaction may do that once.
        """
        late = StoreUnavailable(f"{self.shown}: no time was left to send it", outcome_unknown=False)
        answers: list[Any] = [None] * len(asked)
        places = _without_second_writes([operation for operation, _ in asked])
        for start in range(0, len(places), _MOST_TOGETHER):
            now, sent = time.monotonic(), list[int]()
            for place in places[start : start + _MOST_TOGETHER]:
                answers[place] = late
                if asked[place][1] > now:
                    sent.append(place)
            found = self._transact([asked[place] for place in sent]) if sent else []
            for place, answer in zip(sent, found, strict=True):
                answers[place] = answer
        return answers

    def _transact(self, asked: Sequence[tuple[Operation, float]]) -> list[Any]:
        """The answers of one transaction; or of each, the same error; or None if etcd refused it."""
        operations = [operation for operation, _ in asked]
        body = {
            "success": [{f"request_{each.kind}": each.body} for each in operations],
            # Never done, and yet checked: servers older than 3.6.9 (of 2026) let anybody write in a nested
            # transaction (GHSA-rfx7-8w68-q57q), and who may not write alone is not to write here.
            "failure": [{"request_put": {"key": each.key}} for each in operations if each.kind == "txn"],
        }
        try:
            timeout = max(deadline for _, deadline in asked) - time.monotonic()
            reply = self._send("/v3/kv/txn", body, timeout)
        except StoreUnavailable as error:
            return [error] * len(asked)
        try:
            answer = self._judge(reply)
        except StoreUnavailable as error:
            return [error if error.outcome_unknown else None] * len(asked)
        return [
            {**response[f"response_{each.kind}"], "header": answer["header"]}
            for each, response in zip(operations, answer["responses"], strict=True)
        ]

    def _send(self, path: str, body: dict[str, Any], timeout: float) -> Reply:
        """Send a request, and once more where a token was not known.

        Raises:
            StoreUnavailable: There is no reply, or nobody is let in.
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
        return reply

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
            listener.heard(self._address.lease_of(key), partial(stored_in, event["kv"]))

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


def stored_in(record: dict[str, Any]) -> StoredLease:
    """The record of a key, as a read and a watch answer it."""
    # Of a value that is empty, or was deleted, the gateway says nothing at all.
    return StoredLease(from_json(b64decode(record.get("value", ""))), int(record["mod_revision"]))


def encode(text: str) -> str:
    """Bytes as the gateway takes them."""
    return b64encode(text.encode()).decode()


def _without_second_writes(operations: Sequence[Operation]) -> list[int]:
    """The places of those that may be in one transaction."""
    written, places = set[str](), list[int]()
    for place, operation in enumerate(operations):
        if operation.kind == "txn":
            if operation.key in written:
                continue
            written.add(operation.key)
        places.append(place)
    return places


def _end_of(prefix: str) -> str:
    """The first key behind all that begin so; the prefix ends with a slash."""
    return encode(prefix[:-1] + chr(ord(prefix[-1]) + 1))
