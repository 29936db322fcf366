"""Many seeds in one command, which goes on where it was interrupted."""

from __future__ import annotations

import json

import pytest

from incumbent.testing import PropertyViolated
from incumbent.testing.properties.coverage import SIGHTINGS
from incumbent.testing.simulation import batch

ALL = dict.fromkeys(SIGHTINGS, 1)


def line(first, count=100, **said):
    """What is kept of one chunk."""
    return json.dumps({"first": first, "count": count, "events": 5, "seconds": 0.5, "seen": ALL} | said)


@pytest.fixture
def file(tmp_path):
    return tmp_path / "seeds.ndjson"


def test_seeds_are_checked_and_kept(file, capsys):
    """On processes of their own; few seeds do not see everything, and that is said."""
    assert batch.main(["3", "--file", str(file)]) == 1
    said = capsys.readouterr().out
    assert said.startswith("3 seeds, ")
    assert "0 failed\nno run saw: " in said
    (kept,) = map(json.loads, file.read_text().splitlines())
    assert (kept["first"], kept["count"], kept["failed"]) == (0, 3, [])
    assert kept["seen"]["three terms in one run"] > 0
    assert kept == json.loads(json.dumps(vars(batch.check_chunk(0, 3)) | {"seconds": kept["seconds"]}))


def test_what_is_done_is_not_done_again(file, capsys):
    """Nothing is left to do here, and the file says what came of it."""
    file.write_text(f"{line(0)}\n{line(100, 50)}\n")
    assert batch.main(["150", "--file", str(file)]) == 0
    assert capsys.readouterr().out == "150 seeds, 10 events, 10 a second of processor time: 0 failed\n"


def test_only_what_is_missing_is_done(file, monkeypatch):
    """A line that was cut off, and a chunk of another size, are done again."""
    file.write_text(f"{line(0)}\n{line(200, 100)}\n{line(100)[:30]}")
    asked = []
    monkeypatch.setattr(
        batch, "_check", lambda starts: (asked.append(one) or batch.Chunk(*one) for one in starts)
    )
    batch.main(["250", "--file", str(file)])
    assert asked == [(100, 100), (200, 50)]
    batch.main(["250", "--file", str(file)])
    assert len(asked) == 2


def test_a_seed_that_fails_does_not_stop_the_others(file, monkeypatch, capsys):
    """It is told at the end, however long ago it was found."""

    def check_seed(seed):
        raise PropertyViolated(f"seed {seed} is bad")

    monkeypatch.setattr(batch, "check_seed", check_seed)
    failed = batch.check_chunk(0, 2).failed
    assert failed == ["seed 0 is bad", "seed 1 is bad"]
    file.write_text(line(0, failed=failed) + "\n")
    assert batch.main(["100", "--file", str(file)]) == 1
    assert "seed 0 is bad\n\nseed 1 is bad\n\n100 seeds, " in capsys.readouterr().out


def test_an_interrupt_keeps_what_is_done(file, monkeypatch, capsys):
    def interrupted(starts):
        yield batch.Chunk(*starts[0])
        raise KeyboardInterrupt

    monkeypatch.setattr(batch, "_check", interrupted)
    assert batch.main(["200", "--file", str(file)]) == 130
    assert capsys.readouterr().out == "interrupted: 1 of 2 parts are done\n"
    assert len(file.read_text().splitlines()) == 1
