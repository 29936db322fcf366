"""Celery's beat on several machines: two beats send each task twice, so one at a time may run.

`incumbent run --store ... --lease beat -- celery -A tasks beat` sees to that, too. This is for who wants no
process more: `celery -A tasks beat --scheduler beat.LedScheduler`.
"""

from __future__ import annotations

import os

from celery.beat import PersistentScheduler

from incumbent import Campaign, open_store

WHILE_FOLLOWING = 1.0
"""Seconds from one look to the next while another beat leads."""


class LedScheduler(PersistentScheduler):
    """Sends what is due while it leads, and nothing otherwise."""

    campaign = None

    def tick(self, *args, **kwargs):
        if self.campaign is None:
            self.campaign = Campaign(open_store(os.environ["STORE"], lease="beat"))
            self.campaign.start()
        if not self.campaign.is_leader():
            return WHILE_FOLLOWING
        return min(super().tick(*args, **kwargs), WHILE_FOLLOWING)

    def close(self):
        super().close()
        if self.campaign is not None:
            self.campaign.stop()  # the lease is released: another beat goes on at once
