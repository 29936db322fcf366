"""P6: timing is checked once, on the values as the store rounds them; a refusal names number and rule."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from incumbent.config import ElectorConfig, check_successor, tolerates
from incumbent.errors import ConfigurationError, ElectionError
from incumbent.lease import StoreGuarantees, to_ns

NS = 1e-9
GOOD = {
    "identity": "ann",
    "lease_duration": 16.0,
    "renew_deadline": 8.0,
    "retry_period": 2.0,
    "request_timeout": 1.0,
    "jitter": 0.5,
    "clock_drift": 0.0,
    "guarantees": StoreGuarantees(resolution=1e-9),
}


def configured(**changes):
    return ElectorConfig(**{**GOOD, **changes})


def refused(match, **changes):
    with pytest.raises(ConfigurationError, match=match):
        configured(**changes)


class TestDefaults:
    def test_the_peers_vocabulary_and_numbers(self):
        config = ElectorConfig("ann")
        assert (config.lease_duration, config.renew_deadline, config.retry_period) == (15, 10, 2)
        assert config.request_timeout == pytest.approx(3.9)
        assert (config.jitter, config.clock_drift, config.takeover_delay) == (0.1, 0.001, 0)

    def test_the_nanosecond_twins(self):
        config = configured(takeover_delay=0.5)
        twins = (config.lease_ns, config.renew_deadline_ns, config.retry_ns, config.request_timeout_ns)
        assert twins == (16 * 10**9, 8 * 10**9, 2 * 10**9, 10**9)
        assert config.takeover_delay_ns == 5 * 10**8

    def test_the_renew_deadline_is_two_thirds_of_the_rounded_lease(self):
        config = configured(
            renew_deadline=None, lease_duration=14.5, guarantees=StoreGuarantees(resolution=1)
        )
        assert config.lease_duration == 15
        assert config.renew_deadline == 10

    def test_the_request_timeout_is_half_of_what_is_left(self):
        """8 - 2 * 1.5 leaves 5."""
        assert configured(request_timeout=None).request_timeout == 2.5

    def test_nothing_left_for_a_request_is_refused_for_that_reason(self):
        refused(
            r"retry_period 6 s .* must be less than renew_deadline 8.0 s \(P6\)",
            retry_period=6,
            request_timeout=None,
        )

    @given(lease=st.floats(1e-3, 1e6), part=st.floats(0.001, 0.5))
    def test_the_defaults_are_always_accepted_with_a_modest_retry_period(self, lease, part):
        """Whoever gives only a lease duration and polls often enough never has to think about P6."""
        config = ElectorConfig("ann", lease_duration=lease, retry_period=lease * part)
        assert config.retry_ns * (1 + config.jitter) + config.request_timeout_ns < config.renew_deadline_ns
        assert config.renew_deadline_ns < config.lease_ns

    def test_equal_settings_are_equal_and_cannot_be_changed(self):
        assert configured() == configured()
        assert hash(configured()) == hash(configured())
        assert configured() != configured(jitter=0)
        with pytest.raises(AttributeError):
            configured().lease_duration = 99


class TestDriftRule:
    """renew_deadline * (1 + drift) <= lease_duration * (1 - drift)."""

    def test_equality_is_enough(self):
        """With clocks that agree, a leader may believe for exactly as long as others wait."""
        assert configured(renew_deadline=16.0).renew_deadline_ns == configured().lease_ns

    def test_one_nanosecond_too_long(self):
        refused(
            r"renew_deadline 16.000000001 s is too close to lease_duration 16.0 s.*\(P6\)",
            renew_deadline=16 + NS,
        )

    def test_a_drift_of_one_half_costs_two_thirds(self):
        """In numbers that a float holds exactly: 8 * (1 + 0.5) = 24 * (1 - 0.5)."""
        assert configured(lease_duration=24.0, clock_drift=0.5).clock_drift == 0.5
        refused("too close", lease_duration=24 - NS, clock_drift=0.5)
        refused("too close", lease_duration=24.0, renew_deadline=8 + NS, clock_drift=0.5)

    def test_the_default_drift_forbids_equality(self):
        refused("drift by 0.001", renew_deadline=16.0, clock_drift=0.001)

    @given(
        deadline=st.integers(1, 10**12), lease=st.integers(1, 10**12), drift=st.fractions(0, Fraction(9, 10))
    )
    def test_the_formula_is_the_lemma(self, deadline, lease, drift):
        """A slow leader's belief, deadline / (1 - drift), is no longer than a fast follower's wait."""
        exact = Fraction(deadline) / (1 - drift) <= Fraction(lease) / (1 + drift)
        assert tolerates(Fraction(deadline), Fraction(lease), drift) == exact

    @given(deadline=st.floats(3, 100), lease=st.floats(3, 100), drift=st.floats(0, 0.9))
    def test_what_is_accepted_is_tolerated(self, deadline, lease, drift):
        assume(abs(deadline * (1 + drift) - lease * (1 - drift)) > 1e-6)
        changes = {"renew_deadline": deadline, "lease_duration": lease, "clock_drift": drift}
        if deadline * (1 + drift) <= lease * (1 - drift):
            configured(**changes, retry_period=1.0, jitter=0.0)
        else:
            refused(r"\(P6\)", **changes, retry_period=1.0, jitter=0.0)

    @pytest.mark.parametrize("drift", [1, 1.0, 1.5, 100])
    def test_a_drift_of_one_is_no_clock(self, drift):
        refused(f"clock_drift is {drift}: give a fraction below 1", clock_drift=drift)

    def test_the_largest_drift_below_one_meets_the_rule_itself(self):
        refused(r"\(P6\)", clock_drift=0.999)


class TestRetryRule:
    """retry_period * (1 + jitter) + request_timeout < renew_deadline."""

    def test_equality_is_too_much(self):
        """2 * 1.5 + 5 = 8: a slow request would end just when the lease does."""
        refused(
            r"retry_period 2.0 s \* \(1 \+ jitter 0.5\) \+ request_timeout 5.0 s must be less than "
            r"renew_deadline 8.0 s \(P6\)",
            request_timeout=5.0,
        )

    def test_one_nanosecond_less_is_enough(self):
        assert configured(request_timeout=5 - NS).request_timeout_ns == 5 * 10**9 - 1
        assert configured(request_timeout=5.0, renew_deadline=8 + NS).renew_deadline_ns == 8 * 10**9 + 1
        assert configured(request_timeout=5.0, retry_period=2 - NS)

    def test_the_jitter_counts(self):
        assert configured(request_timeout=5.0, jitter=0.499)
        refused("jitter 0.501", request_timeout=5.0, jitter=0.501)


class TestResolution:
    """Durations are rounded up to what the store keeps, before anything is checked."""

    @pytest.mark.parametrize(
        ("given_duration", "resolution", "kept"),
        [(15.0, 1, 15), (15 - NS, 1, 15), (14 + NS, 1, 15), (14.5, 1, 15), (10, 4, 12), (0.9, 0.25, 1.0)],
    )
    def test_up_never_down(self, given_duration, resolution, kept):
        config = configured(
            lease_duration=given_duration,
            renew_deadline=0.8,
            retry_period=0.1,
            request_timeout=0.1,
            guarantees=StoreGuarantees(resolution=resolution),
        )
        assert config.lease_duration == kept
        assert config.lease_ns == kept * 10**9

    def test_p6_is_checked_on_the_rounded_duration(self):
        """8 s of 7.5 would be refused; the store makes it 8."""
        refused(r"\(P6\)", lease_duration=7.5)
        assert configured(lease_duration=7.5, guarantees=StoreGuarantees(resolution=1)).lease_duration == 8

    def test_less_than_one_step_is_refused_not_rounded(self):
        """A lease of 900 ms in a store that keeps seconds is a mistake, not a lease of one second."""
        refused(
            "lease_duration is 0.9 s, but this store keeps durations in steps of 1 s: give at least one step",
            lease_duration=0.9,
            guarantees=StoreGuarantees(resolution=1),
        )
        step = StoreGuarantees(resolution=1)
        config = configured(
            lease_duration=1, renew_deadline=0.9, retry_period=0.1, request_timeout=0.1, guarantees=step
        )
        assert config.lease_duration == 1

    def test_what_is_no_promise_is_refused(self):
        """Such as `None`, or the keywords of one."""
        refused(r"guarantees is None: give StoreGuarantees\(...\)", guarantees=None)

    @given(lease=st.floats(1, 1e5), resolution=st.sampled_from([1e-9, 1e-6, 1e-3, 0.1, 1, 5, 10]))
    def test_what_is_written_is_what_is_waited_for(self, lease, resolution):
        """The record's duration, read back, is the one that was checked, and at most a step longer."""
        assume(lease >= resolution)
        config = ElectorConfig(
            "ann",
            lease_duration=lease,
            retry_period=lease / 10,
            guarantees=StoreGuarantees(resolution=resolution),
        )
        assert to_ns(config.lease_duration) == config.lease_ns
        assert 0 <= config.lease_ns - to_ns(lease) < max(1, to_ns(resolution))
        assert config.lease_ns % max(1, to_ns(resolution)) == 0

    @given(lease=st.floats(1e5, 1e9), resolution=st.sampled_from([1e-9, 1e-6, 1]))
    def test_so_are_durations_that_seconds_cannot_tell_exactly(self, lease, resolution):
        """A float of seconds tells every nanosecond apart for 26 days; the record's word counts."""
        guarantees = StoreGuarantees(resolution=resolution)
        config = ElectorConfig("ann", lease_duration=lease, guarantees=guarantees)
        assert to_ns(config.lease_duration) == config.lease_ns
        assert -100 < config.lease_ns - to_ns(lease) < to_ns(resolution) + 100


