"""Redis: on the same machine, by a Unix socket."""

from __future__ import annotations

import threading
from contextlib import closing
from urllib.parse import quote

import pytest

from incumbent import open_store
from incumbent.errors import StoreUnavailable
from incumbent.testing.stores.machine import PLAIN
from support.servers import running
from support.servers.redis import SERVER


@pytest.mark.parametrize(
    "form", ["redis+unix://{}?db=1", "unix://{}?db=1&prefix=p:", "unix://:pass%40@{}?wait=0"]
)
def test_a_server_is_reached_by_a_unix_socket(form, tmp_path):
    """With calls, notifications and a login as by TCP; without it, the store is unavailable."""
    path = tmp_path / "redis ü.sock"

    class Local(SERVER):
        arguments = (*SERVER.arguments, "--unixsocket", str(path))

    url = form.format(quote(str(path)))
    told = threading.Event()
    with running(Local) as server, server.admin() as admin:
        if "@" in url:
            admin.config_set("requirepass", "pass@")
        with closing(open_store(url, lease="x")) as store, closing(store.watch(told.set)):
            assert told.wait(5)
            told.clear()
            version = store.create_lease(PLAIN, timeout=5)
            assert told.wait(5)
            assert store.get_lease(timeout=5).version == version
            server.stop()
            with pytest.raises(StoreUnavailable) as caught:
                store.get_lease(timeout=1)
            assert not caught.value.outcome_unknown
    with pytest.raises(StoreUnavailable):
        open_store(url, lease="x").create_lease(PLAIN, timeout=1)
