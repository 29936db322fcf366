"""Recorded runs of real processes: joined, drawn, told in words and held to the protocol.

`facts` reads off one run what it did, `clocks` puts runs on one axis of time, `held` says what does not
conform, `story` says in words what happened, and `history` turns all of it into what the timeline draws.
"""

from __future__ import annotations

from incumbent.testing.recorded.explanation import Explanation, explain

__all__ = ["Explanation", "explain"]
