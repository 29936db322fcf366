"""The settings of one elector. P6 is checked here, once, and nothing else decides the timing."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from incumbent.errors import ConfigurationError
from incumbent.lease import LONGEST_NAME, NO_GUARANTEES, StoreGuarantees, check_number, check_text, to_ns
from incumbent.shown import shown

DEFAULT_LEASE_DURATION: Final = 15.0
DEFAULT_RETRY_PERIOD: Final = 2.0
DEFAULT_JITTER: Final = 0.1
DEFAULT_CLOCK_DRIFT: Final = 0.001
"""1000 parts per million: twice what the kernel may slew a clock by."""


def tolerates(renew_deadline: float, lease_duration: float, clock_drift: float) -> bool:
    """The lemma of the proof (P6): a leader on a slow clock stops before a follower on a fast one starts.

    A leader's `renew_deadline`, counted on a clock that runs slow by `clock_drift`, lasts at most
    `renew_deadline / (1 - clock_drift)`; a follower's `lease_duration` on a fast one lasts at least
    `lease_duration / (1 + clock_drift)`.
    """
    return renew_deadline * (1 + clock_drift) <= lease_duration * (1 - clock_drift)


def check_successor(name: object, identity: str = "", *, called: str = "to") -> str:
    """Refuse to hand the lease over to whom no other candidate could be (P17).

    Raises:
        ConfigurationError: No text of printable characters, empty, too long, or the name of who resigns.
    """
    check_text(called, name, longest=LONGEST_NAME)
    if not isinstance(name, str) or not name or not name.isprintable():
        raise ConfigurationError(
            f"{called} is {shown(name)}: give a candidate's identity, in printable characters"
        )
    if name == identity:
        raise ConfigurationError(f"{called} is {shown(name)}, who is to resign: name another candidate (P17)")
    return name


@dataclass(frozen=True, slots=True)
class ElectorConfig:
    """One candidate's settings, in seconds; the `_ns` twins are what decisions are made in.

    Attributes:
        identity: The candidate's name, for people; not empty. Need not be unique (P2).
        lease_duration: How long others wait after they last saw a record of ours change (P4), rounded up
            to the store's resolution.
        renew_deadline: How long a leader believes after it sent its last successful write (P3). Two thirds
            of the lease duration by default.
        retry_period: From one renewal, poll or attempt to the next.
        request_timeout: After which an unanswered request counts as of unknown outcome (P7, P10). Half of
            what P6 leaves by default.
        jitter: The fraction of `retry_period` by which a driver may wake a follower late (P12), if less late
            where the lease expires.
        takeover_delay: How much longer than P4 and P5 demand this candidate waits before it takes a lease,
            so that a preferred one wins. It can only delay.
        clock_drift: How far, as a fraction, any candidate's clock may run fast or slow (P6).
        guarantees: What the store promises.

    Raises:
        ConfigurationError: A value is impossible by itself, or P6 does not hold for the values as the
            store rounds them.
    """

    identity: str
    lease_duration: float = DEFAULT_LEASE_DURATION
    renew_deadline: float | None = None
    retry_period: float = DEFAULT_RETRY_PERIOD
    request_timeout: float | None = None
    jitter: float = DEFAULT_JITTER
    takeover_delay: float = 0.0
    clock_drift: float = DEFAULT_CLOCK_DRIFT
    guarantees: StoreGuarantees = NO_GUARANTEES

    lease_ns: int = field(init=False, repr=False)
    renew_deadline_ns: int = field(init=False, repr=False)
    retry_ns: int = field(init=False, repr=False)
    request_timeout_ns: int = field(init=False, repr=False)
    takeover_delay_ns: int = field(init=False, repr=False)

    def __post_init__(self) -> None:
        check_text("identity", self.identity)
        if self.identity == "":
            raise ConfigurationError("identity is '': give a name; the empty one means a released lease")
        for name in ("lease_duration", "retry_period"):
            check_number(name, getattr(self, name), positive=True)
        for name in ("jitter", "takeover_delay", "clock_drift"):
            check_number(name, getattr(self, name), positive=False)
        for name in ("renew_deadline", "request_timeout"):
            if getattr(self, name) is not None:
                check_number(name, getattr(self, name), positive=True)
        if not isinstance(self.guarantees, StoreGuarantees):
            raise ConfigurationError(f"guarantees is {shown(self.guarantees)}: give StoreGuarantees(...)")
        self._settle_durations()
        self._check_timing()

    def _settle_durations(self) -> None:
        resolution_ns = max(1, to_ns(self.guarantees.resolution))
        if to_ns(self.lease_duration) < resolution_ns:
            raise ConfigurationError(
                f"lease_duration is {self.lease_duration} s, but this store keeps durations in steps of "
                f"{self.guarantees.resolution} s: give at least one step"
            )
        lease_ns = -(-to_ns(self.lease_duration) // resolution_ns) * resolution_ns
        # Records carry the seconds: beyond 26 days they cannot tell each nanosecond, and they decide.
        self._set("lease_duration", lease_ns / 1e9)
        self._set("lease_ns", to_ns(self.lease_duration))
        if self.renew_deadline is None:
            self._set("renew_deadline", self.lease_duration * 2 / 3)
        if self.request_timeout is None:
            left = (self.renew_deadline or 0.0) - self.retry_period * (1 + self.jitter)
            self._set("request_timeout", max(left, 0.0) / 2)
        self._set("renew_deadline_ns", to_ns(self.renew_deadline or 0.0))
        self._set("retry_ns", to_ns(self.retry_period))
        self._set("request_timeout_ns", to_ns(self.request_timeout or 0.0))
        self._set("takeover_delay_ns", to_ns(self.takeover_delay))

    def _check_timing(self) -> None:
        if self.clock_drift >= 1:
            raise ConfigurationError(f"clock_drift is {self.clock_drift}: give a fraction below 1")
        if not tolerates(self.renew_deadline_ns, self.lease_ns, self.clock_drift):
            raise ConfigurationError(
                f"renew_deadline {self.renew_deadline} s is too close to lease_duration "
                f"{self.lease_duration} s: with clocks that drift by {self.clock_drift}, "
                f"renew_deadline * (1 + drift) must not exceed lease_duration * (1 - drift) (P6); "
                f"two thirds of the lease duration is a good choice"
            )
        slowest = self.retry_ns * (1 + self.jitter) + self.request_timeout_ns
        if not slowest < self.renew_deadline_ns or self.request_timeout_ns == 0:
            raise ConfigurationError(
                f"retry_period {self.retry_period} s * (1 + jitter {self.jitter}) + request_timeout "
                f"{self.request_timeout} s must be less than renew_deadline {self.renew_deadline} s (P6), "
                f"or one slow request costs the lease: shorten the first two or lengthen the last"
            )

    def _set(self, name: str, value: float) -> None:
        object.__setattr__(self, name, value)
