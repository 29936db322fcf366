"""No URL's secret is ever quoted, and no value floods or forges a line."""

from __future__ import annotations

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from incumbent.shown import SCHEMES, redacted, shown
from incumbent.stores._kinds import SCHEMES as STORES
from support.stores.records import EXAMPLES
from support.stores.urls import NAMES_A_HOST, mistyped


@settings(max_examples=5 * EXAMPLES)
@example("redis://user:SECRET@host/0?prefix=app://x")
@example("mongodb://u:SE://SECRET@h/db")
@example("etcd:/root:SECRET@h/p")
@example("redis://redis://u:SECRET@h")
@example("etcd://root:12/SECRET@h/p")
@example("etcd://root:12/SECRETh/p")
@example("consul://:12?SECRET@h")
@example("SECRET://host")
@given(mistyped())
def test_no_secret_is_quoted_of_any_url_however_it_is_mistyped(url):
    assume(not NAMES_A_HOST.fullmatch(url))
    quoted = redacted(url)
    assert "SECRET" not in quoted
    assert quoted.isprintable()
    assert len(quoted) < 250


@settings(max_examples=5 * EXAMPLES)
@given(st.text(max_size=300) | st.none() | st.binary() | st.integers())
def test_any_value_may_be_redacted(value):
    assert redacted(value).isprintable()


@pytest.mark.parametrize(
    ("url", "quoted"),
    [
        ("memory:", "memory:"),
        ("memory:x", "memory:..."),
        ("sqlite:////var/lib/leases.db", "sqlite:////var/lib/leases.db"),
        ("sqlite:///a\x1b[2J.db", "sqlite:///a\\x1b[2J.db"),
        ("sqlite:///u:SECRET@h/x.db", "sqlite:..."),
        ("sqlite:///x.db?key=SECRET", "sqlite:..."),
        ("redis://u:p@host:6379/0", "redis://host:6379/..."),
        ("redis://host", "redis://host"),
        ("redis://host/", "redis://host"),
        ("redis+unix:///run/redis.sock?db=1", "redis+unix:///..."),
        ("rediss+sentinel://h1,[::1]:7,h3:8/service", "rediss+sentinel://h1,[::1]:7,h3:8/..."),
        ("mongodb://%2Frun%2Fmongodb.sock/db", "mongodb://%2Frun%2Fmongodb.sock/..."),
        ("postgresql:///db?user=u", "postgresql:///..."),
        ("kubernetes://team-a", "kubernetes://team-a"),
        ("redis://host:99999", "redis:..."),
        ("redis:host", "redis:..."),
        ("mysql://user:SECRET@host/db", "..."),
        ("", "..."),
    ],
)
def test_what_is_no_secret_is_quoted(url, quoted):
    """Scheme and hosts, where the URL is well-formed; the scheme where it is not."""
    assert redacted(url) == quoted


def test_the_scheme_of_every_store_may_be_quoted():
    assert STORES.keys() <= SCHEMES


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("ok", "'ok'"),
        ("\x1b[2J\r\n\u202e\x85", "'\\x1b[2J\\r\\n\\u202e\\x85'"),
        ("a" * 1_000_000, f"'{'a' * 80}'... (1000000 long)"),
        (b"\0" * 100, "b'" + "\\x00" * 80 + "'... (100 long)"),
        (7, "7"),
        (None, "None"),
    ],
)
def test_a_value_is_shown_in_one_line(value, text):
    assert shown(value) == text


class Rude:
    def __init__(self, text):
        self.text = text

    def __repr__(self):
        return self.text() if callable(self.text) else self.text


RUDE = st.builds(Rude, st.text() | st.just(lambda: 1 / 0))


@settings(max_examples=EXAMPLES)
@given(
    st.recursive(
        st.none()
        | st.integers()
        | st.text()
        | st.binary()
        | st.builds(Rude, st.text() | st.just(lambda: 1 / 0)),
        lambda inner: st.lists(inner, max_size=50) | st.dictionaries(st.text(), inner, max_size=50),
    )
)
def test_no_value_floods_or_breaks_a_line(value):
    """However large it is, and whatever its `__repr__` does."""
    text = shown(value)
    assert text.isprintable()
    assert len(text) <= 900  # every character escaped


def test_an_integer_of_many_digits_is_shown():
    """Python itself refuses to."""
    assert shown(10**5000) == "<int>"


def test_a_value_of_any_depth_is_shown():
    value = []
    for _ in range(100_000):
        value = [value]
    assert len(shown(value)) < 100
