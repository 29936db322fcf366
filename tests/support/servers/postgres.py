"""A real PostgreSQL: a cluster of its own, everybody trusted on loopback but who has a password."""

from __future__ import annotations

import signal
import subprocess
import time
from contextlib import suppress

import psutil
import psycopg

from support.servers import Server, find_binary, run_as

PASSWORD = "open-sesame/:@?%"
INITDB = ["-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale", "C", "-N"]
HBA = """\
host all mallory 127.0.0.1/32 scram-sha-256
host all all 127.0.0.1/32 trust
"""


class PostgresServer(Server):
    name = "postgres"
    binary = "postgres"
    install = "apt-get install postgresql"

    def prepare(self):
        subprocess.run(
            [find_binary("initdb"), "-D", self.directory / "data", *INITDB],
            check=True,
            stdout=subprocess.DEVNULL,
            user=self.user(),
            cwd=self.directory,
        )
        (self.directory / "data" / "pg_hba.conf").write_text(HBA)

    def command(self):
        settings = ["listen_addresses=127.0.0.1", "unix_socket_directories=", "max_connections=300"]
        options = [word for setting in settings for word in ("-c", setting)]
        return [find_binary("postgres"), "-D", str(self.directory / "data"), "-p", str(self.port), *options]

    def answers(self):
        with psycopg.connect(self.url, connect_timeout=2):
            return True

    def url_at(self, port):
        return f"postgresql://postgres@127.0.0.1:{port}/postgres"

    def user(self):
        return run_as("postgres")

    def stop(self):
        """SIGINT is its fast shutdown: SIGTERM waits until every client has gone."""
        self._end(signal.SIGINT)

    def kill(self):
        """All are gone when it returns: who is still attached to the shared memory forbids the next start."""
        children = [] if self._process is None else psutil.Process(self._process.pid).children()
        super().kill()
        psutil.wait_procs(children, timeout=10)

    def _signal(self, number):
        """SIGINT is for the first of its processes; the others must be told apart: each is its own group."""
        first = psutil.Process(self._process.pid)
        others = [] if number == signal.SIGINT else first.children()
        first.send_signal(number)
        if number == signal.SIGSTOP:
            while first.status() != psutil.STATUS_STOPPED:  # until then it may start another
                time.sleep(0.001)
            others = first.children()
        for process in others:
            with suppress(psutil.NoSuchProcess):
                process.send_signal(number)

    # Beyond what all servers have.

    def execute(self, *statements):
        """Behind the store's back, as the superuser; the rows of the last one."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            for statement in statements:
                cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []


SERVER = PostgresServer
