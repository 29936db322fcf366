"""A real API server, over an etcd of its own, with RBAC: nothing else of Kubernetes is needed for leases."""

from __future__ import annotations

import json
import re
import ssl
import subprocess
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from http.client import HTTPResponse
from pathlib import Path
from typing import Any

import pytest

from incumbent.errors import LeaseNotFound
from incumbent.store import LeaseStore
from incumbent.stores import open_store
from support.servers import Server, find_binary, free_port, missing
from support.servers.proxy import Proxy

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

    def ask(self, path: str, method: str = "GET", body: object = None) -> bytes:
        """As the administrator, behind the back of the store under test."""
        with self.open(path, method, body) as answer:
            return answer.read()

    def open(self, path: str, method: str = "GET", body: object = None) -> HTTPResponse:
        """The same, for an answer that does not end, as that to a watch."""
        request = urllib.request.Request(
            f"https://127.0.0.1:{self.port}{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {ADMIN}", "Content-Type": "application/json"},
        )
        context = ssl.create_default_context(cafile=self.directory / "apiserver.crt")
        return urllib.request.urlopen(request, timeout=5, context=context)

    def object(self, store: LeaseStore) -> Any:
        """The lease's object as it is on the server."""
        return json.loads(self.ask(f"/apis/coordination.k8s.io/v1/namespaces/default/leases/{store.name}"))

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
