"""Where the API server is and as whom we ask: what `kubectl` makes of the same files, environment and pod."""

from __future__ import annotations

import base64
import json
import sys
import time
from contextlib import ExitStack, closing

import pytest

from incumbent import open_store
from incumbent.errors import ConfigurationError, LeaseNotFound, StoreUnavailable
from incumbent.stores.kubernetes import KubernetesStore
from support.servers import fixture_of, free_port
from support.servers.kubernetes import ADMIN, SERVER, lease_fixture
from support.servers.scripted_kubernetes import kubeconfig, scripted, url_of
from support.servers.socks import socks

server = fixture_of(SERVER)
store = lease_fixture()

HERE = b'{"metadata": {"resourceVersion": "7"}, "spec": {}, "status": {"allowed": true}}'


def refusal(url):
    """Why a store there is not opened; "" if it is."""
    try:
        open_store(url, lease="x").close()
    except ConfigurationError as error:
        return str(error)
    return ""


def cluster(server, **differs):
    return {"certificate-authority": f"{server.directory}/apiserver.crt"} | differs


# Which of the places.


class Places:
    """A server for each place where one may be named, and the files of those that are there."""

    def __init__(self, folder, monkeypatch, servers):
        self.folder, self.monkeypatch = folder, monkeypatch
        self.servers = dict(zip(("option", "first", "second", "home"), servers, strict=True))

    def url(self, *there):
        """The URL of a store, after those were made that are there."""
        (self.folder / ".kube").mkdir()
        files = {name: self.folder / name for name in self.servers} | {"home": self.folder / ".kube/config"}
        for name in files.keys() & set(there):
            kubeconfig(files[name], **{name: self.servers[name].place})
        if "KUBECONFIG" in there:
            self.monkeypatch.setenv("KUBECONFIG", f"{files['first']}:{files['second']}")
        return url_of(files["option"]) if "option" in there else "kubernetes://default"

    def asked(self):
        return [name for name, server in self.servers.items() if server.requests]


