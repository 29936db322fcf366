"""Real servers for the tests: found by an environment variable, or as a binary that is started here.

A server that was started here listens on a free loopback port, keeps its files in a temporary folder, and can
be killed, frozen and started again; one from the environment is somebody's own, and is only used. Where there
is neither, a test is skipped with what to install; with `INCUMBENT_REQUIRE_SERVERS` set, as in CI, it fails.
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from incumbent.stores._kinds import Kind

_WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw4").removeprefix("gw")) % 5
_PORTS = iter(random.SystemRandom().sample(range(10_000 + 4000 * _WORKER, 14_000 + 4000 * _WORKER), 4000))

PATIENCE = 120.0
"""Seconds until a server that does not answer is given up."""


class Server:
    """What all kinds of server share. A kind is a subclass: how to start it, when it answers, its URL."""

    name = ""
    """Also the extra that installs the client."""
    binary = ""
    install = ""
    """For people: how to get the binary."""

    def __init__(self, directory: Path, url: str | None = None) -> None:
        self.directory = directory
        self.is_ours = url is None
        self.port = free_port() if self.is_ours else 0
        self._url = url
        self._process: subprocess.Popen[bytes] | None = None

    # What a kind overrides.

    def command(self) -> list[str]:
        """How to start it."""
        raise NotImplementedError

    def prepare(self) -> None:
        """What has to be done once, before the first start."""

    def answers(self) -> bool:
        """Whether it is ready; may raise."""
        raise NotImplementedError

    def url_at(self, port: int) -> str:
        """The URL of a store on it, if it were reached at that loopback port (that of a proxy, say)."""
        raise NotImplementedError

    def user(self) -> str | None:
        """Who runs it; None: whoever runs the tests."""
        return None

    # What tests use.

    @property
    def url(self) -> str:
        """The URL of a store on it."""
        return self._url if self._url is not None else self.url_at(self.port)

    def start(self) -> None:
        """Start it, and wait until it answers."""
        with (self.directory / "log").open("ab") as log:
            self._process = subprocess.Popen(
                self.command(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.directory,
                user=self.user(),
                start_new_session=True,
            )
        self.wait_until_it_answers()

    def wait_until_it_answers(self) -> None:
        """Wait until it is ready."""
        end, trouble = time.monotonic() + PATIENCE, "it said no"
        while time.monotonic() < end:
            if self._process is not None and self._process.poll() is not None:
                break
            try:
                if self.answers():
                    return
            except Exception as error:  # noqa: BLE001 - whatever it is, it is not ready yet
                trouble = f"{type(error).__name__}: {error}"
            time.sleep(0.02)
        log = (self.directory / "log").read_text(errors="replace")[-2000:]
        pytest.fail(f"{self.name} does not answer ({trouble}); the end of its log:\n{log}")

    def kill(self) -> None:
        """SIGKILL, as a power cut."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """SIGTERM, as an orderly shutdown; SIGKILL if that takes too long."""
        self._end(signal.SIGTERM)

    def restart(self) -> None:
        """An orderly restart, on the same port and files."""
        self.stop()
        self.start()

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """It does not answer, and no thread of it runs any more; but its connections stay."""
        self._signal(signal.SIGSTOP)
        try:
            end = time.monotonic() + PATIENCE
            while is_running(self._process.pid):
                assert time.monotonic() < end, f"{self.name} does not stop"
                time.sleep(0.001)
            yield
        finally:
            self._signal(signal.SIGCONT)

    def _end(self, number: int) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        self._process = process
        self._signal(number)
        self._process = None
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(10)
        end = time.monotonic() + PATIENCE
        while is_running(process.pid):  # the others of its group still have its ports and files
            assert time.monotonic() < end, f"{self.name} does not end"
            time.sleep(0.001)

    def _signal(self, number: int) -> None:
        """To the whole process group: some servers are several processes."""
        assert self._process is not None, f"{self.name} was not started here"
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)


def is_running(pid: int) -> bool:
    """Whether a thread of that process, of its group or of its children has yet to stop, as Linux tells."""
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has just ended
            _, parent, group = status(process)
            if str(pid) in {process.name, parent, group}:
                for thread in (process / "task").iterdir():
                    with suppress(OSError):
                        if status(thread)[0] not in "TtZX":
                            return True
    return False


def status(task: Path) -> tuple[str, str, str]:
    """Its state, its parent and its process group."""
    state, parent, group = (task / "stat").read_text().rpartition(")")[2].split()[:3]
    return state, parent, group


def free_port() -> int:
    """A loopback port that nobody listens on.

    And nobody will while its server is down: each process of the tests gives those of its own, none of them
    twice, and all are below those that the system gives away.
    """
    for port in _PORTS:
        with suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("no port is free")


def run_as(user: str) -> str | None:
    """That user, if the tests run as root and the user exists: some servers refuse to run as root."""
    if os.getuid() != 0:
        return None
    try:
        pwd.getpwnam(user)
    except KeyError:
        return None
    return user


def find_binary(name: str) -> str | None:
    """On the PATH, in the folder that `.ci/servers` fills, or where Debian hides PostgreSQL's."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(os.environ.get("INCUMBENT_SERVERS") or Path(cache) / "incumbent-servers") / "bin"
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    for place in (os.environ.get("PATH"), str(folder), *map(str, debian)):
        found = shutil.which(name, path=place)
        if found:
            return found
    return None


@contextmanager
def running(kind: type[Server]) -> Iterator[Server]:
    """A server of that kind, running; or the test is skipped, or failed where servers are required."""
    variable = f"INCUMBENT_TEST_{kind.name.upper()}_URL"
    # Not pytest's folder: a server that runs as another user could not enter it.
    with tempfile.TemporaryDirectory(
        prefix=f"incumbent-{kind.name}-", ignore_cleanup_errors=True
    ) as directory:
        if os.environ.get(variable):
            yield kind(Path(directory), os.environ[variable])
            return
        if find_binary(kind.binary) is None:
            missing(f"no {kind.binary} here: {kind.install}, or name a server of yours in {variable}")
        server = kind(Path(directory))
        user = server.user()
        if user is not None:
            shutil.chown(directory, user)
        server.prepare()
        server.start()
        try:
            yield server
        finally:
            server.stop()


def missing_client(kind: Kind) -> str:
    """What to install for a store of that kind; "" if it is there, or if its absence is to be a failure."""
    if not kind.client or os.environ.get("INCUMBENT_REQUIRE_SERVERS"):
        return ""
    is_there = importlib.util.find_spec(kind.client) is not None
    return "" if is_there else f"{kind.client} is not installed: pip install 'incumbent[{kind.name}]'"


def missing(why: str) -> None:
    """Skip, or fail where servers are required."""
    if os.environ.get("INCUMBENT_REQUIRE_SERVERS"):
        pytest.fail(why)
    pytest.skip(why)


def fixture_of(kind: type[Server]) -> Callable[..., Iterator[Server]]:
    """A fixture that gives one running server of that kind to all tests of a module."""

    @pytest.fixture(scope="module")
    def server() -> Iterator[Server]:
        with running(kind) as server:
            yield server

    return server
