"""What the page and the drawing do for those who see, point or count otherwise."""

from __future__ import annotations

import re

from incumbent.testing import Simulation
from incumbent.testing.timeline import Timeline
from incumbent.testing.timeline.style import look, swatch


def test_many_candidates_are_told_apart():
    """Behind six colours by patterns; what is referred to is drawn, and nothing else is said of it."""
    simulation = Simulation(candidates=26, seed=3)
    simulation.run_for(20)
    timeline = Timeline(simulation.history)
    for drawn in (timeline.svg(), timeline.html()):
        used = set(re.findall(r"url\(#([\w-]+)\)", drawn)) | set(re.findall(r'href="#([a-z]+)"', drawn))
        assert used <= set(re.findall(r' id="([\w-]+)"', drawn))
        assert len({look(index) for index in range(24)}) == len({swatch(index) for index in range(24)}) == 24
        assert ".c23{fill:url(#c23)" in drawn
    few = Simulation(candidates=3, seed=3)
    few.run_for(20)
    assert 'id="c6"' not in Timeline(few.history).svg()


def test_the_page_can_be_used_without_a_pointer():
    """Each line of the story is a link; and a legend that wraps stands in the place of the drawing's."""
    simulation = Simulation(candidates=2, seed=3)
    simulation.run_for(20)
    page = Timeline(simulation.history).html()
    assert page.count("<tr data-at=") == page.count('<td><a href="#') > 0
    assert page.count('class="legend"') == 0
    assert page.count("<li><svg") > 20
    assert "prefers-color-scheme:dark" in page
