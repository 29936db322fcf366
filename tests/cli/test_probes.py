"""Contenders that are probed, as a load balancer and a kubelet ask them."""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading

import pytest

from incumbent.cli import main
from incumbent.cli.durations import address
from incumbent.cli.endpoint import _Server
from support.cli.contenders import LONGER, PATIENCE, SHORT, eventually

HEALTH = ("--health", "127.0.0.1:0")


def address_of(world, contender):
    """Where it says that it answers."""
    said = eventually(
        "a line that says where", lambda: re.search(r"health: http://(\S+)", world.stderr(contender))
    )
    return said[1]


def ask(where, path, method="GET", patience=PATIENCE):
    """The status and the body; None without an answer."""
    connection = http.client.HTTPConnection(where, timeout=patience)
    try:
        connection.request(method, path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    except OSError:
        return None, ""
    finally:
        connection.close()


def leads(where):
    return ask(where, "/leader", patience=1)[0] == 200


@pytest.mark.parametrize("end", [signal.SIGSTOP, signal.SIGKILL])
def test_exactly_one_of_three_is_the_leader_and_another_is_when_it_is_gone(world, end):
    """Frozen it gives no answer, killed it refuses to be asked: neither is where requests go."""
    contenders = [world.run(options=(*SHORT, *HEALTH)) for _ in range(3)]
    where = {address_of(world, contender): contender for contender in contenders}
    eventually("a leader", lambda: any(map(leads, where)))
    eventually("all are ready", lambda: all(ask(each, "/readyz")[0] == 200 for each in where))
    [first] = [each for each in where if leads(each)]
    assert [ask(each, "/livez")[0] for each in where] == [200, 200, 200]

    where[first].send_signal(end)
    others = [each for each in where if each != first]
    eventually("a successor", lambda: any(map(leads, others)))
    assert [leads(each) for each in where].count(True) == 1
    assert ask(first, "/leader", patience=1)[0] is None


def test_a_body_says_why(world):
    """A store that is away: live, for a restart would not help, and not ready."""
    contender = world.run(options=(*SHORT, *HEALTH))
    where = address_of(world, contender)
    eventually("a leader", lambda: leads(where))
    world.store.close()
    for file in world.directory.glob("leases.db*"):
        file.unlink()
    (world.directory / "leases.db").mkdir()
    eventually("not ready", lambda: ask(where, "/readyz")[0] == 503)
    assert ask(where, "/livez")[0] == 200
    told = json.loads(ask(where, "/readyz")[1])
    assert re.fullmatch(r"the store has not answered for \d+\.\d s", told["reason"])
    assert not told["is_leader"]


def test_metrics_are_on_the_same_port(world):
    contender = world.run(options=(*LONGER, *HEALTH, "--metrics"))
    where = address_of(world, contender)
    eventually("a leader", lambda: leads(where))
    status, scraped = ask(where, "/metrics")
    assert status == 200
    assert 'leader_election_master_status{name="lease"} 1.0' in scraped
    assert "process_cpu_seconds_total" in scraped


def test_without_metrics_there_are_none(world):
    assert ask(address_of(world, world.run(options=(*LONGER, *HEALTH))), "/metrics")[0] == 404


LISTS_DESCRIPTORS = """
import os
for process in ("self", os.getppid()):
    for name in os.listdir(f"/proc/{process}/fd"):
        if os.path.islink(f"/proc/{process}/fd/{name}"):
            print(os.readlink(f"/proc/{process}/fd/{name}"))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="/proc lists descriptors there")
@pytest.mark.parametrize("passes", [(), ("--pass-fds",)])
def test_neither_the_command_nor_its_guard_holds_the_port(world, passes):
    """Else it would be taken, and silent, for as long as they outlive this process."""
    contender = world.run(
        options=(*LONGER, *HEALTH, *passes), command=[sys.executable, "-c", LISTS_DESCRIPTORS]
    )
    said, _ = contender.communicate(timeout=PATIENCE)
    assert contender.returncode == 0
    assert "pipe:" in said
    assert "socket:" not in said


def test_who_asks_slowly_keeps_nobody_waiting(world):
    """A connection that says nothing takes a thread for 5 s, and no other's turn."""
    where = address_of(world, world.run(options=(*LONGER, *HEALTH)))
    host, port = where.split(":")
    with socket.create_connection((host, int(port))) as silent:
        assert ask(where, "/livez", patience=3)[0] == 200
        silent.settimeout(PATIENCE)
        assert silent.recv(1) == b"", "it was hung up on"


def test_many_who_ask_at_once_are_let_in_at_once():
    """A kubelet waits for one second, which is when whoever found no place tries again."""
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(_Server("127.0.0.1", 0).socket)
        for _ in range(100):
            stack.enter_context(socket.create_connection(server.getsockname(), timeout=0.9))


def test_a_port_that_is_taken_is_wrong_configuration(tmp_path, capsys):
    """Before anything is contended for, or run."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        store = f"sqlite:///{tmp_path}/leases.db"
        assert main(["run", "--store", store, "--lease", "x", "--health", f":{port}", "--", "false"]) == 2
    err = capsys.readouterr().err
    assert f"--health cannot listen at 127.0.0.1:{port}: Address already in use" in err
    assert main(["status", "--store", store, "--lease", "x"]) == 1


def test_an_address_may_be_one_of_ipv6():
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("this machine has no ::1")
    with _Server("::1", 0) as server:
        server.set_app(lambda _environ, start_response: start_response("200 OK", []) and [])
        threading.Thread(target=server.handle_request, daemon=True).start()
        assert ask(f"[::1]:{server.server_port}", "/") == (200, "")


@pytest.mark.parametrize("host", ["192.0.2.1", "[2001:db8::1]", "no.such.host.invalid"])
def test_so_is_an_address_of_another_machine(host, capsys):
    assert main(["run", "--store", "memory:", "--lease", "x", "--health", f"{host}:0", "--", "false"]) == 2
    assert f"--health cannot listen at {host}:0: " in capsys.readouterr().err


def test_metrics_without_a_port_are_refused(capsys):
    """With what to write."""
    assert main(["run", "--store", "memory:", "--lease", "x", "--metrics", "--", "false"]) == 2
    assert "give that, too, such as --health :8008" in capsys.readouterr().err


def test_metrics_without_their_package_are_refused(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "incumbent.prometheus", None)
    options = ["--store", "memory:", "--lease", "x", "--health", ":0", "--metrics"]
    assert main(["run", *options, "--", "false"]) == 2
    assert "pip install 'incumbent[prometheus]'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "read"),
    [
        (":8008", ("127.0.0.1", 8008)),
        ("0.0.0.0:8008", ("0.0.0.0", 8008)),
        ("[::]:65535", ("::", 65535)),
        ("db-1.example:1", ("db-1.example", 1)),
        *(
            (wrong, None)
            for wrong in ("8008", ":", ":65536", "::1:8008", "[::1]", ":80 08", "a b:1", "", ":٨")
        ),
        ("http://me:secret@host:80", None),
    ],
)
def test_an_address_is_a_host_or_none_and_a_port(text, read):
    if read is not None:
        assert address(text) == read
        return
    with pytest.raises(argparse.ArgumentTypeError, match="is no address: give one such as :8008") as refused:
        address(text)
    assert "secret" not in str(refused.value)


def test_a_contender_that_is_not_probed_loads_no_server():
    script = "import sys, incumbent.cli.run; print('http.server' in sys.modules)"
    run = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, env=os.environ
    )
    assert run.stdout == "False\n"
