"""What the protocol is for. Each promise follows from an invariant, in every state, without another step."""

from __future__ import annotations

from typing import Any

from specs.proof.actions import is_valid
from specs.proof.logic import every, implies, no, some
from specs.proof.state import State, node, timing
from specs.proof.system import System
from specs.proof.words import Part, Words


def from_safety(system: System, state: State) -> list[Part]:
    """S1, S2, S3, S7, and half of S5: what needs time."""
    s, c, words = state, system.constants, Words(system, state)

    def valid(e: Any) -> Any:
        return every(s.alive(e), is_valid(node(s, c, e), s.now, timing(c, e)))

    return [
        Part(
            "S1 exclusion: at most one leader",
            "one of two holds by the earlier version, and whoever replaced that waited for its end",
            "elector elector",
            lambda d, e: implies(every(valid(d), valid(e)), d == e),
        ),
        Part(
            "S2 trust_bound: a leader believes for a deadline from the send of a write that landed",
            "P3",
            "elector",
            lambda e: implies(
                valid(e), every(s.landed(s.source(s.version(e))), s.now < words.lasts(s.source(s.version(e))))
            ),
        ),
        Part(
            "S3 patience: what is held by another is replaced only after its own lease duration",
            "the write had evidence over what it named, and replaced just that",
            "write",
            lambda w: implies(
                every(s.landed(w), words.is_held(s.at(w) - 1)),
                some(
                    words.is_of(s.at(w) - 1, c.by(w), c.candidacy(w)),
                    c.sent(w) >= s.begun(s.at(w) - 1) + c.duration(s.source(s.at(w) - 1)),
                ),
            ),
        ),
        Part(
            "S5 fencing, within a term: no write that could extend it carries another token",
            "such a write was claimed after the other's end",
            "elector write",
            lambda e, w: implies(
                every(valid(e), words.is_live(w), c.by(w) == e, s.now < words.lasts(w)),
                c.carries(w) == s.token(e),
            ),
        ),
        Part(
            "S7 no_known_rival: no leader has received another's record, or none, and gone on",
            "P8",
            "elector",
            lambda e: implies(s.leads(e), words.is_of(s.seen(e), e, s.number(e))),
        ),
    ]


def from_tokens(system: System, state: State) -> list[Part]:
    """S4, S5, S6: what holds whatever the clocks show."""
    s, c, words = state, system.constants, Words(system, state)

    def is_other_term(v: Any, x: Any) -> Any:
        earlier, later = s.source(v), s.source(x)
        return some(c.by(earlier) != c.by(later), c.candidacy(earlier) != c.candidacy(later))

    def accepts(highest: Any, token: Any) -> Any:
        return token >= highest

    return [
        Part(
            "S4 one_history: what took effect named the version that it replaced",
            "P1",
            "write",
            lambda w: implies(s.landed(w), c.replaces(w) == s.at(w) - 1),
        ),
        Part(
            "S5 fencing: a later term has a higher token",
            "P11",
            "version version",
            lambda v, x: implies(
                every(v > 0, v < x, x <= s.latest, is_other_term(v, x)), words.carried(v) < words.carried(x)
            ),
        ),
        Part(
            "S6 fenced_register: what once took a later term's token takes no earlier one's again",
            "S5, and a register that takes no token below the highest that it took",
            "version version",
            lambda v, x: implies(
                every(v > 0, v < x, x <= s.latest, is_other_term(v, x)),
                no(accepts(words.carried(x), words.carried(v))),
            ),
        ),
    ]
