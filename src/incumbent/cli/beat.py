"""The demo's command: say every 50 ms that it is alive, in one line of a file: `IDENTITY TOKEN NANOSECONDS`.

Run as a script. It ends by itself after a while, so that nothing is left even of a demo that is killed.
"""

from __future__ import annotations

import os
import sys
import time

BEATS = 600
PERIOD = 0.05


def main(path: str) -> None:
    """Append to the file at `path`, at once and then again and again."""
    clock = time.CLOCK_BOOTTIME if sys.platform == "linux" else time.CLOCK_MONOTONIC
    words = f"{os.environ['INCUMBENT_IDENTITY']} {os.environ['INCUMBENT_TOKEN']}"
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for _ in range(BEATS):
        os.write(file, f"{words} {time.clock_gettime_ns(clock)}\n".encode())
        time.sleep(PERIOD)


if __name__ == "__main__":
    main(sys.argv[1])
