"""Credentials that vanish, run out, are rotated or made by a plugin: with a real API server."""

from __future__ import annotations

import json
import tempfile
import time
from contextlib import closing

import pytest

from incumbent import open_store
from incumbent.errors import ConfigurationError, LeaseNotFound, StoreUnavailable
from incumbent.stores import _kubernetes_access
from incumbent.stores.kubernetes import KubernetesStore
from incumbent.testing.stores.machine import PLAIN
from support.driving import eventually
from support.servers import fixture_of
from support.servers.kubernetes import ADMIN, NOBODY, SERVER, encoded, is_refused, lease_fixture
from support.servers.proxy import Proxy
from support.servers.scripted_kubernetes import url_of

server = fixture_of(SERVER)
store = lease_fixture()


@pytest.fixture
def scratch(tmp_path, monkeypatch):
    """Where this process leaves its temporary files."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", None)
    return folder


@pytest.mark.parametrize("kind", ["token", "certificate"])
@pytest.mark.parametrize("named", [False, True], ids=["inline", "files"])
def test_nothing_that_vanishes_is_missed(server, store, tmp_path, scratch, caplog, kind, named):  # noqa: PLR0917 - fixtures
    """Temporary files are cleaned away, kubeconfigs deleted: a new connection does not need them."""
    user = {"token": ADMIN}
    if kind == "certificate":
        texts = dict(
            zip(("certificate", "key"), server.certificate("someone", "system:masters"), strict=True)
        )
        user = {f"client-{part}-data": encoded(text) for part, text in texts.items()}
        if named:
            for part, text in texts.items():
                (tmp_path / part).write_text(text)
            user = {f"client-{part}": part for part in texts}
    with Proxy(server.port) as proxy:
        path = server.config(tmp_path / "config", user, port=proxy.port, named=named)
        with closing(open_store(url_of(path), lease=store.name)) as far:
            version = far.create_lease(PLAIN, timeout=5)
            assert list(scratch.iterdir()) == []
            for left in tmp_path.iterdir():
                if left.is_file():
                    left.unlink()
            proxy.reset()
            time.sleep(0.1)  # until the reset has arrived
            version = far.update_lease(PLAIN, version, timeout=5)
            other = open_store(url_of(path), lease="another")
            other.close()
    assert not caplog.records


def test_files_that_are_away_for_a_while_are_read_when_they_are_back(
    server, store, tmp_path, monkeypatch, caplog
):
    """Until then the credentials of before are used; it is said once."""
    monkeypatch.setattr(_kubernetes_access, "_READ_EVERY", 0.0)
    monkeypatch.setattr(_kubernetes_access, "_PAUSE", 0.0)
    path = server.config(tmp_path / "config", {"token": ADMIN})
    with closing(open_store(url_of(path), lease=store.name)) as far:
        path.unlink()
        for _ in range(20):
            with pytest.raises(LeaseNotFound):
                far.get_lease(timeout=5)
            time.sleep(0.02)
        assert [record.levelname for record in caplog.records] == ["WARNING"]
        server.config(path, {"token": NOBODY})
        eventually(lambda: is_refused(far, 403))


def test_a_log_that_cannot_be_written_to_costs_no_credentials(
    server, store, tmp_path, monkeypatch, broken_log
):
    """P13: it is full when the files are away, and they are read when they are back."""
    monkeypatch.setattr(_kubernetes_access, "_READ_EVERY", 0.0)
    monkeypatch.setattr(_kubernetes_access, "_PAUSE", 0.0)
    path = server.config(tmp_path / "config", {"token": ADMIN})
    with closing(open_store(url_of(path), lease=store.name)) as far:
        path.unlink()
        for _ in range(3):
            with pytest.raises(LeaseNotFound):
                far.get_lease(timeout=5)
        server.config(path, {"token": NOBODY})
        eventually(lambda: is_refused(far, 403))


@pytest.mark.parametrize("kind", ["token", "tokenFile"])
def test_a_token_that_was_rotated_is_read_anew_within_the_call(server, store, tmp_path, kind):
    """The call that is refused for the old one is sent again with the new one; an old one is sent once."""

    def write(token):
        if kind == "tokenFile":
            (tmp_path / "token").write_text(token)
        server.config(tmp_path / "config", {kind: "token" if kind == "tokenFile" else token})

    write(ADMIN)
    with closing(open_store(url_of(tmp_path / "config"), lease=store.name)) as far:
        write("one-that-ran-out")
        far._reach()._credentials.refuse(far._reach()._credentials.get(5))
        assert is_refused(far, 401)
        write(ADMIN)
        far.create_lease(PLAIN, timeout=5)


def test_who_is_refused_while_the_files_are_away_is_told_and_nothing_was_done(server, store, tmp_path):
    """And they are found as soon as they are there."""
    path = server.config(tmp_path / "config", {"token": "one-that-ran-out"})
    with closing(KubernetesStore(url_of(path), store.name)) as far:
        assert is_refused(far, 401)
        path.unlink()
        with pytest.raises(StoreUnavailable) as caught:
            far.create_lease(PLAIN, timeout=5)
        assert not caught.value.outcome_unknown
        server.config(path, {"token": ADMIN})
        far.create_lease(PLAIN, timeout=5)


def test_another_authority_is_read_anew_within_the_call(server, store, tmp_path):
    """As after the cluster's certificates were renewed: nothing was sent to who could not be believed."""
    good = server.config(tmp_path / "good", {"token": ADMIN}).read_text()
    wrong = json.loads(good)
    ca = (server.directory / "ca.crt").read_text()
    wrong["clusters"][0]["cluster"]["certificate-authority-data"] = encoded(ca)
    path = tmp_path / "config"
    path.write_text(json.dumps(wrong))
    with pytest.raises(ConfigurationError, match="certificate-authority"):
        open_store(url_of(path), lease=store.name)
    with closing(KubernetesStore(url_of(path), store.name)) as far:
        with pytest.raises(StoreUnavailable, match="CERTIFICATE_VERIFY_FAILED") as caught:
            far.create_lease(PLAIN, timeout=5)
        assert not caught.value.outcome_unknown
        path.write_text(good)
        far.create_lease(PLAIN, timeout=5)


@pytest.mark.parametrize(
    "user",
    [
        {"client-certificate-data": encoded("hunter2"), "client-key-data": encoded("hunter2")},
        {"client-certificate-data": "hunter2"},
        {
            "client-certificate-data": encoded("-----BEGIN hunter2"),
            "client-key-data": encoded("-----BEGIN x"),
        },
        {"client-key-data": encoded("-----BEGIN hunter2")},
        {"token": "hunter2\x00"},
        {"tokenFile": "/no/such/file"},
        {"tokenFile": "config\0"},
    ],
    ids=str,
)
def test_malformed_credentials_are_told_on_opening_without_what_they_are(server, tmp_path, user):
    with pytest.raises(ConfigurationError, match="no credentials") as caught:
        open_store(url_of(server.config(tmp_path / "config", user)), lease="x")
    assert "hunter2" not in str(caught.value)
    assert caught.value.__context__ is None, "a traceback would show it"
