"""An observer on a port of the test's own: what it asks for, when, and what it leaves behind. No threads."""

import pytest

from incumbent.core.messages import Found, Missing, Refused, Unavailable
from incumbent.core.sight import Lookout
from incumbent.lease import StoreGuarantees, to_ns
from incumbent.observer import _Eye
from support.elector.bench import record


class Told(list):
    def __call__(self, sight):
        self.append((sight.state, sight.reason))


@pytest.fixture
def told():
    return Told()


def opened(port, told=None, *, every=4, durable=True, can_watch=False):
    """An observer that asks every 4 s, or as often as said, and waits 3 s for an answer."""
    lookout = Lookout.over(StoreGuarantees(durable=durable, can_watch=can_watch), 15.0)
    eye = _Eye(port, lookout, to_ns(every), to_ns(3), told)
    eye.open()
    return eye


def hear(port):
    """Make the calls that are due."""
    while port.told:
        port.told.pop(0)()


def sent(port):
    """The requests, each by its id and its seconds."""
    return [(request.id, request.sent_at / 1e9, request.expires_at / 1e9) for request in port.asked]


def test_it_asks_some_time_after_each_answer(port):
    """One request at a time, and one timer: until when it waits, or when it asks again."""
    opened(port)
    assert (sent(port), port.set_for()) == ([(1, 0, 3)], [3.0])
    port.seconds = 1.0
    port.reply(Found, record(1))
    assert port.set_for() == [5.0]
    port.fire()
    assert (sent(port)[1:], port.set_for()) == ([(2, 5, 8)], [8.0])


@pytest.mark.parametrize(
    ("durable", "answer", "at"),
    [
        (True, (Found, record(1)), 15.0),
        (True, (Found, record(1, "")), 20.0),
        (True, (Missing,), 20.0),
        (False, (Missing,), 15.0),
        (True, (Unavailable,), 20.0),
    ],
    ids=str,
)
def test_it_asks_sooner_where_an_answer_would_say_more(port, durable, answer, at):
    """When what it saw has expired: not when nobody leads already, and not for a store that is away."""
    opened(port, every=20, durable=durable)
    port.reply(*answer)
    assert port.set_for() == [at]


def test_a_look_that_is_due_does_not_wait_for_the_expiry(port):
    opened(port, every=4)
    port.reply(Found, record(1))
    assert port.set_for() == [4.0]


def test_what_gets_no_answer_in_time_is_given_up(port, told):
    """P10: it is asked again as after any answer, and what comes late is none."""
    eye = opened(port, told)
    late, port.seconds = port._answered, 3.0
    first = port.asked[-1]
    port.fire()
    assert port.set_for() == [7.0]
    late(first, Found(first.id, record(1)))
    port.fire()
    late(first, Found(first.id, record(1)))
    hear(port)
    assert told == [("unknown", "the store is unavailable")]
    assert (len(port.asked), port.set_for()) == (2, [10.0])
    port.reply(Found, record(2))
    port.reply(Found, record(1))  # a second answer to one request
    assert eye.lookout.observation.stored == record(2)
    assert port.set_for() == [11.0]


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ((Refused,), "the store answered nonsense"),
        ((Unavailable, True, "gone fishing"), "gone fishing"),
    ],
)
def test_what_is_no_sight_says_why(port, told, answer, why):
    opened(port, told)
    port.reply(*answer)
    hear(port)
    assert told == [("unknown", why)]


def test_a_change_is_looked_at_at_once(port):
    """P12: also one that comes while it waits for an answer, which may be older; once for all of them."""
    opened(port, can_watch=True)
    port.changed(None)
    port.changed(None)
    assert len(port.asked) == 1
    port.seconds = 1.0
    port.reply(Found, record(1))
    assert port.set_for() == [1.0]
    port.fire()
    port.reply(Found, record(1))
    assert port.set_for() == [5.0]
    port.changed(None)
    assert (len(port.asked), port.set_for()) == (3, [4.0])
    port.reply(Found, record(1))
    assert port.set_for() == [5.0]


def test_a_clock_that_went_back_is_looked_at(port):
    """P3e: what was counted until then proves nothing, and the next look may be far away."""
    port.seconds = 100.0
    eye = opened(port, every=50)
    port.reply(Found, record(1))
    port.seconds = 20.0
    port.went_back()
    assert sent(port)[1:] == [(2, 20, 23)]
    port.reply(Found, record(1))
    assert eye.lookout.sight(to_ns(34.9)).leader == "bob"


def test_each_other_sight_is_told_once(port, told):
    """A renewal is none; and nobody has to be told."""
    opened(port, told)
    for version in (1, 2, 3):
        port.reply(Found, record(version))
        port.fire()
    port.reply(Missing)
    hear(port)
    assert told == [("held", ""), ("unknown", "the record may have been lost")]
    opened(port).close()
    port.reply(Missing)
    assert port.told == []


def test_nothing_is_left_behind(port, told):
    """No timer, watch or callback, and what comes late changes nothing."""
    eye = opened(port, told, can_watch=True)
    first = port.asked[-1]
    for step in ("waits for an answer", "waits for its turn"):
        if step == "waits for its turn":
            eye = opened(port, told, can_watch=True)
            port.reply(Found, record(1))
        assert (len(port.set_for()), port.is_watching) == (1, True)
        changed, went_back = port.changed, port.went_back
        eye.close()
        assert (port.set_for(), port.is_watching, port.went_back) == ([], False, None)
        asked = len(port.asked)
        changed(None)
        went_back()
        eye._answered(first, Found(first.id, record(1)))
        assert (len(port.asked), port.set_for()) == (asked, [])
    hear(port)
    assert told == [("held", "")]


def test_a_stop_that_comes_first_leaves_nothing_to_open(port):
    lookout = Lookout.over(StoreGuarantees(durable=True, can_watch=True), 15.0)
    eye = _Eye(port, lookout, 1, 1, None)
    eye.close()
    eye.open()
    assert (port.asked, port.is_watching, port.went_back) == ([], False, None)


def test_a_watch_that_is_refused_is_told_and_polled(port, told):
    """P13."""
    port.refuses_watch = True
    eye = opened(port, told, can_watch=True)
    hear(port)
    assert told == [("unknown", "it cannot be watched: the watch was refused")]
    port.reply(Found, record(1))
    assert port.set_for() == [4.0]
    eye.close()
