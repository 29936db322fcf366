"""`Campaign.run` on the main thread of a service: SIGTERM and Ctrl-C end it, and release the lease."""

import os
import signal
import subprocess
import sys
import textwrap
import threading

import pytest

from incumbent import Campaign, open_store
from incumbent.runtime.signals import Waiter
from incumbent.stores.memory import MemoryStore
from support.driving import eventually

SERVICE = """
    import signal, sys
    from incumbent import Campaign, open_store
    def work(term):
        print("works", flush=True)
        {work}
        print("ended because", term.reason, flush=True)
    store = open_store("sqlite:///{path}", lease="x")
    {before}
    Campaign(store, identity="a", on_started_leading=work, stop_timeout=1000).run({arguments})
    print("returned", flush=True)
    """


@pytest.fixture
def service(tmp_path):
    """Starts a service that leads, and asks what became of it."""
    path, started = tmp_path / "leases.db", []

    def start(work="term.wait()", before="", arguments=""):
        script = SERVICE.format(path=path, work=work, before=before, arguments=arguments)
        command = [sys.executable, "-c", textwrap.dedent(script)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        started.append(process)
        assert process.stdout.readline() == "works\n"
        return process

    yield start, lambda: is_vacant(path)
    for process in started:
        process.kill()
        process.communicate()


def is_vacant(path):
    store = open_store(f"sqlite:///{path}", lease="x")
    try:
        return store.get_lease(timeout=5).lease.is_vacant
    finally:
        store.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_tells_the_work_releases_and_returns(service, number):
    """The exit status is 0 and nothing is on standard error: for systemd and Kubernetes it ended well."""
    start, lease_is_vacant = service
    process = start()
    process.send_signal(number)
    output, errors = process.communicate(timeout=60)
    assert output.splitlines() == ["ended because the campaign is stopping", "returned"]
    assert (process.returncode, errors) == (0, "")
    assert lease_is_vacant()


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGTERM, -signal.SIGTERM), (signal.SIGINT, -signal.SIGINT)]
)
def test_a_second_signal_does_what_it_does_without_a_campaign(service, number, status):
    """Work that does not end keeps nobody who insists; the lease is left to expire."""
    start, lease_is_vacant = service
    process = start(work="term.wait(); print('is told', flush=True); __import__('time').sleep(100)")
    process.send_signal(number)
    assert process.stdout.readline() == "is told\n"
    process.send_signal(number)
    process.communicate(timeout=60)
    assert process.returncode == -number
    assert not lease_is_vacant()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize(
    ("work", "is_told_twice"),
    [("send(); term.wait()", False), ("send(); term.wait(); send(); threading.Event().wait()", True)],
)
def test_a_signal_that_wakes_nobody_is_heard(service, number, work, is_told_twice):
    """As one that comes just before the wait begins: here one that another thread is sent, by itself."""
    start, lease_is_vacant = service
    send = f"import threading; send = lambda: signal.pthread_kill(threading.get_ident(), {number:d})"
    process = start(work, before=send)
    process.communicate(timeout=60)
    assert process.returncode == (-number if is_told_twice else 0)
    assert lease_is_vacant() == (not is_told_twice)


@pytest.mark.parametrize(
    ("before", "arguments"),
    [
        ("signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))", "handle_signals=False"),
        ("signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))", ""),
    ],
)
def test_handlers_of_ones_own_are_kept(service, before, arguments):
    """Whether or not it is asked for: here `sys.exit`, after which the campaign is stopped all the same."""
    start, lease_is_vacant = service
    process = start(before=before, arguments=arguments)
    process.terminate()
    output, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (7, "")
    assert output.splitlines() == ["ended because the campaign is stopping"]
    assert lease_is_vacant()


def test_without_handlers_sigterm_ends_the_process_at_once(service):
    start, lease_is_vacant = service
    process = start(arguments="handle_signals=False")
    process.terminate()
    process.communicate(timeout=60)
    assert process.returncode == -signal.SIGTERM
    assert not lease_is_vacant()


def test_without_handlers_ctrl_c_stops_gracefully_and_raises(service):
    start, lease_is_vacant = service
    process = start(arguments="handle_signals=False")
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=60)
    assert output.splitlines() == ["ended because the campaign is stopping"]
    assert "KeyboardInterrupt" in errors
    assert lease_is_vacant()


def test_an_ignored_signal_stays_ignored(service):
    """As what a shell started in the background has Ctrl-C."""
    start, lease_is_vacant = service
    process = start(before="signal.signal(signal.SIGINT, signal.SIG_IGN)")
    process.send_signal(signal.SIGINT)
    process.terminate()
    assert process.communicate(timeout=60)[0].splitlines()[-1] == "returned"
    assert lease_is_vacant()


def test_the_handlers_are_the_defaults_again_afterwards(clock):
    """When the campaign has ended by itself, and in the work meanwhile they are ours."""
    before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)]
    seen = []
    work = lambda term: seen.extend(signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT))  # noqa: E731
    Campaign(MemoryStore(), clock=clock, on_started_leading=work).run(once=True)
    assert [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)] == before
    assert not set(seen) & set(before)


def test_a_run_on_another_thread_leaves_signals_alone(clock):
    """Python handles signals on the main thread only."""
    campaign = Campaign(MemoryStore(), clock=clock)
    running = threading.Thread(target=campaign.run)
    before = signal.getsignal(signal.SIGTERM)
    running.start()
    eventually(campaign.is_leader)
    assert signal.getsignal(signal.SIGTERM) is before
    campaign.stop()
    running.join(10)
    assert not running.is_alive()


def test_a_signal_before_the_start_is_not_lost(clock, monkeypatch):
    """It ends the campaign as soon as there is one."""
    campaign = Campaign(MemoryStore(), clock=clock)
    start = Campaign._start

    def signalled(self, **settings):
        os.kill(os.getpid(), signal.SIGTERM)
        return start(self, **settings)

    monkeypatch.setattr(Campaign, "_start", signalled)
    campaign.run()
    assert campaign.state == "stopped"


def test_a_handler_that_was_set_after_the_first_signal_is_kept():
    """The default was back by then: whose it is now is no affair of the campaign's."""
    mine = signal.Handlers.SIG_IGN
    try:
        with Waiter(handle_signals=True) as waiter:
            waiter._handle()
            signal.signal(signal.SIGTERM, mine)
        assert signal.getsignal(signal.SIGTERM) is mine
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
