"""Credentials that are made when they are needed: by an exec plugin, as of the big clouds, or by OIDC."""

from __future__ import annotations

import copy
import json
import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from kubernetes import client
from kubernetes.config.dateutil import parse_rfc3339
from kubernetes.config.kube_config import KubeConfigLoader

from incumbent.errors import StoreUnavailable

PLUGIN_TIMEOUT: Final = 15.0
"""Seconds that a plugin may take. One that hangs is ended then, with all that it started."""


class Wrong(Exception):
    """The credentials cannot be used. The message holds no secret."""


@dataclass(frozen=True, repr=False)
class Grant:
    """Credentials as a plugin or provider returned them.

    Attributes:
        token: A bearer's token.
        certificate: A client's certificate with its key, in PEM format.
        expires_at: When it runs out, in seconds since the epoch; None: nobody knows.
    """

    token: str | None = None
    certificate: str | None = None
    expires_at: float | None = None


class Plugin:
    """A command that prints an `ExecCredential`. Two are equal if they would run alike."""

    def __init__(self, settings: dict[str, Any], folder: Path, cluster: dict[str, Any]) -> None:
        if settings.get("interactiveMode") == "Always":
            raise Wrong("the exec plugin has to ask a person (interactiveMode: Always), who is not here")
        command = str(settings["command"])
        if os.sep in command:  # else it is on the PATH
            command = str(folder / command)
        self._command = [command, *map(str, settings.get("args") or [])]
        self._name = Path(command).name
        self._environment = {entry["name"]: str(entry["value"]) for entry in settings.get("env") or []}
        self._version = settings["apiVersion"]
        spec = {"interactive": False, **({"cluster": cluster} if settings.get("provideClusterInfo") else {})}
        self._info = json.dumps({"apiVersion": self._version, "kind": "ExecCredential", "spec": spec})
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._is_closed = False

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Plugin) and self._all() == other._all()

    __hash__ = None  # type: ignore[assignment]  # equal, but not to be a key

    def grant(self) -> Grant:
        """Run it.

        Raises:
            Wrong: It cannot be run, or what it prints are no credentials.
            StoreUnavailable: It failed, or took too long.
        """
        name, process = self._name, self._start()
        try:
            printed, _ = process.communicate(timeout=PLUGIN_TIMEOUT)
        except subprocess.TimeoutExpired:
            raise StoreUnavailable(
                f"the exec plugin {name} took more than {PLUGIN_TIMEOUT:g} s, and was ended",
                outcome_unknown=False,
            ) from None
        finally:
            self._end(process)
        if process.returncode:
            raise StoreUnavailable(
                f"the exec plugin {name} ended with status {process.returncode}", outcome_unknown=False
            )
        try:
            return self._read(json.loads(printed))
        except (ValueError, LookupError, TypeError, AttributeError):
            raise Wrong(f"the exec plugin {name} printed no ExecCredential of {self._version}") from None

    def close(self) -> None:
        """End it, if it runs; it does not run again."""
        with self._lock:
            self._is_closed, process = True, self._process
        if process is not None:
            self._end(process)

    def _start(self) -> subprocess.Popen[bytes]:
        environment = os.environ | self._environment | {"KUBERNETES_EXEC_INFO": self._info}
        with self._lock:
            if self._is_closed:
                raise StoreUnavailable("the store is closed", outcome_unknown=False)
            try:
                self._process = process = subprocess.Popen(  # noqa: S603  # it is the user's own command
                    self._command,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    env=environment,
                    start_new_session=True,  # so that all that it starts can be ended with it
                )
            except OSError as error:
                raise Wrong(f"the exec plugin {self._command[0]} cannot be run: {error.strerror}") from None
        return process

    def _end(self, process: subprocess.Popen[bytes]) -> None:
        if process.poll() is None:
            with suppress(ProcessLookupError, PermissionError):
                if sys.platform == "win32":
                    process.kill()
                else:
                    os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        with self._lock:
            self._process = None
        if process.stdout is not None:
            process.stdout.close()

    def _read(self, found: dict[str, Any]) -> Grant:
        if (found["apiVersion"], found["kind"]) != (self._version, "ExecCredential"):
            raise ValueError("another kind")
        status = found["status"]
        token, certificate, key = (
            status.get(name) or None for name in ("token", "clientCertificateData", "clientKeyData")
        )
        if (certificate is None) != (key is None) or not (token or certificate):
            raise ValueError("half of it")
        expiry = status.get("expirationTimestamp")
        return Grant(
            token,
            None if certificate is None else f"{certificate}\n{key}",
            None if expiry is None else parse_rfc3339(expiry).timestamp(),  # type: ignore[no-untyped-call]  # it has no types
        )

    def _all(self) -> tuple[object, ...]:
        return self._command, self._environment, self._info


class Provider:
    """An `auth-provider`, as older kubeconfigs have it, asked by the official client."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self._given = settings
        self._settings = copy.deepcopy(settings)  # where a token that was renewed is kept

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Provider) and self._given == other._given

    __hash__ = None  # type: ignore[assignment]  # equal, but not to be a key

    def grant(self) -> Grant:
        """Ask it for a token.

        Raises:
            Wrong: There is none.
        """
        names = {"cluster": "it", "user": "it"}
        loader = KubeConfigLoader(  # type: ignore[no-untyped-call]  # it has no types
            {
                "current-context": "it",
                "contexts": [{"name": "it", "context": names}],
                "clusters": [{"name": "it", "cluster": {}}],
                "users": [{"name": "it", "user": {"auth-provider": self._settings}}],
            }
        )
        loader.load_and_set(client.Configuration())  # type: ignore[no-untyped-call]  # it has no types
        scheme, _, token = getattr(loader, "token", "").partition(" ")
        if not (scheme and token):
            raise Wrong("the auth-provider gives no token: use an exec plugin")
        expiry: datetime | None = getattr(loader, "expiry", None)
        return Grant(token, expires_at=None if expiry is None else expiry.timestamp())

    def close(self) -> None:
        """Do nothing: no process is left running."""
