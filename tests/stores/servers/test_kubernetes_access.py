"""Who may elect where, with which credentials: on a real API server with RBAC."""

from __future__ import annotations

import json
import secrets
import threading
from contextlib import closing

import pytest

from incumbent import Campaign, open_store
from incumbent.cli import main
from incumbent.errors import ConfigurationError, LeaseNotFound, StoreUnavailable
from incumbent.stores import _server
from incumbent.stores.kubernetes import KubernetesStore
from incumbent.testing.stores.machine import PLAIN
from support.driving import eventually
from support.servers import fixture_of, free_port
from support.servers.http_stores import listeners
from support.servers.kubernetes import ADMIN, NOBODY, SERVER, lease_fixture
from support.servers.scripted_kubernetes import kubeconfig, scripted, url_of

server = fixture_of(SERVER)
store = lease_fixture()

VERBS = ["get", "create", "patch", "watch"]
"""As the guide has them."""
ONE = [{"verbs": ["create", "watch"]}, {"verbs": ["get", "patch"], "resourceNames": ["x"]}]


@pytest.fixture
def namespace(server):
    """A new one."""
    name = f"elsewhere-{secrets.token_hex(4)}"
    server.ask("/api/v1/namespaces", "POST", {"metadata": {"name": name}})
    return name


