"""Traces of simulated processes."""

from __future__ import annotations

import pytest

from support.simulation.recorded import recorded


@pytest.fixture
def traces(tmp_path):
    """Those of processes of one machine."""
    with recorded(tmp_path / "traces", boot="one machine") as folder:
        yield folder


@pytest.fixture
def far_traces(tmp_path):
    """Those of machines of which nothing is known."""
    with recorded(tmp_path / "far") as folder:
        yield folder
