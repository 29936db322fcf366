"""docs/examples/kubernetes_controller on a real API server, with no more rights than its manifest gives."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
import yaml

from support.driving import eventually
from support.project import ROOT
from support.servers import fixture_of
from support.servers.kubernetes import NOBODY, SERVER

server = fixture_of(SERVER)
EXAMPLE = ROOT / "docs" / "examples" / "kubernetes_controller"
HOMES = {
    "ServiceAccount": "/api/v1/namespaces/{}/serviceaccounts",
    "Service": "/api/v1/namespaces/{}/services",
    "Role": "/apis/rbac.authorization.k8s.io/v1/namespaces/{}/roles",
    "RoleBinding": "/apis/rbac.authorization.k8s.io/v1/namespaces/{}/rolebindings",
    "Deployment": "/apis/apps/v1/namespaces/{}/deployments",
}
PODS = "/api/v1/namespaces/example/pods"


@pytest.fixture(scope="module")
def namespace(server):
    """What `kubectl apply` makes of the manifest; the account is lent to a user whose token is known here."""
    server.ask("/api/v1/namespaces", "POST", {"metadata": {"name": "example"}})
    for each in yaml.safe_load_all((EXAMPLE / "manifest.yaml").read_text()):
        if each["kind"] == "RoleBinding":
            each["subjects"] = [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "nobody"}]
        server.ask(HOMES[each["kind"]].format("example"), "POST", each)
    for name in ("one", "two"):
        labels = {"app": "controller"} | ({"role": "leader"} if name == "two" else {})  # it died in office
        container = {"name": "controller", "image": "controller"}
        server.ask(
            PODS, "POST", {"metadata": {"name": name, "labels": labels}, "spec": {"containers": [container]}}
        )


def leaders(server):
    found = json.loads(server.ask(f"{PODS}?labelSelector=app%3Dcontroller,role%3Dleader"))
    return [each["metadata"]["name"] for each in found["items"]]


def start(server, pod):
    environment = {
        "POD": pod,
        "NAMESPACE": "example",
        "KUBECONFIG": str(server.kubeconfig(NOBODY, server.port)),
    }
    return subprocess.Popen([sys.executable, EXAMPLE / "controller.py"], env=os.environ | environment)


def test_the_label_follows_the_leader(server, namespace):
    """To the first, from it to the second when it is told to end, and to nobody at the end."""
    assert leaders(server) == ["two"]
    first = start(server, "one")
    try:
        eventually(lambda: leaders(server) == ["one"], timeout=60, pause=0.1)
        second = start(server, "two")
        try:
            first.terminate()
            assert first.wait(60) == 0
            eventually(lambda: leaders(server) == ["two"], timeout=60, pause=0.1)
            second.terminate()
            assert second.wait(60) == 0
            assert leaders(server) == []
        finally:
            second.kill()
            second.wait()
    finally:
        first.kill()
        first.wait()
