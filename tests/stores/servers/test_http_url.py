"""The URLs of the stores that speak HTTP. No server is needed: nobody listens there."""

from __future__ import annotations

import pytest

pytest.importorskip("httpcore")

from incumbent.errors import ConfigurationError
from incumbent.stores import _http_url, open_store
from support.servers import free_port


def test_every_part_of_it():
    address = _http_url.parse(
        "etcds://u%40:p%2F%C3%BC@h1,[::1]:7,h3:8/a/b%20c?ca=%2Fx&cert=y&key=z", port=2379
    )
    assert address.endpoints == ("https://h1:2379", "https://[::1]:7", "https://h3:8")
    assert (address.user, address.password.value) == ("u@", "p/ü")
    assert address.prefix == "a/b c/incumbent/"
    assert address.options == {"ca": "/x", "cert": "y", "key": "z"}
    assert address.shown == "etcds://h1,[::1]:7,h3:8/..."
    assert repr(address) == f"<Address {address.shown}>"


@pytest.mark.parametrize(
    ("path", "prefix"), [("", ""), ("/", ""), ("/a", "a/"), ("/a/", "a/"), ("//a", "/a/")]
)
def test_the_prefix(path, prefix):
    assert _http_url.parse(f"etcd://h{path}", port=1).prefix == f"{prefix}incumbent/"


def test_keys_are_no_paths_and_lead_back():
    """Or a lease in one place could be another's in another."""
    address = _http_url.parse("consul://h/x", port=1)
    for name in ("a", "a/b", "a%2Fb", "é e\u0301 ", "..", "🦀?#"):
        key = address.key_of(name)
        assert key.count("/") == 2
        assert key.isascii()
        assert not key.endswith(".")
        assert address.lease_of(key) == name


@pytest.mark.parametrize("kind", ["etcd", "consul"])
@pytest.mark.parametrize(
    ("rest", "why"),
    [
        ("", "where a host is due"),
        ("//", "where a host is due"),
        ("///prefix", "where a host is due"),
        ("//h1,,h2", "where a host is due"),
        ("//host:port", "where a host is due"),
        ("//host:99999", "where a host is due"),
        ("//ho st", "where a host is due"),
        ("//höst", "where a host is due"),
        ("//host?colour=red", "number 1 of 1: there are"),
        ("//host?ca=x", "number 1 of 1: there are"),
        ("//host?ca", "number 1 of 1: there are"),
        ("//:hunter2/and@host", "%40"),
        ("//:hunter2?@host", "%40"),
        ("//:hunter2#@host", "%40"),
        ("//:hunter2%0A@host", "control characters"),
        ("//hunter2@host", "give"),
    ],
)
def test_what_is_wrong_with_it_is_told_on_opening(kind, rest, why):
    """By the rule, and without what may be a secret."""
    with pytest.raises(ConfigurationError, match=why) as caught:
        open_store(f"{kind}:{rest}", lease="x")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("kind", ["etcd", "consul"])
@pytest.mark.parametrize(
    ("options", "why"),
    [("ca=/a&ca=/b", "twice"), ("key=/x", "without cert="), ("ca=/missing/x.pem", "ca=")],
)
def test_what_is_wrong_with_its_tls_is_told_on_opening(kind, options, why):
    with pytest.raises(ConfigurationError, match=why):
        open_store(f"{kind}s://127.0.0.1:{free_port()}?{options}", lease="x")
