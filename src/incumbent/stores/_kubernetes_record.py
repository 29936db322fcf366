"""A lease as a `coordination.k8s.io/v1` Lease object, which client-go's elections can read and take over.

The `spec` has client-go's fields. What it has no field for (the session, a request to resign, a token beyond
32 bits) is in one annotation, which holds the whole record. An annotation outlives its holder: client-go
changes the `spec` and keeps it. So it counts only while the `spec` is just what was written together with it;
otherwise the record is a foreigner's, and is made up from the `spec`.
"""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import datetime, timezone
from typing import Any, Final
from uuid import uuid4

from incumbent.errors import CorruptLease
from incumbent.lease import Lease, StoredLease
from incumbent.shown import shown
from incumbent.stores._server import from_json, to_json

ANNOTATION: Final = "incumbent/record"
NONCE: Final = "incumbent/write"
"""Different in each write, for a write that changes nothing would be none: it would keep the version (P1)."""
MAX_INT32: Final = 2**31 - 1
_ZERO_TIME: Final = "0001-01-01T00:00:00.000000Z"  # Kubernetes keeps it as null
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=timezone.utc)


class Coordinated(CorruptLease):
    """The API server elects a holder for this lease: whoever else takes it breaks its promise."""


def to_patch(lease: Lease) -> dict[str, Any]:
    """Return the fields to set on the object; labels, other annotations and fields stay as they are."""
    kept = replace(lease, lease_duration=float(math.ceil(lease.lease_duration)))
    spec = {
        "holderIdentity": kept.holder_identity,
        "leaseDurationSeconds": int(kept.lease_duration),
        "acquireTime": _micro_time(kept.acquire_time),
        "renewTime": _micro_time(kept.renew_time),
        "leaseTransitions": min(kept.leader_transitions, MAX_INT32),
    }
    annotations = {ANNOTATION: to_json(kept), NONCE: uuid4().hex}
    return {"metadata": {"annotations": annotations}, "spec": spec}


def from_object(found: dict[str, Any]) -> Lease:
    """The lease in an object, whoever wrote it.

    Raises:
        Coordinated: It is under coordinated leader election.
        CorruptLease: It is held, but does not say for how long; or a field is malformed.
    """
    spec = found.get("spec") or {}
    if spec.get("strategy"):  # a `preferredHolder` alone is a wish that nobody carries out
        raise Coordinated(
            f"it is under coordinated leader election (spec.strategy is {shown(spec['strategy'])}), and the "
            f"API server chooses its holder: give another name"
        )
    annotation = (found.get("metadata", {}).get("annotations") or {}).get(ANNOTATION)
    if annotation is None:
        return _foreign(spec, lowest_token=0)
    lease = from_json(annotation)
    if _shown(to_patch(lease)["spec"]) == _shown(spec):
        return lease
    return _foreign(spec, lowest_token=lease.leader_transitions + 1)


def stored_in(found: dict[str, Any]) -> StoredLease:
    """The record and its version, as a read and a watch answer an object.

    Raises:
        CorruptLease: As `from_object`; or it is an object of another shape.
    """
    try:
        return StoredLease(from_object(found), found["metadata"]["resourceVersion"])
    except (AttributeError, LookupError, TypeError) as error:
        raise CorruptLease(f"the object is malformed: {error}; repair it by hand") from error


def is_of(body: dict[str, Any], found: dict[str, Any]) -> bool:
    """Whether the object was last written by just this request of ours."""
    annotations = found.get("metadata", {}).get("annotations") or {}
    return bool(annotations.get(NONCE) == body["metadata"]["annotations"][NONCE])


def _foreign(spec: dict[str, Any], lowest_token: int) -> Lease:
    """A record of client-go's, or of a person's. Its token is larger than any of ours before it (P11)."""
    holder, duration = spec.get("holderIdentity") or "", spec.get("leaseDurationSeconds")
    if holder and not duration:
        raise CorruptLease(f"{holder!r} holds it, but there is no leaseDurationSeconds: repair it by hand")
    acquired = spec.get("acquireTime")
    return Lease.from_fields(
        {
            "holder_identity": holder,
            "holder_session": f"{holder} since {acquired}" if holder else "",
            "lease_duration": float(duration or 1),
            "acquire_time": _time(acquired),
            "renew_time": _time(spec.get("renewTime")),
            "leader_transitions": max(spec.get("leaseTransitions") or 0, lowest_token),
        }
    )


def _shown(spec: dict[str, Any]) -> tuple[object, ...]:
    """Return the fields that identify a write."""
    return (
        spec.get("holderIdentity") or "",
        spec.get("leaseDurationSeconds"),
        spec.get("acquireTime") or _ZERO_TIME,
        spec.get("renewTime") or _ZERO_TIME,
        spec.get("leaseTransitions") or 0,
    )


def _micro_time(moment: datetime) -> str:
    return moment.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def _time(text: str | None) -> datetime | str:
    return _EPOCH if text is None else text.replace("Z", "+00:00")
