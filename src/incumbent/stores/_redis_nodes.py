"""Connections to the nodes of a Redis, each with a deadline; and which node is the one to ask.

The client's pools, and its clients for Sentinel and Cluster, may send a command again when they lose a
connection, and do not say whether it had been sent. An election has to know. So the client's connections are
used as they are, and to find the node is a question to a sentinel, or to follow what a cluster's node says.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Final

from redis.exceptions import (
    AskError,
    MovedError,
    NoScriptError,
    ReadOnlyError,
    RedisError,
    ResponseError,
)

from incumbent.errors import StoreUnavailable
from incumbent.stores._redis_connection import (
    REFUSALS,
    Command,
    connect,
    exchange,
    exchange_all,
    exchange_each,
    is_quiet,
)
from incumbent.stores._redis_place import Address, Place

_REDIRECTIONS: Final = 5
_SEE_TO_IT: Final = (NoScriptError, ReadOnlyError, AskError)
"""Refusals after which `run` does something about it."""


class Nodes:
    """The nodes of one place. Any thread may use it."""

    def __init__(self, place: Place) -> None:
        self.place: Final = place
        self._known = deque(place.addresses)
        self._found: dict[str, Address] = {}
        self._idle: dict[Address, list[Any]] = {}
        self._lock = threading.Lock()
        self._is_closed = False

    def run(self, command: Command, deadline: float) -> Any:
        """Run the script at most once, on the node of its key. Returns its answer; raises as `call` does."""
        return self.call(command.key, deadline, lambda connection: _run(connection, command))

    def run_together(self, commands: Sequence[tuple[Command, float]]) -> list[Any]:
        """Run scripts in one round trip, each at most once and until its deadline.

        Returns:
            For each an answer, or what `run` would raise, or None if it has to be run by itself: the server
            does not know the script, or is not the one to ask. In a cluster, where each key has its node, and
            one that hangs is not to hold up the others, that is all of them.
        """
        if self.place.kind == "cluster":
            return [None] * len(commands)
        answers: list[Any] = []
        late = StoreUnavailable(f"{self.place.shown}: no time was left to send it", outcome_unknown=False)

        def work(connection: Any) -> None:
            now = time.monotonic()
            sent.extend(place for place, (_, deadline) in enumerate(commands) if deadline > now)
            exchange_each(connection, [_evalsha(commands[place][0]) for place in sent], answers)

        sent, outcomes = list[int](), list[Any]([late]) * len(commands)
        try:
            self.call(commands[0][0].key, max(deadline for _, deadline in commands), work)
        except StoreUnavailable as error:
            if not sent:
                return [error] * len(commands)
            # What replicas have to have is not known of any, as it is asked for all of them at once.
            answers = (answers if not self.place.wait else []) + [error] * len(sent)
        for place, answer in zip(sent, answers, strict=False):
            outcomes[place] = None if isinstance(answer, _SEE_TO_IT) else answer
        return outcomes

    def call(self, key: str, deadline: float, work: Callable[[Any], Any]) -> Any:
        """Return the result of `work`, called with a connection to the node of that key.

        It is done again only where a cluster says that another node is the one to ask.

        Raises:
            RedisError: One of `REFUSALS`: it was not done, or it failed, as the server says.
            StoreUnavailable: No answer, caused by an error of the client's. Or there is one, but it rests on
                what fewer than `place.wait` replicas have: of unknown outcome, too.
        """
        asked: Address | None = None
        for _ in range(_REDIRECTIONS):
            connection = self.connected(key, deadline, at=asked)
            connection.is_asked = asked is not None
            try:
                answer = work(connection)
                if self.place.wait:
                    self._await_replicas(connection, key)
            except AskError as error:  # a MovedError is one
                if self.place.kind != "cluster":
                    raise
                asked = self._redirected(key, error, connection)
            except REFUSALS as error:
                if isinstance(error, ReadOnlyError):
                    self._lose(key, connection)  # a master that was demoted; who succeeds it has to be found
                raise
            except (RedisError, OSError) as error:
                self._lose(key, connection)
                raise StoreUnavailable(f"{self.place.shown}: {error}") from error
            except BaseException:
                connection.disconnect()  # whoever used it next would read this answer for its own
                raise
            else:
                return answer
            finally:
                self.give_back(connection)
        raise StoreUnavailable(f"{self.place.shown}: redirected in a circle", outcome_unknown=False)

    def connected(self, key: str, deadline: float, *, at: Address | None = None) -> Any:
        """A connection that is ready for a command, to the node of that key. `give_back` it.

        Raises:
            StoreUnavailable: There is none, caused by an error of the client's. Nothing was sent.
        """
        try:
            address = at or self._found.get(self._sought(key), self._known[0])
            connection = self._idle_at(address, deadline)
            if connection is None and self.place.kind == "sentinel":
                address = self._found[""] = self._ask_sentinels(deadline)
            return connection or connect(self.place, address, deadline)
        except (RedisError, OSError) as error:
            self._found.pop(self._sought(key), None)
            self._known.rotate(-1)
            raise StoreUnavailable(f"{self.place.shown}: {error}", outcome_unknown=False) from error

    def give_back(self, connection: Any) -> None:
        """Keep the connection for the next call, unless it was lost."""
        with self._lock:
            if not (connection.is_lost or self._is_closed):
                self._idle.setdefault(connection.address, []).append(connection)
                return
        connection.disconnect()

    def close(self) -> None:
        """Close all connections; those in use when they are given back."""
        with self._lock:
            self._is_closed = True
            idle = [connection for connections in self._idle.values() for connection in connections]
            self._idle.clear()
        for connection in idle:
            connection.disconnect()

    def _sought(self, key: str) -> str:
        """Return the key of `_found`: a cluster has a node for each key, all else has one."""
        return key if self.place.kind == "cluster" else ""

    def _ask_sentinels(self, deadline: float) -> Address:
        """Each has its share of the time that is left; the first that answers is the first the next time."""
        for left in range(len(self._known), 0, -1):
            now = time.monotonic()
            try:
                return self._ask_sentinel(self._known[0], now + (deadline - now) / left)
            except (RedisError, OSError):
                if left == 1:
                    raise
                self._known.rotate(-1)
        raise AssertionError("unreachable")

    def _ask_sentinel(self, address: Address, deadline: float) -> Address:
        connection = connect(self.place, address, deadline, is_sentinel=True)
        try:
            answer = exchange(connection, "SENTINEL", "get-master-addr-by-name", self.place.service)
        finally:
            connection.disconnect()
        if answer is None:
            raise ResponseError(f"the sentinel at {address[0]}:{address[1]} knows no {self.place.service!r}")
        return answer[0].decode(), int(answer[1])

    def _redirected(self, key: str, error: AskError, connection: Any) -> Address | None:
        """Follow a node's hint: for good, or (then it is returned) just this once."""
        address = (error.host or connection.address[0], error.port)
        if address not in self._known:
            self._known.append(address)
        if not isinstance(error, MovedError):
            return address
        self._found[key] = address
        return None

    def _idle_at(self, address: Address, deadline: float) -> Any:
        """A connection that was given back and is still good, or None."""
        while True:
            with self._lock:
                connection = self._idle[address].pop() if self._idle.get(address) else None
            if connection is None or is_quiet(connection):
                break
            connection.disconnect()
        if connection is not None:
            connection.deadline = deadline
        return connection

    def _lose(self, key: str, connection: Any) -> None:
        """The node does not answer, or is not the one any more: so are all connections to it."""
        connection.disconnect()
        with self._lock:
            self._found.pop(self._sought(key), None)
            suspects = self._idle.pop(connection.address, [])
        for suspect in suspects:
            suspect.disconnect()

    def _await_replicas(self, connection: Any, key: str) -> None:
        """Wait for the replicas to have what this connection wrote, and what it read: it is not undone, then.

        WAIT is for what the connection itself sent to the replicas, which a read does not everywhere: it does
        in Redis 7.0, and does not in Valkey 9. So a message that nobody listens to goes after it.
        """
        wait = self.place.wait or 0
        patience_ms = max(1, int(connection.socket_timeout * 900))  # it answers before the deadline
        mark = ("PUBLISH", f"{key}:mark", "")
        try:
            acknowledged = exchange_all(connection, mark, ("WAIT", wait, patience_ms))[-1]
        except REFUSALS as error:  # of the WAIT, not of what went before
            raise StoreUnavailable(f"{self.place.shown}: {error}") from error
        if acknowledged < wait:
            raise StoreUnavailable(
                f"{self.place.shown}: {acknowledged} of {wait} replicas acknowledged in time (wait={wait})"
            )


def _run(connection: Any, command: Command) -> Any:
    script, key, arguments = command
    if connection.is_asked:  # it holds for one command, so that one must not fail for want of the script
        exchange(connection, "ASKING")
        return exchange(connection, "EVAL", script.text, 1, key, *arguments)
    try:
        return exchange(connection, *_evalsha(command))
    except NoScriptError:  # certainly not run
        return exchange(connection, "EVAL", script.text, 1, key, *arguments)


def _evalsha(command: Command) -> tuple[str | int, ...]:
    return "EVALSHA", command.script.sha, 1, command.key, *command.arguments
