"""Leases in Redis, one hash each, written by a Lua script that compares the version first.

    redis://[user[:password]@]host[:port][/db]
    redis+unix:///path/of/redis.sock[?db=N]   (also unix://, as redis-py has it)
    redis+sentinel://[user[:password]@]host[:port][,host[:port]...]/service[/db]
    redis+cluster://[user[:password]@]host[:port][,host[:port]...]

`rediss` in place of `redis` is TLS. What is special in a user or password is percent-encoded. A password that
the URL leaves out is looked for in REDISCLI_AUTH. Options:

- `prefix=incumbent:` is what every key begins with; `{lease}` follows.
- `wait=N`: what N replicas have not acknowledged is neither reported as written nor read. With `+sentinel` it
  is 1 unless given: a sentinel promotes a replica by itself. Of any other server that has replicas it has to
  be given. Watches are told before that; nobody leads by what is told, so that it costs time at the most.
- `db=N`, `username`, `password`: with `+unix`.
- `ssl_ca_certs`, `ssl_certfile`, `ssl_keyfile`: paths, with `rediss`.
- `sentinel_username`, `sentinel_password`: for the sentinels, with `+sentinel`.

Redis may forget: what it acknowledged is lost in a restart without an append-only file, and in a failover to
a replica that lags. So an election here saves work, and is safe only where the work is fenced. What can be
done without a memory is done. A server's life is its `run_id` together with its `master_replid`, which change
at every restart and at every promotion, and:

- A life is an epoch: every wait of a follower begins anew with it (P15), even if the record is the same, or
  is an older one that came back. A version is `<uuid>@<life>`: never repeated, another one in every life.
- A write names the life in which it was decided on, and is refused in another. So a request that was under
  way for long does not reach a record that only looks like the one it was meant for.
- A record that was released in another life is shown as held for one more lease duration (P5): whoever took
  it over at once may be what was forgotten. So is a record that is missing in one life after the other; it is
  shown once, so that the elector counts anew what it then finds missing.

A holder may renew across lives, if the record still carries its session and the very version it names. That
is safe. Let it have sent the write of that version at s: it leads until s + renew_deadline, unless an answer
to a later renewal comes before. Somebody else can have taken over in the life that was forgotten, but not
before s + lease_duration, having seen that version for so long (P4), and the answer to a renewal that reached
the new life comes later still. By then the holder has stepped down by its own clock, and takes it for nothing
(P3, P10). All it does is that followers wait once more; so does a request to resign (P14). A release is no
renewal, for its session is another: it would let the next one in at once.

All of that rests on one life at a time. A master that is cut off and still takes writes while its replica is
promoted is two, and with `wait=0` each may have a leader, both with the same token. With `wait=1` the one
that is cut off acknowledges nothing.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timezone
from functools import partial
from typing import Any, Final, TypeVar

from incumbent.errors import CorruptLease, LeaseConflict, StoreUnavailable
from incumbent.lease import Lease, StoredLease, Version
from incumbent.shown import shown
from incumbent.store import Call
from incumbent.stores._kinds import KINDS
from incumbent.stores._redis_check import check
from incumbent.stores._redis_connection import REFUSALS, Command
from incumbent.stores._redis_nodes import Nodes
from incumbent.stores._redis_place import Place, place_of
from incumbent.stores._redis_scripts import DELETING, READING, TRYING, WRITING
from incumbent.stores._server import Listener, Server, ServerStore, Steps, conclude
from incumbent.unique import unique

T = TypeVar("T")

_CONNECT_TIMEOUT: Final = 5.0
_LISTEN_PERIOD: Final = 0.5
"""Seconds until a lease that nobody here has watched before is listened for."""
_SILENCE: Final = 10.0
"""Seconds until a connection that listens is asked whether it is still one, and until it is given up."""

_RELEASED_BEFORE: Final = "(released before the server restarted)"
_FORGOTTEN: Final = "(forgotten when the server restarted)"
_NOBODY: Final = "(nobody)"
_A_MOMENT: Final = 0.001
_EPOCH: Final = datetime.fromtimestamp(0, timezone.utc)


class RedisStore(ServerStore["_RedisServer"]):
    """One lease in Redis. One object is for one campaign: it remembers in which life it found no record.

    Args:
        url: See the module's docstring.
        name: The lease's name.

    Raises:
        ConfigurationError: The URL or the name is malformed. The server is not looked at.
    """

    guarantees: Final = KINDS["redis"].guarantees

    def __init__(self, url: str, name: str) -> None:
        place = place_of(url)
        super().__init__(name, url, lambda: _RedisServer(place))
        self._key: Final = place.key(name)
        self._db: Final = place.db
        self._missing_in = ""

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
        """See `BatchStore.call_together`: one pipeline, but in a cluster each call by itself.

        With `wait=N` it is waited for N replicas once, after all of them.
        """
        return self._call_together(calls, _RedisServer.run_together)

    def _alone(self, steps: Steps[Command, T], timeout: float) -> T:
        return conclude(steps, self._reach().run(next(steps), timeout))

    def _get_lease(self) -> Steps[Command, StoredLease]:
        life, flat = yield Command(READING, self._key, [])
        now, before, self._missing_in = life.decode(), self._missing_in, ""
        if flat:
            return _stored(dict(zip(flat[::2], flat[1::2], strict=True)), now)
        self._missing_in = now
        if before in ("", now):
            self._not_found()
        return _forgotten(now)

    def _create_lease(self, lease: Lease) -> Steps[Command, Version]:
        return self._write(lease, "", self._missing_in)

    def _update_lease(self, lease: Lease, version: Version) -> Steps[Command, Version]:
        named, _, life = version.partition("@") if isinstance(version, str) else ("", "", "")
        return self._write(lease, named or "another store's", life)

    def delete_lease(self, *, timeout: float = 5.0) -> None:
        """Remove the record: for tests and operators, no election does it.

        Raises:
            LeaseNotFound: There is no record.
        """
        if self._reach().run(Command(DELETING, self._key, []), timeout) == 0:
            self._not_found()

    def check(self) -> None:
        """Check that the server is fit for this lease, if it is there.

        Raises:
            ConfigurationError: It does not, and will not.
        """
        check(self._reach().nodes, self._key, (TRYING, READING))

    def _write(self, lease: Lease, named: str, life: str) -> Steps[Command, Version]:
        """`named` is the version to replace, or "" if there is to be no record."""
        version = unique()
        fields = [str(part) for pair in lease.to_fields().items() for part in pair]
        arguments = [version, named, life, lease.holder_session, str(self._db), *fields]
        outcome, *rest = yield Command(WRITING, self._key, arguments)
        if outcome == b"missing":
            self._not_found()
        if outcome == b"elsewhen":
            raise LeaseConflict(f"lease {shown(self.name)}: {self._shown} was restarted since it was read")
        if outcome != b"written":
            self._conflict(f"{named}@{life}" if named else None)
        return f"{version}@{rest[0].decode()}"


class _RedisServer(Server):
    def __init__(self, place: Place) -> None:
        super().__init__(place.shown)
        self.nodes: Final = Nodes(place)

    def run(self, command: Command, timeout: float) -> Any:
        """See `Nodes.run`; with every error as one of ours."""
        try:
            return self.nodes.run(command, time.monotonic() + timeout)
        except REFUSALS as error:
            raise self._ours(error, command) from error

    def run_together(self, commands: Sequence[tuple[Command, float]]) -> list[Any]:
        """See `Nodes.run_together`; with every error as one of ours."""
        answers = self.nodes.run_together(commands)
        return [
            self._ours(answer, command) if isinstance(answer, REFUSALS) else answer
            for answer, (command, _) in zip(answers, commands, strict=True)
        ]

    def _ours(self, error: Exception, command: Command) -> Exception:
        if str(error).startswith("WRONGTYPE") and command.script is READING:
            return CorruptLease(
                f"the key {shown(command.key)} at {self.shown} is no hash, so no lease: delete it by hand"
            )
        return StoreUnavailable(f"{self.shown}: {error}", outcome_unknown=False)

    def listen(self, listener: Listener) -> None:
        """Subscribe to what is watched, and look now and then whether that is something else by now."""
        connection = self.nodes.connected("", time.monotonic() + _CONNECT_TIMEOUT)
        listener.interrupt_by(connection.cut)
        names: dict[bytes, str] = {}
        look_at, is_connected = 0.0, False
        heard_at = asked_at = time.monotonic()
        try:
            while not listener.is_over:
                now = time.monotonic()
                connection.deadline = now + _CONNECT_TIMEOUT
                if now >= look_at:
                    names, look_at = self._follow(connection, listener, names), now + _LISTEN_PERIOD
                if now - max(heard_at, asked_at) > _SILENCE:
                    if asked_at > heard_at:
                        raise StoreUnavailable("no sign of life")
                    connection.send_command("SUBSCRIBE", *tuple(names)[:1])  # once more, to have an answer
                    asked_at = now
                if not connection.can_read(timeout=_LISTEN_PERIOD):
                    continue
                heard_at = time.monotonic()
                kind, channel, message = connection.read_response()
                if kind == b"subscribe" and not is_connected:  # one command subscribes to all at once
                    is_connected = True
                    listener.connected()
                elif kind != b"unsubscribe" and channel in names:
                    read = partial(_told, message, self.nodes.place.db) if kind == b"message" else None
                    listener.heard(names[channel], read)
        finally:
            connection.disconnect()

    def _follow(self, connection: Any, listener: Listener, before: dict[bytes, str]) -> dict[bytes, str]:
        """Change the subscriptions to those that are watched now: names by their channels."""
        names = {self.nodes.place.key(name).encode(): name for name in listener.names}
        for command, channels in (
            ("SUBSCRIBE", names.keys() - before.keys()),
            ("UNSUBSCRIBE", before.keys() - names.keys()),
        ):
            if channels:
                connection.send_command(command, *channels)
        return names

    def close(self) -> None:
        self.nodes.close()


def open_url(url: str, lease: str) -> RedisStore:
    """The store at a URL as in the module's docstring, once the server has been looked at, if it is there.

    Raises:
        ConfigurationError: The URL or the name is malformed; or the server is there, but refuses to let in
            who asks, forbids what is needed, evicts records, or has something else at the lease's key.
    """
    store = RedisStore(url, lease)
    try:
        store.check()
    except BaseException:
        store.close()
        raise
    return store


def _told(message: bytes, db: int) -> StoredLease:
    """The record that a message tells, as it counts in the life in which it was written."""
    parts = message.split(b"\0")
    record = dict(zip(parts[::2], parts[1::2], strict=False))
    if record.get(b"db") != b"%d" % db or not record.get(b"life"):
        raise CorruptLease("the message tells a deletion, or is of an older version or another database")
    return _stored(record, record[b"life"].decode(errors="replace"))


def _stored(record: dict[bytes, bytes], life: str) -> StoredLease:
    """The record as it counts in this life of the server."""
    try:
        fields = {name.decode(): value.decode() for name, value in record.items()}
    except UnicodeDecodeError as error:
        raise CorruptLease(f"the record is no text ({error}); repair or delete it by hand") from None
    lease = Lease.from_fields(fields)
    if not fields.get("version", "").isalnum():  # none that a write could name
        raise CorruptLease("the record has no version; repair or delete it by hand")
    if lease.is_vacant and fields.get("life") != life:
        lease = replace(lease, holder_identity=_RELEASED_BEFORE, holder_session=_NOBODY)
    return StoredLease(lease, f"{fields['version']}@{life}", epoch=life)


def _forgotten(life: str) -> StoredLease:
    """Build the placeholder shown once if the record is missing in successive lives; no write names it."""
    nobody = Lease(_FORGOTTEN, _NOBODY, _A_MOMENT, _EPOCH, _EPOCH, 0)
    return StoredLease(nobody, f"{_FORGOTTEN}@{life}", epoch=life)
