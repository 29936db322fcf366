"""The reference pages that are made from the code are up to date."""

from support.cli.reference import PAGE, page


def test_the_configuration_page_is_up_to_date():
    """Run `python tests/support/cli/reference.py` after a change of an option."""
    assert PAGE.read_text() == page()