class TestValues:
    """Each impossible value is refused by itself, with an error that is also a ValueError."""

    def test_the_error_is_a_value_error_of_our_tree(self):
        assert issubclass(ConfigurationError, ValueError)
        assert issubclass(ConfigurationError, ElectionError)

    @pytest.mark.parametrize("name", ["lease_duration", "renew_deadline", "retry_period", "request_timeout"])
    @pytest.mark.parametrize("value", [0, -1, float("nan"), float("inf"), "8", True])
    def test_durations_are_above_zero(self, name, value):
        refused(f"{name} is .*give a finite number above 0", **{name: value})

    @pytest.mark.parametrize("name", ["lease_duration", "retry_period"])
    def test_these_have_no_automatic_value(self, name):
        refused(f"{name} is None", **{name: None})

    @pytest.mark.parametrize("name", ["jitter", "takeover_delay", "clock_drift"])
    @pytest.mark.parametrize("value", [-0.001, float("nan"), float("inf"), "0", None, False])
    def test_fractions_and_delays_may_be_zero_but_not_less(self, name, value):
        assert getattr(configured(**{name: 0}), name) == 0
        refused(f"{name} is .*give a finite number of 0 or more", **{name: value})

    @pytest.mark.parametrize("value", [None, 7, b"ann", "a\0", "\ud800"])
    def test_an_identity_is_text_that_every_store_keeps(self, value):
        refused("identity is", identity=value)

    def test_the_empty_identity_means_released(self):
        """Peer bug R7: with the empty name a candidate believes it leads before it ever ran."""
        refused("^identity is '': give a name", identity="")

    @pytest.mark.parametrize("name", ["retry_period", "request_timeout"])
    def test_less_than_half_a_nanosecond_is_no_time(self, name):
        refused(f"^{name} is 4e-10: give a finite number above 0", **{name: 4e-10})
        assert getattr(configured(**{name: 1e-9}), name) == 1e-9


@pytest.mark.parametrize("name", ["", None, 7, "line\nbreak", "x" * 2001, "me"])
def test_a_lease_is_handed_to_nobody_whom_no_other_candidate_could_be(name):
    """P17: refused at the door; the message says what was given."""
    with pytest.raises(ConfigurationError, match="to"):
        check_successor(name, "me")


def test_a_lease_is_handed_to_another_candidate():
    assert check_successor("you", "me") == "you"
