"""What is true whatever the clocks show: it is about order alone. On it S4, S5 and S6 rest.

The clocks of `prove.NO_CLOCKS` are read anew for each decision, and may give any number. The record is not
lost here (A5): a lost record takes its token with it.
"""

from __future__ import annotations

from specs.proof.invariant import safety
from specs.proof.logic import every, implies, some
from specs.proof.state import State
from specs.proof.system import System
from specs.proof.words import Part, Words

_TIMELESS = {
    "every record comes from a write",
    "the writes of a candidacy do not look alike",
    "a release is of a candidacy that is over",
    "what is to be released is of a candidacy that is over",
    "a pending write is of this candidacy, or of the one that is being left",
}


def tokens(system: System, state: State) -> list[Part]:
    """All of it."""
    words = Words(system, state)
    return [
        *(part for part in safety(system, state) if part.name in _TIMELESS),
        *_order(system, state, words),
        *_carriers(state, words),
    ]


def _order(system: System, s: State, words: Words) -> list[Part]:
    c = system.constants
    return [
        Part("versions are counted", "from 0, before the record ever existed", "", lambda: s.latest >= 0),
        Part(
            "a write that took effect is found where it did so, over what it named",
            "P1",
            "write",
            lambda w: implies(
                s.landed(w),
                every(
                    s.issued(w),
                    s.at(w) >= 1,
                    s.at(w) <= s.latest,
                    c.replaces(w) == s.at(w) - 1,
                    s.source(s.at(w)) == w,
                ),
            ),
        ),
        Part(
            "a write carries on the token of its own candidacy, or a higher one",
            "P11; it has seen what it names",
            "write",
            lambda w: implies(
                s.issued(w),
                every(
                    words.exists(c.replaces(w)),
                    c.carries(w) > 0,
                    some(
                        s.missing(c.replaces(w)),
                        c.carries(w) > words.carried(c.replaces(w)),
                        every(
                            words.is_of(c.replaces(w), c.by(w), c.candidacy(w)),
                            c.carries(w) == words.carried(c.replaces(w)),
                        ),
                    ),
                ),
            ),
        ),
        Part(
            "tokens grow along the versions, and one token is one candidacy's",
            "a claim has seen what it replaces, and carries more",
            "version version",
            lambda v, x: implies(
                every(v > 0, v <= x, x <= s.latest),
                some(
                    words.carried(v) < words.carried(x),
                    every(
                        words.carried(v) == words.carried(x),
                        words.is_of(v, c.by(s.source(x)), c.candidacy(s.source(x))),
                    ),
                ),
            ),
        ),
    ]


def _carriers(s: State, words: Words) -> list[Part]:
    return [
        Part(
            "an elector remembers the highest token that it saw",
            "P11",
            "elector",
            lambda e: every(
                s.highest(e) >= 0,
                implies(
                    s.looked(e),
                    every(
                        words.exists(s.seen(e)),
                        some(s.missing(s.seen(e)), s.highest(e) >= words.carried(s.seen(e))),
                    ),
                ),
            ),
        ),
        Part(
            "a leader's token is its record's",
            "P7, P14: it holds by that record",
            "elector",
            lambda e: implies(
                s.leads(e),
                every(
                    words.exists(s.version(e)),
                    words.is_of(s.version(e), e, s.number(e)),
                    s.token(e) == words.carried(s.version(e)),
                ),
            ),
        ),
    ]
