"""A WSGI service under gunicorn: of all workers on all machines, one does the background work.

`STORE=... gunicorn -c gunicorn_conf.py app:application`, with `--preload` or without: a campaign starts in
the worker, never in the master, whose threads no fork takes along.
"""

from __future__ import annotations

import os
from pathlib import Path

from incumbent import Campaign, Leadership, open_store


def work(leadership: Leadership) -> None:
    """The background work: here, a line in a file every tenth of a second."""
    with Path(os.environ["JOURNAL"]).open("a", buffering=1) as journal:
        while not leadership.wait(0.1):
            journal.write(f"{os.getpid()} {leadership.token}\n")


campaign = Campaign(open_store(os.environ["STORE"], lease="background"), on_started_leading=work)


def application(environ, start_response):
    """200 in the worker that leads, 503 in the others."""
    start_response(
        "200 OK" if campaign.is_leader() else "503 Service Unavailable", [("Content-Type", "text/plain")]
    )
    return [f"{os.getpid()} {campaign.state}\n".encode()]
