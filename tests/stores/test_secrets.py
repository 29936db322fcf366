"""No secret of a store's URL is told by anything, and no URL ends otherwise than by an error of ours."""

from __future__ import annotations

import logging
import socket
import traceback
from contextlib import closing

import pytest
from hypothesis import HealthCheck, assume, example, given, settings

from incumbent.errors import ConfigurationError, StoreError
from incumbent.stores import open_store
from support.stores.records import EXAMPLES
from support.stores.urls import NAMES_A_HOST, mistyped

dns = pytest.importorskip("dns.resolver")
mongodb = pytest.importorskip("incumbent.stores._mongodb_server")


@pytest.fixture(autouse=True)
def _nobody_answers(monkeypatch, tmp_path):
    """No name has an address: a mistyped one might."""

    def unknown(*_, **__):
        raise socket.gaierror(-2, "Name or service not known")

    def no_records(*_, **__):
        raise dns.NXDOMAIN

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    monkeypatch.setattr(dns, "resolve", no_records)
    monkeypatch.setattr(mongodb, "OPEN_TIMEOUT", 0.01)
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    monkeypatch.chdir(tmp_path)


def failure(call):
    try:
        call(timeout=0.01)
    except StoreError as error:
        return told_by(error)
    return ""


def told_by(error):
    """By its traceback, and by what a debugger or a reporter of errors finds behind it."""
    told = traceback.format_exception(error)
    while error is not None:
        told += [str(error), repr(error), repr(vars(error))]
        error = error.__cause__ or error.__context__
    return "\n".join(told)


def told_of(url):
    """All that can be seen of a store, and of how it fails."""
    try:
        store = open_store(url, lease="x")
    except ConfigurationError as error:
        return told_by(error)
    told = []
    with closing(store):
        reached = getattr(store, "_reached", None)
        told += [repr(store), repr(vars(store)), repr(getattr(store, "server", None)), repr(reached)]
        told += [repr(vars(reached))] if reached is not None else []
        told += [failure(store.get_lease), failure(store.delete_lease)]
    return "\n".join(told)


@settings(max_examples=EXAMPLES, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example("redis://user:SECRET@host/0?prefix=app://x")
@example("mongodb://u:SE://SECRET@h/db")
@example("etcd:/root:SECRET@h/p")
@example("etcd://root:12/SECRET@h/p")
@example("consul://:SECRET@host")
@example("postgresql://u:SECRET@host/db?sslmode=SECRET")
@example("postgresql://u@host/db?sslpassword=SECRET&watch=off")
@example("postgresql:///db?password=SECRET")
@example("mongodb://host/db?authSource=SECRET&tlsCertificateKeyFilePassword=SECRET")
@example("mongodb+srv://u:SECRET@host.example.org/db")
@example("redis+sentinel://u:SECRET@host/s?sentinel_password=SECRET")
@example("unix://u:SECRET@/no/such.sock?password=SECRET")
@example("sqlite:///u:SECRET@h/x.db")
@example("sqlite://u:SECRET@h/x.db")
@example("memory://u:SECRET@h")
@given(mistyped())
def test_no_url_tells_its_secret(url):
    assume(not NAMES_A_HOST.fullmatch(url))
    records = []
    handler = logging.Handler(logging.DEBUG)
    handler.emit = lambda record: records.append(record.getMessage())
    logging.getLogger("incumbent").addHandler(handler)
    try:
        told = told_of(url)
    finally:
        logging.getLogger("incumbent").removeHandler(handler)
    assert "SECRET" not in "\n".join([told, *records])
