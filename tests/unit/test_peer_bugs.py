"""Two leaders, or none, as other libraries have them: each story is one that was found in a named library.

R: the Go library rbroggi/leaderelection, C: Kubernetes' client-go, K: the Kubernetes client for Python. The
stories that need only one elector are beside the rule they break, in `test_rules_*`.
"""

from __future__ import annotations

import pytest

from incumbent.core.messages import (
    GetLease,
    NewLeader,
    Resign,
    StartedLeading,
    Stop,
    StoppedLeading,
    Written,
)
from support.elector.bench import Bench, Record, run


@pytest.fixture
def store():
    return Record()


def contenders(store, *names, **changes):
    """The first leads since 0; the others saw its record at 0."""
    benches = [Bench(name, session=name.upper(), **changes) for name in names]
    for bench in benches:
        bench.start()
        store.serve(bench)
    return benches


def cut_off(bench, until):
    """No answer to anything, as in a partition: it wakes when it asked to, and hears nothing."""
    while bench.wake_at is not None and bench.wake_at <= until:
        bench.at(bench.wake_at).wake()
    bench.at(until)


def leading_at_once(benches, seconds):
    return sum(bench.leads(seconds) for bench in benches)


@pytest.mark.parametrize("timing", [(15.0, 10.0, 2.0, 3.0), (3.0, 2.9, 2.0, 0.5), (17.0, 15.0, 5.0, 5.0)])
def test_r1_c2_k1_a_partitioned_leader_ends_before_the_next_begins(store, timing):
    """R1 never steps down; C2 and K1 step down too late, with settings that their own checks accept."""
    names = ("lease_duration", "renew_deadline", "retry_period", "request_timeout")
    ann, bob = contenders(store, "ann", "bob", **dict(zip(names, timing, strict=True)))
    for tenth in range(400):
        cut_off(ann, tenth / 10)
        run(store, [bob], until=tenth / 10)
        assert leading_at_once((ann, bob), tenth / 10) <= 1
    assert (ann.state, bob.state) == ("follower", "leader")
    assert len(ann.told(StoppedLeading)) == 1


def test_r2_a_loss_is_told_before_the_new_leader_is(store):
    """R2: after the partition it reads another's name, reports the new leader, and never that it lost."""
    ann, bob = contenders(store, "ann", "bob")
    cut_off(ann, 16)
    run(store, [bob], until=16)
    run(store, [ann, bob], until=20)
    ends = [type(notice) for notice in ann.notices]
    assert ends == [NewLeader, StartedLeading, StoppedLeading, NewLeader]
    assert ann.notices[-1] == NewLeader("bob")


@pytest.mark.parametrize("goodbye", [Resign(), Stop()])
def test_r3_c1_a_deposed_leader_does_not_release_its_successors_lease(store, goodbye):
    """R3, C1: paused for longer than the lease, then told to stop; the successor's record is wiped."""
    ann, bob, eve = contenders(store, "ann", "bob", "eve")
    run(store, [bob, eve], until=16)
    successor = store.stored
    ann.at(16).leave(goodbye)
    store.serve(ann)
    assert store.stored == successor
    run(store, [bob, eve], until=30)
    assert leading_at_once((ann, bob, eve), 30) == 1


def test_r3_c1_nor_does_it_by_a_release_that_was_delayed(store):
    """The release was sent in time and arrives late: it names a version that is gone."""
    ann, bob = contenders(store, "ann", "bob")
    release = ann.at(9).leave(Resign()).pending
    run(store, [bob], until=16)
    successor = store.stored
    store.reply(release)
    assert store.stored == successor


def test_r4_both_saw_it_expire_and_both_wrote(store):
    """R4: both claims are sent before either arrives; the later one is refused, and starts nothing."""
    ann, bob, eve = contenders(store, "ann", "bob", "eve")
    for bench in (bob, eve):
        cut_off(bench, 15)
        while bench.state != "candidate":
            bench.give(store.reply(bench.pending)) if bench.pending else bench.wake()
    store.serve(eve, bob)
    assert [bench.state for bench in (bob, eve)] == ["follower", "leader"]
    assert bob.told(StartedLeading) == []
    assert not ann.leads(15)


def test_r5_a_lost_reply_makes_a_leader_with_callbacks(store):
    """R5: the claim landed, its reply did not; it led for ever, and nobody was told."""
    bench = Bench().start()
    bench.give(store.reply(bench.pending))
    store.reply(bench.pending)
    bench.at(3).wake()
    assert bench.told(StartedLeading) == []
    bench.give(store.reply(bench.pending))
    assert bench.told(StartedLeading) == [StartedLeading(1)]
    assert not bench.leads(10)


