"""The URLs of stores that speak HTTP: SCHEME://[USER:PASSWORD@]HOST[:PORT][,...]/[PREFIX][?OPTIONS]."""

from __future__ import annotations

import re
import ssl
from collections.abc import Callable
from functools import partial
from typing import Final, NamedTuple
from urllib.parse import quote, unquote, urlsplit

from incumbent.errors import ConfigurationError
from incumbent.shown import Secret, redacted
from incumbent.stores._options import options_of

_TLS_OPTIONS: Final = ("ca", "cert", "key")
_HOST: Final = re.compile(r"[A-Za-z0-9._:-]+")
_SECRET: Final = re.compile(r"[\x21-\x7e\u00a0-\U0010ffff ]+")
_FOLDER: Final = "incumbent/"


class Address(NamedTuple):
    """The parts of such a URL.

    Attributes:
        shown: The URL without secrets, for people.
        endpoints: `http://HOST:PORT`, or `https:`, in the order in which they are tried.
        user: Who logs in; "" for nobody.
        password: The secret, which is "" for none.
        prefix: What all keys begin with: that of the URL, and a folder of our own.
        options: What stands behind the question mark.
    """

    shown: str
    endpoints: tuple[str, ...]
    user: str
    password: Secret[str]
    prefix: str
    options: dict[str, str]

    def __repr__(self) -> str:
        return f"<Address {self.shown}>"

    def key_of(self, lease: str) -> str:
        """The key of a lease. No name is a path: `a/b` below `x/` is not `b` below `x/a/`; `..` is a name."""
        encoded = quote(lease, safe="")
        return self.prefix + (encoded if encoded.strip(".") else encoded.replace(".", "%2E"))

    def lease_of(self, key: str) -> str:
        """The way back."""
        return unquote(key.removeprefix(self.prefix))


def parse(url: str, *, port: int, options: tuple[str, ...] = ()) -> Address:
    """Take a URL apart.

    Args:
        url: The URL, of a scheme that ends in "s" for TLS.
        port: Where the server listens if the URL does not say.
        options: What may stand behind the question mark, besides `ca`, `cert` and `key` with TLS.

    Raises:
        ConfigurationError: The URL is malformed, or has an option that there is not.
    """
    scheme, _, rest = url.partition("://")
    before, _, query = rest.partition("?")
    authority, _, path = before.partition("/")
    wrong = partial(_wrong, url, port)
    if "@" in path or "@" in query or "#" in rest:
        raise wrong(
            "has @ or # where none may be: write /, ?, # and @ as %2F, %3F, %23 and %40 within names, "
            "passwords and options"
        )
    who, _, hosts = authority.rpartition("@")
    user, _, password = who.partition(":")
    secrets = [unquote(user), unquote(password)]
    if any(secret and not _SECRET.fullmatch(secret) for secret in secrets):
        raise wrong("has control characters in its user or password")
    is_tls = scheme.endswith("s")
    return Address(
        shown=redacted(url),
        endpoints=tuple(_endpoint(host, port, wrong, is_tls=is_tls) for host in hosts.split(",")),
        user=secrets[0],
        password=Secret(secrets[1]),
        prefix=_prefix(unquote(path)),
        options=_options(query, (*options, *(_TLS_OPTIONS if is_tls else ())), wrong),
    )


def tls_of(address: Address) -> ssl.SSLContext | None:
    """Build the TLS context for that server; None without TLS.

    Raises:
        ConfigurationError: One of the files is missing or is no certificate or key.
    """
    if not address.endpoints[0].startswith("https:"):
        return None
    options = address.options
    try:
        context = ssl.create_default_context(cafile=options.get("ca"))
        if "cert" in options:
            context.load_cert_chain(options["cert"], options.get("key"))
    except (OSError, ValueError) as error:
        files = ", ".join(f"{name}=" for name in _TLS_OPTIONS if name in options)
        raise ConfigurationError(
            f"store {address.shown!r}: {error}: give PEM files that can be read as {files}"
        ) from error
    return context


def _prefix(path: str) -> str:
    return f"{path}/{_FOLDER}" if path and not path.endswith("/") else path + _FOLDER


def _endpoint(host: str, port: int, wrong: Callable[[str], ConfigurationError], *, is_tls: bool) -> str:
    try:
        parts = urlsplit(f"//{host}")
        name, number = parts.hostname, port if parts.port is None else parts.port
    except ValueError:
        name, number = None, port
    if not name or not _HOST.fullmatch(name):
        raise wrong("has something else where a host is due")
    return f"{'https' if is_tls else 'http'}://{f'[{name}]' if ':' in name else name}:{number}"


def _options(
    query: str, known: tuple[str, ...], wrong: Callable[[str], ConfigurationError]
) -> dict[str, str]:
    options = options_of(query, known, wrong)
    if "key" in options and "cert" not in options:
        raise wrong("has key= without cert=")
    return options


def _wrong(url: str, port: int, rule: str) -> ConfigurationError:
    scheme = url.partition(":")[0]
    return ConfigurationError(f"store {redacted(url)!r} {rule}; give {scheme}://host:{port}/prefix")
