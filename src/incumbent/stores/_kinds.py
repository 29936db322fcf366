"""Every kind of store there is, and what each one promises: the one table of it.

`open_store` finds a store by its URL's scheme here, each store declares the guarantees that stand here, and
`incumbent stores` prints the rest.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from incumbent.lease import StoreGuarantees


class Kind(NamedTuple):
    """A kind of store.

    Attributes:
        name: Also the name of the module, and of the extra that installs its client.
        schemes: What its URLs begin with.
        example: Such a URL.
        client: The package that its module imports, or "" where Python has all it needs.
        guarantees: What its stores declare.
        promise: In words, what it keeps through which failure.
        operator: What whoever runs the server has to see to.
    """

    name: str
    schemes: tuple[str, ...]
    example: str
    client: str
    guarantees: StoreGuarantees
    promise: str
    operator: str


_KINDS: Final = (
    Kind(
        name="memory",
        schemes=("memory",),
        example="memory:",
        client="",
        guarantees=StoreGuarantees(durable=True, can_watch=True, is_local=True),
        promise="ends with the process, and so does everybody who contends in it",
        operator="nothing; for tests, and for the threads of one process",
    ),
    Kind(
        name="sqlite",
        schemes=("sqlite",),
        example="sqlite:////var/lib/leases.db",
        client="",
        guarantees=StoreGuarantees(durable=True),
        promise="keeps what it acknowledged through crashes of processes and of the machine",
        operator="a file on a local disk: no NFS, no SMB",
    ),
    Kind(
        name="postgres",
        schemes=("postgresql", "postgres"),
        example="postgresql://user@host/database",
        client="psycopg",
        guarantees=StoreGuarantees(durable=True, can_watch=True),
        promise="keeps what it acknowledged; through a failover only if the standby is a synchronous one",
        operator="fsync on; synchronous standbys; a role that may create the table, or the table made for it",
    ),
    Kind(
        name="redis",
        schemes=(
            "redis",
            "rediss",
            "redis+unix",
            "unix",
            "redis+sentinel",
            "rediss+sentinel",
            "redis+cluster",
            "rediss+cluster",
        ),
        example="redis://host:6379/0",
        client="redis",
        guarantees=StoreGuarantees(can_watch=True),
        promise="may forget what it acknowledged: efficiency, not safety, unless fenced",
        operator="maxmemory-policy noeviction; appendonly yes; with replicas, min-replicas-to-write",
    ),
    Kind(
        name="etcd",
        schemes=("etcd", "etcds"),
        example="etcd://host:2379",
        client="httpcore",
        guarantees=StoreGuarantees(durable=True, can_watch=True),
        promise="keeps what it acknowledged as long as a majority of its members keep their disks",
        operator="three members or more; candidates stopped while it is restored from a backup",
    ),
    Kind(
        name="consul",
        schemes=("consul", "consuls"),
        example="consul://host:8500",
        client="httpcore",
        guarantees=StoreGuarantees(durable=True, can_watch=True),
        promise="keeps what it acknowledged as long as a majority of its servers keep their disks",
        operator="three servers or more; a token that may write; candidates stopped for a restore",
    ),
    Kind(
        name="mongodb",
        schemes=("mongodb", "mongodb+srv"),
        example="mongodb://host/database",
        client="pymongo",
        guarantees=StoreGuarantees(durable=True, can_watch=True),
        promise="keeps what it acknowledged as long as a majority of its members keep their journals",
        operator="a replica set, or watching is a look a second; a user with readWrite on the database",
    ),
    Kind(
        name="kubernetes",
        schemes=("kubernetes",),
        example="kubernetes://namespace",
        client="kubernetes",
        guarantees=StoreGuarantees(durable=True, resolution=1.0, can_watch=True),
        promise="keeps what it acknowledged, as its etcd does",
        operator="a role that may get, create and patch leases; with watch, a handover is noticed at once",
    ),
)

KINDS: Final = {kind.name: kind for kind in _KINDS}
SCHEMES: Final = {scheme: kind for kind in _KINDS for scheme in kind.schemes}
