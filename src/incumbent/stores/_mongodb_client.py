"""Set up MongoDB's client for an election, and check that the server permits what it does."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final, TypeAlias
from urllib.parse import unquote_plus

from bson.codec_options import CodecOptions, DatetimeConversion
from pymongo import MongoClient
from pymongo.collection import Collection
from pymongo.errors import ConfigurationError as MongoConfigurationError
from pymongo.errors import NotPrimaryError, OperationFailure, PyMongoError
from pymongo.monitoring import CommandListener
from pymongo.read_concern import ReadConcern
from pymongo.read_preferences import ReadPreference
from pymongo.uri_parser import split_options
from pymongo.write_concern import WriteConcern

from incumbent.errors import ConfigurationError
from incumbent.shown import one_line, redacted
from incumbent.stores._options import check_path, is_file

Document: TypeAlias = dict[str, Any]
Leases: TypeAlias = Collection[Document]

COLLECTION: Final = "incumbent_lease"
UNAUTHORIZED: Final = 13
_NOT_LET_IN: Final = {18, 8000}  # AuthenticationFailed, and how Atlas says it

_FORM: Final = "mongodb://[user:password@]host[:27017][,host2...]/database[?options]"
_DEFAULTS: Final = {"connectTimeoutMS": 5000, "appName": "incumbent"}
_CODEC: Final[CodecOptions[Document]] = CodecOptions(
    tz_aware=True,
    # What somebody else wrote must be readable, or it could not be called corrupt.
    unicode_decode_error_handler="replace",
    datetime_conversion=DatetimeConversion.DATETIME_AUTO,
)
_TIMEOUTS: Final = re.compile(r" \(configured timeouts: [^)]*\)")
"""Collect the errors that pymongo wraps, one for each host."""
_FILES: Final = {name.lower(): name for name in ("tlsCAFile", "tlsCertificateKeyFile", "tlsCRLFile")}
_REFUSALS: Final = (PyMongoError, ValueError, TypeError, OSError)
_NEEDED: Final = {"find", "insert", "update"}


def connect(url: str, listener: CommandListener) -> tuple[MongoClient[Document], Leases]:
    """The client for a URL, which connects when it is used, and the collection of leases.

    Raises:
        ConfigurationError: It is no such URL. No message has anything of a password.
    """
    wrong = partial(_wrong, url)
    check_path(url, wrong)
    address, _, query = url.partition("?")
    given = _options(query, wrong)
    defaults: dict[str, Any] = {name: value for name, value in _DEFAULTS.items() if name not in given}
    database = address.partition("://")[2].partition("/")[2]
    if not database or any(each in unquote_plus(database) for each in ".\\\0"):
        raise wrong("names no database")
    client = _client(url, event_listeners=[listener], **defaults)
    if client is None:
        raise wrong(
            "is no URL of MongoDB's, with options that go together, certificates as PEM files, and what is "
            "special in user and password percent-encoded"
        )
    return client, client.get_default_database().get_collection(
        COLLECTION,
        codec_options=_CODEC,
        read_preference=ReadPreference.PRIMARY,
        write_concern=WriteConcern(w="majority", j=True),
        read_concern=ReadConcern("majority"),
    )


def _options(query: str, wrong: Callable[[str], ConfigurationError]) -> Mapping[str, Any]:
    """Parse the options with pymongo. An unknown one is refused: the client would only warn, and quote it."""
    pairs = query.split("&") if query else []
    for number, pair in enumerate(pairs, 1):
        name, _, value = pair.partition("=")
        if name.lower() in _FILES and not is_file(unquote_plus(value)):
            raise wrong(f"has {_FILES[name.lower()]}=, but there is no such file")
        if _split(pair) is None:
            raise wrong(f"has an option that pymongo does not take, number {number} of {len(pairs)}")
    given = _split(query) if query else {}
    if given is None:
        raise wrong("has options that do not go together")
    return given


# What pymongo complains of may be a piece of a password: its exceptions are not even kept as a context.


def _split(query: str) -> Mapping[str, Any] | None:
    try:
        return split_options(query)
    except _REFUSALS:
        return None


def _client(url: str, **options: Any) -> MongoClient[Document] | None:
    try:
        return MongoClient(url, connect=False, retryWrites=False, retryReads=False, **options)
    except _REFUSALS:
        return None


def _wrong(url: str, what: str) -> ConfigurationError:
    return ConfigurationError(f"store {redacted(url)!r} {what}: give {_FORM}")


def check(leases: Leases, where: str) -> None:
    """Look whether an election can be held there.

    Raises:
        ConfigurationError: It cannot, and trying again will not mend it.
        pymongo.errors.PyMongoError: The server does not answer.
    """
    try:
        _check_user(leases, where)
        _check_collection(leases, where)
    except MongoConfigurationError as error:
        # Where hosts come from the DNS, this is also what a DNS that is silent looks like.
        if error.__cause__ is None:
            raise ConfigurationError(f"{where}: {one_line(str(error))}") from error
    except OperationFailure as error:
        if error.code not in _NOT_LET_IN:
            raise
        raise ConfigurationError(
            f"{where} does not let the user in ({described(error)}): mend user name and password, or name "
            f"the database that the user is in, such as authSource=admin"
        ) from error


def described(error: PyMongoError) -> str:
    """In a line, without the whole topology and the whole command."""
    if isinstance(error, (OperationFailure, NotPrimaryError)) and isinstance(error.details, Mapping):
        details = error.details
        return f"{details.get('codeName', type(error).__name__)} ({details.get('code')})"
    text = _TIMEOUTS.sub("", str(error).partition(", Timeout:")[0])
    return f"{type(error).__name__}: {text}"


def _check_user(leases: Leases, where: str) -> None:
    missing = set[str]()
    try:
        leases.find_one({"_id": ""})
    except OperationFailure as error:
        if error.code != UNAUTHORIZED:
            raise
        missing = {"find"}
    status = leases.database.command("connectionStatus", showPrivileges=True)["authInfo"]
    if status["authenticatedUsers"]:
        missing |= _NEEDED - _granted(status["authenticatedUserPrivileges"], leases.database.name)
    if missing:
        raise ConfigurationError(
            f"{where}: the user may not {', '.join(sorted(missing))} in {COLLECTION}: name a user in the "
            f"URL who has the role readWrite on the database {leases.database.name}"
        )


def _granted(privileges: Sequence[Mapping[str, Any]], database: str) -> set[str]:
    """Return the actions that these privileges allow on our collection."""
    actions = set[str]()
    for privilege in privileges:
        resource = privilege["resource"]
        is_ours = resource.get("db") in {database, ""} and resource.get("collection") in {COLLECTION, ""}
        if is_ours or resource.get("anyResource"):
            actions.update(privilege["actions"])
    return actions


def _check_collection(leases: Leases, where: str) -> None:
    """Check that the collection, if it exists, keeps documents, under exactly that name."""
    try:
        found = list(leases.database.list_collections(filter={"name": COLLECTION}))
    except OperationFailure as error:
        if error.code == UNAUTHORIZED:
            return  # who may use it need not be allowed to describe it
        raise
    for info in found:
        kind, options = info["type"], info.get("options", {})
        # A capped one forgets; a collation may take two names for one.
        wrong = [kind] if kind != "collection" else sorted({"capped", "collation"} & options.keys())
        if wrong:
            raise ConfigurationError(
                f"{where}: {COLLECTION} is no plain collection ({wrong[0]}): drop or rename it, and the "
                f"first election creates one"
            )
