"""P14: a request to resign stays in the record until the holder has resigned."""

from incumbent.config import ElectorConfig
from incumbent.core.elector import Elector
from incumbent.core.messages import Found, Missing, Refused, ResignRequested, Start, TimerFired, Written
from incumbent.lease import StoredLease, StoreGuarantees

SECOND = 1_000_000_000


def test_a_renewal_keeps_the_request():
    """While the work winds down, whoever looks sees that the holder was asked, and by whom."""
    elector, now = Elector(ElectorConfig("a", guarantees=StoreGuarantees(durable=True))), 0
    read = elector.handle(Start(), now).request
    claim = elector.handle(Missing(read.id), now).request
    elector.handle(Written(claim.id, 1), now)
    assert elector.state == "leader"

    now += 2 * SECOND
    renewal = elector.handle(TimerFired(), now).request
    look = elector.handle(Refused(renewal.id), now).request
    asked = StoredLease(claim.lease.asked_to_resign("ops"), 2)
    found = elector.handle(Found(look.id, asked), now)
    assert found.notices == (ResignRequested("ops"),)

    request = found.request
    while request is None:
        now = elector.wake_at
        request = elector.handle(TimerFired(), now).request
    assert (request.version, request.lease.resign_requested_by) == (2, "ops")
