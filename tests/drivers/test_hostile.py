"""What users, their callbacks and their machine can do to a campaign at the wrong moment."""

import logging
import subprocess
import sys
import textwrap
import threading
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from incumbent import Campaign, ElectionError, SystemClock
from incumbent.runtime import scheduler
from incumbent.stores.memory import MemoryStore
from support.driving import RemoteStore, eventually, in_child, library_threads


def test_a_campaign_stopped_before_it_began_leaves_no_watch(clock, monkeypatch):
    """A stop that overtakes the start wins: nothing is watched or waited for afterwards."""
    store = RemoteStore(can_watch=True)
    campaign = Campaign(store, clock=clock)
    called = scheduler.Scheduler.call

    def stop_first(self, action):
        monkeypatch.setattr(scheduler.Scheduler, "call", called)
        campaign.stop()
        action()

    monkeypatch.setattr(scheduler.Scheduler, "call", stop_first)
    campaign.start()
    assert campaign.state == "stopped"
    assert not store.inner._watches


def test_a_watch_that_cannot_be_closed_holds_nobody_up(clock, caplog):
    """P13: an exception of a watch is a log line; the campaign ends."""

    class Stubborn:
        def close(self):
            raise OSError("no way")

    store = RemoteStore(can_watch=True)
    store.watch = lambda notify: Stubborn()
    campaign = Campaign(store, clock=clock)
    campaign.start()
    stopping = threading.Thread(target=campaign.stop, daemon=True)
    stopping.start()
    stopping.join(10)
    assert not stopping.is_alive()
    assert "no way" in caplog.text


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="/dev/full is a Linux device")
def test_a_trace_that_cannot_be_written_costs_the_trace_and_not_the_lease(clock, caplog):
    with Campaign(MemoryStore(), clock=clock, trace="/dev/full") as campaign:
        clock.advance(60)
        assert campaign.is_leader()
    assert campaign.state == "stopped"
    assert [r.levelname for r in caplog.records if "trace" in r.getMessage()] == ["ERROR"]


def test_a_trace_that_cannot_be_opened_is_refused_and_leaves_nothing_behind(clock, tmp_path):
    before = library_threads()
    campaign = Campaign(MemoryStore(), clock=clock, trace=[tmp_path, tmp_path / "none" / "trace"])
    with pytest.raises(FileNotFoundError):
        campaign.start()
    assert library_threads() == before
    assert campaign.state == "stopped"


@contextmanager
def no_thread_named(monkeypatch, part):
    """The machine has no thread left for those."""
    start = threading.Thread.start

    def refuse(self):
        if part in self.name:
            raise RuntimeError("can't start new thread")
        start(self)

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        yield


def test_work_without_a_thread_fails_and_does_not_stop_the_process(clock, monkeypatch, caplog):
    """Where no thread can be started the term ends; none runs on the thread that keeps everybody's time."""
    ran, told = [], []
    with no_thread_named(monkeypatch, "work-"):
        campaign = Campaign(
            MemoryStore(), clock=clock, on_started_leading=ran.append, on_stopped_leading=told.append
        )
        with campaign:
            eventually(lambda: told)
            assert not campaign.is_leader()
    assert ran == []
    assert "can't start new thread" in caplog.text


def test_the_end_of_a_term_is_told_even_without_a_thread(clock, monkeypatch):
    """One `on_stopped_leading` for each term: on the thread that keeps the time, if there is no other."""
    told = []
    with no_thread_named(monkeypatch, "told-"):
        with Campaign(MemoryStore(), clock=clock, on_stopped_leading=told.append) as campaign:
            assert campaign.wait_until_leader(1)
        assert len(told) == 1


def test_a_log_handler_that_raises_costs_nobody_the_lease(clock):
    """Logging is the user's code, too: what it raises ends neither a term nor the thread of all campaigns."""

    def refuse(record):
        raise OSError("the log is full")

    logger = logging.getLogger("incumbent")
    logger.addFilter(refuse)
    try:
        with Campaign(MemoryStore(), clock=clock) as campaign:
            clock.advance(60)
            assert campaign.is_leader()
            clock.jump(-5)
            clock.advance(60)
            assert campaign.is_leader()
        assert campaign.state == "stopped"
    finally:
        logger.removeFilter(refuse)


def test_a_forked_child_waits_for_no_lock_of_a_thread_that_stayed_behind(clock):
    """`Leadership.wait` returns in the child, whatever the parent's threads held at the fork."""
    with Campaign(MemoryStore(), clock=clock) as campaign:
        assert campaign.wait_until_leader(1)
        term, held, done = campaign.leadership, threading.Event(), threading.Event()

        def hold():
            with term._term._changed.condition:
                held.set()
                done.wait(20)

        holder = threading.Thread(target=hold)
        holder.start()
        held.wait(10)
        try:
            assert in_child(lambda: term.wait(1)) == "True"
        finally:
            done.set()
            holder.join()


