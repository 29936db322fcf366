"""What is true of touches and epochs (P15): a part of the invariant, for `invariant.py`.

Anybody may *touch* the record: another version, the same write. And what was once written may come back, in
another *epoch* of the store, as a *relic*. So the argument is about writes, and since when each was there.
"""

from __future__ import annotations

from specs.proof.logic import every, implies, no, some
from specs.proof.state import State
from specs.proof.system import System
from specs.proof.words import Part, Words


def epochs(system: System, state: State, words: Words) -> list[Part]:
    """All of it."""
    return [
        *_stretches(state, words),
        *_relics(system, state, words),
        *_undisturbed(system, state, words),
    ]


def _stretches(s: State, words: Words) -> list[Part]:
    return [
        Part(
            "a content is there since it was written, or came back",
            "P15: no touch begins it anew",
            "version",
            lambda v: implies(
                words.exists(v),
                every(
                    s.begun(v) <= s.written(v),
                    implies(s.missing(v), s.begun(v) == s.written(v)),
                    some(s.missing(v), words.is_relic(v), s.begun(v) == s.written(s.at(s.source(v)))),
                ),
            ),
        ),
        Part(
            "contents follow each other",
            "each begins now, or goes on",
            "version version",
            lambda a, b: implies(every(a >= 0, a <= b, b <= s.latest), s.begun(a) <= s.begun(b)),
        ),
    ]


def _relics(system: System, s: State, words: Words) -> list[Part]:
    c = system.constants
    return [
        Part(
            "epochs follow each other",
            "P15: none is used again",
            "version version",
            lambda a, b: implies(every(a >= 0, a <= b, b <= s.latest), s.epoch(a) <= s.epoch(b)),
        ),
        Part(
            "a write is there for one stretch in each epoch",
            "A5, P15: what comes back begins anew, and says so by another epoch",
            "version version",
            lambda a, b: implies(
                every(
                    *(a >= 0, a <= b, b <= s.latest, no(s.missing(a)), no(s.missing(b))),
                    *(s.epoch(a) == s.epoch(b), s.source(a) == s.source(b)),
                ),
                s.begun(a) == s.begun(b),
            ),
        ),
        Part(
            "what comes back says for long enough how long it lasts",
            "A5: nobody leads on a longer lease than its reader knows",
            "elector version",
            lambda e, v: implies(
                every(words.exists(v), no(s.missing(v)), words.is_relic(v)),
                c.deadline(e) <= c.duration(s.source(v)),
            ),
        ),
    ]


def _undisturbed(system: System, s: State, words: Words) -> list[Part]:
    c = system.constants
    return [
        Part(
            "a leader holds by a version with nothing foreign since its own write",
            "P8, and P3: what came back by now was nobody else's before",
            "elector write",
            lambda e, x: implies(s.leads(e), words.is_undisturbed(s.version(e), x)),
        ),
        Part(
            "so is the version that is to be released",
            "P9",
            "elector write",
            lambda e, x: implies(every(s.leaving(e), s.known(e)), words.is_undisturbed(s.left(e), x)),
        ),
        Part(
            "so is the version that a renewal or a release names",
            "P8, P9: its sender held it",
            "write write",
            lambda w, x: implies(
                every(
                    s.issued(w),
                    words.is_of(c.replaces(w), c.by(w), c.candidacy(w)),
                    some(c.releases(w), words.is_renewal(w, c.replaces(w))),
                    some(c.releases(w), no(words.was_awaited(w, c.replaces(w)))),
                ),
                words.is_undisturbed(c.replaces(w), x),
            ),
        ),
    ]
