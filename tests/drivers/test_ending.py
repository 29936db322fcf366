"""Stopping, winding down, forking, and the end of the interpreter."""

import threading

import pytest

from incumbent import Campaign, open_store
from incumbent.stores.memory import MemoryStore
from support.driving import eventually, settle
from support.scripts import run_script


def test_renewals_go_on_while_the_work_winds_down(clock):
    """The lease is released only after the work has ended, however much longer than a lease that takes."""
    store = MemoryStore()
    finish = threading.Event()

    def work(term):
        term.wait()
        finish.wait()
        term.check()

    first = Campaign(store, identity="first", clock=clock, on_started_leading=work, stop_timeout=1000)
    with first, Campaign(MemoryStore(space=store.space), identity="second", clock=clock) as second:
        stopping = threading.Thread(target=first.stop)
        stopping.start()
        eventually(lambda: first.leadership.reason == "the campaign is stopping")
        for _ in range(60):
            clock.advance(1)
            assert first.is_leader()
            assert not second.is_leader()
        finish.set()
        stopping.join(10)
        eventually(second.is_leader)
        assert second.token == 2


def test_work_that_does_not_end_is_reported_and_the_lease_left_to_expire(clock, caplog):
    store = MemoryStore()
    finish = threading.Event()
    told = []
    campaign = Campaign(
        store,
        identity="a",
        clock=clock,
        stop_timeout=5,
        on_started_leading=lambda term: finish.wait(),
        on_stopped_leading=lambda term: told.append(term.token),
    )
    campaign.start()
    stopping = threading.Thread(target=campaign.stop)
    stopping.start()
    eventually(lambda: campaign.leadership is not None and campaign.leadership.reason)
    clock.advance(4.9)
    assert campaign.is_leader()
    clock.advance(0.1)
    assert not campaign.is_leader()
    stopping.join(10)
    assert not stopping.is_alive()
    eventually(lambda: told == [1])
    assert store.get_lease(timeout=1).lease.holder_identity == "a"
    assert "did not end in time" in caplog.text
    finish.set()


def test_no_work_is_run_beside_the_unfinished_work_of_a_lost_term(clock):
    """A candidate whose old work still runs does not lead again before it has ended."""
    store = MemoryStore()
    finish = threading.Event()
    begun, running = [], []

    def work(term):
        begun.append(term.token)
        running.append(term.token)
        assert len(running) == 1
        finish.wait()
        running.remove(term.token)

    with Campaign(store, identity="a", clock=clock, on_started_leading=work) as campaign:
        eventually(lambda: running == [1])
        stored = store.get_lease(timeout=1)
        store.update_lease(stored.lease.released(stored.lease.renew_time), stored.version, timeout=1)
        clock.advance(100)
        assert campaign.state == "follower", "the record was taken from it, and its work goes on"
        assert running == [1]
        finish.set()
        eventually(lambda: begun == [1, 2])


def test_a_release_waits_for_on_stopped_leading(clock):
    """What must be cleaned up before another leads can be cleaned up there, at nobody else's cost."""
    store, neighbour = MemoryStore(), Campaign(MemoryStore(), clock=clock)
    finish = threading.Event()
    campaign = Campaign(store, clock=clock, on_stopped_leading=lambda term: finish.wait())
    campaign.start()
    neighbour.start()
    stopping = threading.Thread(target=campaign.stop)
    stopping.start()
    eventually(lambda: campaign.state == "stopped")
    assert not store.get_lease(timeout=1).lease.is_vacant
    clock.advance(11)  # longer than a request may take, and than anybody leads without renewing
    assert not store.get_lease(timeout=1).lease.is_vacant
    assert neighbour.is_leader()
    finish.set()
    stopping.join(10)
    assert store.get_lease(timeout=1).lease.is_vacant
    neighbour.stop()


def test_a_callback_that_never_returns_holds_up_stop_no_longer_than_allowed(clock, caplog):
    never = threading.Event()
    store = MemoryStore()
    campaign = Campaign(store, clock=clock, stop_timeout=5, on_stopped_leading=lambda term: never.wait())
    campaign.start()
    stopping = threading.Thread(target=campaign.stop)
    stopping.start()
    eventually(lambda: campaign.state == "stopped")
    clock.advance(5)
    stopping.join(10)
    assert not stopping.is_alive()
    assert not store.get_lease(timeout=1).lease.is_vacant
    never.set()


def test_the_clock_going_backwards_ends_the_term_with_a_reason(clock, caplog):
    caplog.set_level("INFO", logger="incumbent")
    told = []
    store = MemoryStore()
    with Campaign(store, clock=clock, on_stopped_leading=lambda term: told.append(term.reason)) as campaign:
        clock.advance(3)
        clock.jump(-1.5)
        assert not campaign.is_leader()
        eventually(lambda: told == ["the clock went backwards by 0.500000 s"])
    assert "the clock went backwards" in caplog.text


def test_a_sleeping_machine_wakes_up_as_no_leader(clock):
    """The clock goes on during a suspend; so nobody believes afterwards."""
    with Campaign(MemoryStore(), clock=clock) as campaign:
        assert campaign.is_leader()
        term = campaign.leadership
        clock.jump(3600)
        assert not term.is_valid()
        eventually(lambda: campaign.leadership is not term)


