"""APScheduler on several machines: the scheduler exists only while its machine leads.

APScheduler 3 has no idea of other schedulers: two of them run each job twice. So each term starts one, and
ends it.
"""

from __future__ import annotations

from collections.abc import Callable

from apscheduler.schedulers.background import BackgroundScheduler

from incumbent import Leadership

Add = Callable[[BackgroundScheduler, Leadership], object]


def scheduling(add_jobs: Add) -> Callable[[Leadership], None]:
    """The work of a campaign: a scheduler with the jobs that `add_jobs(scheduler, leadership)` adds."""

    def work(leadership: Leadership) -> None:
        scheduler = BackgroundScheduler(timezone="UTC")
        add_jobs(scheduler, leadership)
        scheduler.start()
        try:
            leadership.wait()
        finally:
            scheduler.shutdown(wait=True)  # a job that runs is waited for: only then is the lease released

    return work
