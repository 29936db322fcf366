"""What is shown of the elector's parts, for all values: the lemmas that the proof of its steps rests on.

Each is a list of claims about one function of the package, true on all its paths.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from incumbent.core.candidacy import Candidacy, Validity
from incumbent.core.messages import UpdateLease
from incumbent.lease import MAX_TRANSITIONS
from specs.code.disguise import (
    CLAIMABLE_AT,
    IS_RENEWAL_OF,
    IS_SAME_WRITE,
    claimable_at,
    disguise,
    renewal_of,
    same_write,
)
from specs.code.doubts import Watched
from specs.code.electors import Builder
from specs.code.paths import Paths
from specs.code.sources import Terms
from specs.projection import idle, record_of, timing_of
from specs.proof import actions
from specs.proof.logic import every

Claims = Iterator[tuple[str, Any]]


def covers() -> Claims:
    """P3: what `is_leader` answers from another thread, whenever it asks."""
    since, until, asked = (Terms().number(name) for name in ("since", "until", "asked"))
    answer = bool(Validity(Terms().number("token"), since, until).covers(asked))
    yield (
        "it covers the instants from the last reading to the deadline",
        every(since <= asked, asked < until) == answer,
    )


def claimable(seen: str) -> Claims:
    """P4, P5: the elector waits for just as long as the guard of a claim says."""
    builder = Builder(Terms())
    config, view = builder.config(), builder.observation(seen)
    if view.stored is not None:
        builder.facts.append(view.stored.lease.leader_transitions <= view.highest_token)
    Paths.current.assume(builder.facts)
    at, now = CLAIMABLE_AT(view, config), Terms().number("now")
    one_term = claimable_at(view, config)
    yield (
        "it is the one term that the steps are proved with",
        one_term is None if at is None else one_term == at,
    )
    if at is None:
        yield (
            "never, if nothing was seen or the token is at its end",
            seen == "" or bool(view.highest_token == MAX_TRANSITIONS),
        )
        return
    node = idle("?")
    node = type(node)(
        **{
            **vars(node),
            "looked": True,
            "seen": record_of(view.stored),
            "since": view.since,
            "highest": view.highest_token,
            "longest": view.longest_ns,
        }
    )
    timing = timing_of(config)
    wait = actions.wait(node, timing) + actions.delay(node, timing)
    yield (
        "from the first instant on at which a claim is allowed",
        (now >= at) == (now - view.since >= wait),
    )


def same_writes() -> Claims:
    """P15: the steps are proved with one term in the place of `Lease.is_same_write`."""
    builder = Builder(Terms())
    one, other = (builder.stored(name).lease for name in ("one", "other"))
    Paths.current.assume(builder.facts)
    yield "it is that all that was written is the same", same_write(one, other) == IS_SAME_WRITE(one, other)


def renewals() -> Claims:
    """P12: the same of `Lease.is_renewal_of`."""
    builder = Builder(Terms())
    one, other = (builder.stored(name).lease for name in ("one", "other"))
    Paths.current.assume(builder.facts)
    yield "it is that the holder wrote it later", renewal_of(one, other) == IS_RENEWAL_OF(one, other)


def _writes(length: int, seen: list[Any]) -> list[Any]:
    return [Watched(_any_write(f"write {number}"), seen) for number in range(length)]


def _any_write(name: str) -> UpdateLease:
    source = Terms()
    lease = Builder(source).stored(name).lease
    return UpdateLease(source.number(f"{name}.id"), source.number(f"{name}.sent_at"), 0, lease, None)


def no_memory(*, holds: bool) -> Claims:
    """Each of the loops over doubted writes is the same at each of them (`doubts.py`)."""
    source = Terms()
    since, stored, one = source.number("since"), Builder(source).stored("found"), _any_write("one more")
    held = _any_write("held") if holds else None
    for name, given in (
        ("match_own_write", (stored, since)),
        ("has_live_unknown", (since,)),
        ("with_unknown", (one, since)),
    ):
        seen: list[Any] = []
        getattr(Candidacy(held=held, unknown_writes=tuple(_writes(2, seen))), name)(*given)
        yield f"{name} is the same at each write", all(memory == seen[0] for memory in seen)


def pointwise(length: int, *, holds: bool) -> Claims:
    """What each of them says of a list follows from what it says of each write in it (`doubts.py`)."""
    source = Terms()
    since, stored, one = source.number("since"), Builder(source).stored("found"), _any_write("one more")
    writes, held = _writes(length, []), _any_write("held") if holds else None

    def of(*some: Any) -> Candidacy:
        return Candidacy(held=held, unknown_writes=some)

    mine = [write for write in writes if of(write).match_own_write(stored, since) is write]
    first = of().match_own_write(stored, since) or next(iter(mine), None)
    yield "match_own_write finds the first that is mine", of(*writes).match_own_write(stored, since) is first
    hopeful = [write for write in writes if of(write).has_live_unknown(since)]
    yield "has_live_unknown is of any", of(*writes).has_live_unknown(since) == (hopeful != [])
    kept = [write for write in writes if of(write).with_unknown(one, since).unknown_writes == (write, one)]
    yield "with_unknown keeps in order", of(*writes).with_unknown(one, since).unknown_writes == (*kept, one)
    yield "what is kept gives hope", kept == hopeful


_HOLDS = {"": False, ", with a held one": True}

LEMMAS: dict[str, Callable[[], Claims]] = {
    "Validity.covers": covers,
    "Lease.is_same_write": same_writes,
    "Lease.is_renewal_of": renewals,
    **{
        f"Observation.claimable_at, {seen or 'nothing'} seen": partial(claimable, seen)
        for seen in ("", "missing", "record")
    },
    **{
        f"doubted writes: no loop has a memory{which}": partial(no_memory, holds=holds)
        for which, holds in _HOLDS.items()
    },
    **{
        f"{length} doubted writes, one by one{which}": partial(pointwise, length, holds=holds)
        for length in range(4)
        for which, holds in _HOLDS.items()
    },
}


def prove_lemma(name: str) -> str:
    """What refutes it, or nothing."""
    paths = Paths()
    with disguise():
        for claims in paths.explore(lambda: list(LEMMAS[name]())):
            refuted = paths.refute(claims)
            if refuted is not None:
                return f"not true: {refuted[0]}, for {refuted[1]}"
    return ""
