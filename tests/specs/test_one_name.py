"""A promise has one name, in the protocol, the proof, the checkers, the exploration and the Spin model."""

from __future__ import annotations

import re
from pathlib import Path

from specs.proof import promises

from incumbent.testing import properties
from incumbent.testing.exploration import rules

ROOT = Path(__file__).parents[2]
PROTOCOL = (ROOT / "specs" / "protocol.md").read_text("utf-8")
NAMES = dict(re.findall(r"^\| ([SL]\d) (\w+) \|", PROTOCOL, re.MULTILINE))


def test_the_protocol_names_them():
    assert set(NAMES) == {"S1", "S2", "S3", "S4", "S5", "S6", "S7", "L1"}
    assert len(set(NAMES.values())) == len(NAMES)


def test_the_proof_proves_them_by_these_names():
    source = Path(promises.__file__).read_text("utf-8")
    proved = set(re.findall(r'"(S\d) (\w+)[:,]', source))
    assert proved == {(number, name) for number, name in NAMES.items() if number[0] == "S"}


def test_a_checker_of_that_name_is_there_for_each():
    for name in NAMES.values():
        rule = getattr(properties, name)
        assert rule in properties.PROPERTIES
        assert rule.__name__ == name


def test_the_exploration_speaks_of_them_by_these_names():
    said = set(re.findall(r'"(S\d) (\w+):', Path(rules.__file__).read_text("utf-8")))
    assert said
    assert said <= set(NAMES.items())


def test_so_does_the_spin_model():
    model = (ROOT / "specs" / "lease.pml").read_text("utf-8")
    claims = set(re.findall(r"^ltl (\w+)", model, re.MULTILINE))
    assert NAMES["S1"] in claims
