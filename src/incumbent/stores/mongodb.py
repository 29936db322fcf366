"""Leases in MongoDB (4.4 or newer): a document each, in the collection `incumbent_lease`, by pymongo.

The primitive is the conditional replacement of one document, `replaceOne({_id, version})`, which MongoDB does
in one atomic step; a lease is created by an insert, which the index on `_id` refuses if there is one. A
version is 128 random bits, a field of the document: it cannot come again, not even if the document, or the
database, is deleted and made anew or brought back from a backup.

Every write waits until a majority of the members has it in its journal (`w: majority, j: true`), and so
survives any failover; if the majority does not answer in time, the outcome is unknown. Reads go to the
primary with read concern `majority`, which returns nothing that a failover could take back: a write of one's
own that was found (P7) is there to stay. A primary that was deposed and does not know it yet may answer with
an old record. That costs time only, since P4 counts from the receipt and a write decides; `linearizable`
would rule it out for the price of a round trip to the majority with each read.

Where there is a replica set (or a sharded cluster), one change stream tells the watches of all leases. A
standalone server has none: there, and where the user may not open one, they are read once a second, in one
query for all leases that are watched.

URL: `mongodb://[user:password@]host[:27017][,host2...]/database[?options]`, or `mongodb+srv:` for hosts from
the DNS. The database must be named; unless there is `authSource=`, MongoDB looks for the user there. The
options are those of MongoDB's connection strings, save that what an election stands on cannot be set: write
and read concern, read preference, and that nothing is sent twice (`retryWrites=` and `retryReads=` are
overruled: a retried compare-and-swap conflicts with itself). `connectTimeoutMS` is 5000 unless it is given.
"""

from __future__ import annotations

from time import monotonic
from typing import Any, Final, NoReturn

from pymongo.errors import DuplicateKeyError

from incumbent.lease import Lease, StoredLease, Version
from incumbent.stores._kinds import KINDS
from incumbent.stores._mongodb_client import Leases
from incumbent.stores._mongodb_server import MongoServer, stored_in
from incumbent.stores._server import ServerStore
from incumbent.unique import unique


class MongoStore(ServerStore[MongoServer]):
    """One lease in MongoDB. All stores of one URL in a process share their connections.

    Any thread may use it. A forked child opens connections of its own.

    Args:
        url: See the module.
        name: The lease's name.

    Raises:
        ConfigurationError: The URL is wrong, names no database, or has an option that pymongo does not know.
    """

    guarantees: Final = KINDS["mongodb"].guarantees

    def __init__(self, url: str, name: str) -> None:
        super().__init__(name, url, lambda: MongoServer(url))

    def get_lease(self, *, timeout: float) -> StoredLease:
        """See `LeaseStore.get_lease`."""
        document = self._reach().read(lambda leases: leases.find_one({"_id": self.name}), timeout)
        if document is None:
            self._not_found()
        return stored_in(document)

    def create_lease(self, lease: Lease, *, timeout: float) -> Version:
        """See `LeaseStore.create_lease`."""
        document = self._document(lease)
        if not self._reach().write(lambda leases: _inserted(leases, document), timeout):
            self._conflict()
        return str(document["version"])

    def update_lease(self, lease: Lease, version: Version, *, timeout: float) -> Version:
        """See `LeaseStore.update_lease`."""
        deadline = monotonic() + timeout
        document, expected = self._document(lease), {"_id": self.name, "version": version}
        # A version of another kind is none of ours; None would match a document that has no version.
        if not isinstance(version, str) or not self._reach().write(
            lambda leases: leases.replace_one(expected, document).matched_count, timeout
        ):
            self._refused(version, deadline - monotonic())
        return str(document["version"])

    def delete_lease(self, *, timeout: float = 5.0) -> None:
        """Remove the record: for tests and operators, no election does it.

        Raises:
            LeaseNotFound: There is no record.
        """
        if not self._reach().write(
            lambda leases: leases.delete_one({"_id": self.name}).deleted_count, timeout
        ):
            self._not_found()

    def check(self) -> None:
        """Look once whether an election can be held there; pass over a server that is out of reach.

        Raises:
            ConfigurationError: It cannot, and trying again will not mend it.
        """
        self._reach().check()

    def _refused(self, version: Version, timeout: float) -> NoReturn:
        """Find out why nothing was written: the version is another, or there is no record."""
        if not self._reach().read(lambda leases: leases.find_one({"_id": self.name}, {"_id": 1}), timeout):
            self._not_found()
        self._conflict(version)

    def _document(self, lease: Lease) -> dict[str, Any]:
        return {"_id": self.name, "version": unique(), **lease.to_fields()}


def open_url(url: str, lease: str) -> MongoStore:
    """The store at a `mongodb:` or `mongodb+srv:` URL; see the module.

    Raises:
        ConfigurationError: The URL is wrong; or the server answers, and refuses the user, lacks a permission
            that an election needs, has another kind of collection by that name, or a certificate that nobody
            vouches for.
    """
    store = MongoStore(url, lease)
    try:
        store.check()
    except BaseException:
        store.close()
        raise
    return store


def _inserted(leases: Leases, document: dict[str, Any]) -> bool:
    try:
        leases.insert_one(document)
    except DuplicateKeyError:
        return False
    return True
