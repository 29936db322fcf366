"""Execute requests as a correct store does (P1), for the simulation and the exploration."""

from __future__ import annotations

from incumbent.core.messages import CreateLease, Found, GetLease, Missing, Refused, Reply, WriteRequest
from incumbent.lease import StoredLease


def read(request: GetLease, stored: StoredLease | None) -> Reply:
    """Answer a read."""
    return Missing(request.id) if stored is None else Found(request.id, stored)


def refusal(request: WriteRequest, stored: StoredLease | None) -> Reply | None:
    """The reply to a write that leaves the record as it is; None: it takes effect."""
    if isinstance(request, CreateLease):
        return None if stored is None else Refused(request.id)
    if stored is None:
        return Missing(request.id)
    return None if request.version == stored.version else Refused(request.id)
