"""E10 to E17: what a process owes as to the code that its user runs in it: work, and what is told of an end.

A process that is paused does nothing, and one that crashed owes nothing any more: what they do late is
excused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from incumbent.core.messages import (
    Found,
    GetLease,
    Missing,
    StartedLeading,
    StoppedLeading,
)
from incumbent.core.states import LEADER
from incumbent.core.term import LONGEST_BACK_OFF
from incumbent.testing.history import (
    Answered,
    Asked,
    Booted,
    Finished,
    History,
    Invoked,
    Led,
    Ran,
    Struck,
    Told,
    Turned,
    Violation,
)

ENDS: Final = {"returns", "raises"}
BY_WISH: Final = {"resigned", "asked to"}


def no_work_beside_work(history: History) -> Iterator[Violation]:
    """E10: in one process the work of one term runs at a time."""
    running: dict[str, Ran] = {}
    for ran in history.of(Ran):
        if ran.code != "work":
            continue
        if ran.what == "begins":
            if ran.who in running:
                said = f"{ran} begins beside that of token {running[ran.who].token}"
                yield Violation("no_work_beside_work", ran.at, said)
            running[ran.who] = ran
        elif ran.what in ENDS:
            running.pop(ran.who, None)


def release_waits_for_all(history: History) -> Iterator[Violation]:
    """E11 (P9e): no release is sent while work, or what is told of the end, runs in that process."""
    running: dict[tuple[str, str], Ran] = {}
    for record in history.among(Ran, Invoked):
        if isinstance(record, Ran):
            if record.what == "begins":
                running[record.who, record.code] = record
            elif record.what in ENDS:
                running.pop((record.who, record.code), None)
        elif isinstance(record, Invoked) and not isinstance(record.request, GetLease):
            for code in ("work", "told"):
                ran = running.get((record.who, code))
                if record.request.lease.is_vacant and ran is not None:
                    yield Violation("release_waits_for_all", record.at, f"{record} while {ran} runs")


def every_end_is_told_once(history: History) -> Iterator[Violation]:
    """E12: each term that ended was told once, with its token, when it was over; none was told else."""
    owed: dict[str, list[int]] = {}
    gone = _gone(history)
    for record in history.among(Told, Ran, Finished):
        if isinstance(record, Told) and isinstance(record.notice, StoppedLeading):
            owed.setdefault(record.who, []).append(record.notice.token)
        elif isinstance(record, Ran) and (record.code, record.what) == ("told", "begins"):
            if record.token not in owed.get(record.who, []):
                yield Violation("every_end_is_told_once", record.at, f"{record} begins out of turn")
            else:
                owed[record.who].remove(record.token)
    booted = {one.who for one in history.of(Booted)}  # who runs a driver, which owes it
    for who, tokens in owed.items():
        if tokens and who in booted and gone.get(who, history.end + 1) > history.end:
            yield Violation("every_end_is_told_once", history.end, f"{who} was never told of {tokens}")


def work_is_told_at_once(history: History) -> Iterator[Violation]:
    """E13: work that runs when its term ends is asked to end at that instant, if it was not before."""
    running: dict[str, Ran] = {}
    late: dict[str, tuple[int, Ran]] = {}
    idle = _idle(history)
    for record in history.among(Told, Ran):
        for who, (at, ran) in list(late.items()):
            if record.at > at:
                del late[who]
                if not idle(who, at, record.at):
                    yield Violation("work_is_told_at_once", at, f"{ran} goes on, and its term is over")
        if isinstance(record, Ran) and record.code == "work":
            late.pop(record.who, None)
            if record.what == "begins":
                running[record.who] = record
            else:
                running.pop(record.who, None)
        elif isinstance(record, Told) and isinstance(record.notice, StoppedLeading) and record.who in running:
            late[record.who] = record.at, running[record.who]


def stop_is_in_time(history: History) -> Iterator[Violation]:
    """E14: who is asked to stop has finished when its patience is over, and what it had to send was sent."""
    finished = {one.who: one.at for one in history.of(Finished)}
    gone, idle = _gone(history), _idle(history)
    for asked in [asked for asked in history.of(Asked) if asked.wish == "stop"]:
        config = history.config(asked.who)
        # A write under way, a release that is refused, a look for what it was to release, and that released.
        calls = 4 * config.request_timeout_ns + config.retry_ns
        within = (asked.patience + calls) / (1 - config.clock_drift)
        until = asked.at + int(within) + 2
        at = finished.get(asked.who, gone.get(asked.who, history.end + 1))
        wrong = history.has_wrong_clock(asked.at, until) or idle(asked.who, asked.at, until)
        if until < min(at, history.end) and not wrong:
            said = f"{asked.who} was asked to stop within {asked.patience} ns, and runs on"
            yield Violation("stop_is_in_time", until, said)


def nothing_is_left(history: History) -> Iterator[Violation]:
    """E15: who has finished leaves no timer, watch, callback or request behind, and no code of the user's
    that ended in time; nothing of it begins any more, but what is told of a term that was left behind.
    """
    patience: dict[str, int] = {}
    finished: dict[str, Finished] = {}
    for record in history.among(Asked, Finished, Invoked, Ran):
        if isinstance(record, Asked) and record.wish == "stop":
            config = history.config(record.who)
            least = record.at + int(record.patience / (1 + config.clock_drift)) - 2
            patience[record.who] = min(patience.get(record.who, least), least)
        elif isinstance(record, Finished):
            finished[record.who] = record
            is_left_behind = record.at >= patience.get(record.who, record.at + 1)
            left = [name for name in record.left if not (is_left_behind and name in {"work", "told"})]
            if left and not history.has_wrong_clock(record.at, record.at):
                yield Violation("nothing_is_left", record.at, f"{record.who} has left {', '.join(left)}")
        elif isinstance(record, (Invoked, Ran)) and record.who in finished:
            is_code = isinstance(record, Ran) and (record.code != "work" or record.what != "begins")
            if not is_code:
                yield Violation("nothing_is_left", record.at, f"{record} after it had finished")


def terms_end_for_a_cause(history: History) -> Iterator[Violation]:
    """E16: a term ends by its deadline, by what its leader was shown, by its clock, or by a wish."""
    shown: dict[str, int] = {}
    wished: set[str] = set()
    until: dict[str, int] = {}
    booted = {one.who for one in history.of(Booted)}
    for record in history.among(Answered, Turned, Ran, Asked, Led):
        if isinstance(record, Answered) and isinstance(record.reply, (Found, Missing)):
            shown[record.who] = record.at
            if isinstance(record.reply, Found) and record.reply.stored.lease.resign_requested_by:
                wished.add(record.who)
        elif isinstance(record, Led):
            until[record.who] = record.until
        elif isinstance(record, Asked):
            wished.add(record.who)
        elif isinstance(record, Ran):
            wished.update({record.who} if record.what in ENDS else ())
        elif isinstance(record, Turned):
            if record.source != LEADER or record.who not in booted:
                continue
            who, reason = record.who, record.reason
            by_wish = reason in BY_WISH and who in wished
            by_deadline = "deadline" in reason and until.get(who, 0) <= record.at
            by_sight = reason not in BY_WISH and "deadline" not in reason and shown.get(who) == record.at
            if not (by_wish or by_deadline or by_sight or "backwards" in reason):
                yield Violation("terms_end_for_a_cause", record.at, f"{record}, and nothing had happened")


def failure_backs_off(history: History) -> Iterator[Violation]:
    """E17: after work that raised no term begins for a lease duration, twice that after the next, and so on
    up to a bound; work that ends otherwise begins the count anew.
    """
    failures: dict[str, int] = {}
    not_before: dict[str, tuple[int, int]] = {}
    for record in history.among(Ran, Told):
        who = str(getattr(record, "who", ""))
        if isinstance(record, Ran) and record.code == "work" and record.what in ENDS:
            failures[who] = failures.get(who, 0) + 1 if record.what == "raises" else 0
            not_before.pop(who, None)
            if failures[who]:
                config = history.config(who)
                wait = config.lease_ns * min(2 ** (failures[who] - 1), LONGEST_BACK_OFF)
                not_before[who] = record.at, record.at + int(wait / (1 + config.clock_drift)) - 2
        elif isinstance(record, Told) and isinstance(record.notice, StartedLeading) and who in not_before:
            since, earliest = not_before.pop(who)
            if record.at < earliest and not history.has_wrong_clock(since, record.at):
                yield Violation("failure_backs_off", record.at, f"{who} leads again before {earliest}")


WORK = (
    no_work_beside_work,
    release_waits_for_all,
    every_end_is_told_once,
    work_is_told_at_once,
    stop_is_in_time,
    nothing_is_left,
    terms_end_for_a_cause,
    failure_backs_off,
)


def _gone(history: History) -> dict[str, int]:
    """When each process that was killed, or replaced by a new one, was gone."""
    gone: dict[str, int] = {}
    current: dict[str, str] = {}
    for record in history.among(Booted, Struck):
        if isinstance(record, Booted):
            name = record.who.partition("-")[0]
            if name in current:
                gone.setdefault(current[name], record.at)
            current[name] = record.who
        elif isinstance(record, Struck) and record.verb == "crash":
            for name in record.targets:
                gone.setdefault(current[name], record.at)
    return gone


def _idle(history: History) -> Callable[[str, int, int], bool]:
    """Whether a process was paused or gone at some moment of a span."""
    spans: dict[str, list[tuple[int, int]]] = {}
    since: dict[str, int] = {}

    def close(name: str, at: int) -> None:
        if name in since:
            spans.setdefault(name, []).append((since.pop(name), at))

    for record in history.among(Booted, Struck):
        if isinstance(record, Booted):
            close(record.who.partition("-")[0], record.at)
        elif isinstance(record, Struck) and record.verb in {"pause", "crash"}:
            since.update((name, record.at) for name in record.targets if name not in since)
        elif isinstance(record, Struck) and record.verb == "resume":
            for name in record.targets:
                close(name, record.at)
    for name in list(since):
        close(name, history.end)

    def idle(who: str, start: int, end: int) -> bool:
        return any(at <= end and start <= until for at, until in spans.get(who.partition("-")[0], []))

    return idle
