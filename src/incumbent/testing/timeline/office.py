"""User code of the terms: the work, the callback about its end, and a release that waits for both."""

from __future__ import annotations

from typing import Final, NamedTuple

from incumbent.core.messages import GetLease, Notice, Request, StoppedLeading
from incumbent.testing.history import Booted, Finished, History, Invoked, Ran, Struck, Told
from incumbent.testing.timeline.parts import Moment, Span
from incumbent.testing.timeline.signs import seconds

BEGINS: Final = {"work": "works", "told": "told"}
_TIPS: Final = {
    "works": "the work of token {token} runs",
    "asked to end": "the work of token {token} was asked to end, and runs",
    "told": "`on_stopped_leading` of token {token} runs",
    "left behind": "what runs of token {token} was left behind: the process has finished without it",
    "release owed": "the release of token {token} waits for what runs of it",
}


class _Open(NamedTuple):
    kind: str
    since: int
    token: int


class Office:
    """User code in the processes of one candidate.

    Attributes:
        spans: Work, callbacks, and releases that were sent and had to wait.
        story: What is worth telling.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.spans: list[Span] = []
        self.story: list[Moment] = []
        self._open: dict[str, _Open] = {}  # work, told, release

    def take(self, record: Ran | Told | Invoked | Finished) -> None:
        """Go on by what one of its processes did."""
        if isinstance(record, Ran):
            self._ran(record)
        elif isinstance(record, Told):
            self._told(record.notice, record.at)
        elif isinstance(record, Invoked):
            self._asked(record.request, record.at)
        elif isinstance(record, Finished):
            self._open.pop("release", None)
            for code, running in list(self._open.items()):
                self._change(code, "left behind", record.at)
                what = "the work" if code == "work" else "the callback"
                self._tell(record.at, f"{what} of token {running.token} is left behind", 2)

    def end(self, at: int) -> None:
        """The process is gone, or the run over: what it owed is owed no more."""
        self._open.pop("release", None)
        for code in list(self._open):
            self._close(code, at)

    def _told(self, notice: Notice, at: int) -> None:
        if isinstance(notice, StoppedLeading):
            self._open["release"] = _Open("release owed", at, notice.token)

    def _asked(self, request: Request, at: int) -> None:
        owed = self._open.get("release")
        if owed is None or isinstance(request, GetLease) or not request.lease.is_vacant:
            return
        if request.lease.leader_transitions == owed.token:
            self._close("release", at)

    def _ran(self, ran: Ran) -> None:
        if ran.what == "begins":
            self._open[ran.code] = _Open(BEGINS[ran.code], ran.at, ran.token)
        elif ran.what == "is asked to end":
            self._change(ran.code, "asked to end", ran.at)
        else:
            running = self._open.get(ran.code)
            self._close(ran.code, ran.at)
            if ran.what == "raises" or (running is not None and running.kind == "works"):
                self._tell(ran.at, f"{ran} {ran.what}", 1)

    def _change(self, code: str, kind: str, at: int) -> None:
        running = self._open.get(code)
        if running is not None:
            self._close(code, at)
            self._open[code] = _Open(kind, at, running.token)

    def _close(self, code: str, at: int) -> None:
        running = self._open.pop(code, None)
        if running is not None and running.since < at:
            what = _TIPS[running.kind].format(token=running.token)
            tip = f"{what}, from {seconds(running.since)} s to {seconds(at)} s"
            self.spans.append(Span(running.since, at, running.kind, "", tip))

    def _tell(self, at: int, what: str, weight: int) -> None:
        self.story.append(Moment(at, self.name, what, weight))


def offices(history: History) -> dict[str, Office]:
    """Collect the user code of each candidate, by its name."""
    found = {name: Office(name) for name in history.configs}
    for record in history.among(Booted, Struck, Ran, Told, Invoked, Finished):
        if isinstance(record, Struck):
            for name in record.targets if record.verb == "crash" else ():
                found[name].end(record.at)
        elif isinstance(record, Booted):
            found[record.who.partition("-")[0]].end(record.at)
        elif isinstance(record, (Ran, Told, Invoked, Finished)):
            found[record.who.partition("-")[0]].take(record)
    for office in found.values():
        office.end(history.end)
    return found
