"""Find the cluster and the credentials: a kubeconfig as `kubectl` reads it, or a pod's service account.

The official client reads kubeconfigs, too, but leaves certificates in temporary files that others clean away,
runs plugins without a limit of time, passes over `as:` and lets the last `current-context` win. What is read
here is in memory: nothing that vanishes afterwards matters until it is read again.
"""

from __future__ import annotations

import base64
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import yaml
from kubernetes import client, config
from kubernetes.config import incluster_config

from incumbent.stores._kubernetes_plugin import Plugin, Provider, Wrong

_HOME: Final = "~/.kube/config"
_UNPRINTABLE: Final = re.compile(r"[\x00-\x1f\x7f]")
_UNESCAPED: Final = "!#$&'*+-.^_`|~"
"""Those of the name of a header that are not escaped, besides letters and digits."""


@dataclass(frozen=True, repr=False)
class Endpoint:
    """All that connections are made from; texts in PEM.

    Attributes:
        server: The URL.
        authority: Who vouches for the server's certificate; None: whom the system trusts.
        is_verified: Whether anybody has to.
        tls_name: The name that the certificate has to have, if it is not the URL's.
        proxy: The URL of a proxy, if it is not the environment's.
        certificate: Ours, with its key.
    """

    server: str
    authority: str | None = None
    is_verified: bool = True
    tls_name: str | None = None
    proxy: str | None = None
    certificate: str | None = None


@dataclass(frozen=True, repr=False)
class Config:
    """The address of the cluster, and how to log in.

    Attributes:
        endpoint: The server.
        headers: Who we are, and as whom we act.
        source: What gives the credentials that are not in here.
    """

    endpoint: Endpoint
    headers: tuple[tuple[str, str], ...] = ()
    source: Plugin | Provider | None = None


def read(kubeconfig: str | None, context: str | None) -> Config:
    """Read what `kubectl` would use: the file named, or else those of $KUBECONFIG, or else ~/.kube/config.

    Where none of these says anything, the service account of the pod.

    Raises:
        Wrong: Something is malformed or missing.
        OSError: A file cannot be read.
    """
    is_named = kubeconfig is not None
    found = _merged([kubeconfig] if kubeconfig is not None else _usual_files(), required=is_named)
    if not found and context is None and Path(incluster_config.SERVICE_TOKEN_FILENAME).exists():
        return _service_account()
    if not found:
        raise Wrong(f"there is nothing in $KUBECONFIG nor in {_HOME}")
    return _chosen(found, context)


def _usual_files() -> list[str]:
    named = os.environ.get("KUBECONFIG", "")
    return [path for path in named.split(os.pathsep) if path] if named else [_HOME]


def _merged(paths: list[str], *, required: bool) -> dict[str, Any]:
    """The sections by name; of what several files say, the first word counts. A file says where it lies."""
    found: dict[str, Any] = {}
    for name in paths:
        path = _path(name).absolute()
        try:
            text = path.read_text(encoding="utf-8")
        except FileNotFoundError:
            if required:
                raise
            continue
        content = yaml.safe_load(text)
        if content is None:
            continue
        if not isinstance(content, dict):
            raise Wrong(f"{path} is no kubeconfig")
        found.setdefault("current-context", content.get("current-context") or None)
        found["current-context"] = found["current-context"] or content.get("current-context")
        for section in ("clusters", "contexts", "users"):
            entries = found.setdefault(section, {})
            for entry in content.get(section) or []:
                entries.setdefault(entry["name"], (entry, path.parent))
    return found


def _path(name: str) -> Path:
    return Path(os.path.expanduser(name))  # noqa: PTH111  # Path's own raises where there is no home


def _chosen(found: dict[str, Any], context: str | None) -> Config:
    name = context if context is not None else found["current-context"]
    if name is None:
        raise Wrong("no current-context is set: give ?context=NAME")
    if context is not None and context not in found["contexts"]:
        raise Wrong(f"there is no context {context!r}")
    names, _ = _entry(found, "contexts", name)
    cluster, beside = _entry(found, "clusters", names.get("cluster"))
    user, folder = _entry(found, "users", names["user"]) if names.get("user") else ({}, Path())
    endpoint = Endpoint(
        server=str(cluster["server"]).rstrip("/"),
        authority=_pem(cluster, "certificate-authority", beside),
        is_verified=not cluster.get("insecure-skip-tls-verify"),
        tls_name=cluster.get("tls-server-name"),
        proxy=cluster.get("proxy-url"),
        certificate=_certificate(user, folder),
    )
    headers = _authorization(user, folder)
    source: Plugin | Provider | None = None
    if not headers and endpoint.certificate is None:  # else kubectl does not ask them either
        if user.get("auth-provider"):
            source = Provider(user["auth-provider"])
        elif user.get("exec"):
            source = Plugin(user["exec"], folder, _as_plugins_see_it(cluster, endpoint.authority))
    return Config(endpoint, (*headers, *_impersonation(user)), source)


