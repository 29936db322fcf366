"""Stores of others: what they have to have, what is said of what is missing, how a URL finds them."""

from __future__ import annotations

import shutil
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from incumbent import Campaign, ConfigurationError, StoreGuarantees, open_store
from incumbent.store import watch
from incumbent.stores.memory import MemoryStore
from incumbent.testing.stores.fixtures import assert_is_store
from support.stores.files import LEASE

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "own_store" / "file_store.py"


class Polled:
    """The methods that a store must have, over one in memory."""

    guarantees = StoreGuarantees(durable=True)

    def __init__(self, missing=""):
        inner = MemoryStore()
        for name in {"get_lease", "create_lease", "update_lease", "close"} - {missing}:
            setattr(self, name, getattr(inner, name))


class Boastful(Polled):
    guarantees = StoreGuarantees(durable=True, can_watch=True)


def leads_with(store):
    with Campaign(store, lease_duration=1, retry_period=0.1) as campaign:
        return campaign.wait_until_leader(10)


def test_a_store_without_watch_is_one():
    """It is polled, by the contract and by a campaign."""
    assert_is_store(Polled())
    assert leads_with(Polled())


def test_a_store_that_declares_a_watch_which_it_has_not_is_told_so(caplog):
    """By the contract, and once by a campaign, which polls it."""
    with pytest.raises(AssertionError, match="Boastful declares can_watch=True and has no method watch"):
        assert_is_store(Boastful())
    with pytest.raises(ConfigurationError, match="Boastful declares can_watch=True"):
        watch(Boastful(), lambda: None)
    assert leads_with(Boastful())
    assert caplog.text.count("has no method watch") >= 1


@pytest.mark.parametrize("missing", ["get_lease", "create_lease", "update_lease", "close"])
def test_what_is_missing_is_named(missing):
    with pytest.raises(AssertionError, match=f"Polled has no {missing}"):
        assert_is_store(Polled(missing))


def test_guarantees_are_no_dictionary():
    store = Polled()
    store.guarantees = {"durable": True}
    with pytest.raises(AssertionError, match="give a StoreGuarantees"):
        assert_is_store(store)


@pytest.fixture
def installed(tmp_path):
    """The example, as a package that makes its store known."""
    place = tmp_path / "site"
    metadata = place / "file_store-1.dist-info"
    metadata.mkdir(parents=True)
    shutil.copy(EXAMPLE, place)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: file-store\nVersion: 1\n")
    (metadata / "entry_points.txt").write_text("[incumbent.stores]\nfilestore = file_store:open_url\n")
    return place


def test_an_entry_point_makes_a_scheme_known(installed, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(installed))
    with closing(open_store(f"filestore://{tmp_path}", lease="x")) as store:
        assert type(store).__name__ == "FileStore"
    with pytest.raises(ConfigurationError, match="no scheme known here"):
        open_store(f"file-store://{tmp_path}", lease="x")


@pytest.mark.parametrize(
    "arguments", ["run --store {} --lease x -- true", "status --store {} --lease x", "check-store {}"]
)
def test_the_command_takes_it_too(arguments, installed, tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(installed))
    with monkeypatch.context() as here:
        here.syspath_prepend(str(installed))
        with closing(open_store(f"filestore://{tmp_path}", lease="x")) as store:
            store.create_lease(LEASE, timeout=1)
    command = [sys.executable, "-m", "incumbent", *arguments.format(f"filestore://{tmp_path}").split()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("missing", ["pytest", "hypothesis"])
def test_the_contract_says_what_it_needs(missing):
    program = (
        "import sys, importlib.util as u; found = u.find_spec;"
        f"u.find_spec = lambda name, *more: None if name == {missing!r} else found(name, *more);"
        "import incumbent.testing.stores.contract"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert f"needs {missing}: pip install 'incumbent[testing]'" in done.stderr
