"""A lease as an object of Kubernetes, and back: what of it is believed."""

from __future__ import annotations

import copy
from dataclasses import replace
from datetime import datetime, timezone

import pytest

from incumbent.lease import EARLIEST_TIME
from incumbent.stores._kubernetes_record import ANNOTATION, from_object, to_patch
from incumbent.stores._server import from_json
from incumbent.testing.stores.machine import PLAIN

MINE = replace(
    PLAIN,
    leader_transitions=7,
    lease_duration=1.5,
    acquire_time=datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=timezone.utc),
    renew_time=datetime(2026, 1, 2, 3, 5, tzinfo=timezone.utc),
    resign_requested_by="an operator",
)


def changed(**spec):
    """Our object, after somebody who does not know the annotation set these fields."""
    found = copy.deepcopy(to_patch(MINE))
    found["spec"] |= spec
    return from_object(found)


def test_the_fields_are_client_gos():
    """What it and `kubectl` show is what the annotation says, in whole seconds."""
    written = to_patch(MINE)
    assert written["spec"] == {
        "holderIdentity": "host-1",
        "leaseDurationSeconds": 2,
        "acquireTime": "2026-01-02T03:04:05.000006Z",
        "renewTime": "2026-01-02T03:05:00.000000Z",
        "leaseTransitions": 7,
    }
    assert from_json(written["metadata"]["annotations"][ANNOTATION]) == replace(MINE, lease_duration=2.0)
    assert from_object(written) == replace(MINE, lease_duration=2.0)


@pytest.mark.parametrize(
    "spec",
    [
        {"holderIdentity": "go-1"},
        {"holderIdentity": None},
        {"leaseDurationSeconds": 15},
        {"acquireTime": "2026-01-02T03:04:05.000007Z"},
        {"acquireTime": None},
        {"renewTime": "2026-01-02T03:05:00.000001Z"},
        {"renewTime": None},
        {"leaseTransitions": 6},
        {"leaseTransitions": 8},
        {"leaseTransitions": None},
    ],
    ids=str,
)
def test_a_field_that_another_changed_makes_it_anothers_record(spec):
    """Even one of our name that just renewed: our session and a request to us do not stay in it (P2, P11)."""
    read = changed(**spec)
    assert read.holder_session != MINE.holder_session
    assert read.resign_requested_by == ""
    assert read.leader_transitions == 8


def test_each_term_of_a_foreigner_is_another_session():
    """Its name alone would make two of its terms one (P2)."""
    one = changed(holderIdentity="go-1", acquireTime="2026-01-02T04:00:00.000000Z")
    renewed = changed(
        holderIdentity="go-1",
        acquireTime="2026-01-02T04:00:00.000000Z",
        renewTime="2026-01-02T04:00:09.000000Z",
    )
    anew = changed(holderIdentity="go-1", acquireTime="2026-01-02T05:00:00.000000Z")
    assert one.holder_session == renewed.holder_session != anew.holder_session
    assert changed(holderIdentity="go-2").holder_session != changed(holderIdentity="go-3").holder_session


def test_a_foreigners_fields_are_read():
    """Each from where it is."""
    read = from_object({"spec": to_patch(MINE)["spec"]})
    assert read.acquire_time == MINE.acquire_time
    assert read.renew_time == MINE.renew_time
    assert (read.holder_identity, read.lease_duration, read.leader_transitions) == ("host-1", 2.0, 7)


def test_a_hold_is_in_the_annotation():
    """P16: while the spec is what was released with it. client-go takes what was released at once."""
    held_back = MINE.released(MINE.renew_time, datetime(2026, 1, 3, tzinfo=timezone.utc))
    found = to_patch(held_back)
    assert from_object(found).not_before == held_back.not_before
    found["spec"] |= {"holderIdentity": "", "renewTime": "2026-01-02T04:00:00.000000Z"}
    assert from_object(found).not_before == EARLIEST_TIME


def test_nobodys_record_has_no_session():
    """A vacancy is like one of our own."""
    for read in (
        changed(holderIdentity=""),
        from_object({}),
        from_object({"metadata": {"annotations": None}}),
    ):
        assert read.is_vacant
        assert read.holder_session == ""


def test_a_preferred_holder_without_a_strategy_is_a_touch():
    """Nobody carries it out, so the lease is what its last write made it."""
    assert from_object({"spec": {"preferredHolder": "b", "holderIdentity": ""}}).is_vacant