@pytest.fixture
def places(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("KUBECONFIG", raising=False)
    with ExitStack() as stack:
        servers = [stack.enter_context(scripted(tmp_path, 200, HERE)) for _ in range(4)]
        yield Places(tmp_path, monkeypatch, servers)


@pytest.mark.parametrize(
    ("there", "asked"),
    [
        (("option", "KUBECONFIG", "first", "second", "home"), "option"),
        (("KUBECONFIG", "first", "second", "home"), "first"),
        (("KUBECONFIG", "second", "home"), "second"),
        (("first", "second", "home"), "home"),
    ],
    ids=" ".join,
)
def test_the_place_that_is_asked_is_kubectls(places, there, asked):
    """The option, or else the first file of $KUBECONFIG that is there, or else the one at home."""
    open_store(places.url(*there), lease="x").close()
    assert places.asked() == [asked]


@pytest.fixture
def pod(server, tmp_path, monkeypatch):
    module = "kubernetes.config.incluster_config"
    token = tmp_path / "token"
    token.write_text(ADMIN)
    monkeypatch.setattr(f"{module}.SERVICE_TOKEN_FILENAME", str(token))
    monkeypatch.setattr(f"{module}.SERVICE_CERT_FILENAME", f"{server.directory}/apiserver.crt")
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", str(server.port))


@pytest.mark.parametrize(
    ("there", "asked"),
    [
        (("option",), ["option"]),
        (("KUBECONFIG", "first", "home"), ["first"]),
        (("home",), ["home"]),
        (("KUBECONFIG", "home"), []),
        ((), []),
    ],
    ids=str,
)
@pytest.mark.usefixtures("pod")
def test_in_a_pod_every_kubeconfig_comes_before_the_service_account(store, places, there, asked):
    """As with kubectl; where $KUBECONFIG names what is not there, the one at home is not asked for either."""
    with closing(open_store(places.url(*there), lease=store.name)) as inside:
        if not asked:
            with pytest.raises(LeaseNotFound):
                inside.get_lease(timeout=5)
    assert places.asked() == asked


def test_of_several_files_the_first_word_counts(places, tmp_path):
    """Also for what is the current context; and what a later one adds can be chosen."""
    url = places.url("KUBECONFIG", "first")
    servers = places.servers
    kubeconfig(tmp_path / "second", first=servers["option"].place, second=servers["second"].place)
    open_store(url, lease="x").close()
    assert places.asked() == ["first"]
    open_store(f"{url}?context=second", lease="x").close()
    assert places.asked() == ["first", "second"]


def test_where_nothing_is_named_it_is_said_where_was_looked(places):
    assert "nothing in $KUBECONFIG nor in ~/.kube/config" in refusal(places.url())


def test_a_file_of_a_token_comes_before_the_token(tmp_path):
    """It is the one that is kept fresh; a relative path begins where the kubeconfig lies."""
    (tmp_path / "fresh").write_text("fresh-one\n")
    with scripted(tmp_path, 200, HERE) as place:
        path = kubeconfig(tmp_path / "config", {"token": "stale", "tokenFile": "fresh"}, it=place.place)
        open_store(url_of(path), lease="x").close()
    assert {by["Authorization"] for by in place.asked_by} == {"Bearer fresh-one"}


def test_a_name_and_a_password_are_sent(tmp_path):
    """As some gateways want them."""
    with scripted(tmp_path, 200, HERE) as place:
        path = kubeconfig(tmp_path / "config", {"username": "me", "password": "pass"}, it=place.place)
        open_store(url_of(path), lease="x").close()
    assert place.asked_by[0]["Authorization"] == f"Basic {base64.b64encode(b'me:pass').decode()}"


def test_an_auth_provider_gives_its_token(tmp_path):
    """OIDC, as older kubeconfigs have it."""
    claims = base64.urlsafe_b64encode(json.dumps({"exp": time.time() + 3600}).encode()).decode().rstrip("=")
    token = f"e30.{claims}.sig"
    with scripted(tmp_path, 200, HERE) as place:
        user = {"auth-provider": {"name": "oidc", "config": {"id-token": token}}}
        open_store(url_of(kubeconfig(tmp_path / "config", user, it=place.place)), lease="x").close()
        assert place.asked_by[0]["Authorization"] == f"Bearer {token}"
        user["auth-provider"]["name"] = "unknown"
        path = kubeconfig(tmp_path / "other", user, it=place.place)
        assert "use an exec plugin" in refusal(url_of(path))


# As whom.


def test_who_acts_as_another_has_the_rights_of_the_other(server, store, tmp_path):
    """An administrator as somebody with none is refused, and as one of the masters again is not."""
    place = f"https://127.0.0.1:{server.port}"
    nobody = {"token": ADMIN, "as": "nobody-at-all"}
    path = kubeconfig(tmp_path / "nobody", nobody, cluster(server), it=place)
    assert "may not get leases" in refusal(url_of(path))
    path = kubeconfig(tmp_path / "one", nobody | {"as-groups": ["system:masters"]}, cluster(server), it=place)
    with closing(open_store(url_of(path), lease=store.name)) as far, pytest.raises(LeaseNotFound):
        far.get_lease(timeout=5)


def test_all_that_kubectl_says_of_another_is_said(tmp_path):
    """User, identifier, groups and extra fields, with every request."""
    user = {
        "token": "secret",
        "as": "jürgen",
        "as-uid": "u-1",
        "as-groups": ["one", "two"],
        "as-user-extra": {"scopes/x": ["a", "b"]},
    }
    with scripted(tmp_path, 200, HERE) as place:
        open_store(url_of(kubeconfig(tmp_path / "config", user, it=place.place)), lease="x").close()
    assert len(place.asked_by) > 3
    for by in place.asked_by:
        assert by["Impersonate-User"].encode("latin-1").decode() == "jürgen"
        assert by["Impersonate-Uid"] == "u-1"
        assert by.get_all("Impersonate-Group") == ["one", "two"]
        assert by.get_all("Impersonate-Extra-scopes%2Fx") == ["a", "b"]


@pytest.mark.parametrize(
    ("user", "told"),
    [
        ({"as-groups": ["system:masters"]}, "need an as:"),
        ({"as-uid": "7"}, "need an as:"),
        ({"as": "x\r\nImpersonate-Group: system:masters"}, "no header"),
        ({"as": "x", "as-groups": ["y\nz"]}, "no header"),
    ],
)
def test_half_an_impersonation_is_refused(tmp_path, user, told):
    """Else one would act with more rights than was meant."""
    path = kubeconfig(tmp_path / "config", {"token": "hunter2"} | user, it="http://127.0.0.1:1")
    assert told in refusal(url_of(path))


# Through what.


def test_a_cluster_behind_a_socks_proxy_is_reached(server, store, tmp_path):
    """Whose address only the proxy knows, as with kubectl."""
    with socks() as proxy:
        behind = cluster(server, **{"proxy-url": proxy.url, "tls-server-name": "127.0.0.1"})
        path = kubeconfig(
            tmp_path / "config", {"token": ADMIN}, behind, it=f"https://api.private.invalid:{server.port}"
        )
        with closing(open_store(url_of(path), lease=store.name)) as far, pytest.raises(LeaseNotFound):
            far.get_lease(timeout=5)
        assert set(proxy.asked) == {"api.private.invalid"}


def test_a_proxy_that_is_not_there_is_certain_to_have_passed_nothing_on(server, tmp_path):
    """It is no reason not to open."""
    for scheme in ("socks5", "http"):
        behind = cluster(server, **{"proxy-url": f"{scheme}://127.0.0.1:{free_port()}"})
        path = kubeconfig(tmp_path / scheme, {"token": ADMIN}, behind, it=f"https://127.0.0.1:{server.port}")
        with closing(open_store(url_of(path), lease="x")) as far:
            with pytest.raises(StoreUnavailable) as caught:
                far.get_lease(timeout=5)
            assert not caught.value.outcome_unknown


def test_a_socks_proxy_without_its_library_is_told_with_what_to_install(server, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "socks", None)
    monkeypatch.delitem(sys.modules, "urllib3.contrib.socks", raising=False)
    behind = cluster(server, **{"proxy-url": "socks5://127.0.0.1:1080"})
    path = kubeconfig(tmp_path / "config", {}, behind, it="https://127.0.0.1:1")
    with pytest.warns(match="SOCKS support"):
        assert "pip install 'urllib3[socks]'" in refusal(url_of(path))


def test_a_proxy_of_another_kind_is_refused(server, tmp_path):
    behind = cluster(server, **{"proxy-url": "ftp://user:hunter2@127.0.0.1:1080"})
    path = kubeconfig(tmp_path / "config", {}, behind, it="https://127.0.0.1:1")
    told = refusal(url_of(path))
    assert "'ftp': give http, https or socks5" in told
    assert "hunter2" not in told


def test_a_store_that_is_made_looks_for_no_credentials(tmp_path):
    """They are looked for at the first call, which says what is wrong, and did nothing."""
    with closing(KubernetesStore(url_of(tmp_path / "none"), "x")) as store:
        with pytest.raises(StoreUnavailable, match="no credentials") as caught:
            store.get_lease(timeout=5)
        assert not caught.value.outcome_unknown
