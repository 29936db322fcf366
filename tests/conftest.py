"""Hypothesis draws the same examples in every run, and gives each as long as a busy machine needs."""

from hypothesis import HealthCheck, settings

settings.register_profile(
    "every machine",
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("every machine")