def test_a_forked_child_that_goes_on_in_a_loop_of_terms_is_told(clock):
    terms = Campaign(MemoryStore(), clock=clock).terms()
    next(terms)

    def go_on():
        try:
            next(terms)
        except ElectionError as error:
            return "forked child" in str(error)

    assert in_child(go_on) == "True"
    terms.close()


def test_two_who_stop_at_once_both_wait_for_the_end(clock):
    """`stop` returns when no thread is left, whoever else called it."""
    begun, may_end = threading.Event(), threading.Event()

    def told(term):
        begun.set()
        may_end.wait(20)

    campaign = Campaign(MemoryStore(), clock=clock, on_stopped_leading=told)
    campaign.start()
    assert campaign.wait_until_leader(1)
    left = []
    stoppers = [
        threading.Thread(target=lambda: (campaign.stop(), left.append(library_threads()))) for _ in range(4)
    ]
    for stopper in stoppers:
        stopper.start()
    begun.wait(10)
    may_end.set()
    for stopper in stoppers:
        stopper.join(10)
    assert ["incumbent-scheduler" in names for names in left] == [False] * 4


def test_only_one_may_run_a_campaign(clock):
    """Of two threads that call `run` at the same moment one is refused."""
    for _ in range(20):
        campaign, outcomes = Campaign(MemoryStore(), clock=clock), []
        barrier = threading.Barrier(2)

        def run(campaign=campaign, outcomes=outcomes, barrier=barrier):
            barrier.wait()
            try:
                campaign.run()
                outcomes.append("ran")
            except ElectionError:
                outcomes.append("refused")

        runners = [threading.Thread(target=run) for _ in range(2)]
        for runner in runners:
            runner.start()
        eventually(lambda outcomes=outcomes: outcomes)
        eventually(campaign.is_leader)
        campaign.stop()
        for runner in runners:
            runner.join(10)
        assert sorted(outcomes) == ["ran", "refused"]


def test_a_signal_handler_may_stop_a_blocking_run(tmp_path):
    """SIGTERM in the main thread, whatever that is waiting for: the work ends, `run` returns."""
    script = """
        import os, signal, time
        from incumbent import Campaign, open_store
        def work(term):
            os.kill(os.getpid(), signal.SIGTERM)
            term.wait()
            print("ended because", term.reason, flush=True)
        campaign = Campaign(open_store("memory:", lease="x"), on_started_leading=work)
        signal.signal(signal.SIGTERM, lambda *_: campaign.stop())
        campaign.run()
        print(campaign.state)
        """
    path = tmp_path / "script.py"
    path.write_text(textwrap.dedent(script))
    outcome = subprocess.run([sys.executable, path], capture_output=True, text=True, timeout=60, check=False)
    assert outcome.stdout.splitlines() == ["ended because the campaign is stopping", "stopped"], outcome


@pytest.mark.parametrize("how", ["break", "raise"])
def test_a_loop_of_terms_that_is_left_stops_the_campaign(clock, how):
    """The lease is released when the loop has been left, by `break` or by an exception."""
    store = MemoryStore()
    campaign = Campaign(store, clock=clock)
    with suppress(ZeroDivisionError):
        for term in campaign.terms():
            assert term.is_valid()
            if how == "break":
                break
            assert 1 / 0
    assert store.get_lease(timeout=1).lease.is_vacant
    assert campaign.state == "stopped"


def test_timers_that_are_always_due_starve_nobody():
    """On an overloaded machine a timer is always due: wishes and the store's answers are still heard."""
    busy, over, heard = scheduler.Scheduler(SystemClock()), threading.Event(), threading.Event()
    busy.start()

    def again():
        if not over.is_set():
            busy.call_at(busy.now(), again)

    busy.call(again)
    busy.post(heard.set)
    is_heard = heard.wait(5)
    over.set()
    busy.close()
    assert is_heard


def test_a_clock_that_nobody_turns_any_more_does_not_keep_the_interpreter_alive(tmp_path):
    """A test that failed leaves a campaign on a fake clock: the process ends all the same."""
    script = """
        import threading
        from incumbent import Campaign, open_store
        from incumbent.testing import FakeClock
        campaign = Campaign(
            open_store("memory:", lease="x"), stop_timeout=0.2, clock=FakeClock(),
            on_started_leading=lambda term: threading.Event().wait(),
        )
        campaign.start()
        assert campaign.wait_until_leader(30)
        """
    path = tmp_path / "script.py"
    path.write_text(textwrap.dedent(script))
    outcome = subprocess.run([sys.executable, path], capture_output=True, text=True, timeout=40, check=False)
    assert outcome.returncode == 0, outcome
