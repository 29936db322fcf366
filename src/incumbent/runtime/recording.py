"""Recorded runs, read back from the files of `runtime/trace.py`."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from os import PathLike
from pathlib import Path
from typing import Any, Final, NamedTuple, get_args, get_origin, get_type_hints

from incumbent.config import ElectorConfig
from incumbent.core import messages
from incumbent.core.candidacy import Candidacy, Leaving, Validity
from incumbent.core.elector import EPOCH, Elector
from incumbent.core.observation import Observation
from incumbent.core.states import STATES
from incumbent.errors import ConfigurationError
from incumbent.lease import StoredLease, StoreGuarantees
from incumbent.runtime.codec import decode
from incumbent.runtime.trace import FORMAT, SUFFIX, Began, Handled, older
from incumbent.shown import shown

LONGEST_LINE: Final = 2**20
"""Bytes: no line of a trace is nearly so long."""

_BEGINNING: Final = b'{"is":"Began"'

_VALUES: Final[tuple[type[Any], ...]] = (
    *(ElectorConfig, StoreGuarantees, StoredLease, messages.Transition, messages.Effects),
    *(Observation, Candidacy, Leaving, Validity),
    *(*get_args(messages.Input), *get_args(messages.Request), *get_args(messages.Notice)),
)


def _moment(iso: str) -> datetime:
    return datetime.fromisoformat(iso)


def _made_by(kind: type[Any]) -> Callable[..., Any]:
    """Construct it, and look whether what it was given is of the types that it declares."""
    hints: dict[str, Any] = {}

    def make(**content: Any) -> Any:
        if not hints:
            hints.update(get_type_hints(kind))  # only here: nothing but reading a trace needs them
        for name, value in content.items():
            if name in hints and not _is_a(value, hints[name]):
                raise TypeError(f"{name} of {kind.__name__} is {shown(value)}")
        return kind(**content)

    return make


def _is_a(value: object, hint: Any) -> bool:
    if hint is Any:
        return True
    if get_origin(hint) is tuple:
        return isinstance(value, tuple) and all(_is_a(each, get_args(hint)[0]) for each in value)
    if get_args(hint):
        return any(_is_a(value, each) for each in get_args(hint))
    if hint is float:
        return isinstance(value, (int, float))
    return isinstance(value, hint) and (hint is not int or not isinstance(value, bool))


_MAKERS: Final[dict[str, Callable[..., Any]]] = {
    "datetime": _moment,
    **{kind.__name__: _made_by(kind) for kind in (*_VALUES, Began, Handled)},
}


class UnreadableEdition(ConfigurationError):
    """The lines of another edition: they are not damaged."""


class Line(NamedTuple):
    """Where something was read."""

    path: Path
    number: int

    def __str__(self) -> str:
        return f"{self.path}:{self.number}"


class Step(NamedTuple):
    """One step of a run, and the line that tells of it."""

    line: Line
    handled: Handled


@dataclass
class Run:
    """One run of a campaign, from its start.

    Attributes:
        line: Of its beginning.
        began: Whose it is, by which settings; with a state if what came before is not there any more.
        steps: All that is there of it, in order.
    """

    line: Line
    began: Began
    steps: list[Step] = field(default_factory=list)


def read_trace(path: str | PathLike[str]) -> Iterator[tuple[Began, list[Handled]]]:
    """The runs in a file, in order; a last line that a killed process left unfinished is passed over.

    Raises:
        ConfigurationError: The file is no trace.
    """
    for run in read_runs(Path(path)):
        yield run.began, [step.handled for step in run.steps]


def read_runs(path: Path) -> list[Run]:
    """Read the runs in a file, and in the older file beside it, in order.

    Raises:
        ConfigurationError: It is no trace; it is another edition's; or a line in it is damaged.
        OSError: It cannot be read.
    """
    runs: list[Run] = []
    for part in (older(path), path):
        if part == path or part.exists():
            _read(part, runs)
    return runs


def files(path: Path) -> list[Path]:
    """The traces that are meant by a path: it, or all that are in a folder.

    Raises:
        ConfigurationError: There is none.
    """
    if not path.is_dir():
        return [path]
    found = sorted(each for each in path.iterdir() if each.name.endswith(SUFFIX))
    if not found:
        raise ConfigurationError(f"there is no trace in {path}: none of its files ends in {SUFFIX}")
    return found


def _read(path: Path, runs: list[Run]) -> None:
    cut: ConfigurationError | None = None
    for line, record in _records(path):
        if isinstance(record, ConfigurationError):
            cut = cut or record  # where a process was killed: then a run begins, or the file is over
        elif isinstance(record, Began):
            cut = None
            goes_on = record.state is not None and runs and runs[-1].began.session == record.session
            if not goes_on:
                runs.append(Run(line, record))
        elif cut is not None:
            raise cut
        elif not runs:
            raise ConfigurationError(
                f"{line} is a step of a run whose beginning is not there: give whole files"
            )
        else:
            runs[-1].steps.append(Step(line, record))


def _records(path: Path) -> Iterator[tuple[Line, Began | Handled | ConfigurationError]]:
    """Each line as a record, or as the error that says why it is none."""
    is_first = True
    with path.open("rb") as file:
        number = 0
        while written := file.readline(LONGEST_LINE):
            number += 1
            line = Line(path, number)
            try:
                record = _record(line, written)
            except UnreadableEdition:
                raise
            except ConfigurationError as error:
                is_begun = _BEGINNING.startswith(written[: len(_BEGINNING)])
                if is_first and (written.endswith(b"\n") or not is_begun):
                    raise
                yield line, error
                continue
            is_first = False
            yield line, record


def _check(record: Any) -> None:
    """Refuse what is of the right types and yet no elector's: a time beyond the calendar, or no role."""
    roles: list[object] = []
    if isinstance(record, (Began, Handled)):
        _ = EPOCH + timedelta(microseconds=record.epoch)
    if isinstance(record, Handled):
        roles = [role for move in record.effects.moves for role in (move.source, move.dest)]
    elif isinstance(record, Began) and record.state is not None:
        roles = [record.state[0]]
        if len(record.state) != len(Elector._STATE) + 1:  # noqa: SLF001  # as the writer puts it
            raise ValueError(f"a state of {len(record.state)} values")
    if not all(role in STATES for role in roles):
        raise ValueError(f"roles {shown(roles)}")


def _record(line: Line, written: bytes) -> Began | Handled:
    if not written.endswith(b"\n"):
        raise ConfigurationError(f"{line} is no whole line of a trace: {shown(written[:80])}")
    try:
        content = json.loads(written)
        kind, found = content["is"], content.get("format", 1)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise ConfigurationError(
            f"{line} is damaged, or was never part of a trace: {shown(written[:80])}"
        ) from error
    if kind == Began.__name__ and found != FORMAT:
        edition = shown(content.get("version", "an older one"))
        raise UnreadableEdition(
            f"{line} begins a trace of format {shown(found)}, written by edition {edition}, and this one "
            f"reads format {FORMAT}: explain it with the edition that wrote it"
        )
    try:
        record = decode(content, _MAKERS)
        _check(record)
    except Exception as error:  # whatever its classes make of such values
        raise ConfigurationError(f"{line} is damaged: {shown(error)}") from error
    if isinstance(record, (Began, Handled)):
        return record
    raise ConfigurationError(f"{line} is damaged: it is {shown(kind)}, neither a beginning nor a step")