@pytest.mark.parametrize("durable", [True, False])
def test_r6_c3_the_lease_is_deleted_under_the_leader(store, durable):
    """R6, C3: whoever looks first creates it and leads, while the old leader goes on."""
    ann, bob = contenders(store, "ann", "bob", durable=durable)
    run(store, [ann, bob], until=5)
    store.delete()
    cut_off(ann, 5)
    for tenth in range(50, 400):
        run(store, [bob] if tenth < 200 else [ann, bob], until=tenth / 10)
        assert leading_at_once((ann, bob), tenth / 10) <= 1
    tokens = [notice.token for bench in (ann, bob) for notice in bench.told(StartedLeading)]
    assert sorted(tokens) == [1, 2]


def test_r8_c5_k3_a_namesake_is_another(store):
    """R8, C5, K3: it restarts within the lease under its old name, and believes what it reads."""
    (old,) = contenders(store, "pod-0")
    new = Bench("pod-0", session="restarted").at(1).start()
    store.serve(new)
    assert (old.leads(1), new.leads(1)) == (True, False)
    run(store, [new], until=40)
    assert new.told(StartedLeading) == [StartedLeading(2)]
    assert new.moves[-1].trigger == "win"
    assert new.elector.candidacy.held.lease.acquire_time.second == 16


def test_r11_k4_a_hung_call_is_given_up(store):
    """R11, K4: one call that never returns, and the deadline is never looked at."""
    ann, bob = contenders(store, "ann", "bob")
    cut_off(ann, 40)
    run(store, [bob], until=40)
    assert (ann.leads(10), ann.state, bob.state) == (False, "follower", "leader")


@pytest.mark.parametrize("taken", [2.0, 2.5, 2.999])
def test_c8_a_slow_acknowledgement_lengthens_nothing(store, taken):
    """C8: applied at once, acknowledged late, then cut off; every clock of the leader began at the reply."""
    ann, bob = contenders(store, "ann", "bob")
    ann.at(2).wake()
    reply = store.reply(ann.pending)
    ann.at(2 + taken).give(reply)
    for tenth in range(round(20 + 10 * taken), 400):
        run(store, [bob], until=tenth / 10)
        cut_off(ann, tenth / 10)
        assert leading_at_once((ann, bob), tenth / 10) <= 1
    assert bob.state == "leader"


def test_c6_it_does_not_believe_after_it_stopped(store):
    """C6: true for ever once the loop has returned."""
    (ann,) = contenders(store, "ann")
    ann.at(1).give(Stop(release=False))
    assert not ann.leads(1)
    assert ann.elector.token is None


def test_c10_the_token_outlives_a_deletion(store):
    """C10: counted from 0 again after the record was deleted."""
    ann, bob = contenders(store, "ann", "bob")
    ann.leave(Stop())
    store.serve(ann)
    run(store, [bob], until=4)
    assert bob.elector.token == 2
    store.delete()
    run(store, [bob], until=40)
    assert bob.elector.token == 3


def test_c11_nothing_ends_that_never_began(store):
    """C11: told that it stopped leading, though it never led."""
    _, bob = contenders(store, "ann", "bob")
    bob.at(1).leave(Stop())
    assert bob.told(StoppedLeading) == []


def test_k6_a_successor_seen_is_a_term_ended(store):
    """K6: the lease is another's, it is seen, and the work goes on to the deadline or for ever."""
    ann, bob = contenders(store, "ann", "bob")
    store.put(bob.elector._lease(5, bob.elector.epoch))
    ann.at(2).wake()
    store.serve(ann)
    assert ann.told(StoppedLeading) == [StoppedLeading(1, "the lease is held by 'bob'")]
    run(store, [ann], until=16)
    assert len(ann.told(StartedLeading)) == 1


def test_k8_a_candidate_with_a_shorter_setting_waits_as_long_as_the_holder_asked(store):
    """K8: with 10 s of its own it stole a lease of 60 s."""
    ann = Bench("ann", session="A", lease_duration=60.0, renew_deadline=50.0).start()
    store.serve(ann)
    bob = Bench("bob", session="B", lease_duration=10.0, renew_deadline=8.0).start()
    run(store, [bob], until=59.9)
    assert bob.state == "follower"
    run(store, [bob], until=60)
    assert bob.state == "leader"


def test_a_write_that_was_given_up_may_land_after_all(store):
    """The claim is slow, is given up, another leads: when it lands at last it names a version long gone."""
    (ann,) = contenders(store, "ann")
    ann.leave(Resign())
    store.serve(ann)
    bob, eve = (Bench(name, session=name).at(1).start() for name in ("bob", "eve"))
    bob.give(store.reply(bob.pending))
    slow = bob.pending
    store.serve(eve)
    assert not isinstance(store.reply(slow), Written)
    bob.at(4).wake()
    store.serve(bob)
    assert (bob.state, eve.state) == ("follower", "leader")
    assert not any(isinstance(request, GetLease) for request in eve.requests[2:])
