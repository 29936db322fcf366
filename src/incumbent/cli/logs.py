"""The command's log, on stderr: lines for people, or JSON for machines. Nothing raw gets into either."""

from __future__ import annotations

import json
import logging
from datetime import datetime, timezone
from typing import Final

from incumbent.shown import one_line

_COMMON: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
"""Attributes that every log record has; any others are ours."""


class TextFormatter(logging.Formatter):
    """A line for each record. A traceback follows, indented, so that it cannot pass for other lines."""

    def format(self, record: logging.LogRecord) -> str:
        """See `logging.Formatter.format`."""
        time = self.formatTime(record)
        line = f"{time} incumbent[{record.process}] {one_line(record.getMessage())}"
        return "\n    ".join([line, *_traceback(self, record)])


class JsonFormatter(logging.Formatter):
    """An object for each record, in a line of its own: with the fields of the record, such as `lease`."""

    def format(self, record: logging.LogRecord) -> str:
        """See `logging.Formatter.format`."""
        fields: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, timezone.utc).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "process": record.process,
            "message": one_line(record.getMessage()),
        }
        for name in sorted(vars(record).keys() - _COMMON):
            value = vars(record)[name]
            fields[name] = value if value is None or isinstance(value, (int, float)) else one_line(str(value))
        traceback = _traceback(self, record)
        if traceback:
            fields["traceback"] = traceback
        return json.dumps(fields, sort_keys=False)


def log_to_stderr(form: str = "text", *, quiet: bool = False) -> None:
    """Send the library's log to stderr: changes and their reasons, or warnings and errors only."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonFormatter() if form == "json" else TextFormatter())
    logging.basicConfig(handlers=[handler], level=logging.WARNING)
    logging.getLogger("incumbent").setLevel(logging.WARNING if quiet else logging.INFO)


def _traceback(formatter: logging.Formatter, record: logging.LogRecord) -> list[str]:
    if not record.exc_info:
        return []
    return [one_line(line) for line in formatter.formatException(record.exc_info).splitlines()]