def _entry(found: dict[str, Any], section: str, name: object) -> tuple[dict[str, Any], Path]:
    kind = section[:-1]
    if name not in found[section]:
        raise Wrong(f"the {kind} that is asked for is not there")  # its name may be a token that went astray
    entry, folder = found[section][name]
    content = entry.get(kind)
    if not isinstance(content, dict):
        raise Wrong(f"a {kind} is malformed")
    return content, folder


def _text(section: dict[str, Any], key: str, folder: Path) -> str | None:
    """Return the data under that key, or the content of the file that it names."""
    data, path = section.get(f"{key}-data"), section.get(key)
    if data:
        return base64.b64decode(data, validate=True).decode()
    return (folder / _path(path)).read_text(encoding="utf-8") if path else None


def _pem(section: dict[str, Any], key: str, folder: Path) -> str | None:
    text = _text(section, key, folder)
    if text is not None and "-----BEGIN " not in text:
        raise Wrong(f"{key} is not in PEM format")
    return text


def _certificate(user: dict[str, Any], folder: Path) -> str | None:
    certificate, key = (_pem(user, f"client-{part}", folder) for part in ("certificate", "key"))
    if (certificate is None) != (key is None):
        raise Wrong("client-certificate and client-key belong together")
    return None if certificate is None else f"{certificate}\n{key}"


def _authorization(user: dict[str, Any], folder: Path) -> tuple[tuple[str, str], ...]:
    """By a token or by a password. A token's file is the one that is kept fresh, so it comes first."""
    token = _text(user, "tokenFile", folder) or user.get("token")
    if token:
        return (("Authorization", f"Bearer {checked('token', str(token).strip())}"),)
    if user.get("username"):
        login = base64.b64encode(f"{user['username']}:{user.get('password', '')}".encode()).decode()
        return (("Authorization", f"Basic {login}"),)
    return ()


def _impersonation(user: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    """Return the headers that impersonate the configured user: we have no more rights than they do."""
    groups, extra = user.get("as-groups") or [], user.get("as-user-extra") or {}
    if not user.get("as"):
        if user.get("as-uid") or groups or extra:
            raise Wrong("as-uid, as-groups and as-user-extra need an as: that names the user")
        return ()
    headers = [("Impersonate-User", user["as"])]
    headers += [("Impersonate-Uid", user["as-uid"])] if user.get("as-uid") else []
    headers += [("Impersonate-Group", group) for group in groups]
    for key, values in extra.items():
        headers += [(f"Impersonate-Extra-{quote(key, safe=_UNESCAPED)}", value) for value in values]
    return tuple((name, checked("as", str(value))) for name, value in headers)


def checked(what: str, value: str) -> str:
    """The value of a header, as its bytes in UTF-8 are written there.

    Raises:
        Wrong: It has control characters, which could end it.
    """
    if _UNPRINTABLE.search(value):
        raise Wrong(f"{what} has characters that no header can have")
    return value.encode().decode("latin-1")


def _as_plugins_see_it(cluster: dict[str, Any], authority: str | None) -> dict[str, Any]:
    names = ("server", "tls-server-name", "insecure-skip-tls-verify", "proxy-url")
    seen = {name: cluster[name] for name in names if name in cluster}
    if authority is not None:
        seen["certificate-authority-data"] = base64.b64encode(authority.encode()).decode()
    for extension in cluster.get("extensions") or []:
        if extension["name"] == "client.authentication.k8s.io/exec":
            seen["config"] = extension["extension"]
    return seen


def _service_account() -> Config:
    settings = client.Configuration()
    config.load_incluster_config(settings, try_refresh_token=False)  # type: ignore[no-untyped-call]  # it has none
    (bearer,), authority = settings.api_key.values(), Path(str(settings.ssl_ca_cert))
    token = bearer.partition(" ")[2].strip()
    return Config(
        Endpoint(settings.host, authority=authority.read_text(encoding="utf-8")),
        (("Authorization", f"Bearer {checked('token', token)}"),),
    )
