"""`manage.py makereports`: start it on each machine; it makes reports on one of them."""

from __future__ import annotations

import os

from django.core.management.base import BaseCommand
from django.db import close_old_connections

from incumbent import Campaign, Leadership, open_store


class Command(BaseCommand):
    """Contends until it is told to end, by SIGTERM or Ctrl-C."""

    help = "Make reports, on one of all machines that run this command"

    def add_arguments(self, parser):
        parser.add_argument("--every", type=float, default=60.0, help="seconds from one report to the next")

    def handle(self, *args, every: float, clock=None, **options):
        def work(leadership: Leadership) -> None:
            close_old_connections()  # this is a thread of its own
            try:
                while not leadership.wait(every):
                    self.stdout.write(f"a report, fenced by {leadership.token}")
            finally:
                close_old_connections()

        store = open_store(os.environ["STORE"], lease="reports")
        Campaign(store, on_started_leading=work, clock=clock).run()
