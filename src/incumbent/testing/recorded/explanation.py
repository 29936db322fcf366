"""`explain`: from files of traces to what is shown of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cached_property
from pathlib import Path
from typing import Final

from incumbent.errors import ConfigurationError
from incumbent.runtime.recording import Run, files, read_runs
from incumbent.shown import shown
from incumbent.testing.history import Violation
from incumbent.testing.recorded.clocks import FAR, Axis
from incumbent.testing.recorded.facts import Facts, facts
from incumbent.testing.recorded.held import Breach, breaches, is_of_this_edition
from incumbent.testing.recorded.history import Builder, Cast, cast
from incumbent.testing.recorded.story import Story, Told
from incumbent.testing.timeline import page, svg, text
from incumbent.testing.timeline.lanes import Picture, picture
from incumbent.testing.timeline.parts import OWED, Moment, Span
from incumbent.testing.timeline.signs import seconds

WIDTH: Final = 1400


class Explanation:
    """Recorded runs, explained.

    Attributes:
        breaches: What does not conform to the protocol, in order of files and lines.
        moments: What happened, in words, in order of time.
        notes: What is uncertain, or could not be looked at.
    """

    def __init__(self, runs: list[Run]) -> None:
        self._facts: list[Facts] = [facts(run) for run in runs]
        self._axis = Axis(self._facts)
        self._cast: Cast = cast(self._facts, self._axis)
        self._story = Story(self._facts, self._axis, self._cast)
        self.moments: list[Moment] = self._story.moments()
        clashes = [breach for _, breach in self._clashes]
        self.breaches: list[Breach] = [*breaches(self._facts), *clashes]
        self.notes: list[str] = [*self._axis.notes, *self._unheld()]

    def words(self) -> str:
        """Who is who, what happened, what is uncertain, and whether all of it conforms."""
        lines = [f"0 s is {self._axis.day(0).isoformat(' ', 'milliseconds')}, by the first one's clock", ""]
        lines += [f"{name:<6}{who}" for name, who in self._people()]
        lines += ["", *(f"{one.at / 1e9:9.3f} s  {one.who:<6} {one.what}" for one in self.moments), ""]
        lines += [f"uncertain: {note}" for note in self.notes]
        return "\n".join([*lines, *self.verdict()])

    def verdict(self) -> list[str]:
        """Say whether the runs conform, in lines."""
        steps = sum(len(one.run.steps) for one in self._facts)
        if self.breaches:
            return [f"DOES NOT CONFORM: {breach}" for breach in self.breaches]
        return [f"{len(self._facts)} runs, {steps} steps: each conforms to the protocol"]

    def text(self, width: int = 100) -> str:
        """Draw the timeline for a terminal."""
        return text.draw(self._picture._replace(story=[]), 0, max(self._axis.end, 1), width)

    def svg(self) -> str:
        """Draw it for a document."""
        return svg.draw(self._picture, 0, max(self._axis.end, 1), WIDTH)

    def html(self) -> str:
        """Build one self-contained page."""
        lease = self._facts[0].run.began.lease
        span = seconds(self._axis.end, 1)
        people = [*self._people(), ("0 s", self._axis.day(0).isoformat(" ", "milliseconds"))]
        notes = [("uncertain", note) for note in self.notes]
        return page.build(
            self._picture,
            title=f"{shown(lease)[1:-1] or 'a lease'}: {len(self._facts)} runs, {span} s",
            verdict=page.held(self.verdict(), is_broken=bool(self.breaches)),
            aside=f"<h2>Who is who</h2>{page.table([*people, *notes])}",
            lease=max(one.run.began.config.lease_duration for one in self._facts),
        )

    @cached_property
    def _picture(self) -> Picture:
        history = Builder(self._facts, self._axis, self._cast).history()
        drawn = picture(history, [self._violation(breach) for breach in self.breaches])
        lanes = [
            lane._replace(
                roles=[_gone(span) for span in lane.roles], faults=[_gone(span) for span in lane.faults]
            )
            for lane in drawn.lanes
        ]
        story = [
            *self.moments,
            *(Moment(one.at, "▼", f"{one.rule}: {one.what}", 5) for one in drawn.violations),
        ]
        clashes = [span for span, _ in self._clashes]
        return drawn._replace(lanes=lanes, story=sorted(story, key=lambda one: one.at), clashes=clashes)

    def _violation(self, breach: Breach) -> Violation:
        facts = next(one for one in self._facts if one.run is breach.run)
        return Violation(breach.rule, self._axis.at(facts, breach.now), f"{breach.line}: {breach.what}")

    @cached_property
    def _clashes(self) -> list[tuple[Span, Breach]]:
        """S1: the times in which two led at once, whatever the clocks of different machines were."""
        return [*self._clashing(self._story.terms)]

    def _clashing(self, terms: list[Told]) -> Iterator[tuple[Span, Breach]]:
        for index, one in enumerate(terms):
            for other in terms[index + 1 :]:
                start, end = other.start, min(one.end, other.end, self._axis.end)
                if end - start <= self._axis.doubt(one.facts, other.facts):
                    continue
                names = f"{self._cast.name(one.facts)} and {self._cast.name(other.facts)}"
                what = f"{names} both lead, for {seconds(end - start, 6)} s"
                now = other.term.start
                breach = Breach("S1 exclusion", other.term.line, now, other.facts.run, what)
                yield Span(start, end, "two lead", OWED, what), breach

    def _people(self) -> Iterator[tuple[str, str]]:
        for one in sorted(self._facts, key=self._cast.process):
            run = one.run
            where = f"{run.line}" + (", from where it goes on" if run.began.state is not None else "")
            yield self._cast.process(one), f"{shown(run.began.config.identity)[1:-1]} ({where})"

    def _unheld(self) -> Iterator[str]:
        for one in self._facts:
            run = one.run
            if not is_of_this_edition(run):
                yield f"{run.line} is of edition {run.began.version}: its steps were not held to the protocol"
        first, *others = self._facts
        for other in others:
            doubt = self._axis.doubt(first, other)
            if doubt:
                far = "is not known" if doubt >= FAR else f"is known to {seconds(doubt, 3)} s"
                names = f"{self._cast.process(other)} and of {self._cast.process(first)}"
                yield f"how the clocks of {names} stand to each other {far}: their times of day were taken"


def _gone(span: Span) -> Span:
    """Nobody knows that it crashed: only that nothing more was heard."""
    return (
        span._replace(label="not heard of", tip="nothing more was heard of it")
        if span.kind == "crashed"
        else span
    )


def explain(paths: Iterable[Path], lease: str | None = None) -> Explanation:
    """Read traces, files or folders of them, of one lease.

    Raises:
        ConfigurationError: One of them is no trace, or they are of several leases and `lease` names none.
        OSError: One cannot be read.
    """
    found = list(dict.fromkeys(file.resolve() for path in paths for file in files(path)))
    runs = [run for path in found for run in read_runs(path) if run.steps]
    leases = sorted({run.began.lease for run in runs})
    if lease is None and len(leases) > 1:
        named = ", ".join(map(shown, leases))
        raise ConfigurationError(f"the traces are of several leases, {named}: name one by --lease")
    kept = [run for run in runs if lease is None or run.began.lease == lease]
    if not kept:
        which = "" if lease is None else f" of the lease {shown(lease)}"
        raise ConfigurationError(f"there is no step{which} in these traces: has anybody contended?")
    return Explanation(kept)
