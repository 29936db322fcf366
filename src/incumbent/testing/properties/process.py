"""E1 to E6 and E8 to E10: what every single process owes, whatever the others and the world do."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from incumbent.core.elector import EPOCH
from incumbent.core.messages import (
    ClockWentBackwards,
    CreateLease,
    Found,
    GetLease,
    Missing,
    Request,
    StartedLeading,
    StoppedLeading,
    Written,
)
from incumbent.core.states import FOLLOWER, MOVES, STOPPED
from incumbent.lease import EARLIEST_TIME
from incumbent.testing.history import (
    Answered,
    Executed,
    History,
    Invoked,
    Led,
    Struck,
    Told,
    Turned,
    Violation,
)
from incumbent.testing.simulation.participants import MILLION


def moves_are_declared(history: History) -> Iterator[Violation]:
    """E1: roles change along the declared moves only, each from where the last one led to."""
    declared = [(move.trigger, move.source, move.dest) for move in MOVES]
    state: dict[str, str] = {}
    for turn in history.of(Turned):
        was = state.get(turn.who, FOLLOWER)
        if turn.source != was or (turn.trigger, turn.source, turn.dest) not in declared:
            yield Violation("moves_are_declared", turn.at, f"{turn} out of {was}")
        state[turn.who] = turn.dest


def stopped_is_final(history: History) -> Iterator[Violation]:
    """E2: who has stopped never leads again, and asks no more than a release, a look if that was refused, and
    another release (P9).
    """
    stopped: dict[str, list[Request]] = {}
    for record in history.among(Turned, Invoked, Led):
        if isinstance(record, Turned):
            if record.who in stopped:
                yield Violation("stopped_is_final", record.at, f"{record} after the stop")
            if record.dest == STOPPED:
                stopped[record.who] = []
        elif isinstance(record, Led):
            if record.who in stopped and record.until > record.at:
                yield Violation("stopped_is_final", record.at, f"{record} after the stop")
        elif isinstance(record, Invoked) and record.who in stopped:
            asked = stopped[record.who]
            asked.append(record.request)
            releases, looks = sum(map(_is_release, asked)), sum(isinstance(one, GetLease) for one in asked)
            if releases > 1 + looks or looks > 1 or releases + looks < len(asked):
                yield Violation("stopped_is_final", record.at, f"{record} after the stop")


def started_and_stopped_alternate(history: History) -> Iterator[Violation]:
    """E3: one end for each beginning of a term, with its token, and leading is nowhere but between them."""
    told: dict[str, int] = {}
    for record in history.among(Told, Led):
        if isinstance(record, Led):
            if record.until > record.at and told.get(record.who) != record.token:
                yield Violation("started_and_stopped_alternate", record.at, f"{record} was not announced")
        elif isinstance(record, Told) and isinstance(record.notice, StartedLeading):
            if record.who in told:
                yield Violation("started_and_stopped_alternate", record.at, f"{record} within a term")
            told[record.who] = record.notice.token
        elif not isinstance(record, Told) or not isinstance(record.notice, StoppedLeading):
            continue
        elif told.pop(record.who, None) != record.notice.token:
            yield Violation("started_and_stopped_alternate", record.at, f"{record} outside its term")


def term_is_over_when_told(history: History) -> Iterator[Violation]:
    """E18: a term that is told to be over is, at that instant; none that is cut short ends untold."""
    gone = {
        (struck.at, name)
        for struck in history.of(Struck)
        if struck.verb in {"crash", "jump", "drift"}
        for name in struck.targets
    }
    told: set[str] = set()
    leads: dict[str, Led] = {}
    ended: dict[str, int] = {}
    for record in history.among(Told, Led):
        for who in [who for who, at in ended.items() if at < record.at]:
            del ended[who]
            if who in leads and leads[who].until > record.at:
                yield Violation("term_is_over_when_told", record.at, f"{leads[who]}, and was told it is over")
        if isinstance(record, Led):
            leads[record.who] = record
            is_excused = (record.at, record.who.partition("-")[0]) in gone
            if record.until == record.at and record.who in told and not is_excused:
                yield Violation("term_is_over_when_told", record.at, f"{record}, and nobody was told")
        elif isinstance(record, Told) and isinstance(record.notice, StartedLeading):
            told.add(record.who)
            ended.pop(record.who, None)
        elif isinstance(record, Told) and isinstance(record.notice, StoppedLeading):
            told.discard(record.who)
            ended[record.who] = record.at


def one_request_in_flight(history: History) -> Iterator[Violation]:
    """E4: a request is sent when the one before it was answered, has expired, or was given up by a move."""
    answered = {(one.who, one.reply.id) for one in history.of(Answered) if one.heard}
    given_up = {(turn.who, turn.at) for turn in history.of(Turned)}
    given_up |= {(one.who, one.at) for one in history.of(Told) if isinstance(one.notice, ClockWentBackwards)}
    pending: dict[str, Request] = {}
    for sent in history.of(Invoked):
        last = pending.get(sent.who)
        pending[sent.who] = sent.request
        if last is None or sent.request.sent_at >= last.expires_at:
            continue
        if (sent.who, last.id) not in answered and (sent.who, sent.at) not in given_up:
            yield Violation("one_request_in_flight", sent.at, f"{sent} while {last} was pending")


def release_is_last(history: History) -> Iterator[Violation]:
    """E5: a release is sent while its sender does not lead, and takes effect on one's own record only."""
    leads: dict[str, bool] = {}
    # A store that went back to an older version may repeat versions: a release names one, and meets another.
    restored = [one.at for one in history.of(Struck) if one.verb == "restore_backup"]
    repeats = restored[0] if restored else history.end + 1
    for record in history.deeds(Led, Invoked, Executed):
        if isinstance(record, Led):
            leads[record.who] = record.until > record.at
        elif isinstance(record, Invoked) and _is_release(record.request):
            if leads.get(record.who):
                yield Violation("release_is_last", record.at, f"{record} before the end of a term")
        elif isinstance(record, Executed) and _is_release(record.request) and record.before is not None:
            owner = record.before.lease.holder_session
            if record.is_touch or record.at >= repeats:
                continue
            if isinstance(record.reply, Written) and owner.rpartition(".")[0] != record.who:
                yield Violation("release_is_last", record.at, f"{record.who} released what {owner!r} held")


