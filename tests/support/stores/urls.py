"""URLs with secrets in every part that may hold one, and what typing makes of them."""

from __future__ import annotations

import re

from hypothesis import strategies as st

from incumbent.shown import SCHEMES

_PIECES = ["", "://", ":", "/", "?", "#", "@", "%", "&", "=", ",", " ", "\x1b[2J", "a", "+", "[", "\ud800"]
_SPECIAL = st.text("ab1:/?#@%&=,. ", max_size=6)
_SECRETS = st.tuples(_SPECIAL, _SPECIAL).map(lambda around: f"{around[0]}SECRET{around[1]}")
# Passwords, names that are mistyped, and known names whose value is refused: it may be half of a password.
_PARAMETERS = st.sampled_from(
    [
        *("password", "sslpassword", "sentinel_password", "PASSWORD", "pasword", "token", "db", "watch"),
        *("authMechanismProperties", "tlsCertificateKeyFilePassword", "tlsCAFile", "wait", "sslmode"),
        *("ssl_ca_certs", "ca", "key"),
    ]
)

# What nobody can tell from a URL that means it: an @ was lost from one whose password has another @ in it.
NAMES_A_HOST = re.compile(r"[a-z+]+://([^/?#@]*@)?[^/?#@:]*SECRET[^@]*", re.DOTALL)


@st.composite
def urls(draw: st.DrawFn) -> str:
    """A URL as it is meant, or with a password that is not encoded."""
    scheme = draw(st.sampled_from(sorted(SCHEMES - {"memory", "sqlite"})))
    user = draw(st.sampled_from(["", "root"]))
    login = draw(st.sampled_from(["", f"{user}:{draw(_SECRETS)}@"]))
    host = draw(st.sampled_from(["", "host", "host:6379", "h1:1,h2", "[::1]:7"]))
    path = draw(st.sampled_from(["", "/", "/0", "/db"]))
    query = "&".join(f"{draw(_PARAMETERS)}={draw(_SECRETS)}" for _ in range(draw(st.integers(0, 2))))
    return f"{scheme}://{login}{host}{path}{'?' if query else ''}{query}"


@st.composite
def mistyped(draw: st.DrawFn) -> str:
    """Such a URL with up to one character deleted, replaced or inserted, or one piece put in between."""
    url = draw(urls())
    at = draw(st.integers(0, len(url)))
    return url[:at] + draw(st.sampled_from(_PIECES)) + url[at + draw(st.integers(0, 1)) :]
