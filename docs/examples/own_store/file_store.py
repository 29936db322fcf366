"""A store of one's own: a lease in a JSON file, and a lock that the kernel drops when its holder dies."""

import fcntl
import hashlib
import json
import os
import time
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from incumbent import Lease, LeaseConflict, LeaseNotFound, StoredLease, StoreGuarantees, StoreUnavailable


class FileStore:
    guarantees = StoreGuarantees(durable=True)  # synced to the disk; it notifies nobody, so it is polled

    def __init__(self, directory, lease):
        self.path = Path(directory) / hashlib.sha256(lease.encode()).hexdigest()  # any name will do

    def get_lease(self, *, timeout):
        try:
            record = json.loads(self.path.read_text())  # written in one piece: a rename is atomic
        except FileNotFoundError:
            raise LeaseNotFound(f"there is no {self.path}") from None
        return StoredLease(Lease.from_fields(record), record["version"])

    def create_lease(self, lease, *, timeout):
        with self._locked(timeout):
            if self.path.exists():
                raise LeaseConflict(f"{self.path} exists")
            return self._write(lease)

    def update_lease(self, lease, version, *, timeout):
        with self._locked(timeout):  # compared and written in one step: nobody else has the lock
            if self.get_lease(timeout=timeout).version != version:
                raise LeaseConflict(f"{self.path} is no longer at version {version}")
            return self._write(lease)

    def _write(self, lease):
        version, new = uuid4().hex, self.path.with_suffix(".new")  # a version never comes again
        with new.open("w") as file:
            json.dump(lease.to_fields() | {"version": version}, file)
            file.flush()
            os.fsync(file.fileno())
        new.replace(self.path)
        self._sync_directory()  # or a crash of the machine brings the old name back
        return version

    def _sync_directory(self):
        directory = os.open(self.path.parent, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)

    @contextmanager
    def _locked(self, timeout):
        deadline = time.monotonic() + timeout
        with self.path.with_suffix(".lock").open("a") as lock:
            while True:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() >= deadline:  # nothing was written, and that is certain
                        raise StoreUnavailable("the lock is held", outcome_unknown=False) from None
                    time.sleep(0.001)
            yield

    def close(self):
        pass


def open_url(url, lease):
    """The store at filestore:///DIRECTORY: what an entry point of the group incumbent.stores names."""
    return FileStore(url.removeprefix("filestore://"), lease)