def unknown_outcome_proves_nothing(history: History) -> Iterator[Violation]:
    """E6: only the answer that a write took effect, or a look at the record, makes a term begin or last
    longer.
    """
    proofs = {
        (one.who, one.at)
        for one in history.of(Answered)
        if one.heard and isinstance(one.reply, (Written, Found))
    }
    turned = {
        (name, struck.at)
        for struck in history.of(Struck)
        if struck.verb in {"drift", "jump"}
        for name in struck.targets
    }
    last: dict[str, Led] = {}
    for led in history.of(Led):
        before = last.get(led.who)
        last[led.who] = led
        is_longer = before is None or before.session != led.session or led.until > before.until
        if led.until == led.at or not is_longer or (led.who, led.at) in proofs:
            continue
        if (led.who.partition("-")[0], led.at) not in turned:
            yield Violation("unknown_outcome_proves_nothing", led.at, f"{led} came of no answer")


def no_known_rival(history: History) -> Iterator[Violation]:
    """E8 (P8): who leads and is shown another's record, or none, ends its term by that very input."""
    writes = history.writes()
    ended = {(led.who, led.at) for led in history.of(Led) if led.until == led.at}
    leads: dict[str, Led] = {}
    for record in history.among(Led, Answered):
        if isinstance(record, Led):
            leads[record.who] = record
        elif isinstance(record, Answered) and record.heard:
            if (record.who, record.reply.id) in writes and not isinstance(record.reply, Missing):
                continue
            led = leads.get(record.who)
            if led is None or led.until <= record.at or (record.who, record.at) in ended:
                continue
            shown = record.reply.stored.lease.holder_session if isinstance(record.reply, Found) else ""
            is_loss = isinstance(record.reply, (Found, Missing)) and shown != led.session
            if is_loss and not history.excused(
                record.at, record.at
            ):  # a version used again is taken for one's own
                yield Violation("no_known_rival", record.at, f"{led} was shown {shown!r}")


