import pytest

from support.cli_contenders import World


@pytest.fixture
def world(tmp_path):
    """A store and contenders of this test's own, all ended with it."""
    world = World(tmp_path)
    yield world
    world.close()
