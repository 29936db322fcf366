"""Traces of simulated processes, as real ones write them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from unittest.mock import patch

from incumbent.runtime.trace import TraceWriter
from incumbent.testing import Simulation
from incumbent.testing.profile import MILLISECOND, Profile
from incumbent.testing.simulation import runtime
from incumbent.testing.simulation.runtime import Witness

EXACT = Profile(delay=(10 * MILLISECOND, 10 * MILLISECOND), offsets=0)
SETTINGS = {"lease_duration": 6.0, "renew_deadline": 4.0, "retry_period": 1.0, "jitter": 0.0}


def elected(**settings):
    """Three candidates whose clocks agree, as those of one machine do; one leads."""
    simulation = Simulation(3, profile=EXACT, **SETTINGS, **settings)
    simulation.run_for(3)
    return simulation


@contextmanager
def recorded(folder: Path, boot: str = "") -> Iterator[Path]:
    """Have each process that is simulated meanwhile write a trace there; `boot` if they share a clock."""
    folder.mkdir()
    with ExitStack() as writers:

        class Recorder(Witness):
            def __init__(self, process):
                super().__init__(process)
                self.writer = TraceWriter(folder / f"{process.name}.ndjson", lease="simulated", boot=boot)
                writers.callback(self.writer.close)

            def began(self, elector):
                self.writer.began(elector)

            def handled(self, event, now, effects):
                super().handled(event, now, effects)
                self.writer.handled(event, now, effects)

            def close(self):
                self.writer.close()

        with patch.object(runtime, "Witness", Recorder):
            yield folder
