"""What is true in every state as long as clocks keep to the drift, each part with the reason why it is.

The promises (`promises.py`) follow from it. What holds whatever the clocks show is in `tokens.py`.
"""

from __future__ import annotations

from specs.proof.endings import endings
from specs.proof.epochs import epochs
from specs.proof.logic import every, implies, no, some
from specs.proof.state import State
from specs.proof.system import System
from specs.proof.words import Part, Words


def safety(system: System, state: State) -> list[Part]:
    """About time: on these S1, S2, S3 and S7 rest."""
    words = Words(system, state)
    return [
        *_history(system, state, words),
        *epochs(system, state, words),
        *_writes(system, state, words),
        *endings(system, state, words),
        *_electors(state, words),
        *_leaders(system, state, words),
        *_heart(system, state, words),
    ]


def _history(system: System, s: State, words: Words) -> list[Part]:
    c = system.constants
    return [
        Part(
            "the past is past",
            "time only grows",
            "version",
            lambda v: every(s.latest >= 0, s.missing(0), implies(words.exists(v), s.written(v) <= s.now)),
        ),
        Part(
            "every record comes from a write",
            "and a touch (P14, P15) leaves the source as it was",
            "version",
            lambda v: implies(
                every(words.exists(v), no(s.missing(v))),
                every(s.landed(s.source(v)), s.at(s.source(v)) <= v),
            ),
        ),
        Part(
            "it comes from the last write before it",
            "the same, within an epoch",
            "write version",
            lambda w, v: implies(
                every(
                    *(s.landed(w), s.at(w) <= v, v <= s.latest, no(s.missing(v))),
                    s.epoch(s.at(w)) == s.epoch(v),
                ),
                s.at(w) <= s.at(s.source(v)),
            ),
        ),
        Part(
            "a write that took effect is found where it did so, over what it named",
            "P1; versions are never overwritten, only followed",
            "write",
            lambda w: implies(
                s.landed(w),
                every(
                    s.issued(w),
                    s.at(w) >= 1,
                    s.at(w) <= s.latest,
                    c.replaces(w) == s.at(w) - 1,
                    no(s.missing(s.at(w))),
                    s.source(s.at(w)) == w,
                    c.sent(w) <= s.written(s.at(w)),
                ),
            ),
        ),
    ]


def _writes(system: System, s: State, words: Words) -> list[Part]:
    c = system.constants
    return [
        Part(
            "a write has evidence over what it names",
            "P2, P4, P5: checked when it was sent, and the past does not change",
            "write",
            lambda w: implies(
                s.issued(w),
                every(
                    words.exists(c.replaces(w)),
                    s.written(c.replaces(w)) <= c.sent(w),
                    some(
                        words.is_renewal(w, c.replaces(w)),
                        every(c.releases(w), words.is_of(c.replaces(w), c.by(w), c.candidacy(w))),
                        every(no(c.releases(w)), words.was_awaited(w, c.replaces(w))),
                    ),
                ),
            ),
        ),
        Part(
            "a write is of a candidacy up to the present one, and says how long it lasts",
            "candidacies are only counted up; P6",
            "write",
            lambda w: implies(
                s.issued(w),
                every(
                    c.sent(w) <= s.now,
                    c.candidacy(w) <= s.number(c.by(w)),
                    c.duration(w) == c.lease(c.by(w)),
                ),
            ),
        ),
        Part(
            "the writes of a candidacy do not look alike",
            "P7: each carries a renew time of its own",
            "write write",
            lambda w, x: implies(
                every(
                    s.issued(w),
                    s.issued(x),
                    c.by(w) == c.by(x),
                    c.candidacy(w) == c.candidacy(x),
                    c.stamp(w) == c.stamp(x),
                ),
                w == x,
            ),
        ),
    ]


def _electors(s: State, words: Words) -> list[Part]:
    return [
        Part(
            "what was seen was there before",
            "P4, P15: counted from the receipt of that write; A5: a gap is the one first seen",
            "elector",
            lambda e: implies(
                s.looked(e),
                every(
                    words.exists(s.seen(e)),
                    s.begun(s.seen(e)) <= s.since(e),
                    s.since(e) <= s.now,
                    s.life(e) <= s.epoch(s.seen(e)),
                    s.longest(e) >= 0,
                ),
            ),
        ),
        Part(
            "a leader has last seen a record of its own",
            "P8",
            "elector",
            lambda e: implies(
                s.leads(e),
                every(s.looked(e), words.is_held(s.seen(e)), words.is_of(s.seen(e), e, s.number(e))),
            ),
        ),
    ]


def _leaders(system: System, s: State, words: Words) -> list[Part]:
    c = system.constants
    return [
        Part(
            "a leader holds by a write of this candidacy, and believes from its send",
            "P3, P7, P15",
            "elector",
            lambda e: implies(
                s.leads(e),
                every(
                    words.exists(s.version(e)),
                    words.is_held(s.version(e)),
                    words.is_of(s.version(e), e, s.number(e)),
                    s.base(e) == c.sent(s.source(s.version(e))),
                    s.token(e) == words.carried(s.version(e)),
                    no(s.leaving(e)),
                ),
            ),
        ),
    ]


def _heart(system: System, s: State, words: Words) -> list[Part]:
    c = system.constants
    return [
        Part(
            "nobody replaces a record while its writer may believe",
            "THE HEART: who is first to write over it has waited for it, or it was released",
            "write write",
            lambda w, x: implies(
                every(
                    words.is_open(w),
                    s.landed(x),
                    s.at(w) < s.at(x),
                    some(c.by(x) != c.by(w), c.candidacy(x) != c.candidacy(w)),
                ),
                words.lasts(w) <= s.written(s.at(x)),
            ),
        ),
        Part(
            "a candidacy claims once more only when what it claimed is over",
            "P7: it may have won without knowing; then it waits for itself like for anybody",
            "write write",
            lambda w, x: implies(
                every(
                    words.is_open(w),
                    words.is_open(x),
                    c.candidacy(w) == c.candidacy(x),
                    c.by(w) == c.by(x),
                    s.at(w) < s.at(x),
                    c.carries(w) != c.carries(x),
                ),
                words.lasts(w) <= c.sent(x),
            ),
        ),
    ]
