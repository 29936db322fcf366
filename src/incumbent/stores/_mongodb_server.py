"""A MongoDB deployment as one process reaches it: its client, who listens to it, and what its errors mean."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from typing import Final, TypeVar

import pymongo
from bson.int64 import Int64
from pymongo.errors import (
    ConnectionFailure,
    ExecutionTimeout,
    NotPrimaryError,
    OperationFailure,
    PyMongoError,
    ServerSelectionTimeoutError,
    WriteConcernError,
)
from pymongo.monitoring import CommandFailedEvent, CommandListener, CommandStartedEvent, CommandSucceededEvent

from incumbent.errors import ConfigurationError, CorruptLease, StoreUnavailable
from incumbent.lease import Lease, StoredLease
from incumbent.shown import Secret, redacted, shown
from incumbent.stores._mongodb_client import UNAUTHORIZED, Document, Leases, check, connect, described
from incumbent.stores._server import Listener, Server

T = TypeVar("T")

OPEN_TIMEOUT: Final = 4.0
"""Seconds that opening may take while the server does not answer."""
_AWAIT: Final = 1.0
"""Seconds that the server holds a request for changes if there are none, and that the last watch lingers."""
_PATIENCE: Final = 5.0
"""Seconds after which a listener whose server says nothing connects anew."""
_POLL_PERIOD: Final = 1.0
_RECONNECT_PAUSE: Final = 0.05
_CLOSE_TIMEOUT: Final = 0.5
"""Seconds that saying goodbye may take."""

_OURS: Final = {"find", "insert", "update", "delete"}
_NO_CHANGE_STREAM: Final = {UNAUTHORIZED, 40573}
_REFUSED: Final = {
    UNAUTHORIZED,
    121,  # DocumentValidationFailure
    166,  # CommandNotSupportedOnView
    10107,  # NotWritablePrimary
    13435,  # NotPrimaryNoSecondaryOk
    13436,  # NotPrimaryOrSecondary
}
"""Errors that a server reports before it has done anything. Others, such as a step-down, it may report when
the write is done and waits for the majority."""


class MongoServer(Server):
    """A deployment, and the one client that all leases of its URL share.

    Args:
        url: See `incumbent.stores.mongodb`.

    Raises:
        ConfigurationError: It is no such URL.
    """

    def __init__(self, url: str) -> None:
        super().__init__(redacted(url))
        self._sent = _Sent()
        client, leases = connect(url, self._sent)
        self._client, self._leases = Secret(client), Secret(leases)  # a client shows options in its repr
        self._lock = threading.Lock()
        self._is_checked = False

    def read(self, operation: Callable[[Leases], T], timeout: float) -> T:
        """Return the result of the operation.

        Raises:
            StoreUnavailable: It failed, or had no answer within `timeout` seconds.
        """
        with self._judging(is_write=False):
            return self._try(operation, timeout)

    def write(self, operation: Callable[[Leases], T], timeout: float) -> T:
        """Return the result of the operation once a majority has it.

        Raises:
            StoreUnavailable: It failed, or had no answer within `timeout` seconds. The outcome is unknown,
                unless nothing was sent or the server refused it.
        """
        with self._judging(is_write=True):
            return self._try(operation, timeout)

    def check(self) -> None:
        """See `MongoStore.check`: once for all leases."""
        with self._lock:
            if self._is_checked:
                return
            self._is_checked = True
        try:
            with pymongo.timeout(OPEN_TIMEOUT):
                check(self._leases.value, self.shown)
        except (ConnectionFailure, ExecutionTimeout) as error:
            # Out of reach, or overtaxed, is not for ever: the first call says so.
            members = self._client.value.topology_description.server_descriptions().values()
            if members and all("CERTIFICATE_VERIFY_FAILED" in str(each.error) for each in members):
                raise ConfigurationError(
                    f"{self.shown}: {described(error)}: name the authority that vouches for its "
                    f"certificate by tlsCAFile=, and the server as its certificate does"
                ) from error

    def listen(self, listener: Listener) -> None:
        """See `Server.listen`."""
        with self._judging(is_write=False):
            try:
                self._follow(listener)
            except OperationFailure as error:
                if error.code not in _NO_CHANGE_STREAM:
                    raise
                self._poll(listener)

    def close(self) -> None:
        """See `Server.close`."""
        with pymongo.timeout(_CLOSE_TIMEOUT):
            self._client.value.close()

    def _try(self, operation: Callable[[Leases], T], timeout: float) -> T:
        """Only what was not sent is tried again: the pool may hold connections to a server that is gone."""
        self._sent.anything = False
        deadline = time.monotonic() + timeout
        with pymongo.timeout(max(timeout, 0.001)):  # 0 would be no limit
            while True:
                try:
                    return operation(self._leases.value)
                except ServerSelectionTimeoutError:
                    raise
                except ConnectionFailure:
                    if self._sent.anything or time.monotonic() + _RECONNECT_PAUSE >= deadline:
                        raise
                time.sleep(_RECONNECT_PAUSE)

    @contextmanager
    def _judging(self, *, is_write: bool) -> Iterator[None]:
        """The exception map: an error becomes what it says about the write."""
        try:
            yield
        except PyMongoError as error:
            is_unknown = is_write and self._sent.anything and not _is_refusal(error)
            raise StoreUnavailable(f"{self.shown}: {described(error)}", outcome_unknown=is_unknown) from error

    def _follow(self, listener: Listener) -> None:
        """By a change stream. pymongo resumes it where it was, and raises where it cannot."""
        # An insertion and a replacement come with the document by themselves. An update does not: that is
        # nobody's but an operator's, and to have it looked up would be a read for each.
        keys = [{"$project": {"documentKey": 1, "fullDocument": 1}}]
        with pymongo.timeout(_PATIENCE):
            stream = self._leases.value.watch(keys, max_await_time_ms=round(1000 * _AWAIT))
        try:
            listener.connected()
            while not listener.is_over:
                with pymongo.timeout(_PATIENCE):
                    change = stream.try_next()
                if change is not None:
                    if "documentKey" not in change:
                        return  # the collection was dropped or renamed: begin anew, and tell all
                    name, document = change["documentKey"]["_id"], change.get("fullDocument")
                    if isinstance(name, str):
                        listener.heard(name, None if document is None else partial(stored_in, document))
        finally:
            with suppress(PyMongoError), pymongo.timeout(_CLOSE_TIMEOUT):
                stream.close()

    def _poll(self, listener: Listener) -> None:
        """By looking: no server without a replica set, and no user who may not, has a change stream."""
        is_over = threading.Event()
        listener.interrupt_by(is_over.set)
        known = self._look(listener.names)
        listener.connected()
        while not is_over.wait(_POLL_PERIOD):
            found = self._look(listener.names)
            for name in known.keys() - found.keys():
                listener.heard(name)
            for name, document in found.items():
                if document != known.get(name):
                    listener.heard(name, partial(stored_in, document))
            known = found

    def _look(self, names: Sequence[str]) -> dict[str, Document]:
        with pymongo.timeout(_PATIENCE):
            cursor = self._leases.value.find({"_id": {"$in": names}})
            return {document["_id"]: document for document in cursor}


def stored_in(document: Document) -> StoredLease:
    """The record and its version, as a read and a watch answer a document.

    Raises:
        CorruptLease: It is no lease.
    """
    version = document.get("version")
    if not isinstance(version, str) or not version:
        raise CorruptLease(
            f"the record of lease {shown(document['_id'])} has no version; repair or delete it by hand"
        )
    # Of 64 bits, an integer comes back as a class of its own.
    fields = {name: int(value) if isinstance(value, Int64) else value for name, value in document.items()}
    return StoredLease(Lease.from_fields(fields), version)


class _Sent(CommandListener):
    """Whether a thread's call has got as far as the wire: before that, it certainly did nothing."""

    def __init__(self) -> None:
        self._here = threading.local()

    @property
    def anything(self) -> bool:
        """Whether this thread has sent a command of ours since it said that it had not."""
        return getattr(self._here, "anything", True)

    @anything.setter
    def anything(self, value: bool) -> None:
        self._here.anything = value

    def started(self, event: CommandStartedEvent) -> None:
        """A command is sent. Those of connecting and logging in are not ours."""
        if event.command_name in _OURS:
            self.anything = True

    def succeeded(self, event: CommandSucceededEvent) -> None:
        """Not needed."""

    def failed(self, event: CommandFailedEvent) -> None:
        """Not needed."""


def _is_refusal(error: PyMongoError) -> bool:
    """Whether the server said that it has not done, and will not do, what it was asked for."""
    if isinstance(error, WriteConcernError):
        return False  # done, but not yet by a majority
    if isinstance(error, NotPrimaryError):
        return isinstance(error.details, dict) and error.details.get("code") in _REFUSED
    return isinstance(error, OperationFailure) and error.code in _REFUSED
