"""Two machines, real threads; the jobs of one are over before those of the other one begin."""

import threading

from jobs import scheduling

from incumbent import Campaign


def test_the_jobs_move_with_the_leader(memory_store):
    ran, moved = [], threading.Event()

    def add_jobs(scheduler, leadership):
        def job():
            leadership.check()
            ran.append(leadership.token)
            if leadership.token == 2:
                moved.set()

        scheduler.add_job(job, "interval", seconds=0.05)

    first, second = (Campaign(memory_store(), on_started_leading=scheduling(add_jobs)) for _ in range(2))
    with first:
        assert first.wait_until_leader(30)
        with second:
            first.stop()
            assert moved.wait(60)
    assert ran == sorted(ran), "none of the first one's after one of the second"
