"""What is true of the ends of candidacies, and of what is to be released then (P9): part of the invariant."""

from __future__ import annotations

from specs.proof.logic import every, implies, no, some
from specs.proof.state import State
from specs.proof.system import System
from specs.proof.words import Part, Words


def endings(system: System, state: State, words: Words) -> list[Part]:
    """All of it."""
    return [*_releases_owed(system, state, words), *_releases_sent(system, state)]


def _releases_owed(system: System, s: State, words: Words) -> list[Part]:
    c = system.constants
    return [
        Part(
            "a release is of a candidacy that is over",
            "P9: first the end, then the release",
            "write",
            lambda w: implies(every(s.issued(w), c.releases(w)), c.candidacy(w) < s.number(c.by(w))),
        ),
        Part(
            "what is to be released is of a candidacy that is over",
            "P9",
            "elector",
            lambda e: implies(
                s.leaving(e),
                every(
                    s.former(e) < s.number(e),
                    implies(
                        s.known(e),
                        every(
                            words.exists(s.left(e)),
                            words.is_held(s.left(e)),
                            words.is_of(s.left(e), e, s.former(e)),
                            s.token(e) == words.carried(s.left(e)),
                        ),
                    ),
                ),
            ),
        ),
    ]


def _releases_sent(system: System, s: State) -> list[Part]:
    c = system.constants
    return [
        Part(
            "what was released is of a candidacy that is over",
            "P9",
            "elector version",
            lambda e, n: implies(s.freed(e, n), n < s.number(e)),
        ),
        Part(
            "a release that took effect is remembered",
            "P9",
            "write",
            lambda w: implies(every(s.landed(w), c.releases(w)), s.freed(c.by(w), c.candidacy(w))),
        ),
        Part(
            "what is left is not released unless it was tried",
            "P9",
            "elector",
            lambda e: implies(every(s.leaving(e), no(s.tried(e))), no(s.freed(e, s.former(e)))),
        ),
        Part(
            "a release of what is left, but for the pending one, is past",
            "P9",
            "elector write",
            lambda e, w: implies(
                every(
                    s.leaving(e),
                    s.issued(w),
                    no(s.landed(w)),
                    c.releases(w),
                    c.by(w) == e,
                    c.candidacy(w) == s.former(e),
                ),
                some(c.replaces(w) < s.latest, s.tried(e)),
            ),
        ),
        Part(
            "of releases only the last may yet take effect",
            "P9",
            "elector write",
            lambda e, w: implies(
                every(
                    s.leaving(e),
                    s.waiting(e),
                    c.releases(s.pending(e)),
                    s.issued(w),
                    no(s.landed(w)),
                    c.releases(w),
                    c.by(w) == e,
                    c.candidacy(w) == s.former(e),
                ),
                some(c.replaces(w) < s.latest, w == s.pending(e)),
            ),
        ),
        Part(
            "what was released of what is left was released by the pending release",
            "P9",
            "elector",
            lambda e: implies(
                every(s.leaving(e), s.tried(e), s.waiting(e), s.freed(e, s.former(e))), s.landed(s.pending(e))
            ),
        ),
        Part(
            "a refused release was refused",
            "P9",
            "elector",
            lambda e: implies(every(s.leaving(e), s.tried(e), s.waiting(e)), c.releases(s.pending(e))),
        ),
        Part(
            "no release is sent while something of its term runs",
            "P9: it waits for the end of the work, and of what was told of it",
            "elector write",
            lambda e, w: implies(
                every(s.leaving(e), no(s.ended(e)), s.issued(w), c.releases(w), c.by(w) == e),
                c.candidacy(w) != s.former(e),
            ),
        ),
        Part(
            "a pending write is of this candidacy, or of the one that is being left",
            "P10: who ends a candidacy forgets what was pending, except to release it",
            "elector",
            lambda e: implies(
                s.waiting(e),
                every(
                    s.issued(s.pending(e)),
                    c.by(s.pending(e)) == e,
                    implies(no(s.leaving(e)), c.candidacy(s.pending(e)) == s.number(e)),
                    implies(s.leaving(e), c.candidacy(s.pending(e)) == s.former(e)),
                ),
            ),
        ),
    ]
