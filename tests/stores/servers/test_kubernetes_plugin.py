"""Credentials that a plugin makes when they are needed: with a real API server."""

from __future__ import annotations

import base64
import json
import os
import sys
import threading
import time
from contextlib import closing, contextmanager, suppress

import pytest

from incumbent import Campaign, open_store
from incumbent.errors import ConfigurationError, LeaseNotFound, StoreUnavailable
from incumbent.stores import _kubernetes_access, _kubernetes_plugin
from incumbent.stores.kubernetes import KubernetesStore
from incumbent.testing.stores.machine import PLAIN
from support.driving import eventually
from support.servers import fixture_of
from support.servers.kubernetes import ADMIN, NOBODY, SERVER, is_refused, lease_fixture
from support.servers.plugin import API, BEFORE, Plugin, is_over
from support.servers.scripted_kubernetes import url_of

server = fixture_of(SERVER)
store = lease_fixture()


@pytest.fixture
def plugin(tmp_path):
    made = Plugin(tmp_path / "plugin")
    yield made
    made.kill()


@pytest.fixture
def url(server, tmp_path, plugin):
    return url_of(server.config(tmp_path / "config", {"exec": plugin.settings}))


def test_a_token_is_kept_as_long_as_it_lasts(store, plugin, url, monkeypatch):
    """One run of the plugin for all calls and all leases, and however often the kubeconfig is read."""
    monkeypatch.setattr(_kubernetes_access, "_READ_EVERY", 0.0)
    monkeypatch.setattr(_kubernetes_access, "_PAUSE", 0.0)
    with closing(open_store(url, lease=store.name)) as one, closing(open_store(url, lease="another")) as two:
        credentials = one._reach()._credentials
        first = credentials.get(5)
        eventually(lambda: credentials.get(5) is not first)
        for far in (one, two, one):
            with pytest.raises(LeaseNotFound):
                far.get_lease(timeout=5)
    assert len(plugin.runs) == 1


def test_a_token_that_has_run_out_is_renewed_before_it_is_sent(store, plugin, url):
    """The next call already has the new one."""
    plugin.tell(NOBODY, lasts=BEFORE)
    with closing(KubernetesStore(url, store.name)) as far:
        assert is_refused(far, 403)
        plugin.tell(ADMIN, lasts=BEFORE)
        with pytest.raises(LeaseNotFound):
            far.get_lease(timeout=5)


def test_a_token_that_is_refused_is_renewed_within_the_call(store, plugin, url):
    """It was revoked: the same write is sent with the new one."""
    plugin.tell("revoked")
    with closing(KubernetesStore(url, store.name)) as far:
        assert is_refused(far, 401)
        plugin.tell(ADMIN)
        far.create_lease(PLAIN, timeout=5)
        runs = len(plugin.runs)
        far.get_lease(timeout=5)
        assert len(plugin.runs) == runs


def test_a_token_that_runs_out_soon_is_renewed_while_it_lasts(store, plugin, url, monkeypatch):
    """A plugin that hangs meanwhile costs nothing."""
    monkeypatch.setattr(_kubernetes_access, "_AHEAD", (7200.0, 2.0))
    monkeypatch.setattr(_kubernetes_access, "_PAUSE", 0.0)
    with closing(open_store(url, lease=store.name)) as far:
        plugin.tell(hangs=True)
        version = far.create_lease(PLAIN, timeout=5)
        eventually(lambda: len(plugin.runs) > 1)
        for _ in range(10):
            version = far.update_lease(PLAIN, version, timeout=5)


def test_a_certificate_of_a_plugins_is_used(server, store, plugin, url):
    """And its key."""
    certificate, key = server.certificate("someone", "system:masters")
    plugin.tell(clientCertificateData=certificate, clientKeyData=key)
    with closing(open_store(url, lease=store.name)) as far, pytest.raises(LeaseNotFound):
        far.get_lease(timeout=5)


@contextmanager
def standard_input(text):
    """What this process has to read."""
    kept, (source, target) = os.dup(0), os.pipe()
    os.write(target, text.encode())
    os.close(target)
    os.dup2(source, 0)
    try:
        yield
    finally:
        os.dup2(kept, 0)
        os.close(source)
        os.close(kept)


def test_a_plugin_knows_what_kubectl_tells_it(server, store, tmp_path, plugin):
    """Its own variables and the cluster, and that nobody is there to be asked."""
    plugin.settings |= {"env": [{"name": "PROFILE", "value": "ci"}], "provideClusterInfo": True}
    path = server.config(tmp_path / "config", {"exec": plugin.settings})
    with standard_input("of the work's"):
        open_store(url_of(path), lease=store.name).close()
    stdin, environment = plugin.seen()
    assert stdin == ""
    assert environment["PROFILE"] == "ci"
    told = json.loads(environment["KUBERNETES_EXEC_INFO"])
    assert (told["apiVersion"], told["kind"]) == (API, "ExecCredential")
    assert told["spec"]["interactive"] is False
    assert told["spec"]["cluster"]["server"] == f"https://127.0.0.1:{server.port}"
    ca = base64.b64decode(told["spec"]["cluster"]["certificate-authority-data"]).decode()
    assert ca == server.authority


