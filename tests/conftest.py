"""The same surroundings for the tests everywhere: as on a developer's terminal, and with time to spare."""

import logging
import os
import signal
import sys

import pytest
from hypothesis import HealthCheck, settings

# Hypothesis draws the same examples in every run, and gives each as long as a busy machine needs.
settings.register_profile(
    "every machine",
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("every machine")

# What a terminal, or a runner that plays one, says of itself.
for name in ("COLUMNS", "FORCE_COLOR", "NO_COLOR"):
    os.environ.pop(name, None)

# Hundreds of interpreters start in a run, and where no bytecode is kept, each compiles the package anew.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# A shell has what it starts in the background ignore Ctrl-C, and so would every process that a test starts.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def log_as_found():
    """What a test does to the log, as a command run in this process does, is not the next one's concern."""
    logger, before, level = logging.getLogger("incumbent"), logging.root.manager.disable, logging.root.level
    yield
    logging.disable(before)
    logging.root.setLevel(level)
    logger.setLevel(logging.NOTSET)


class Broken(logging.Handler):
    """A log that cannot be written to."""

    def emit(self, _):
        raise OSError("no space left")


@pytest.fixture
def broken_log():
    """P13: what is to be said of a failure fails, too."""
    logger = logging.getLogger("incumbent")
    logger.addHandler(handler := Broken())
    yield
    logger.removeHandler(handler)
