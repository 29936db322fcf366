"""Every option may be given in the environment as well, and the store in a file."""

from __future__ import annotations

import argparse
from datetime import datetime, timezone
from types import SimpleNamespace

import pytest

from incumbent.cli import main, options
from incumbent.cli.options import OPTIONS

GIVEN = {
    "--store": ("memory:", "memory:"),
    "--lease": ("reports", "reports"),
    "--scratch-lease": ("scratch", "scratch"),
    "--id": ("anna", "anna"),
    "--trace": ("traces", "traces"),
    "--health": ("[::1]:8008", ("::1", 8008)),
    "--metrics": ("1", True),
    "--by": ("me", "me"),
    "--once": ("1", True),
    "--restart": ("yes", True),
    "--pass-fds": ("1", True),
    "--json": ("TRUE", True),
    "--quiet": ("on", True),
    "--log-format": ("json", "json"),
    "--check": ("held-by anna", ["held-by", "anna"]),
    "--every": ("2m", 120.0),
    "--lease-duration": ("1h", 3600.0),
    "--renew-deadline": ("10s", 10.0),
    "--retry-period": ("500ms", 0.5),
    "--takeover-delay": ("1.5", 1.5),
    "--stop-timeout": ("0", 0.0),
    "--hold-for": ("2h", 7200.0),
    "--to": ("b", "b"),
    "--until": ("2500-01-01T00:00Z", datetime(2500, 1, 1, tzinfo=timezone.utc)),
}


@pytest.fixture
def parsed(monkeypatch):
    """What a command gets as its arguments."""
    taken = []
    module = SimpleNamespace(main=lambda arguments: taken.append(arguments) or 0)
    monkeypatch.setattr("incumbent.cli._module", lambda _: module)

    def parse(*words):
        assert main(list(words)) == 0
        return taken.pop()

    return parse


ALL = [
    pytest.param(command, option, id=f"{command} {option.flag}")
    for command, of_command in OPTIONS.items()
    for option in of_command
    if option.flag != "--store-file"
]


@pytest.mark.parametrize(("command", "option"), ALL)
def test_each_option_is_a_variable(command, option, monkeypatch, parsed):
    """The command line wins over it."""
    text, value = GIVEN[option.flag]
    rest = ["--", "true"] if command == "run" else []
    monkeypatch.setenv("INCUMBENT_STORE", "memory:")
    monkeypatch.setenv(option.variable, text)
    assert getattr(parsed(command, *rest), option.name) == value

    if not option.value:
        monkeypatch.setenv(option.variable, "0")
        assert getattr(parsed(command, *rest), option.name) is False
        assert getattr(parsed(command, option.flag, *rest), option.name) is True
        return
    monkeypatch.setenv(option.variable, "\x1b nonsense")
    assert getattr(parsed(command, option.flag, *text.split(), *rest), option.name) == value


@pytest.mark.parametrize(
    ("variable", "text", "hint"),
    [
        ("INCUMBENT_ONCE", "maybe", "neither on nor off: give 1 or 0"),
        ("INCUMBENT_ONCE", "", "neither on nor off"),
        ("INCUMBENT_LEASE_DURATION", "15 s", "is no duration"),
        ("INCUMBENT_LEASE_DURATION", "", "is no duration"),
        ("INCUMBENT_LOG_FORMAT", "xml", "give one of text, json"),
        ("INCUMBENT_STORE", "", "no scheme known here"),
        ("INCUMBENT_STORE", "nowhere://user:SECRET@host", "no scheme known here"),
        ("INCUMBENT_LEASE", "", "lease is ''"),
    ],
)
def test_a_variable_that_is_wrong_is_2(variable, text, hint, monkeypatch, capsys):
    """Its name is told, and no more of it than is safe."""
    monkeypatch.setenv("INCUMBENT_STORE", "memory:")
    monkeypatch.setenv(variable, text)
    try:
        code = main(["run", "--", "true"])
    except SystemExit as ended:  # the parser's own
        code = ended.code
    assert code == 2
    err = capsys.readouterr().err
    assert hint in err
    assert "SECRET" not in err


def test_variables_of_other_commands_are_not_read(monkeypatch, parsed):
    """`status` does not mind what only `run` understands."""
    monkeypatch.setenv("INCUMBENT_LEASE_DURATION", "nonsense")
    parsed("status", "--store", "memory:")


