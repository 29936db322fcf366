"""E7 and L1 to L5: what is owed once all faults have ended; a `Marked` record says from when on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from incumbent.config import ElectorConfig
from incumbent.core.messages import NewLeader
from incumbent.core.term import LONGEST_BACK_OFF
from incumbent.testing.history import History, Invoked, Marked, Told, Violation
from incumbent.testing.profile import Profile


def election_bound(configs: Iterable[ElectorConfig], profile: Profile) -> int:
    """X: how long it may take, in nanoseconds, until somebody leads when nothing is wrong any more.

    A lease duration, for a lease that nobody renews; a look at the record that was under way and lost, two
    periods of polling with their jitter, all on the slowest clock; four round trips. More where candidates
    are told to stand back: the greatest takeover delay, the end of a predecessor's work, the back-off after
    work that failed, or came back at once, and the hold after that.
    """
    code = dict(profile.code)
    is_urged = "urge" in profile.strikes
    back_off = LONGEST_BACK_OFF if is_urged or code.get("raise") else 1 if code.get("return") else 0
    longest = 0
    for one in configs:
        waits = (1 + back_off) * one.lease_ns + 2 * one.retry_ns * (1 + one.jitter) + one.request_timeout_ns
        waits += one.takeover_delay_ns + profile.hold
        longest = max(longest, int(waits / (1 - one.clock_drift)))
    return longest + 8 * profile.delay[0] + profile.wind_down + 1


def handover_bound(configs: Iterable[ElectorConfig], profile: Profile) -> int:
    """Return the bound of a handover after a release: a retry period, not a lease."""
    waits = [
        int((one.retry_ns * (1 + 2 * one.jitter) + one.takeover_delay_ns) / (1 - one.clock_drift))
        for one in configs
    ]
    return max(waits) + 8 * profile.delay[0] + 1


def patience(configs: Iterable[ElectorConfig]) -> int:
    """How long, at most, anybody leaves to a successor what is meant for that one (P17)."""
    return max(int(2 * one.retry_ns / (1 - one.clock_drift)) for one in configs) + 1


def election(history: History) -> Iterator[Violation]:
    """L1: once all is well, somebody leads before `election_bound` is over."""
    for mark in _marks(history, "leader"):
        if not any(term.start <= mark.at + mark.within and mark.at < term.end for term in history.terms()):
            yield Violation("election", mark.at, f"nobody led for {mark.within} ns")


def leadership_is_stable(history: History) -> Iterator[Violation]:
    """L2: after twice that time it is the same one, without a gap, for ten lease durations."""
    for mark in _marks(history, "stability"):
        end = mark.at + mark.within
        terms = [term for term in history.terms() if term.start <= end and term.end > mark.at]
        if len(terms) != 1 or terms[0].start > mark.at or terms[0].end < end:
            yield Violation("leadership_is_stable", mark.at, f"not one term until {end} ns, but {terms}")


def release_hands_over(history: History) -> Iterator[Violation]:
    """L3: after a leader's stop another leads within a look at the record, not a lease duration; so too after
    its resignation, and two retry periods later if that named somebody who is not there (P17).
    """
    yield from _succeeded(history, "handover", "release_hands_over")


def no_churn(history: History) -> Iterator[Violation]:
    """L4: without any fault the first term never ends."""
    for mark in _marks(history, "no churn"):
        terms = [term for term in history.terms() if mark.at < term.end]
        for term in [term for term in terms if term.start <= mark.at + mark.within][1:]:
            yield Violation("no_churn", term.start, f"{term} is not the first")


def crash_is_survived(history: History) -> Iterator[Violation]:
    """L5: a crashed leader is replaced before `election_bound` is over."""
    yield from _succeeded(history, "succession", "crash_is_survived")


def leader_is_known_to_all(history: History) -> Iterator[Violation]:
    """E7: when all has been well for long, every process has observed the leader that there is."""
    for mark in _marks(history, "agreement"):
        processes: dict[str, str] = {}
        for sent in history.of(Invoked):
            if sent.at <= mark.at:
                processes[sent.who.partition("-")[0]] = sent.who
        known: dict[str, str | None] = {}
        for told in history.of(Told):
            if told.at <= mark.at and isinstance(told.notice, NewLeader):
                known[told.who] = told.notice.identity
        for term in history.terms():
            holder = history.config(term.who).identity
            for process in processes.values():
                if term.start <= mark.at < term.end and known.get(process) != holder:
                    said = f"{process} takes {known.get(process)!r} for the leader, not {holder!r}"
                    yield Violation("leader_is_known_to_all", mark.at, said)


LIVENESS = (
    election,
    leadership_is_stable,
    release_hands_over,
    no_churn,
    crash_is_survived,
    leader_is_known_to_all,
)


def _marks(history: History, demand: str) -> list[Marked]:
    return [
        mark for mark in history.of(Marked) if mark.demand == demand and mark.at + mark.within <= history.end
    ]


def _succeeded(history: History, demand: str, rule: str) -> Iterator[Violation]:
    for mark in _marks(history, demand):
        if not any(mark.at < term.start <= mark.at + mark.within for term in history.terms()):
            yield Violation(rule, mark.at, f"no new term within {mark.within} ns")
