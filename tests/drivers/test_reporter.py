"""What a campaign says of itself in the log: when, at which level, and with which fields."""

import logging

import pytest

from incumbent.config import ElectorConfig
from incumbent.core.elector import Elector
from incumbent.core.messages import CreateLease, Found, GetLease, Start, Transition, UpdateLease
from incumbent.runtime.reporter import Callbacks, Reporter
from support.elector.bench import record
from support.port import Lines

READ = GetLease(1, 0, 1)
CREATE = CreateLease(1, 0, 1, record(1).lease)
UPDATE = UpdateLease(1, 0, 1, record(1).lease, 1)


def full(*_, **__):
    raise OSError("no space left")


@pytest.fixture
def lines():
    return Lines()


@pytest.fixture
def reporter(lines):
    return Reporter("reports", Elector(ElectorConfig("a")), Callbacks(), lambda call: call(), log=lines)


@pytest.mark.parametrize(
    ("story", "said"),
    [
        ([(READ, "down"), (READ, "")], ["read", "back"]),
        ([(READ, "down"), (READ, "down: again"), (READ, "down: still")], ["read"]),
        ([(READ, "down"), (READ, "slow"), (READ, "")], ["read", "read", "back"]),
        ([(UPDATE, "full"), (READ, ""), (UPDATE, "full"), (READ, "")], ["write"]),
        ([(UPDATE, "full"), (READ, ""), (CREATE, "")], ["write", "back"]),
        ([(CREATE, "full"), (READ, "full"), (READ, "")], ["write"]),
        ([(CREATE, "full"), (READ, "down"), (READ, ""), (UPDATE, "")], ["write", "read", "back"]),
        ([(READ, ""), (UPDATE, "")], []),
    ],
)
def test_trouble_is_a_line_when_it_begins_and_one_when_all_is_well(reporter, lines, story, said):
    """A store that can be read and not written is not back, however often it is read."""
    for request, reason in story:
        if reason:
            reporter.store_failed(request, reason)
        else:
            reporter.store_answered(request)
    texts = [text for _, text, *_ in lines.kept]
    words = ["back" if "answers again" in text else text.split("failed to ")[1][:5].strip() for text in texts]
    assert words == said
    assert {level for level, text, *_ in lines.kept if "again" not in text} <= {logging.WARNING}


def test_a_store_that_refuses_every_write_is_a_few_lines(reporter, lines):
    """A full disk that can be read, all night: each candidacy fails like the first."""
    there, back = (
        Transition("x", *pair, "why") for pair in (("follower", "candidate"), ("candidate", "follower"))
    )
    for _ in range(100):
        reporter.store_answered(READ)
        reporter.moved(there)
        reporter.store_failed(CREATE, "full")
        reporter.moved(back)
    reporter.moved(Transition("x", "follower", "stopped", "why"))
    assert [text.split(":")[1] for level, text, *_ in lines.kept if level > logging.DEBUG] == [
        *(" follower -> candidate", " the store failed to write the record", " candidate -> follower"),
        *(" follower -> candidate", " follower -> stopped"),
    ]
    lines.kept.clear()
    reporter.store_answered(CREATE)
    reporter.moved(there)
    assert [level for level, *_ in lines.kept] == [logging.INFO, logging.INFO]


def test_each_line_says_who_where_and_what(reporter, lines):
    reporter.moved(Transition("campaign", "follower", "candidate", "there is no record"))
    [(level, text, extra, exc_info)] = lines.kept
    assert (level, exc_info) == (logging.INFO, None)
    assert text == "reports: follower -> candidate: there is no record (no holder)"
    assert extra == {
        "lease": "reports",
        "identity": "a",
        "state": "follower",
        "token": None,
        "leader": None,
        "trigger": "campaign",
        "source": "follower",
        "reason": "there is no record",
    }


def test_a_follower_names_the_holder_and_its_token(reporter, lines):
    reporter.elector.handle(Start(), 0)
    reporter.elector.handle(Found(1, record(1, token=7)), 0)
    reporter.left_behind(3)
    [(level, text, extra, _)] = lines.kept
    assert level == logging.ERROR
    assert text.endswith(
        "the work of token 3 did not end in time; the lease is left to expire (holder 'bob', token 7)"
    )
    assert (extra["leader"], extra["token"]) == ("bob", None)


def test_what_failed_is_shown_with_where(reporter, lines):
    failure = LookupError("it was not there")
    reporter.failed("the work", failure)
    reporter.clock_went_backwards(1_500_000_000)
    reporter.defect()
    assert [(level, exc_info) for level, _, _, exc_info in lines.kept] == [
        (logging.ERROR, failure),
        (logging.WARNING, None),
        (logging.CRITICAL, True),
    ]
    assert "backwards by 1.500000 s" in str(lines)


def test_an_attempt_that_fails_is_a_line_and_nothing_else(reporter, lines):
    reporter.attempt("closing", lambda: 1 / 0)
    reporter.attempt("closing", lambda: None)
    assert [text for _, text, *_ in lines.kept] == ["reports: closing failed (no holder)"]


def test_a_log_that_is_broken_costs_nothing():
    """P13."""
    reporter = Reporter("x", Elector(ElectorConfig("a")), Callbacks(), lambda call: call(), log=full)
    reporter.defect()


def test_nobody_is_told_what_nobody_asked_for(reporter):
    reporter.leads(True)
    reporter.new_leader("a")
