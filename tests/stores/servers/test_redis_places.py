"""Redis: in a cluster, and by TLS."""

from __future__ import annotations

import shutil
import subprocess
import threading
from contextlib import ExitStack, closing, suppress
from queue import Queue

import pytest
from redis.crc import key_slot

from incumbent import open_store
from incumbent.errors import ConfigurationError, LeaseConflict, LeaseNotFound, StoreUnavailable
from incumbent.stores.redis import RedisStore
from incumbent.testing.stores.machine import ODD_LEASES, PLAIN
from support.servers import free_port, missing, running
from support.servers.redis import SERVER, eventually, true

OTHER = ODD_LEASES["asked"]
NAMES = [f"name-{number}" for number in range(100)]
THIRD = 16384 // 3


def slot_of(lease):
    return key_slot(lease.encode())


class Node(SERVER):
    """A node of a cluster, alone as yet."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        bus = ("--cluster-port", str(free_port()), "--cluster-node-timeout", "3000")
        self.arguments = (*SERVER.arguments, "--cluster-enabled", "yes", *bus)


@pytest.fixture(scope="module")
def cluster():
    """Three nodes, with a third of the slots each."""
    with ExitStack() as stack:
        nodes = [stack.enter_context(running(Node)) for _ in range(3)]
        admins = [stack.enter_context(node.admin()) for node in nodes]
        for number, admin in enumerate(admins):
            first, last = 16384 * number // 3, 16384 * (number + 1) // 3 - 1
            admin.execute_command("CLUSTER", "ADDSLOTSRANGE", first, last)
            admin.execute_command("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
            meeting = ("127.0.0.1", nodes[number].port, nodes[number].arguments[-3])
            admins[0].execute_command("CLUSTER", "MEET", *meeting)
        for admin in admins:
            eventually(
                lambda admin=admin: true("cluster_state:ok" in admin.execute_command("CLUSTER", "INFO"))
            )
        yield nodes


def test_a_cluster_is_followed_to_the_node_of_each_lease(cluster):
    """By one address; a lease's first call costs a redirection and no other does; all leases are told of."""
    url = f"redis+cluster://127.0.0.1:{cluster[0].port}"
    with ExitStack() as stack:
        for number in range(8):
            store = stack.enter_context(closing(open_store(url, lease=f"lease-{number}")))
            told = Queue()
            stack.enter_context(closing(store.watch_lease(told.put)))
            assert told.get(timeout=5) is None
            version = store.create_lease(PLAIN, timeout=5)
            assert told.get(timeout=5) == store.get_lease(timeout=5), "not told from another node"
            store.update_lease(OTHER, version, timeout=5)
            assert store.get_lease(timeout=5).lease == OTHER
        sizes = []
        for node in cluster:
            with node.admin() as admin:
                sizes.append(admin.dbsize())
                redirected = admin.info("errorstats").get("errorstat_MOVED", {"count": 0})["count"]
                assert redirected <= 8 * 2
    assert all(sizes), f"leases were on {sizes} nodes: nothing was followed"
    assert sum(sizes) == 8


def test_a_lease_on_its_way_to_another_node_is_followed(cluster):
    """While its slot migrates, the node where it is going is asked just this once; afterwards for good."""
    source, target = cluster[0], cluster[1]
    lease = next(name for name in NAMES if slot_of(name) < THIRD)
    key, slot = f"incumbent:{{{lease}}}", slot_of(lease)
    with (
        closing(RedisStore(f"redis+cluster://127.0.0.1:{source.port}", lease)) as store,
        ExitStack() as stack,
    ):
        here, there = stack.enter_context(source.admin()), stack.enter_context(target.admin())
        version = store.create_lease(PLAIN, timeout=5)
        ids = [admin.execute_command("CLUSTER", "MYID") for admin in (here, there)]
        there.execute_command("CLUSTER", "SETSLOT", slot, "IMPORTING", ids[0])
        here.execute_command("CLUSTER", "SETSLOT", slot, "MIGRATING", ids[1])
        version = store.update_lease(PLAIN, version, timeout=5)
        here.execute_command("MIGRATE", "127.0.0.1", target.port, key, 0, 5000)
        there.script_flush()
        with pytest.raises(LeaseConflict, match="restarted"):
            store.update_lease(OTHER.released(OTHER.renew_time), version, timeout=5)
        version = store.update_lease(PLAIN, version, timeout=5)
        for admin in (there, here):
            admin.execute_command("CLUSTER", "SETSLOT", slot, "NODE", ids[1])
        version = store.update_lease(OTHER, version, timeout=5)
        assert store.get_lease(timeout=5).version == version
        store.delete_lease()


def test_a_cluster_whose_node_is_down_is_unavailable_and_comes_back(cluster):
    """Its leases cannot be written for certain; another node that was named leads to it again."""
    url = "redis+cluster://" + ",".join(f"127.0.0.1:{node.port}" for node in cluster)
    with closing(RedisStore(url, "down")) as store:
        store.create_lease(PLAIN, timeout=5)
        owner = next(node for node in cluster if holds(node, "incumbent:{down}"))
        owner.kill()
        for _ in range(4):
            with pytest.raises(StoreUnavailable) as caught:
                store.update_lease(PLAIN, "a@b", timeout=2)
            assert not caught.value.outcome_unknown
        owner.start()
        with pytest.raises(LeaseNotFound):
            eventually(lambda: store.get_lease(timeout=2))
    for node in cluster:
        with node.admin() as admin:
            eventually(
                lambda admin=admin: true("cluster_state:ok" in admin.execute_command("CLUSTER", "INFO"))
            )


def holds(node, key):
    with node.admin() as admin, suppress(Exception):
        return bool(admin.exists(key))
    return False


def test_a_node_of_a_cluster_is_no_plain_server(cluster):
    """Said at once, with the URL that is meant."""
    elsewhere = next(name for name in NAMES if slot_of(name) > THIRD)
    with pytest.raises(ConfigurationError, match=r"redis\+cluster://"):
        open_store(cluster[0].url, lease=elsewhere)


def test_by_tls_the_server_must_be_the_one_that_is_meant(tmp_path):
    """Its certificate is checked, against the authority named in the URL or the system's."""
    if shutil.which("openssl") is None:
        missing("no openssl here: apt-get install openssl")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    request = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "1",
        "-subj",
        "/CN=localhost",
    ]
    request += ["-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", certificate]
    subprocess.run(request, check=True, capture_output=True)
    for path in (tmp_path, key, certificate):
        path.chmod(0o755)
    port = free_port()

    class Encrypted(SERVER):
        arguments = (
            *SERVER.arguments,
            *("--tls-port", str(port), "--tls-cert-file", str(certificate), "--tls-key-file", str(key)),
            *("--tls-ca-cert-file", str(certificate), "--tls-auth-clients", "no"),
        )

    with running(Encrypted):
        told = threading.Event()
        trusting = f"?ssl_ca_certs={certificate}"
        with closing(open_store(f"rediss://localhost:{port}{trusting}", lease="x")) as store:
            watch = store.watch(told.set)
            assert told.wait(5)
            told.clear()
            version = store.create_lease(PLAIN, timeout=5)
            assert told.wait(5)
            assert store.get_lease(timeout=5).version == version
            watch.close()
            for number in range(40):  # what ends takes nothing from the connection that begins
                with closing(store.watch(told.set)):
                    assert told.wait(5)
                    told.clear()
                url = (f"rediss://localhost:{port}", f"rediss://127.0.0.1:{port}{trusting}")[number % 2]
                with pytest.raises(ConfigurationError, match="certificate verify failed"):
                    open_store(url, lease="x")
