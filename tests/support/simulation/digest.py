"""Writes a digest of what a few seeds do: run it under different hash seeds."""

from __future__ import annotations

import hashlib
import sys

from incumbent.testing.simulation.swarm import run

digest = hashlib.sha256()
for seed in map(int, sys.argv[1:]):
    for line in run(seed).history.lines():
        digest.update(line.encode())
sys.stdout.write(digest.hexdigest())
