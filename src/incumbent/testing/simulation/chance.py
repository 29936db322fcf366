"""What a seed decides, of all that a profile leaves open."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from random import Random

from incumbent.config import ElectorConfig
from incumbent.testing.profile import Profile, Rates, sizes
from incumbent.testing.simulation.participants import MILLION, Participant


class Dice:
    """All chance of one run. Every roll is kept, so that a run can be repeated roll by roll.

    Args:
        seed: Decides the rolls.
        given: Rolls to give first, such as those of a saved run.
    """

    __slots__ = ("_given", "_random", "rolled")

    def __init__(self, seed: int, given: Iterable[int] = ()) -> None:
        self._random = Random(seed).random  # noqa: S311 - no secret: the same for ever
        self._given = deque(given)
        self.rolled: list[int] = []

    def roll(self, sides: int) -> int:
        """An integer from 0 to `sides` - 1."""
        value = self._given.popleft() % sides if self._given else int(self._random() * sides)
        self.rolled.append(value)
        return value


class Troubles:
    """Some kinds of trouble, of which at most one strikes at a time.

    Attributes:
        total: How many times in a million one does.
    """

    __slots__ = ("_rates", "_roll", "total")

    def __init__(self, rates: Rates, roll: Callable[[int], int]) -> None:
        self._rates = rates
        self._roll = roll
        self.total: int = sum(rate for _, rate in rates)

    def draw(self) -> str | None:
        """Which one strikes now, if any does."""
        rolled = self._roll(MILLION)
        if rolled >= self.total:
            return None
        for trouble, rate in self._rates:
            rolled -= rate
            if rolled < 0:
                return trouble
        return None


class Chance:
    """The sizes and troubles that a profile has drawn.

    Attributes:
        roll: The dice.
        requests: What befalls requests.
        answers: What befalls answers, and what tells of changes.
        code: What befalls user code.
        watches: What befalls watches.
    """

    __slots__ = ("_delays", "_profile", "answers", "code", "requests", "roll", "watches")

    def __init__(self, profile: Profile, roll: Callable[[int], int]) -> None:
        self._profile = profile
        self.roll: Callable[[int], int] = roll
        self.requests: Troubles = Troubles(profile.requests, roll)
        self.answers: Troubles = Troubles(profile.answers, roll)
        self.code: Troubles = Troubles(profile.code, roll)
        self.watches: Troubles = Troubles(profile.watches, roll)
        step = profile.unit if profile.gridded else 1
        self._delays = profile.delay[0], (profile.delay[1] - profile.delay[0]) // step + 1, step

    def calm(self) -> None:
        """No more trouble with messages from now on, and each takes its least time."""
        self.requests.total = self.answers.total = 0
        self._delays = self._profile.delay[0], 1, 0

    def delay(self, extra: int = 0) -> int:
        """How long a message is on its way."""
        least, steps, step = self._delays
        return least + extra + (self.roll(steps) * step if steps > 1 else 0)

    def size(self, participant: Participant) -> int:
        """The length of a fault: one of `sizes`, or anything up to two lease durations."""
        menu = sizes(participant.config, self._profile.unit)
        if self._profile.gridded or self.roll(2):
            return menu[self.roll(len(menu))]
        return self.roll(2 * participant.config.lease_ns)

    def offset(self) -> int:
        """What a clock reads at first."""
        unit = self._profile.unit if self._profile.gridded else 1
        most = self._profile.offsets // unit
        return (self.roll(2 * self._profile.offsets // unit + 1) - most) * unit

    def rate(self, config: ElectorConfig) -> int:
        """By how many millionths a clock runs fast, within what `config` declares."""
        most = int(config.clock_drift * MILLION)
        return (-most, most, self.roll(2 * most + 1) - most)[self.roll(3)]