def test_the_store_may_be_in_a_file(tmp_path, monkeypatch, parsed):
    """By option or by variable; blanks around it do not matter, nor a byte order mark, nor what it holds."""
    secret = tmp_path / "store"
    secret.write_text("\ufeff\n  redis://user:p%23ss@host:6379/0?wait=1 \r\n\n")
    url = "redis://user:p%23ss@host:6379/0?wait=1"
    assert parsed("status", "--store-file", str(secret)).store == url
    assert parsed("check-store", "--store-file", str(secret)).store == url
    monkeypatch.setenv("INCUMBENT_STORE", "memory:")
    assert parsed("status", "--store-file", str(secret)).store == url
    monkeypatch.delenv("INCUMBENT_STORE")
    monkeypatch.setenv("INCUMBENT_STORE_FILE", str(secret))
    assert parsed("run", "--", "true").store == url
    assert parsed("run", "--store", "memory:", "--", "true").store == "memory:"
    assert parsed("check-store", "memory:").store == "memory:"


@pytest.mark.parametrize(
    "content", [b"", b"\n \n", b"memory:\nredis://u:SECRET@h", b"\xff\xfeSECRET", b"S" * 100_000, None]
)
def test_a_file_that_holds_no_url_is_2(content, tmp_path, capsys):
    """Its name is told, and nothing of what it holds."""
    file = tmp_path / "store"
    if content is not None:
        file.write_bytes(content)
    assert main(["status", "--store-file", str(file)]) == 2
    err = capsys.readouterr().err
    assert str(file) in err
    assert "SECRET" not in err
    assert len(err) < 500


def test_a_store_file_may_be_named_like_a_url(tmp_path, monkeypatch, parsed):
    """Its name is only taken for a mistake where there is no such file."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "store:prod@eu").write_text("memory:")
    assert parsed("status", "--store-file", "store:prod@eu").store == "memory:"


@pytest.mark.parametrize("name", ["a\0b", "/", "x" * 5000])
def test_what_can_be_no_store_file_is_2(name, capsys):
    """No traceback."""
    assert main(["status", "--store-file", name]) == 2
    assert "cannot be read" in capsys.readouterr().err


def test_the_store_is_given_once(tmp_path, monkeypatch, capsys):
    """Of two places, neither is taken silently."""
    monkeypatch.setenv("INCUMBENT_STORE", "memory:")
    monkeypatch.setenv("INCUMBENT_STORE_FILE", str(tmp_path / "x"))
    with pytest.raises(SystemExit) as ended:
        main(["status"])
    assert ended.value.code == 2
    assert "more than once" in capsys.readouterr().err


def test_a_run_within_a_run_is_not_to_wait_for_its_own_lease(monkeypatch, capsys, parsed):
    """The command of a run finds INCUMBENT_LEASE; a run of its own would wait for that for ever."""
    monkeypatch.setenv("INCUMBENT_STORE", "memory:")
    monkeypatch.setenv("INCUMBENT_LEASE", "outer")
    monkeypatch.setenv("INCUMBENT_TOKEN", "7")
    with pytest.raises(SystemExit) as ended:
        main(["run", "--", "true"])
    assert ended.value.code == 2
    assert "--lease" in capsys.readouterr().err
    assert parsed("run", "--lease", "inner", "--", "true").lease == "inner"
    assert parsed("status").lease == "outer"


def test_the_default_store_is_announced_with_its_reach(tmp_path, monkeypatch, capsys, caplog):
    """Once, in one line: three machines with a file each elect three leaders. `--quiet` does not hide it."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert main(["status", "--quiet"]) == 1
    (record,) = caplog.records
    assert record.levelname == "WARNING"
    assert str(tmp_path / "incumbent" / "leases.db") in record.getMessage()
    assert "only this user's processes on this machine" in record.getMessage()
    assert "--store" in record.getMessage()
    caplog.clear()
    assert main(["status", "--store", f"sqlite:///{tmp_path}/x.db"]) == 1
    assert caplog.records == []


@pytest.mark.parametrize("home", ["~/.local/state/incumbent", RuntimeError("no home")])
def test_without_a_home_the_store_must_be_named(home, monkeypatch, capsys, tmp_path):
    """A user without a passwd entry, as in a container: whatever platformdirs makes of it."""

    def user_state_path(_):
        if isinstance(home, Exception):
            raise home
        return home

    monkeypatch.setattr("platformdirs.user_state_path", user_state_path)
    monkeypatch.chdir(tmp_path)
    for words in (["status"], ["resign"], ["watch"], ["run", "--", "true"]):
        assert main(words) == 2
        assert "name a store by --store" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_path_from_a_home_that_is_not_known_is_2(monkeypatch, capsys):
    """`~` without HOME, and the home of nobody."""
    for words in (["status"], ["run", "--lease", "x", "--", "true"]):
        assert main([words[0], "--store", "sqlite:///~nosuchuser/x.db", *words[1:]]) == 2
        assert "home directory" in capsys.readouterr().err


def test_every_option_is_used():
    """The table holds no option that its command does not know; `store_file` ends where the URL is read."""
    for command, of_command in OPTIONS.items():
        parser = argparse.ArgumentParser()
        options.add_options(parser, command)
        assert {option.name for option in of_command} <= vars(parser.parse_args([])).keys()
