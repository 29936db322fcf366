"""A register in MongoDB that refuses the writes of a leader whose term is over.

A leader that pauses between "am I the leader?" and its next write may write after its successor did. No lock
can prevent that; the written-to resource can: it keeps the largest fencing token that it has seen, and in one
atomic step refuses any smaller one. Here the token is a condition of the update. Where nothing meets it, an
upsert inserts, and the index on `_id` refuses that if the register exists: it has seen a larger token, or was
made a moment ago, so that one more look at the condition decides.
"""

from __future__ import annotations

from pymongo import MongoClient
from pymongo.errors import DuplicateKeyError
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern


class Register:
    """One value, guarded by the largest token that ever wrote it."""

    def __init__(self, url: str, name: str) -> None:
        self.name = name
        self.client = MongoClient(url, timeoutMS=10_000)
        self.registers = self.client.get_default_database().get_collection(
            "register", write_concern=WriteConcern("majority", j=True), read_concern=ReadConcern("majority")
        )

    def write(self, token: int, value: str) -> bool:
        """Write, unless a larger token was seen: then False."""
        try:
            return self.update(token, value, upsert=True)
        except DuplicateKeyError:
            return self.update(token, value, upsert=False)

    def update(self, token: int, value: str, *, upsert: bool) -> bool:
        """One atomic step: compare the token, and write."""
        outcome = self.registers.update_one(
            {"_id": self.name, "token": {"$lte": token}},
            {"$set": {"token": token, "value": value}},
            upsert=upsert,
        )
        return outcome.matched_count == 1 or outcome.upserted_id is not None

    def read(self) -> tuple[int, str] | None:
        """The largest token seen and what it wrote."""
        found = self.registers.find_one({"_id": self.name})
        return None if found is None else (int(found["token"]), found["value"])

    def close(self) -> None:
        """Close the connections."""
        self.client.close()


def open_register(url: str, name: str) -> Register:
    """The register of that name in the database of a `mongodb:` URL; it is made on first use."""
    return Register(url, name)
