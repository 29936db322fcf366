"""The reference pages that are made from the code are up to date."""

import re

import pytest

from incumbent.cli import _EXIT_CODES
from incumbent.cli.exits import OF_OTHERS, OF_RUN
from support.cli import manual
from support.cli.reference import PAGES, REFERENCE


@pytest.mark.parametrize("name", PAGES)
def test_the_page_is_up_to_date(name):
    """Run `python tests/support/cli/reference.py` after a change of an option or an exit code."""
    assert (REFERENCE / name).read_text() == PAGES[name]()


def test_the_help_names_every_exit_code_of_ours():
    """But those that shells make of signals, which are 128+n."""
    told = set(re.findall(r"\b\d+\b", _EXIT_CODES))
    ours = {code for code, *_ in (*OF_RUN, *OF_OTHERS) if code.isdecimal()}
    assert ours - told == {"137", "143", "141"}
    assert told <= ours | {"128"}


def test_the_manual_page_is_up_to_date():
    """Run `python tests/support/cli/manual.py` after a change of an option or a command."""
    assert manual.PAGE.read_text() == manual.page()
