"""A real API server, over an etcd of its own, with RBAC: nothing else of Kubernetes is needed for leases."""

from __future__ import annotations

import base64
import json
import re
import ssl
import subprocess
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from http.client import HTTPResponse
from pathlib import Path
from typing import Any

import pytest

from incumbent.errors import LeaseNotFound, StoreUnavailable
from incumbent.store import LeaseStore
from incumbent.stores import open_store
from support.servers import Server, find_binary, free_port, missing
from support.servers.proxy import Proxy
from support.servers.scripted_kubernetes import kubeconfig

ADMIN, NOBODY = "secret-of-the-admin", "secret-of-nobody"


class ApiServer(Server):
    """Reached by a kubeconfig file for each port and token."""

    name = "kubernetes"
    binary = "kube-apiserver"
    install = ".ci/servers kubernetes builds it from Debian's source package, in minutes"

    def prepare(self) -> None:
        if find_binary("etcd") is None:
            missing("no etcd here, which kube-apiserver needs: .ci/servers etcd")
        self.etcd_port = free_port()
        key = self.directory / "sa.key"
        subprocess.run(["openssl", "genrsa", "-out", key, "2048"], check=True, capture_output=True)
        rows = [f"{ADMIN},admin,1,system:masters", f"{NOBODY},nobody,2,strangers"]
        (self.directory / "tokens.csv").write_text("\n".join(rows))
        request = [
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-days",
            "2",
            "-subj",
            "/CN=ca",
        ]
        files = ["-keyout", self.directory / "ca.key", "-out", self.directory / "ca.crt"]
        subprocess.run([*request, *files], check=True, capture_output=True)

    def certificate(self, name: str, group: str) -> tuple[str, str]:
        """Of a client, and its key."""
        request, key, made = (self.directory / f"client.{kind}" for kind in ("csr", "key", "crt"))
        subject = f"/O={group}/CN={name}"
        for command in (
            [
                "req",
                "-new",
                "-newkey",
                "rsa:2048",
                "-nodes",
                "-subj",
                subject,
                "-keyout",
                key,
                "-out",
                request,
            ],
            [
                "x509",
                "-req",
                "-in",
                request,
                "-CA",
                "ca.crt",
                "-CAkey",
                "ca.key",
                "-CAcreateserial",
                "-out",
                made,
            ],
        ):
            subprocess.run(["openssl", *command], check=True, capture_output=True, cwd=self.directory)
        return made.read_text(), key.read_text()

    def command(self) -> list[str]:
        """Both in one process group: a crash of it takes both."""
        etcd, peer, folder = f"http://127.0.0.1:{self.etcd_port}", "http://127.0.0.1:0", self.directory
        # Only processes are killed here, and what the kernel has, it keeps: a slow disk is not to matter.
        start_etcd = (
            f"{find_binary('etcd')} --data-dir {folder}/etcd --listen-client-urls {etcd} "
            f"--advertise-client-urls {etcd} --listen-peer-urls {peer} --log-level error --unsafe-no-fsync"
        )
        start_server = (
            f"{find_binary('kube-apiserver')} --etcd-servers={etcd} --bind-address=127.0.0.1 "
            f"--secure-port={self.port} --advertise-address=127.0.0.1 --cert-dir={folder} "
            f"--service-account-issuer=https://issuer.example --service-account-key-file={folder}/sa.key "
            f"--service-account-signing-key-file={folder}/sa.key --token-auth-file={folder}/tokens.csv "
            f"--client-ca-file={folder}/ca.crt "
            f"--authorization-mode=RBAC --service-cluster-ip-range=10.0.0.0/24 "
            f"--disable-admission-plugins=ServiceAccount"
        )
        return ["sh", "-c", f"{start_etcd} & exec {start_server}"]

    def answers(self) -> bool:
        # It makes the namespace some time after it calls itself ready.
        return self.ask("/readyz") == b"ok" and bool(self.ask("/api/v1/namespaces/default"))

    def url_at(self, port: int) -> str:
        return self.url_for(ADMIN, port)

    def url_for(self, token: str, port: int | None = None) -> str:
        """The URL for whoever has that token."""
        return f"kubernetes://default?kubeconfig={self.kubeconfig(token, port or self.port)}"

    def kubeconfig(self, token: str, port: int) -> Path:
        path = self.directory / f"kubeconfig-{port}-{token}"
        authority = {"certificate-authority": f"{self.directory}/apiserver.crt"}
        content = {
            "clusters": [{"name": "it", "cluster": {"server": f"https://127.0.0.1:{port}", **authority}}],
            "users": [{"name": "me", "user": {"token": token}}],
            "contexts": [{"name": "it", "context": {"cluster": "it", "user": "me"}}],
            "current-context": "it",
        }
        path.write_text(json.dumps(content))
        return path

    @property
    def authority(self) -> str:
        """Who vouches for it, in PEM format."""
        return (self.directory / "apiserver.crt").read_text()

    def config(self, path: Path, user: object, *, port: int | None = None, named: bool = False) -> Path:
        """A kubeconfig for that user, in which the authority stands; or its name, in a file beside it."""
        cluster = {"certificate-authority-data": encoded(self.authority)}
        if named:
            (path.parent / "ca.crt").write_text(self.authority)
            cluster = {"certificate-authority": "ca.crt"}
        return kubeconfig(path, user, cluster, it=f"https://127.0.0.1:{port or self.port}")

    def ask(self, path: str, method: str = "GET", body: object = None) -> bytes:
        """As the administrator, behind the back of the store under test."""
        with self.open(path, method, body) as answer:
            return answer.read()

    def open(self, path: str, method: str = "GET", body: object = None) -> HTTPResponse:
        """The same, for an answer that does not end, as that to a watch."""
        kind = "merge-patch+json" if method == "PATCH" else "json"
        request = urllib.request.Request(
            f"https://127.0.0.1:{self.port}{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {ADMIN}", "Content-Type": f"application/{kind}"},
        )
        context = ssl.create_default_context(cafile=self.directory / "apiserver.crt")
        return urllib.request.urlopen(request, timeout=5, context=context)

    def passed(self, path: str, method: str, body: bytes | None, kind: str) -> tuple[int, bytes]:
        """What it answers to a request that somebody passes on: status and content."""
        headers = {"Authorization": f"Bearer {ADMIN}", "Content-Type": kind}
        request = urllib.request.Request(
            f"https://127.0.0.1:{self.port}{path}", method=method, data=body, headers=headers
        )
        context = ssl.create_default_context(cafile=self.directory / "apiserver.crt")
        try:
            with urllib.request.urlopen(request, timeout=5, context=context) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def object(self, store: LeaseStore) -> Any:
        """The lease's object as it is on the server."""
        leases = "/apis/coordination.k8s.io/v1/namespaces/default/leases"
        return json.loads(self.ask(f"{leases}/{store.object_name}"))

    def requests(self) -> Counter[str]:
        """How many requests about leases it has answered, by verb."""
        found = Counter[str]()
        for line in self.ask("/metrics").decode().splitlines():
            if line.startswith("apiserver_request_total") and 'resource="leases"' in line:
                found[re.search(r'verb="(\w+)"', line)[1]] += int(float(line.rpartition(" ")[2]))
        return found

    def stop(self) -> None:
        """Its own orderly end takes many seconds, and waits for an etcd that is ended with it."""
        self.kill()


