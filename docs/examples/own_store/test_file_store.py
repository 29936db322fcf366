"""The store of one's own, held against the contract of all stores."""

import pytest
from file_store import FileStore

from incumbent.testing.stores.contract import LeaseStoreContract


class TestFileStore(LeaseStoreContract):
    @pytest.fixture(autouse=True)
    def _directory(self, tmp_path):
        self.directory = tmp_path

    def open_store(self, lease):
        return FileStore(self.directory, lease)

    def delete_lease(self, lease):
        """Optional: lets the contract try what it says of deleted records."""
        self.open_store(lease).path.unlink(missing_ok=True)
        return True
