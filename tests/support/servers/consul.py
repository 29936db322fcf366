"""A real Consul: one server agent that keeps its data."""

from __future__ import annotations

import json
import secrets
import ssl
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from support.servers import Server, find_binary, free_port

MANAGEMENT = "11111111-2222-3333-4444-555555555555"
"""The token that may do everything, where tokens are asked for."""


class ConsulServer(Server):
    name = "consul"
    binary = "consul"
    install = "run .ci/servers, or put a consul binary on the PATH"

    settings: Mapping[str, Any] = MappingProxyType({})
    token = ""
    scheme = "http"

    def tls(self) -> ssl.SSLContext | None:
        return None

    def prepare(self) -> None:
        ports = {name: free_port() for name in ("server", "serf_lan", "serf_wan")}
        settings = {
            "server": True,
            "bootstrap_expect": 1,
            "bind_addr": "127.0.0.1",
            "client_addr": "127.0.0.1",
            "data_dir": str(self.directory / "data"),
            "log_level": "warn",
            "ports": {"http": -1, "https": -1, "dns": -1, "grpc": -1, **ports, self.scheme: self.port},
            # Alone in its cluster it need not wait long to be sure that nobody else leads it.
            "performance": {"raft_multiplier": 1},
            **self.settings,
        }
        (self.directory / "consul.json").write_text(json.dumps(settings))

    def command(self) -> list[str]:
        return [find_binary("consul"), "agent", "-config-file", str(self.directory / "consul.json")]

    def answers(self) -> bool:
        self.ask("PUT", "/v1/kv/ready", b"")
        return True

    def url_at(self, port: int) -> str:
        return f"consul://127.0.0.1:{port}"

    def ask(self, method: str, path: str, content: bytes | None = None, token: str = "") -> Any:
        """Ask it directly, without the store."""
        where = self.url.partition("://")[2].rpartition("@")[2].partition("/")[0].partition("?")[0]
        request = urllib.request.Request(
            f"{self.scheme}://{where}{path}", content, {"X-Consul-Token": token or self.token}, method=method
        )
        with urllib.request.urlopen(request, timeout=5, context=self.tls()) as reply:
            return json.loads(reply.read() or "null")

    def put(self, key: str, value: bytes) -> None:
        """Write behind the store's back."""
        self.ask("PUT", f"/v1/kv/{urllib.parse.quote(key)}", value)


class LockedConsulServer(ConsulServer):
    """It wants a token for everything."""

    settings = MappingProxyType(
        {
            "primary_datacenter": "dc1",
            "acl": {
                "enabled": True,
                "default_policy": "deny",
                "enable_key_list_policy": True,
                "tokens": {"master": MANAGEMENT},
            },
        }
    )
    token = MANAGEMENT

    def answers(self) -> bool:
        self.ask("GET", "/v1/acl/policies")
        return super().answers()

    def new_token(self, rules: str) -> str:
        """A token with these rights."""
        name = f"p{secrets.token_hex(8)}"
        self.ask("PUT", "/v1/acl/policy", json.dumps({"Name": name, "Rules": rules}).encode())
        wanted = {"Policies": [{"Name": name}]}
        return str(self.ask("PUT", "/v1/acl/token", json.dumps(wanted).encode())["SecretID"])


class TlsConsulServer(ConsulServer):
    """With certificates of its own authority, and it wants one of the client, too."""

    scheme = "https"

    def prepare(self) -> None:
        consul = find_binary("consul")
        for what in (["ca", "create"], ["cert", "create", "-server"], ["cert", "create", "-client"]):
            subprocess.run([consul, "tls", *what], cwd=self.directory, check=True, capture_output=True)
        self.settings = {
            "ca_file": self.file("consul-agent-ca.pem"),
            "cert_file": self.file("dc1-server-consul-0.pem"),
            "key_file": self.file("dc1-server-consul-0-key.pem"),
            "verify_incoming_https": True,
        }
        super().prepare()

    def file(self, name: str) -> str:
        return str(self.directory / name)

    def tls(self) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=self.file("consul-agent-ca.pem"))
        context.load_cert_chain(
            self.file("dc1-client-consul-0.pem"), self.file("dc1-client-consul-0-key.pem")
        )
        return context

    def url_at(self, port: int) -> str:
        return f"consuls://127.0.0.1:{port}"


SERVER = ConsulServer
