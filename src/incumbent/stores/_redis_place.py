"""Parse the URL of a Redis store."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final, TypeAlias
from urllib.parse import SplitResult, unquote, urlsplit

from incumbent.errors import ConfigurationError
from incumbent.shown import Secret, redacted
from incumbent.stores import _login
from incumbent.stores._options import is_file, options_of

Address: TypeAlias = tuple[str, int]
"""A host and its port; or the path of a Unix socket, and 0."""

Credentials: TypeAlias = Secret[Mapping[str, str]]
Wrong: TypeAlias = Callable[[str], ConfigurationError]

DEFAULT_PREFIX: Final = "incumbent:"
_DEFAULT_PORTS: Final = {"": 6379, "sentinel": 26379, "cluster": 6379, "unix": 0}
_TLS_OPTIONS: Final = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile")
_KIND_OPTIONS: Final = {
    "sentinel": ("sentinel_username", "sentinel_password"),
    "unix": ("db", "username", "password"),
}
_HOST: Final = re.compile(r"[\w.:-]+")
_DB: Final = re.compile(r"[0-9]{1,9}")
_WAIT: Final = re.compile(r"[0-9]{1,3}")


@dataclass(frozen=True)
class Place:
    """The servers, credentials and options of a store: a value whose repr shows no secret.

    Attributes:
        kind: "" for one server, "unix" for one on this machine, "sentinel" or "cluster".
        addresses: The server; the sentinels; or some nodes of the cluster.
        service: What the sentinels call the server.
        credentials: The keyword arguments by which a client logs in to the server.
        sentinel_credentials: The same for the sentinels.
        tls: The keyword arguments of a connection by TLS; None for one without.
        db: The number of the database.
        prefix: What every key begins with.
        wait: How many replicas must have what is written or read; None where the URL does not say.
        shown: The URL without secrets.
    """

    kind: str
    addresses: tuple[Address, ...]
    service: str
    credentials: Credentials
    sentinel_credentials: Credentials
    tls: Mapping[str, str] | None
    db: int
    prefix: str
    wait: int | None
    shown: str

    def key(self, lease: str) -> str:
        """Return the key of the lease, which is also the channel that tells its changes."""
        return f"{self.prefix}{{{lease}}}"


def place_of(url: str) -> Place:
    """Parse the URL; the docstring of `incumbent.stores.redis` has its parts.

    Raises:
        ConfigurationError: It is malformed, or has an option that there is not.
    """
    wrong = partial(_wrong, url)
    split = _split(url, wrong)
    scheme, _, kind = "redis+unix".partition("+") if split.scheme == "unix" else split.scheme.partition("+")
    is_tls = scheme == "rediss"
    if scheme not in ("redis", "rediss") or kind not in _DEFAULT_PORTS or (is_tls and kind == "unix"):
        raise wrong("is no Redis URL: see incumbent.stores.redis")
    options = _options(split.query, kind, wrong, is_tls=is_tls)
    userinfo, _, hosts = split.netloc.rpartition("@")
    username, _, password = (unquote(part) for part in userinfo.partition(":"))
    addresses = _addresses(hosts, split.path, kind, wrong)
    service, db = _path(split.path, kind, wrong) if kind != "unix" else ("", options.get("db") or "0")
    if not _DB.fullmatch(db) or (kind == "cluster" and int(db)):
        raise wrong(
            "names no database: give the number of a database, such as 0; a cluster has only database 0"
        )
    return Place(
        kind=kind,
        addresses=addresses,
        service=service,
        credentials=_given(
            username=username or options.get("username", ""),
            password=password or options.get("password", "") or _login.redis_password(),
        ),
        sentinel_credentials=_given(
            username=options.get("sentinel_username", ""), password=options.get("sentinel_password", "")
        ),
        tls={name: options[name] for name in _TLS_OPTIONS if options.get(name)} if is_tls else None,
        db=int(db),
        prefix=options.get("prefix", DEFAULT_PREFIX),
        wait=_replicas(options.get("wait"), kind),
        shown=redacted(url),
    )


def _split(url: str, wrong: Wrong) -> SplitResult:
    try:
        split = urlsplit(url)
    except ValueError:
        split = None
    if split is None:  # out of reach of the exception, whose text may hold the password
        raise wrong("is no URL: an IPv6 address is written [::1]")
    if "@" in split.path + split.query or "#" in url:
        raise wrong("has an @ or # behind its host: in a password, / ? # @ are written %2F %3F %23 %40")
    return split


def _addresses(hosts: str, path: str, kind: str, wrong: Wrong) -> tuple[Address, ...]:
    if kind == "unix":
        if hosts or not path.strip("/"):
            raise wrong("names no socket: give redis+unix:///path/of/redis.sock?db=0")
        return ((unquote(path), 0),)
    addresses = tuple(_address(host, _DEFAULT_PORTS[kind], wrong) for host in hosts.split(","))
    if kind == "" and len(addresses) > 1:
        raise wrong("names several hosts: that is for redis+sentinel:// and redis+cluster://")
    return addresses


def _address(text: str, default_port: int, wrong: Wrong) -> Address:
    try:
        split = urlsplit(f"//{text}")
        host, port = unquote(split.hostname or ""), default_port if split.port is None else split.port
    except ValueError:
        host, port = "", 0
    if not _HOST.fullmatch(host) or port == 0:
        raise wrong("has a host that is none: give host:port")
    return host, port


def _path(path: str, kind: str, wrong: Wrong) -> tuple[str, str]:
    """The service that sentinels know, and the database."""
    parts = path.strip("/").split("/")
    service = unquote(parts.pop(0)) if kind == "sentinel" else ""
    if kind == "sentinel" and not service:
        raise wrong("names no service: give redis+sentinel://host:26379/service")
    if len(parts) > 1:
        raise wrong("has too long a path: give the number of a database, such as /0")
    return service, "".join(parts) or "0"


def _options(query: str, kind: str, wrong: Wrong, *, is_tls: bool) -> dict[str, str]:
    known = ("wait", "prefix", *(_TLS_OPTIONS if is_tls else ()), *_KIND_OPTIONS.get(kind, ()))
    options = options_of(query, known, wrong)
    for name in _TLS_OPTIONS:
        if name in options and not is_file(options[name]):
            raise wrong(f"has {name}=, but there is no such file")
    if not _WAIT.fullmatch(options.get("wait", "0")):
        raise wrong("has a wait= that is no number: give how many replicas must have what is written")
    return options


def _replicas(wait: str | None, kind: str) -> int | None:
    """Sentinels promote a replica by themselves: unless told otherwise, it must have had every write."""
    return int(wait) if wait is not None else 1 if kind == "sentinel" else None


def _given(**values: str) -> Credentials:
    return Secret({name: value for name, value in values.items() if value})


def _wrong(url: str, what: str) -> ConfigurationError:
    return ConfigurationError(f"store {redacted(url)!r} {what}")