def test_a_plugin_is_found_beside_its_kubeconfig(server, store, tmp_path, plugin):
    """If its command is a path."""
    script = tmp_path / "plugin.sh"
    script.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    script.chmod(0o755)
    server.config(tmp_path / "config", {"exec": plugin.settings | {"command": "./plugin.sh"}})
    open_store(url_of(tmp_path / "config"), lease=store.name).close()
    assert plugin.runs


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"command": "/no/such/plugin"}, "plugin /no/such/plugin cannot be run"),
        ({"args": ["-c", "print('hunter2')"]}, "printed no ExecCredential"),
        ({"args": ["-c", "print('{}')"]}, "printed no ExecCredential"),
        ({"interactiveMode": "Always"}, "who is not here"),
        ({"apiVersion": "client.authentication.k8s.io/v1beta1"}, "printed no ExecCredential"),
    ],
    ids=str,
)
def test_a_plugin_that_cannot_work_is_told_on_opening(server, tmp_path, plugin, settings, told):
    path = server.config(tmp_path / "config", {"exec": plugin.settings | settings})
    with pytest.raises(ConfigurationError, match=told) as caught:
        open_store(url_of(path), lease="x")
    assert "hunter2" not in str(caught.value)


def test_a_plugin_that_fails_is_no_reason_not_to_open(store, plugin, url):
    """As when the network is away: the first call says so, and nothing was done."""
    plugin.tell(status=7)
    with closing(open_store(url, lease=store.name)) as far:
        with pytest.raises(StoreUnavailable, match="ended with status 7") as caught:
            far.create_lease(PLAIN, timeout=5)
        assert not caught.value.outcome_unknown
        plugin.tell(ADMIN)
        far.create_lease(PLAIN, timeout=5)


def test_a_plugin_that_hangs_is_ended_with_all_that_it_started(store, plugin, url, monkeypatch):
    """Calls end in their time, of however many at once one runs it; then it is tried anew."""
    monkeypatch.setattr(_kubernetes_plugin, "PLUGIN_TIMEOUT", 2.0)
    plugin.tell(hangs=True)
    with closing(KubernetesStore(url, store.name)) as far:
        told = []

        def ask():
            with pytest.raises(StoreUnavailable, match="no credentials yet") as caught:
                far.create_lease(PLAIN, timeout=0.3)
            told.append(caught.value.outcome_unknown)

        threads = [threading.Thread(target=ask) for _ in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10)
        assert told == [False] * 20
        assert len(plugin.runs) == 1
        eventually(lambda: is_over(plugin.runs[0]))
        plugin.tell(ADMIN)
        eventually(lambda: is_made(far))


def is_made(store):
    with suppress(StoreUnavailable):
        return bool(store.create_lease(PLAIN, timeout=5))
    return False


def test_a_leader_outlives_a_plugin_that_hangs_for_a_while(store, plugin, url, monkeypatch):
    """It has to be asked all the time, hangs for longer than the lease, and works again: a leader is back."""
    monkeypatch.setattr(_kubernetes_plugin, "PLUGIN_TIMEOUT", 1.0)
    plugin.tell(ADMIN, lasts=BEFORE)
    with closing(KubernetesStore(url, store.name)) as far:
        timing = {"lease_duration": 3.0, "retry_period": 0.3, "request_timeout": 0.8, "renew_deadline": 2.0}
        with Campaign(far, **timing) as campaign:
            assert campaign.wait_until_leader(20)
            plugin.tell(hangs=True)
            eventually(lambda: not campaign.is_leader())
            threads = threading.active_count()
            time.sleep(3)
            assert threading.active_count() <= threads + 8
            plugin.tell(ADMIN, lasts=BEFORE)
            assert campaign.wait_until_leader(30)


def test_while_a_plugin_hangs_other_stores_open_and_close(server, store, tmp_path, plugin, url):
    """No lock of all stores is held, neither while one is opened nor while one calls."""
    plugin.tell(hangs=True)
    opening = threading.Thread(target=lambda: open_store(url, lease=store.name).close())
    opening.start()
    try:
        eventually(lambda: plugin.runs)
        for other in (server.url_for(ADMIN), "etcd://127.0.0.1:9"):
            open_store(other, lease="z").close()
        assert opening.is_alive(), "it was to be still waiting"
    finally:
        opening.join(30)
    assert not opening.is_alive()


def test_a_store_that_is_closed_ends_its_plugin(store, plugin, url):
    """Nothing goes on behind it."""
    plugin.tell(hangs=True)
    far = KubernetesStore(url, store.name)
    with pytest.raises(StoreUnavailable):
        far.get_lease(timeout=0.2)
    eventually(lambda: plugin.runs)
    far.close()
    eventually(lambda: is_over(plugin.runs[0]))
    eventually(
        lambda: not any(thread.name == "incumbent-credentials" for thread in threading.enumerate()), timeout=5
    )


def test_a_kubeconfig_that_cannot_be_read_to_its_end_hangs_nobody(store, tmp_path):
    """As on a network's disk that is away."""
    path = tmp_path / "config"
    os.mkfifo(path)
    with closing(KubernetesStore(url_of(path), store.name)) as far:
        with pytest.raises(StoreUnavailable, match="no credentials yet"):
            far.get_lease(timeout=0.3)
        open_store(f"sqlite:///{tmp_path}/leases.db", lease="z").close()
    with path.open("w") as end:
        end.write("hunter2")


def test_a_machine_without_a_thread_left_says_so(store, plugin, url, monkeypatch):
    """And the next call has one."""

    def refuse(_):
        raise RuntimeError("can't start new thread")

    with closing(KubernetesStore(url, store.name)) as far:
        with monkeypatch.context() as patch:
            patch.setattr(threading.Thread, "start", refuse)
            with pytest.raises(StoreUnavailable, match="new thread") as caught:
                far.create_lease(PLAIN, timeout=5)
        assert not caught.value.outcome_unknown
        far.create_lease(PLAIN, timeout=5)
