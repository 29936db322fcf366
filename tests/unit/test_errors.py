"""What this library raises says it in one line, whoever gave the words."""

from __future__ import annotations

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incumbent.errors import (
    CorruptLease,
    LeaseConflict,
    LeaseNotFound,
    StoreError,
    StoreUnavailable,
)
from incumbent.shown import LONGEST_LINE

KINDS = [StoreError, LeaseConflict, LeaseNotFound, StoreUnavailable, CorruptLease]


@given(st.sampled_from(KINDS), st.text(max_size=50) | st.text(min_size=900, max_size=3000))
def test_no_message_breaks_or_floods_a_line(kind, said):
    """A server's words may be anything: they clear no screen, forge no line of a log, and do not fill it."""
    message = str(kind(said))
    assert message.isprintable()
    assert len(message) < 12 * LONGEST_LINE


@pytest.mark.parametrize("kind", KINDS)
def test_a_plain_message_is_left_as_it_is(kind):
    said = "the record of 'é' is 12 %s long: {cut it}"
    assert str(kind(said)) == said


@pytest.mark.parametrize("is_unknown", [True, False])
def test_an_error_that_comes_from_another_process_says_the_same(is_unknown):
    """A multiprocessing worker's, say: whether its write may have happened is not lost on the way."""
    error = pickle.loads(pickle.dumps(StoreUnavailable("gone\n", outcome_unknown=is_unknown)))
    assert (str(error), error.outcome_unknown) == ("gone\\n", is_unknown)
