"""A process that contends for a lease, writes to a fenced register while it leads, and writes all of it down.

python nemesis_contender.py STORE_URL LEASE LEASE_DURATION FENCING_EXAMPLE REGISTER_URL FOLDER

In FOLDER: `trace.ndjson` (see `incumbent.runtime.trace`), `terms` (a line a term: token and instant),
`writes` (a line a write: token, when it was begun and ended, whether the term was over, what came of it).
"""

from __future__ import annotations

import importlib.util
import signal
import sys
from pathlib import Path

from incumbent import Campaign, SystemClock, open_store

CLOCK = SystemClock()
WRITE_PERIOD = 0.05


class Contender:
    """Leads, and writes as it does."""

    def __init__(self, example: str, register_url: str, lease: str, folder: Path) -> None:
        spec = importlib.util.spec_from_file_location("fencing", example)
        self.fencing = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(self.fencing)
        self.register_url, self.lease = register_url, lease
        self.register = None
        self.terms = (folder / "terms").open("a", buffering=1)
        self.writes = (folder / "writes").open("a", buffering=1)

    def lead(self, leadership) -> None:
        """The work: write while it is allowed, and once more when it is not, as a paused process would."""
        began = now_ns()
        self.write(leadership.token)
        self.terms.write(f"{leadership.token} {began}\n")
        while not leadership.wait(WRITE_PERIOD):
            self.write(leadership.token)
        self.write(leadership.token, when="late")

    def write(self, token: int, when: str = "in-office") -> None:
        """One write by this token. The register may be out of reach for now, as the server may be down."""
        begun = now_ns()
        try:
            is_accepted = self.attempt(token, begun)
            outcome = "accepted" if is_accepted else "refused"
        except Exception as error:  # noqa: BLE001 - of unknown outcome, whatever it was
            outcome = f"failed:{type(error).__name__}"
        self.writes.write(f"{token} {begun} {now_ns()} {when} {outcome}\n")

    def attempt(self, token: int, begun: int) -> bool:
        """Write; over another connection, if the server was restarted since the last time."""
        for is_last in (self.register is None, True):
            if self.register is None:
                self.register = self.fencing.open_register(self.register_url, self.lease)
            try:
                return self.register.write(token, str(begun))
            except Exception:
                self.register = None
                if is_last:
                    raise
        raise AssertionError("unreachable")


def now_ns() -> int:
    """The clock that all processes of a machine share."""
    return round(CLOCK.now() * 1e9)


def main() -> None:
    url, lease, lease_duration, example, register_url, folder = sys.argv[1:]
    contender = Contender(example, register_url, lease, Path(folder))
    campaign = Campaign(
        open_store(url, lease=lease),
        identity="-".join(Path(folder).parts[-2:]),  # whose life it is, and the how manieth
        lease_duration=float(lease_duration),
        retry_period=float(lease_duration) / 8,
        stop_timeout=5.0,
        on_started_leading=contender.lead,
        trace=Path(folder) / "trace.ndjson",
    )
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        campaign.run()
    except KeyboardInterrupt:
        sys.exit(0)


if __name__ == "__main__":
    main()
