"""A record of all that an elector was told and answered, as NDJSON: to be looked at, or held to the protocol.

`incumbent explain` says in words what is in it; `runtime/recording.py` reads it. Any step can be repeated
from it, since an elector is a value and all its inputs are there.
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import timedelta
from os import PathLike
from pathlib import Path
from typing import IO, Final, NamedTuple, Protocol, runtime_checkable

from incumbent import __version__
from incumbent.clock import SYSTEM_CLOCK, Clock
from incumbent.config import ElectorConfig
from incumbent.core.elector import EPOCH, Elector
from incumbent.core.messages import Effects, Input
from incumbent.errors import ConfigurationError
from incumbent.lease import new_session
from incumbent.runtime.codec import line
from incumbent.shown import shown

logger: Final = logging.getLogger("incumbent")

FORMAT: Final = 2
"""Of the lines: a trace of another format is explained by the edition that wrote it."""

LARGEST: Final = 32 * 2**20
"""Bytes of a file: then it becomes FILE.1, in the place of an older one, and another FILE goes on."""

SUFFIX: Final = ".ndjson"

_BOOT: Final = Path("/proc/sys/kernel/random/boot_id")
_MICROSECOND: Final = timedelta(microseconds=1)
_UNFIT: Final = re.compile(r"[^A-Za-z0-9._-]+")
_LONGEST_NAME: Final = 100


class Began(NamedTuple):
    """A run begins, or goes on in another file.

    Attributes:
        session: The base of the sessions of its electors (P2).
        config: Its settings.
        format: See `FORMAT`.
        version: The edition that writes.
        lease: The lease's name.
        boot: Of the machine: runs of one boot share a clock. "" where that is not known.
        epoch: As of `Handled`.
        state: Where it goes on: the elector's state after the last step; else None.
    """

    session: str
    config: ElectorConfig
    format: int = FORMAT
    version: str = __version__
    lease: str = ""
    boot: str = ""
    epoch: int = 0
    state: tuple[object, ...] | None = None


class Handled(NamedTuple):
    """One input and all that it brought about.

    Attributes:
        now: The reading of the elector's clock, in nanoseconds.
        event: The input.
        effects: What came of it.
        epoch: The time of day at which that clock read 0, in microseconds since 1970.
    """

    now: int
    event: Input
    effects: Effects
    epoch: int = 0


@runtime_checkable
class Trace(Protocol):
    """Receives each step of a driver's elector, at once, on the thread that keeps the time.

    So each method returns soon. What it raises is a line in the log (P13).
    """

    def began(self, elector: Elector) -> None:
        """A run begins."""

    def handled(self, event: Input, now: int, effects: Effects) -> None:
        """An input was handled; nothing of it was carried out yet."""

    def close(self) -> None:
        """The run is over."""


class TraceWriter:
    """Appends runs to a file, line by line: a process that is killed leaves all but its last.

    Of a long run it keeps the last `LARGEST` bytes at least, in FILE.1 and FILE. A file that cannot be
    written to any more costs the rest of the trace, and a line in the log.

    Args:
        path: The file, of one campaign alone; or a folder, in which each run of each campaign has its own.
        identity: The candidate, after which a file in a folder is named.
        lease: The lease's name, for whoever reads it.
        boot: What `boot_id` says, if the campaign is timed by the machine's clock.

    Raises:
        OSError: The file cannot be opened.
    """

    def __init__(
        self, path: str | PathLike[str], *, identity: str = "", lease: str = "", boot: str = ""
    ) -> None:
        self._lock = threading.Lock()
        self._lease = lease
        self._boot = boot
        self._elector: Elector | None = None
        self._path = Path(path)
        if self._path.is_dir():
            name = _UNFIT.sub("_", identity)[:_LONGEST_NAME]
            self._path /= f"{name}-{new_session()[:8]}{SUFFIX}"
        self._file: IO[bytes]
        self._size: int
        self._open()
        self._is_open = True

    def began(self, elector: Elector) -> None:
        """A run begins."""
        self._elector = elector
        self._write(self._beginning(elector))

    def handled(self, event: Input, now: int, effects: Effects) -> None:
        """An input was handled."""
        self._write(Handled(now, event, effects, _epoch(self._elector)))

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._end()

    def _beginning(self, elector: Elector, state: tuple[object, ...] | None = None) -> Began:
        return Began(
            elector.session,
            elector.config,
            lease=self._lease,
            boot=self._boot,
            epoch=_epoch(elector),
            state=state,
        )

    def _open(self) -> None:
        """Open the file at its end, and end the line that a killed process left unfinished."""
        self._file = self._path.open("ab", buffering=0)
        self._size = self._file.tell()
        if self._size:
            with self._path.open("rb") as written:
                written.seek(-1, 2)
                if written.read(1) != b"\n":
                    self._append(b"\n")

    def _end(self) -> None:
        self._is_open = False
        with suppress(OSError):  # what could not be written is not written now
            self._file.close()

    def _write(self, record: Began | Handled) -> None:
        with self._lock:
            if not self._is_open:
                return
            try:
                self._append(line(record).encode("utf-8", "backslashreplace"))
                if self._size >= LARGEST and self._elector is not None:
                    self._rotate(self._elector)
            except Exception as error:  # noqa: BLE001  # whatever it is, it costs nobody the lease
                self._end()
                with suppress(Exception):
                    logger.error("the trace ends here: %s", error)  # noqa: TRY400  # where it came from is no news

    def _append(self, written: bytes) -> None:
        if self._file.write(written) != len(written):
            raise OSError(f"there was no room for all of a line in {self._path}")
        self._size += len(written)

    def _rotate(self, elector: Elector) -> None:
        """Go on in another file, from the state in which the elector is now."""
        self._file.close()
        self._path.replace(older(self._path))
        self._open()
        state = (*elector.snapshot(), elector.last_renew_time)
        self._append(line(self._beginning(elector, state)).encode("utf-8", "backslashreplace"))


class _Several:
    """Several traces of one campaign, told one after the other."""

    def __init__(self, traces: Sequence[Trace]) -> None:
        self._traces = traces

    def began(self, elector: Elector) -> None:
        for trace in self._traces:
            trace.began(elector)

    def handled(self, event: Input, now: int, effects: Effects) -> None:
        for trace in self._traces:
            trace.handled(event, now, effects)

    def close(self) -> None:
        for trace in self._traces:
            trace.close()


class _Guarded:
    """Another's trace: what that raises costs nobody the lease (P13)."""

    def __init__(self, trace: Trace) -> None:
        self._trace = trace

    def began(self, elector: Elector) -> None:
        self._tell(self._trace.began, elector)

    def handled(self, event: Input, now: int, effects: Effects) -> None:
        self._tell(self._trace.handled, event, now, effects)

    def close(self) -> None:
        self._tell(self._trace.close)

    def _tell(self, method: Callable[..., None], *arguments: object) -> None:
        try:
            method(*arguments)
        except Exception:
            with suppress(Exception):
                logger.exception("a trace failed")