def missing_is_waited_out(history: History) -> Iterator[Violation]:
    """E9 (P5): if a record was seen before, or the store may forget, a candidate creates one only after the
    record has been missing for the longest lease duration it knows of, on the fastest clock.
    """
    writes = history.writes()
    longest: dict[str, int] = {}
    since: dict[str, int] = {}
    for record in history.among(Answered, Invoked):
        if isinstance(record, Answered) and record.heard:
            who, reply = record.who, record.reply
            sent = writes.get((who, reply.id))
            if isinstance(reply, Missing) and not (sent and isinstance(sent.request, CreateLease)):
                since.setdefault(who, record.at)
            elif isinstance(reply, Found) and sent is None:
                since.pop(who, None)
                longest[who] = max(longest.get(who, 0), reply.stored.lease.lease_duration_ns)
            elif isinstance(reply, Written):
                since.pop(who, None)
                longest[who] = max(longest.get(who, 0), history.config(who).lease_ns)
        elif isinstance(record, Invoked) and isinstance(record.request, CreateLease):
            config = history.config(record.who)
            if record.who not in longest and config.guarantees.durable:
                continue
            wait = max(longest.get(record.who, 0), config.lease_ns)
            known = record.at - since.get(record.who, record.at)
            fastest = MILLION + round(config.clock_drift * MILLION)
            is_early = (known + 1) * fastest < wait * MILLION
            if is_early and not history.has_wrong_clock(record.at - known, record.at):
                yield Violation("missing_is_waited_out", record.at, f"{record} after {known} ns")


def hold_is_kept(history: History) -> Iterator[Violation]:
    """E19 (P16): nobody claims what is held back before its time has come, by the claim's own renew time; and
    by the true time, where no wall clock was turned.
    """
    sent = history.writes()
    turned = any(one.verb.endswith("wall_clock") for one in history.of(Struck))
    for claim in history.of(Executed):
        request, before = claim.request, claim.before
        if before is None or isinstance(request, GetLease) or not isinstance(claim.reply, Written):
            continue
        if not before.lease.is_vacant or request.lease.is_vacant:
            continue
        time = EPOCH + timedelta(microseconds=sent.get((claim.who, request.id), claim).at // 1000 + 1)
        if turned or before.lease.not_before == EARLIEST_TIME:
            time = request.lease.renew_time
        if min(time, request.lease.renew_time) < before.lease.not_before:
            yield Violation("hold_is_kept", claim.at, f"{claim.who} claimed {before} at {time}")


def successor_comes_first(history: History) -> Iterator[Violation]:
    """E20 (P17): what was released for another is claimed by a write sent two retry periods, on the fastest
    clock, after that, whoever touched it since.
    """
    sent = {(one.who, one.request.id): one.at for one in history.of(Invoked)}
    released = 0
    for write in history.of(Executed):
        request, before = write.request, write.before
        if isinstance(request, GetLease) or not isinstance(write.reply, Written) or write.is_touch:
            continue
        last, released = released, write.at
        if before is None or not before.lease.is_vacant or request.lease.is_vacant:
            continue
        config = history.config(write.who)
        waited = sent.get((write.who, request.id), write.at) - last
        is_early = (waited + 1) * (1 + config.clock_drift) < 2 * config.retry_ns
        is_early = is_early and before.lease.successor not in {"", config.identity}
        if is_early and not history.excused(last, write.at):
            yield Violation(
                "successor_comes_first", write.at, f"{write.who} claimed {before} after {waited} ns"
            )


CONDUCT = (
    moves_are_declared,
    stopped_is_final,
    started_and_stopped_alternate,
    term_is_over_when_told,
    one_request_in_flight,
    release_is_last,
    unknown_outcome_proves_nothing,
    no_known_rival,
    missing_is_waited_out,
    hold_is_kept,
    successor_comes_first,
)


def _is_release(request: Request) -> bool:
    return not isinstance(request, GetLease) and request.lease.is_vacant
