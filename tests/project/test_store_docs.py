"""What the documentation says of stores is what they declare."""

from __future__ import annotations

import pytest

from incumbent.stores._kinds import KINDS
from support.nemesis.report import declared, strikes
from support.project import ROOT

SERVERS = [name for name in KINDS if name not in {"memory", "sqlite"}]


@pytest.mark.parametrize("part", [declared, strikes], ids=lambda part: part.__name__)
def test_the_reference_is_fresh(part):
    """Else run `tests/support/nemesis/report.py` again."""
    assert part() in (ROOT / "docs" / "reference" / "stores.md").read_text()


@pytest.mark.parametrize("name", SERVERS)
def test_every_store_has_a_guide_a_fence_and_an_extra(name):
    """A page, an example that refuses old tokens, a client to install, a line in the README."""
    assert (ROOT / "docs" / "guides" / "stores" / f"{name}.md").exists()
    assert (ROOT / "docs" / "examples" / "fencing" / f"{name}.py").exists()
    assert f"\n{name} = [" in (ROOT / "pyproject.toml").read_text()
    assert f"docs/guides/stores/{name}.md" in (ROOT / "README.md").read_text()