def encoded(text: str) -> str:
    """As a kubeconfig has it under keys that end in `-data`."""
    return base64.b64encode(text.encode()).decode()


def is_refused(store: LeaseStore, status: int) -> bool:
    """Whether its credentials do not suffice, as that status says."""
    try:
        store.get_lease(timeout=5)
    except StoreUnavailable as error:
        return f"status {status}" in str(error)
    except LeaseNotFound:
        pass
    return False


def lease_fixture() -> Callable[..., Iterator[LeaseStore]]:
    """A fixture that gives each test a lease of its own, without a record."""

    @pytest.fixture
    def store(server: ApiServer, request: pytest.FixtureRequest) -> Iterator[LeaseStore]:
        name = re.sub(r"[^a-z0-9]+", "-", request.node.name.lower()).strip("-")
        with closing(open_store(server.url, lease=name)) as store:
            yield store
            with suppress(LeaseNotFound):
                store.delete_lease()

    return store


@contextmanager
def proxied(server: ApiServer, store: LeaseStore) -> Iterator[tuple[Proxy, LeaseStore]]:
    """The same lease, through a proxy."""
    with Proxy(server.port) as proxy, closing(open_store(server.url_at(proxy.port), lease=store.name)) as far:
        yield proxy, far


SERVER = ApiServer