def test_the_end_of_the_interpreter_is_a_graceful_stop(tmp_path):
    """The work is told, it ends, then the lease is released; nothing hangs."""
    outcome = run_script(
        f"""
        from incumbent import Campaign, open_store
        def work(term):
            print("began", flush=True)
            term.wait()
            print("ended because", term.reason, flush=True)
        campaign = Campaign(open_store("sqlite:///{tmp_path}/leases.db", lease="x"), on_started_leading=work)
        campaign.start()
        assert campaign.wait_until_leader(30)
        """,
        tmp_path,
    )
    assert outcome.stdout.splitlines() == ["began", "ended because the campaign is stopping"], outcome
    assert outcome.returncode == 0
    store = open_store(f"sqlite:///{tmp_path}/leases.db", lease="x")
    assert store.get_lease(timeout=5).lease.is_vacant
    store.close()


@pytest.mark.parametrize(
    "rest",
    [
        "",
        "raise SystemExit",
        "thread = threading.Thread(target=next, args=(terms,)); thread.start(); thread.join()",
    ],
)
def test_a_loop_of_terms_that_was_kept_ends_with_the_interpreter(tmp_path, rest):
    """Its body runs no more, wherever it ran: the process ends soon, and releases the lease."""
    first = "next(terms)" if "thread" not in rest else ""
    outcome = run_script(
        f"""
        import threading
        from incumbent import Campaign, open_store
        store = open_store("sqlite:///{tmp_path}/leases.db", lease="x")
        terms = Campaign(store, stop_timeout=1000).terms()
        {first}
        {rest}
        """,
        tmp_path,
    )
    assert (outcome.returncode, outcome.stderr) == (0, "")
    store = open_store(f"sqlite:///{tmp_path}/leases.db", lease="x")
    assert store.get_lease(timeout=5).lease.is_vacant
    store.close()


def test_at_the_end_of_the_interpreter_campaigns_end_side_by_side(tmp_path):
    """All are asked before any is waited for."""
    outcome = run_script(
        """
        import threading
        from incumbent import Campaign, open_store
        told = threading.Barrier(3)
        def work(term):
            term.wait()
            told.wait()
        for number in range(3):
            campaign = Campaign(
                open_store("memory:", lease=f"x{number}"), on_started_leading=work, stop_timeout=1000
            )
            campaign.start()
            assert campaign.wait_until_leader(30)
        """,
        tmp_path,
    )
    assert (outcome.returncode, outcome.stderr) == (0, "")


def test_work_that_ignores_everything_does_not_keep_the_interpreter_alive(tmp_path):
    outcome = run_script(
        """
        import threading
        from incumbent import Campaign, open_store
        campaign = Campaign(
            open_store("memory:", lease="x"), stop_timeout=0.2,
            on_started_leading=lambda term: threading.Event().wait(),
        )
        campaign.start()
        assert campaign.wait_until_leader(30)
        """,
        tmp_path,
    )
    assert outcome.returncode == 0, outcome
    assert "did not end in time" in outcome.stderr


def test_a_defect_of_ours_fails_closed(clock, monkeypatch, caplog):
    """Should an invariant of the elector ever break, nobody leads by it, and stop still returns."""
    told = []
    with Campaign(
        MemoryStore(), clock=clock, on_stopped_leading=lambda term: told.append(term.reason)
    ) as campaign:
        monkeypatch.setattr("incumbent.core.elector.Elector._check", lambda self: 1 / 0)
        clock.advance(2)
        eventually(lambda: campaign.state == "stopped" and told == ["a defect"])
        assert not campaign.is_leader()
        monkeypatch.undo()
    assert "a defect" in caplog.text


def test_nothing_raw_and_nothing_huge_is_logged(clock, caplog):
    """Whatever the lease and its holder are called."""
    caplog.set_level("DEBUG", logger="incumbent")
    for name in ("\x1b[2J\nforged", "x" * 2_000):
        with Campaign(MemoryStore(name), identity=name, clock=clock) as campaign:
            clock.advance(100)
            settle(campaign)
    lines = [record.getMessage() for record in caplog.records if record.name == "incumbent"]
    assert len(lines) == 6
    assert all(line.isprintable() and len(line) < 1_200 for line in lines)


def test_every_change_of_state_is_one_line_with_its_reason_and_no_renewal_is(clock, caplog):
    caplog.set_level("DEBUG", logger="incumbent")
    with Campaign(MemoryStore("reports"), identity="a", clock=clock) as campaign:
        clock.advance(100)
        settle(campaign)
    records = [record for record in caplog.records if record.name == "incumbent"]
    assert [record.getMessage() for record in records] == [
        "reports: follower -> candidate: there is no record (no holder)",
        "reports: candidate -> leader: my write is the one that stuck (holder 'a', token 1)",
        "reports: leader -> stopped: asked to (holder 'a', token 1)",
    ]
    assert (records[1].lease, records[1].identity, records[1].token, records[1].trigger) == (
        "reports",
        "a",
        1,
        "win",
    )


@pytest.mark.parametrize("when", ["before", "after"])
def test_stop_is_harmless_when_nothing_runs(clock, when):
    campaign = Campaign(MemoryStore(), clock=clock)
    if when == "after":
        campaign.start()
        campaign.stop()
    campaign.stop()
    assert campaign.state == "stopped"
