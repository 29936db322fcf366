"""What a record says beside its write, as every program since the first edition reads and keeps it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timezone

import pytest

from incumbent.errors import CorruptLease
from incumbent.lease import EARLIEST_TIME, Lease

NOON = datetime(2024, 2, 29, 12, 0, 0, 1, tzinfo=timezone.utc)
ASKED = Lease("ann", "A.0", 15.0, NOON, NOON, 7, "carol")
FIELDS = ASKED.to_fields()


def test_a_record_that_is_held_back_has_the_fields_of_the_first_edition():
    """Old and new programs share a record: its columns, their types, and all that decides (P16)."""
    fields = ASKED.released(NOON, NOON).to_fields()
    assert {name: type(value) for name, value in fields.items()} == {
        name: type(value) for name, value in FIELDS.items()
    }
    assert fields["holder_identity"] == fields["holder_session"] == ""
    assert json.loads(fields["resign_requested_by"]) == {"by": "", "not_before": FIELDS["renew_time"]}


def test_a_hold_is_put_on_and_taken_off_and_nothing_else_changes():
    """What an operator does to a released lease is a touch of it (P15, P16)."""
    vacant = ASKED.released(NOON)
    held = vacant.held_back(NOON)
    assert (held.not_before, held.is_same_write(vacant)) == (NOON, True)
    assert Lease.from_fields(held.to_fields()) == held
    assert held.held_back(EARLIEST_TIME) == vacant


@pytest.mark.parametrize("by", ["carol", "{", '{"a": 1}', "[1]", "{" * 60_000, '{"by"'])
def test_a_name_of_the_first_edition_is_read_as_it_was(by):
    lease = Lease.from_fields({**FIELDS, "resign_requested_by": by})
    assert lease == replace(ASKED, resign_requested_by=by)


def test_what_a_later_edition_says_there_is_passed_over():
    note = '{"by": "carol", "more": [1]}'
    assert Lease.from_fields({**FIELDS, "resign_requested_by": note}) == ASKED


@pytest.mark.parametrize("said", ["1", '"", "not_before": "soon"', '"", "not_before": 7', '"\\ud800"'])
def test_a_note_that_says_something_impossible_is_corrupt(said):
    with pytest.raises(CorruptLease):
        Lease.from_fields({**FIELDS, "resign_requested_by": f'{{"by": {said}}}'})
