"""A real etcd: one member, or several of one cluster."""

from __future__ import annotations

import base64
import json
import shutil
import urllib.error
import urllib.request
from contextlib import suppress
from pathlib import Path
from typing import Any

from support.servers import Server, find_binary, free_port


class EtcdServer(Server):
    name = "etcd"
    binary = "etcd"
    install = "apt install etcd-server, or run .ci/servers"

    flags: tuple[str, ...] = ()
    scheme = "http"

    def __init__(self, directory: Path, url: str | None = None) -> None:
        super().__init__(directory, url)
        self.peer_port = free_port() if self.is_ours else 0
        self.cluster: list[EtcdServer] = [self]

    @property
    def member(self) -> str:
        return f"m{self.peer_port}"

    def command(self) -> list[str]:
        peer = f"http://127.0.0.1:{self.peer_port}"
        here = f"{self.scheme}://127.0.0.1:{self.port}"
        cluster = ",".join(f"{each.member}=http://127.0.0.1:{each.peer_port}" for each in self.cluster)
        settings = {
            "name": self.member,
            "data-dir": self.directory / "data",
            "listen-client-urls": here,
            "advertise-client-urls": here,
            "listen-peer-urls": peer,
            "initial-advertise-peer-urls": peer,
            "initial-cluster": cluster,
            "log-level": "warn",
        }
        return [
            find_binary("etcd"),
            *(f"--{name}={value}" for name, value in settings.items()),
            *self.flags,
        ]

    def answers(self) -> bool:
        return "leader" in self.post("/v3/maintenance/status", {})

    def url_at(self, port: int) -> str:
        return f"etcd://127.0.0.1:{port}"

    def post(self, path: str, body: dict[str, Any], token: str = "") -> dict[str, Any]:
        """Ask it directly, without the store."""
        where = self.url.partition("://")[2].rpartition("@")[2].partition("/")[0].partition(",")[0]
        request = urllib.request.Request(
            f"http://{where}{path}", json.dumps(body).encode(), {"Authorization": token} if token else {}
        )
        with urllib.request.urlopen(request, timeout=5) as reply:
            return json.load(reply)

    def put(self, key: str, value: bytes) -> None:
        """Write behind the store's back."""
        self.post("/v3/kv/put", {"key": encoded(key.encode()), "value": encoded(value)})

    def requests(self, method: str) -> int:
        """How many calls of that method it has handled, by its own count."""
        wanted = f'grpc_method="{method}"'
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=5) as reply:
            lines = reply.read().decode().splitlines()
        counts = [line for line in lines if line.startswith("grpc_server_started_total") and wanted in line]
        return sum(int(float(line.rpartition(" ")[2])) for line in counts)

    def require_login(self, password: str, *, reader: str = "") -> None:
        """From now on only root has all rights, by that password; `reader` may read, by the same one."""
        for user in filter(None, ("root", reader)):
            self.post("/v3/auth/user/add", {"name": user, "password": password})
        for role in ("root", "reading"):
            self.post("/v3/auth/role/add", {"name": role})
        everything = {"key": encoded(b"\0"), "range_end": encoded(b"\0"), "permType": "READ"}
        self.post("/v3/auth/role/grant", {"name": "reading", "perm": everything})
        self.post("/v3/auth/user/grant", {"user": "root", "role": "root"})
        if reader:
            self.post("/v3/auth/user/grant", {"user": reader, "role": "reading"})
        self.post("/v3/auth/enable", {})

    def grant(self, user: str, password: str, key: bytes, end: bytes = b"") -> None:
        """Let a user, new or not, read and write these keys; root has the same password."""
        token = self.token_of("root", password)
        with suppress(urllib.error.HTTPError):
            self.post("/v3/auth/user/add", {"name": user, "password": password}, token)
            self.post("/v3/auth/role/add", {"name": user}, token)
        permission = {"key": encoded(key), "range_end": encoded(end), "permType": "READWRITE"}
        self.post("/v3/auth/role/grant", {"name": user, "perm": permission}, token)
        with suppress(urllib.error.HTTPError):
            self.post("/v3/auth/user/grant", {"user": user, "role": user}, token)

    def revoke(self, user: str, password: str) -> None:
        """Take from a user what was granted."""
        self.post("/v3/auth/user/revoke", {"name": user, "role": user}, self.token_of("root", password))

    def token_of(self, user: str, password: str) -> str:
        return str(self.post("/v3/auth/authenticate", {"name": user, "password": password})["token"])


class TlsEtcdServer(EtcdServer):
    """With a certificate of its own making."""

    flags = ("--auto-tls",)
    scheme = "https"

    @property
    def certificate(self) -> Path:
        return self.directory / "data" / "fixtures" / "client" / "cert.pem"

    def answers(self) -> bool:
        return self.certificate.exists() and b"ready to serve" in (self.directory / "log").read_bytes()

    def command(self) -> list[str]:
        return ["--log-level=info" if flag == "--log-level=warn" else flag for flag in super().command()]

    def url_at(self, port: int) -> str:
        return f"etcds://127.0.0.1:{port}"


class Cluster:
    """Three members."""

    def __init__(self, directory: Path) -> None:
        self.members = [EtcdServer(directory / name) for name in "abc"]
        for member in self.members:
            member.directory.mkdir()
            member.cluster = self.members
            member.wait_until_it_answers = lambda: None  # it does not, before there are two
        for member in self.members:
            member.start()
        for member in self.members:
            EtcdServer.wait_until_it_answers(member)

    @property
    def url(self) -> str:
        return "etcd://" + ",".join(f"127.0.0.1:{member.port}" for member in self.members)

    def leader(self) -> EtcdServer:
        status = self.members[0].post("/v3/maintenance/status", {})
        by_id = {
            member.post("/v3/maintenance/status", {})["header"]["member_id"]: member
            for member in self.members
        }
        return by_id[status["leader"]]

    def stop(self) -> None:
        for member in self.members:
            member.kill()
            shutil.rmtree(member.directory, ignore_errors=True)


def encoded(value: bytes) -> str:
    return base64.b64encode(value).decode()


SERVER = EtcdServer
