"""Check before the first election round for faults of a Redis that do not mend by themselves."""

from __future__ import annotations

import ssl
import time
from typing import Any, Final

from redis.exceptions import (
    AskError,
    BusyLoadingError,
    ClusterDownError,
    OutOfMemoryError,
    ReadOnlyError,
    TryAgainError,
)

from incumbent.errors import ConfigurationError, StoreUnavailable
from incumbent.shown import shown
from incumbent.stores._redis_connection import REFUSALS, Command, Script, exchange
from incumbent.stores._redis_nodes import Nodes

CHECK_TIMEOUT: Final = 5.0
"""Seconds that the check may take; a server that is not there in time is passed over."""

_PASSING: Final = (BusyLoadingError, ReadOnlyError, ClusterDownError, TryAgainError, OutOfMemoryError)
_PASSING_CODES: Final = ("BUSY ", "MISCONF ", "NOREPLICAS ", "UNKILLABLE ")
_LOST_IN_HANDSHAKE: Final = (ssl.SSLEOFError, ssl.SSLZeroReturnError, ssl.SSLSyscallError)


def check(nodes: Nodes, key: str, scripts: tuple[Script, ...]) -> None:
    """Try what a store does, without writing anything.

    Args:
        nodes: The server.
        key: Of the lease.
        scripts: They do nothing, but need all permissions that the store needs.

    Raises:
        ConfigurationError: The server is reachable, and does not do for a store.
    """
    deadline = time.monotonic() + CHECK_TIMEOUT
    try:
        for script in scripts:
            nodes.run(Command(script, key, []), deadline)
        information: bytes = nodes.call(key, deadline, lambda connection: _look(connection, key))
    except StoreUnavailable as error:
        if _is_for_good(error.__cause__):
            raise _wrong(nodes, f"does not do: {error.__cause__}") from error
        return
    except AskError as error:
        raise _wrong(nodes, "is a node of a cluster: give redis+cluster://") from error
    except REFUSALS as error:
        if _is_for_good(error):
            raise _wrong(nodes, f"does not do for the key {shown(key)}: {error}") from error
        return
    found = dict(line.split(":", 1) for line in information.decode().split() if ":" in line)
    if nodes.place.wait is None and found.get("role") == "master" and found["connected_slaves"] != "0":
        raise _wrong(
            nodes,
            "has replicas, and one that takes its place may lack the latest writes: two leaders, one token. "
            "Add wait=1 to the URL, so that what no replica has does not count; or wait=0, if it is harmless",
        )
    policy = found.get("maxmemory_policy", "")
    if found.get("maxmemory", "0") != "0" and policy.startswith("allkeys"):
        raise _wrong(
            nodes, f"evicts leases when its memory is full: set maxmemory-policy noeviction, not {policy}"
        )


def _look(connection: Any, key: str) -> Any:
    """Read the server's account of its memory and its replicas, and try whether one may listen."""
    information = exchange(connection, "INFO", "memory") + exchange(connection, "INFO", "replication")
    exchange(connection, "SUBSCRIBE", key)
    exchange(connection, "UNSUBSCRIBE", key)
    return information


def _is_for_good(error: BaseException | None) -> bool:
    """Whether the server would say so again, however often it is asked."""
    if isinstance(error, REFUSALS):
        return not (isinstance(error, _PASSING) or str(error).startswith(_PASSING_CODES))
    context = None if error is None else error.__context__
    return isinstance(context, ssl.SSLError) and not isinstance(context, _LOST_IN_HANDSHAKE)


def _wrong(nodes: Nodes, what: str) -> ConfigurationError:
    return ConfigurationError(f"store {nodes.place.shown!r} {what}")
