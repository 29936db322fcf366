"""Words for faults, requests and properties."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from incumbent.core.messages import (
    CreateLease,
    Found,
    GetLease,
    Missing,
    Refused,
    Reply,
    Request,
    Written,
)
from incumbent.lease import StoredLease
from incumbent.testing.history import Struck
from incumbent.testing.properties import PROPERTIES
from incumbent.testing.simulation.participants import MILLION

CUT: Final = {
    "both": "cut off from the store",
    "requests": "its requests get lost",
    "answers": "the answers to it get lost",
}


def struck(record: Struck) -> str:
    """Describe the fault as a predicate, such as "is cut off from the store"."""
    arguments = record.args[1:] if record.targets else record.args
    words = VERBS.get(record.verb)
    return words(*arguments) if words is not None else f"{record.verb}{arguments}"


def _for(seconds: float | None) -> str:
    return "" if seconds is None else f", for {seconds:g} s"


def _to(successor: str, hold: float = 0.0) -> str:
    for_whom = f", for {successor}" if successor else ""
    return for_whom + (f", and holds the lease back for {hold:g} s" if hold else "")


def _ways(direction: str) -> str:
    return "messages" if direction == "both" else direction


def _next(direction: str, count: int) -> str:
    ways = _ways(direction)
    return f"its next {ways[:-1]} is" if count == 1 else f"its next {count} {ways} are"


def _drift(ppm: int) -> str:
    if ppm <= -MILLION:
        return "its clock stands still"
    return (
        f"its clock runs {abs(ppm) / 1e4:g} % {'fast' if ppm > 0 else 'slow'}"
        if ppm
        else "its clock runs right"
    )


VERBS: Final[dict[str, Callable[..., str]]] = {
    "partition": lambda way, seconds: CUT[way] + _for(seconds),
    "delay": lambda by, way, seconds: f"its {_ways(way)} take {by:g} s longer{_for(seconds)}",
    "drop": lambda way, count: f"{_next(way, count)} lost",
    "duplicate": lambda way, count: f"{_next(way, count)} delivered twice",
    "heal": lambda: "its network is well again",
    "stall_store": lambda seconds: f"the store answers nothing for {seconds:g} s",
    "delete_lease": lambda: "the record is deleted from outside",
    "restore_backup": lambda: "an old record is put back from outside",
    "pause": lambda seconds: "paused" + _for(seconds),
    "resume": lambda: "goes on",
    "crash": lambda seconds: "crashes" + _for(seconds),
    "restart": lambda: "starts again",
    "twin": lambda: "gets a twin: a second process of its name",
    "resign": lambda to="": "is told to resign" + _to(to),
    "stop": lambda timeout: "is told to stop" + ("" if timeout is None else f" within {timeout:g} s"),
    "urge": lambda what: f"the code of its user is to {what}",
    "fork": lambda: "forks a child",
    "request_resign": lambda by, to="", hold=0.0: f"{by} asks the holder to resign" + _to(to, hold),
    "touch": lambda by: f"{by} touches the record, and leaves the lease as it is",
    "drift": _drift,
    "jump": lambda seconds: f"its clock jumps by {seconds:+g} s",
    "stop_wall_clock": lambda: "its time of day stands still",
    "step_wall_clock": lambda seconds: f"its time of day is turned by {seconds:+g} s",
    "recover": lambda: "every fault ends",
}


def asked(request: Request, *, claims: bool) -> str:
    """Name the purpose of a request."""
    if isinstance(request, GetLease):
        return "read"
    if request.lease.is_vacant:
        return "release"
    what = "claim" if claims else "renewal"
    replaced = "no record" if isinstance(request, CreateLease) else f"version {request.version}"
    return f"{what} with token {request.lease.leader_transitions}, replacing {replaced}"


def replied(reply: Reply) -> str:
    """Describe the reply of the store."""
    if isinstance(reply, Found):
        return record(reply.stored)
    if isinstance(reply, Written):
        return f"written as version {reply.version}"
    if isinstance(reply, Refused):
        return "refused: another version"
    if isinstance(reply, Missing):
        return "there is no record"
    return reply.reason


def record(stored: StoredLease) -> str:
    """A record and its version."""
    lease = stored.lease
    who = f"held by {lease.holder_session}" if lease.holder_session else "vacant"
    asks = f", {lease.resign_requested_by} asks it to resign" if lease.resign_requested_by else ""
    meant = f", meant for {lease.successor}" if lease.successor else ""
    return f"version {stored.version}, {who}, token {lease.leader_transitions}{asks}{meant}"


def named(rule: str) -> str:
    """A property's number and name, such as "S1 exclusion"."""
    docs: dict[str, Any] = {one.__name__: one.__doc__ for one in PROPERTIES}
    return f"{docs[rule].partition(':')[0]} {rule}" if rule in docs else rule
