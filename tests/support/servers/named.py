"""A lease that is handed on by name, over a real server: how long that takes."""

from __future__ import annotations

import time
from contextlib import ExitStack, closing

from incumbent import Campaign
from incumbent.stores import open_store
from support.servers.http_stores import until

RETRY_PERIOD = 2.0


def handed_on(url: str, lease: str, rounds: int = 4) -> list[float]:
    """Seconds from each `resign(to=...)` until the one that it names leads, of three that hear of it at once.

    The one that is named stands back for everybody else, by a takeover delay.

    Raises:
        AssertionError: Another took the lease.
    """
    timing = {
        "lease_duration": 6 * RETRY_PERIOD,
        "retry_period": RETRY_PERIOD,
        "takeover_delay": RETRY_PERIOD,
    }
    with ExitStack() as stack:
        stores = [stack.enter_context(closing(open_store(url, lease=lease))) for _ in "abc"]
        runs = [Campaign(store, identity=name, **timing) for store, name in zip(stores, "abc", strict=True)]
        for one in runs:
            stack.callback(one.stop)
            one.start()
        until(lambda: leading(runs) is not None)
        return [hand_on(runs, turn) for turn in range(rounds)]


def hand_on(runs: list[Campaign], turn: int) -> float:
    """Have the leader resign for one of the others; seconds until that one leads."""
    first = leading(runs)
    assert first is not None
    until(lambda: all(one.leader == first.identity for one in runs))
    time.sleep(
        1.2 * RETRY_PERIOD
    )  # nobody writes twice within one, so who has led just now would have to wait
    named = [one for one in runs if one is not first][turn % 2]
    began = time.monotonic()
    first.resign(to=named.identity)
    until(lambda: leading(runs) not in (None, first))
    assert leading(runs) is named
    return time.monotonic() - began


def leading(runs: list[Campaign]) -> Campaign | None:
    """Whoever leads."""
    return next((one for one in runs if one.is_leader()), None)
