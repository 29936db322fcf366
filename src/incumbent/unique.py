"""Texts that nobody else draws."""

from __future__ import annotations

import os


def unique() -> str:
    """128 random bits, as `uuid4().hex` has them, whose module takes 5 ms to import."""
    return os.urandom(16).hex()
