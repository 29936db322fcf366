"""Changes of the stored record held to the proof, one at a time: `check_store_step(before, cause, after)`."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from incumbent.core.messages import WriteRequest
from incumbent.lease import StoredLease
from specs.conformance import Nonconformance
from specs.projection import NOTHING, record_of, write_of
from specs.proof import actions

Cause = WriteRequest | Literal["touched", "lost", "back"]


def check_store_step(before: StoredLease | None, cause: Cause, after: StoredLease | None) -> None:
    """Hold one change of the stored record to the proof, or raise `Nonconformance` (P1, P15, A2, A5)."""
    old, new = record_of(before), record_of(after)
    if cause == "back" and (new.missing or new.vacant or new.epoch == old.epoch):
        raise Nonconformance(
            f"what came back is {new}, after {old}: not held, or in no epoch of its own (P15)"
        )
    if cause == "lost":
        expected = NOTHING
    elif cause == "touched":
        expected = replace(old, version=new.version)
    elif cause == "back":
        expected = new
    elif actions.lands(old, write_of(cause)):
        expected = replace(actions.made_by(write_of(cause), new.version), epoch=new.epoch)
    else:
        expected = old
    if new != expected:
        raise Nonconformance(f"{cause} makes {expected} of {old}, not {new}")
    if cause != "lost" and after != before and new.version == old.version:
        raise Nonconformance(f"{cause} left the version {old.version!r} as it was (A2)")