def opened(
    trace: str | PathLike[str] | Trace | Sequence[str | PathLike[str] | Trace],
    store: object,
    identity: str,
    clock: Clock,
) -> Trace:
    """What a campaign tells its steps to: a file of that name, or in that folder, or what it was given.

    Raises:
        ConfigurationError: It is none of these.
        OSError: A file cannot be opened.
    """
    if isinstance(trace, Trace):
        return _Guarded(trace)
    if isinstance(trace, (str, PathLike)):
        name = getattr(store, "name", "")
        boot = boot_id() if clock is SYSTEM_CLOCK else ""
        lease = name if isinstance(name, str) else ""
        try:
            return TraceWriter(trace, identity=identity, lease=lease, boot=boot)
        except ValueError as error:
            raise ConfigurationError(
                f"trace is {shown(trace)}: {error}: give a path that can be one"
            ) from None
    if not isinstance(trace, Sequence) or isinstance(trace, bytes):  # type: ignore[redundant-expr]  # anybody's
        raise ConfigurationError(f"trace is {shown(trace)}: give a path, a Trace, or a list of such")
    found: list[Trace] = []
    try:
        for one in trace:
            found.append(opened(one, store, identity, clock))  # noqa: PERF401  # what was opened is closed
    except BaseException:
        _Several(found).close()
        raise
    return _Several(found)


def boot_id() -> str:
    """Which start of this machine its clock counts from; "" where the system does not say."""
    try:
        return _BOOT.read_text("ascii").strip()
    except (OSError, ValueError):
        return ""


def older(path: Path) -> Path:
    """Where the lines before those in `path` are."""
    return path.with_name(f"{path.name}.1")


def _epoch(elector: Elector | None) -> int:
    return 0 if elector is None else (elector.epoch - EPOCH) // _MICROSECOND