def bind(server, namespace, rules):
    """A role with these rules on leases, for nobody, who may nothing else."""
    place = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}"
    leases = {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"]}
    role = {"metadata": {"name": "elector"}, "rules": [leases | rule for rule in rules]}
    server.ask(f"{place}/roles", "POST", role)
    group = "rbac.authorization.k8s.io"
    binding = {
        "metadata": {"name": "elector"},
        "roleRef": {"apiGroup": group, "kind": "Role", "name": "elector"},
        "subjects": [{"apiGroup": group, "kind": "User", "name": "nobody"}],
    }
    server.ask(f"{place}/rolebindings", "POST", binding)


def url(server, namespace, token=NOBODY):
    return server.url_for(token).replace("//default", f"//{namespace}")


def refusal(url, lease="x"):
    """Why a store there is not opened; "" if it is."""
    try:
        open_store(url, lease=lease).close()
    except ConfigurationError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("missing", ["get", "create", "patch"])
def test_a_role_that_lacks_a_verb_is_told_on_opening(server, namespace, missing):
    """Each of those that an election needs."""
    bind(server, namespace, [{"verbs": [verb for verb in VERBS if verb != missing]}])
    eventually(lambda: f"may not {missing} leases in '{namespace}'" in refusal(url(server, namespace)))


@pytest.mark.parametrize("rules", [[{"verbs": VERBS}], ONE], ids=["all", "one"])
def test_the_roles_of_the_guide_suffice(server, namespace, rules):
    """In one namespace and no other; get and patch may be limited to the one lease."""
    bind(server, namespace, rules)
    eventually(lambda: refusal(url(server, namespace)) == "")
    told = threading.Event()
    with closing(open_store(url(server, namespace), lease="x")) as store, closing(store.watch(told.set)):
        assert told.wait(10)
        told.clear()
        version = store.create_lease(PLAIN, timeout=5)
        assert told.wait(10)
        assert store.get_lease(timeout=5).version == version
        store.update_lease(PLAIN, version, timeout=5)


@pytest.mark.parametrize(
    ("rules", "options"), [([{"verbs": VERBS}], []), (ONE, ["--scratch-lease", "x"])], ids=["all", "one"]
)
def test_whoever_may_elect_may_check_the_store(server, namespace, rules, options, capsys):
    """An election deletes nothing, so a check does not need to either; and it may be told its lease."""
    bind(server, namespace, rules)
    eventually(lambda: refusal(url(server, namespace)) == "")
    for _ in range(2):  # the record that is left behind is in nobody's way
        assert main(["check-store", url(server, namespace), *options]) == 0, capsys.readouterr().out
    assert "left behind" in capsys.readouterr().out


def test_a_role_for_one_lease_is_for_no_other(server, namespace):
    """Also while the one is open, of which it was asked before."""
    bind(server, namespace, ONE)
    eventually(lambda: refusal(url(server, namespace)) == "")
    with closing(open_store(url(server, namespace), lease="x")):
        assert "may not get leases" in refusal(url(server, namespace), "y")


LEAST = [{"verbs": ["get", "patch"], "resourceNames": ["x"]}]


def make(server, namespace, name="x"):
    """As an administrator does for those who may not."""
    where = f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases"
    server.ask(where, "POST", {"metadata": {"name": name}})


@pytest.mark.parametrize("verbs", [["get", "patch"], VERBS], ids=["least", "all"])
def test_a_role_that_names_the_lease_suffices_for_a_record_made_in_advance(server, namespace, verbs):
    """A name is no help to create it, as Kubernetes does not know it yet, nor to watch them all: it is told
    what to do, and then elects by looking.
    """
    bind(server, namespace, [{"verbs": verbs, "resourceNames": ["x"]}])
    eventually(lambda: "may not create leases" in refusal(url(server, namespace)))
    assert "kubectl create" in refusal(url(server, namespace))
    make(server, namespace)
    assert refusal(url(server, namespace)) == ""

    with (
        closing(open_store(url(server, namespace), lease="x")) as one,
        closing(open_store(url(server, namespace), lease="x")) as two,
    ):
        timing = {"lease_duration": 60.0, "retry_period": 10.0}
        leader, follower = Campaign(one, **timing), Campaign(two, **timing)
        with leader:
            assert leader.wait_until_leader(10)
            with follower:
                assert not follower.wait_until_leader(2)
                leader.stop()
                assert follower.wait_until_leader(10), "it was to look, long before its next poll"


def test_who_may_not_watch_looks_without_a_complaint(server, namespace, caplog):
    """It is no trouble, and it ends when the watch is closed."""
    bind(server, namespace, LEAST)
    make(server, namespace)
    eventually(lambda: refusal(url(server, namespace)) == "")
    told = []
    with closing(open_store(url(server, namespace), lease="x")) as store:
        with closing(store.watch(lambda: told.append(1))):
            eventually(lambda: len(told) > 2)
        eventually(lambda: listeners() == 0)
    assert not caplog.records


def test_each_namespace_has_its_leases(server, store, namespace):
    """The same name in another one is another lease."""
    with closing(open_store(url(server, namespace, ADMIN), lease=store.name)) as other:
        version = other.create_lease(PLAIN, timeout=5)
        with pytest.raises(LeaseNotFound):
            store.get_lease(timeout=5)
        store.create_lease(PLAIN, timeout=5)
        assert other.get_lease(timeout=5).version == version


@pytest.fixture
def pod(server, tmp_path, monkeypatch):
    """As a pod finds its service account; its token is read from here."""
    module = "kubernetes.config.incluster_config"
    token = tmp_path / "token"
    token.write_text(ADMIN)
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(f"{module}.SERVICE_TOKEN_FILENAME", str(token))
    monkeypatch.setattr(f"{module}.SERVICE_CERT_FILENAME", f"{server.directory}/apiserver.crt")
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", str(server.port))
    return token


def test_a_pod_needs_no_kubeconfig(pod, store):
    """Its service account is used; and a token that was replaced is read anew once it is refused."""
    with closing(open_store("kubernetes://default", lease=store.name)) as inside:
        version = inside.create_lease(PLAIN, timeout=5)
        assert store.get_lease(timeout=5).version == version
    pod.write_text("one-that-ran-out")
    with closing(KubernetesStore("kubernetes://default", store.name)) as inside:
        with pytest.raises(StoreUnavailable, match="401") as caught:
            inside.get_lease(timeout=5)
        assert "one-that-ran-out" not in str(caught.value)
        pod.write_text(ADMIN)
        assert inside.get_lease(timeout=5).version == version


def test_a_kubeconfig_that_is_named_comes_before_the_pod(pod, tmp_path):
    """Else a store on another cluster would be looked for in this one."""
    with scripted(tmp_path, 500, b'{"message": "the other cluster"}') as far:
        for where in (far.url, f"{far.url}&context=it"):
            with (
                closing(open_store(where, lease="x")) as store,
                pytest.raises(StoreUnavailable, match="the other"),
            ):
                store.get_lease(timeout=5)


def test_a_context_that_is_named_is_used(tmp_path):
    """Instead of the current one; one that is not there is told."""
    nowhere = f"http://127.0.0.1:{free_port()}"
    with scripted(tmp_path, 500, b'{"message": "the second"}') as second:
        where = url_of(kubeconfig(tmp_path / "both", first=nowhere, second=second.place))
        store = open_store(f"{where}&context=second", lease="x")
        with closing(store), pytest.raises(StoreUnavailable, match="the second"):
            store.get_lease(timeout=5)
        assert "third" in refusal(f"{where}&context=third")


BROKEN = {
    "quote": 'users: [{name: me, user: {token: "hunter2}}]',
    "tab": "users:\n\t- {name: me, user: {token: hunter2}}",
    "list": "[hunter2]",
    "text": "hunter2",
    "user-is-text": json.dumps({"users": [{"name": "me", "user": "hunter2"}]}),
    "token-is-misplaced": json.dumps({"users": [{"name": "me", "token": "hunter2"}]}),
    "missing-authority": None,
}


@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN)
def test_a_broken_kubeconfig_is_told_on_opening_without_what_is_in_it(tmp_path, content):
    """It may be a token that stands where none belongs."""
    path = kubeconfig(
        tmp_path / "kubeconfig", cluster={"certificate-authority": "/no/such"}, it="https://127.0.0.1:1"
    )
    if content is not None and content.startswith("{"):
        path.write_text(json.dumps(json.loads(path.read_text()) | json.loads(content)))
    elif content is not None:
        path.write_text(content)
    with pytest.raises(ConfigurationError, match="no credentials") as caught:
        open_store(url_of(path), lease="x")
    assert "hunter2" not in str(caught.value)
    assert caught.value.__cause__ is None, "a traceback would show it"


def test_a_certificate_that_nobody_vouches_for_is_told_on_opening(server, tmp_path):
    """And that it is the authority which is to be seen to."""
    path = kubeconfig(tmp_path / "kubeconfig", it=f"https://127.0.0.1:{server.port}")
    assert "certificate-authority" in refusal(url_of(path))


@pytest.mark.parametrize("token", ["wrong", NOBODY])
def test_who_is_refused_leaves_nothing_open(server, token):
    """Nor keeps the next one from being asked anew."""
    before = dict(_server._servers)
    assert refusal(server.url_for(token))
    assert _server._servers == before


def test_what_is_asked_of_a_server_is_asked_once(server, store):
    """A second lease on it is opened without a question."""

    def reviews():
        found = server.ask("/metrics").decode().splitlines()
        lines = [
            line for line in found if line.startswith("apiserver_request_total") and "accessreviews" in line
        ]
        return sum(float(line.rpartition(" ")[2]) for line in lines)

    before = reviews()
    open_store(server.url, lease="another").close()
    assert reviews() == before
