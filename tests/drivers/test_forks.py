"""Campaigns in forked children of their process."""

import asyncio
import os
import threading
import time

import pytest

from incumbent import Campaign, ElectionError, open_store
from incumbent.runtime import pools
from incumbent.stores.memory import MemoryStore
from support.driving import RemoteStore, in_child
from support.scripts import from_child, run_script


def test_a_forked_child_is_never_leader_and_says_so():
    """The child's campaign is stopped; the parent's leads on."""
    with Campaign(MemoryStore()) as campaign:
        assert campaign.wait_until_leader(10)
        leadership = campaign.leadership

        def in_the_child():
            seen = [
                campaign.is_leader(),
                campaign.state,
                campaign.token,
                leadership.is_valid(),
                leadership.wait(1),
            ]
            try:
                campaign.start()
            except ElectionError as error:
                seen.append("forked child" in str(error))
            campaign.stop()
            return seen

        assert from_child(in_the_child) == [False, "stopped", None, False, True, True]
        assert campaign.is_leader()


@pytest.mark.parametrize("wish", ["start", "resign", "wait_until_leader", "run"])
def test_a_forked_child_that_wishes_anything_but_the_end_is_told(wish):
    """By an error that says whose the campaign is; to stop it is harmless."""
    with Campaign(MemoryStore()) as campaign:

        def in_child():
            campaign.stop()
            with pytest.raises(
                ElectionError, match=f"process {os.getppid()}, of which this is a forked child"
            ):
                getattr(campaign, wish)()
            return True

        assert from_child(in_child)


def test_a_campaign_built_before_a_fork_is_another_candidate_in_each_child():
    """With a name of its own, unless one was given; it leads, or follows, as in any process."""
    given, named = Campaign(MemoryStore(), identity="given"), Campaign(MemoryStore())

    def in_child():
        with named:
            assert named.wait_until_leader(10)
            assert named.leader == named.identity
        return given.identity, named.identity

    before, seen = named.identity, [from_child(in_child) for _ in range(2)]
    identities = {before, *(identity for _, identity in seen)}
    assert len(identities) == 3
    assert {name for name, _ in seen} == {"given"}
    assert named.identity == before


def test_a_forked_child_has_threads_of_its_own_whatever_the_parent_runs():
    """A new campaign leads there, on the clock and the server that the parent's is busy with."""
    parents, gate = server_store("parent"), threading.Event()
    with Campaign(parents) as campaign:
        assert campaign.wait_until_leader(10)
        pool = pools.shared.acquire(parents.server, "store")
        for _ in range(pools.THREADS_PER_POOL):
            pool.submit(gate.wait)
        try:
            assert from_child(lambda: leads_soon(Campaign(server_store("child"))))
        finally:
            gate.set()
            pools.shared.release(parents.server)


def leads_soon(campaign):
    with campaign:
        return campaign.wait_until_leader(10)


def server_store(name):
    """A store whose calls are made on the threads of one server."""
    store = RemoteStore(MemoryStore(name))
    store.server = "the one server"
    return store


def test_a_forked_child_that_exits_stops_nothing_of_the_parents(tmp_path):
    """It has its parent's handlers of the interpreter's exit, and none of its campaigns."""
    outcome = run_script(
        """
        import os, warnings
        warnings.simplefilter("ignore", DeprecationWarning)  # of a fork beside threads, from Python 3.12 on
        from incumbent import Campaign, open_store
        with Campaign(open_store("memory:", lease="x"), stop_timeout=1000) as campaign:
            assert campaign.wait_until_leader(30)
            child = os.fork()
            if child == 0:
                raise SystemExit(0)
            assert os.waitpid(child, 0)[1] == 0
            assert campaign.is_leader()
        """,
        tmp_path,
    )
    assert (outcome.returncode, outcome.stderr) == (0, "")


def test_a_fork_copies_no_chance():
    """Else all workers of one master would look at the record in step."""
    with Campaign(MemoryStore()) as campaign:
        draws = [campaign._runtime.random(), *(from_child(campaign._runtime.random) for _ in range(3))]
    assert len(set(draws)) == 4


def test_gevent_may_replace_threads_after_the_package_was_loaded(tmp_path):
    """As gunicorn's workers do with `--preload -k gevent`: the lease is released at exit, in silence."""
    outcome = run_script(
        f"""
        import os
        from incumbent import Campaign, open_store
        store = open_store("sqlite:///{tmp_path}/leases.db", lease="x")
        campaign = Campaign(store, on_started_leading=lambda term: term.wait())
        child = os.fork()
        if child == 0:
            from gevent import monkey
            monkey.patch_all()
            campaign.start()
            assert campaign.wait_until_leader(30)
        else:
            assert os.waitpid(child, 0)[1] == 0
        """,
        tmp_path,
    )
    assert (outcome.returncode, outcome.stderr) == (0, "")
    store = open_store(f"sqlite:///{tmp_path}/leases.db", lease="x")
    assert store.get_lease(timeout=5).lease.is_vacant
    store.close()


def test_a_child_that_fails_leaves_the_parents_event_loop_alone():
    """It would close it as it is unwound, and the selector that they share; nothing would wake the parent."""

    def fail():
        raise OSError("in the child")

    async def main():
        assert in_child(fail) == "it raised OSError('in the child')"
        await asyncio.to_thread(time.sleep, 0)

    asyncio.run(asyncio.wait_for(main(), 20))
