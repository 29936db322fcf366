"""Whatever stands in a file of leases, and whatever is typed: no traceback, nothing raw, nothing huge."""

from __future__ import annotations

import contextlib
import io
import sqlite3

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from incumbent.cli import main
from incumbent.stores._sqlite_schema import COLUMNS
from incumbent.stores.sqlite import SqliteStore
from support.cli.records import lease_of, look_at

ANYTHING = st.one_of(
    st.text(max_size=50),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False),
    st.binary(max_size=20),
    st.sampled_from(["x" * 100_000, "\x1b[2J\n", "9999-12-31T23:59:59+00:00", "0001-01-01T00:00:00+14:00"]),
    st.datetimes().map(lambda moment: moment.isoformat() + "+00:00"),
)
LIKELY = {name: st.just(value) | ANYTHING for name, value in lease_of("anna").to_fields().items()}
RECORDS = st.fixed_dictionaries(LIKELY | {"name": st.text(min_size=1, max_size=30), "version": st.text()})
PER_CALL = [HealthCheck.function_scoped_fixture]
SAFELY = settings(max_examples=50, deadline=None, suppress_health_check=PER_CALL)
SHORTEST_CUT = 2_000


def said(*words):
    """The exit code of the command, and all that it printed."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        try:
            code = main(list(words))
        except SystemExit as ended:
            code = ended.code
    return code, out.getvalue()


def is_clean(text):
    lines = text.split("\n")
    return all(line.isprintable() for line in lines) and max(map(len, lines)) < SHORTEST_CUT


@SAFELY
@given(record=RECORDS)
def test_any_record_is_shown_or_refused(tmp_path, record):
    """`status`, `resign` and `watch`."""
    path = tmp_path / "leases.db"
    SqliteStore(str(path), "x").close()
    columns = ("name", "version", *COLUMNS)
    connection = sqlite3.connect(path)
    with contextlib.closing(connection), connection:
        connection.execute("DELETE FROM lease")
        connection.execute(
            f"INSERT INTO lease ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})",
            [record[column] for column in columns],
        )
    url = f"sqlite:///{path}"
    for words in (["status"], ["resign", "--by", "me"], ["status", "--lease", record["name"]]):
        code, text = said(*words, "--store", url)
        assert code in {0, 1, 2, 69}
        assert is_clean(text)
    code, text = said("status", "--json", "--store", url)
    assert code in {0, 69}
    assert text.isascii()
    assert is_clean("\n".join(look_at(path).values()))


WORDS = st.lists(
    st.sampled_from(
        ["--store", "--lease", "--store-file", "--check", "held-by", "--json", "--quiet", "--every"]
    )
    | st.text(max_size=20),
    max_size=5,
)


@SAFELY
@given(command=st.sampled_from(["status", "resign"]), words=WORDS)
def test_any_words_are_understood_or_refused(tmp_path, monkeypatch, command, words):
    """What is typed by mistake, or pasted."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    if words != ["--help"]:
        code, text = said(command, *words)
        assert code in {0, 1, 2, 69}
        assert is_clean(text)


@SAFELY
@given(url=st.text() | st.text().map("sqlite:///".__add__))
def test_any_url_is_understood_or_refused(tmp_path, monkeypatch, url):
    """No server is reached."""
    monkeypatch.chdir(tmp_path)
    code, text = said("status", f"--store={url}", "--lease", "x")
    assert code in {0, 1, 2, 69}
    assert is_clean(text)
