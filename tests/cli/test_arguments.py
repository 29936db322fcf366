"""The command line itself: light to start, and plain about what is wrong."""

from __future__ import annotations

import contextlib
import re
import subprocess
import sys
from importlib import metadata

import pytest

import incumbent
from incumbent.cli import main
from incumbent.cli.options import OPTIONS
from incumbent.cli.place import default_lease

HEAVY = {
    "rich",
    "psutil",
    "sqlite3",
    "transitions",
    "asyncio",
    "logging",
    "platformdirs",
    "subprocess",
    "dataclasses",
}


@pytest.mark.parametrize("options", [["--help"], ["run", "--help"], ["status", "--help"]])
def test_help_imports_nothing_heavy(options):
    """`--help` costs little more than Python itself."""
    script = (
        "import sys\nbefore = set(sys.modules)\nfrom incumbent.cli import main\n"
        f"try: main({options!r})\nexcept SystemExit: print(*set(sys.modules) - before, file=sys.stderr)"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert "usage: incumbent" in ran.stdout
    assert not HEAVY & set(ran.stderr.split())


def test_help_fits_a_terminal_and_lists_every_exit_code(capsys):
    """80 columns; 0 1 2 69 75 126 127 128+n."""
    with pytest.raises(SystemExit):
        main(["--help"])

    out = capsys.readouterr().out
    assert max(map(len, out.splitlines())) < 80
    assert all(code in out for code in (" 0 ", " 1 ", " 2 ", " 69 ", " 75 ", " 126 ", " 127 ", " 128+n "))


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        pytest.param(["run"], "after --", id="no command"),
        pytest.param(["run", "--"], "after --", id="an empty command"),
        pytest.param(["status", "--", "x"], "only run", id="a command for another"),
        pytest.param(["run", "sleep", "1"], "incumbent run [OPTIONS] -- sleep 1", id="-- forgotten"),
        pytest.param(
            ["run", "--once", "sleep", "1"], "[OPTIONS] -- sleep 1", id="-- forgotten after options"
        ),
        pytest.param(["run", "--bogus"], "unrecognized arguments: --bogus", id="an option that is none"),
        pytest.param(["status", "lease"], "unrecognized arguments: lease", id="a word too many"),
        pytest.param(["run", "--log-format", "xml", "--", "x"], "json", id="no such format"),
        pytest.param(
            ["status", "--store", "memory:", "--store-file", "x"], "more than once", id="two stores"
        ),
        pytest.param(["status", "\x1b[2J\nforged"], r"\x1b[2J\nforged", id="nothing raw"),
        pytest.param(["run", "--lease-duration", "nan", "--", "x"], "0 or more", id="not a number"),
        pytest.param(["run", "--retry-period", "-1", "--", "x"], "0 or more", id="a negative number"),
        pytest.param(["run", "--leas", "x", "--", "x"], "--leas", id="an abbreviation"),
        pytest.param([], "COMMAND", id="nothing"),
    ],
)
def test_wrong_usage_is_2(arguments, hint, capsys):
    """And the message says what to do."""
    with pytest.raises(SystemExit) as ended:
        main(arguments)

    assert ended.value.code == 2
    assert hint in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["status"], ["run", "--lease", "x", "--", "true"]])
def test_dashes_are_no_store(arguments, capsys):
    """Python 3.13 takes them for a value, and the versions before for none."""
    command, *others = arguments
    with pytest.raises(SystemExit) as ended:
        raise SystemExit(main([command, "--store=--", *others]))

    assert ended.value.code == 2
    assert re.search("--store: expected one argument|has no scheme known here", capsys.readouterr().err)


def test_a_store_that_is_none_is_refused_before_a_name_is_asked_for(capsys):
    assert main(["status", "--store", "nosuch://host"]) == 2
    assert "has no scheme known here" in capsys.readouterr().err


@pytest.mark.parametrize(
    "url", ["redis://u:SECRET@h/0", "redis:/u:SECRET@h", "u:SECRET@h", "h/db?password=SECRET"]
)
@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(["status", "URL"], id="a word too many"),
        pytest.param(["run", "--stor", "URL", "--", "x"], id="an option mistyped"),
        pytest.param(["run", "--stor=URL", "--", "x"], id="an option mistyped, in one word"),
        pytest.param(["run", "URL"], id="-- forgotten"),
        pytest.param(["URL"], id="no command"),
        pytest.param(["status", "--store-file", "URL"], id="where a file is expected"),
        pytest.param(["watch", "--every", "URL"], id="where a duration is expected"),
        pytest.param(["simulate", "--seed", "URL"], id="where a number is expected"),
        pytest.param(["watch", "--log-format", "URL"], id="where there is a choice"),
    ],
)
def test_a_url_in_the_wrong_place_is_not_quoted(arguments, url, capsys):
    """It may have a password, and usage messages end in logs, too."""
    with contextlib.suppress(SystemExit):
        assert main([word.replace("URL", url) for word in arguments]) == 2

    said = capsys.readouterr().err
    assert "error" in said or "INCUMBENT_STORE" in said
    assert "SECRET" not in said


@pytest.mark.parametrize("option", ["--html", "--svg", "--json"])
def test_a_url_given_for_a_file_is_not_shown_either(option, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert main(["simulate", "--for", "1", option, "redis://u:SECRET@h/0"]) == 2
    assert main(["explain", "redis://u:SECRET@h/0"]) == 2
    assert "SECRET" not in capsys.readouterr().err


@pytest.mark.timeout(60)  # hours, were it the square
@pytest.mark.parametrize("text", ["x" * 1_000_000, ":" * 1_000_000, "a:b " * 25_000])
def test_a_long_word_too_many_is_refused_at_once(text, capsys):
    """Such as a file's content: to look for URLs in it does not take the square of its length."""
    with pytest.raises(SystemExit):
        main(["status", text])
    assert len(capsys.readouterr().err) < 2_000


@pytest.mark.parametrize("url", ["redis://u:SECRET@h/0", "u:SECRET not encoded@h/0"])
@pytest.mark.parametrize("variable", ["STORE_FILE", "LEASE_DURATION", "ONCE", "LOG_FORMAT"])
def test_a_url_in_the_wrong_variable_is_not_quoted(variable, url, monkeypatch, capsys):
    """The nearest mistake is INCUMBENT_STORE_FILE."""
    monkeypatch.setenv(f"INCUMBENT_{variable}", url)
    with contextlib.suppress(SystemExit):
        assert main(["run", "--", "true"]) == 2
    assert "SECRET" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "hint"),
    [
        (["--lease-duration", "5", "--renew-deadline", "4.9"], "end the command"),
        (["--lease-duration", "5", "--renew-deadline", "6"], "P6"),
        (["--id", ""], "identity"),
        (["--lease", ""], "lease is ''"),
        (["--store", ""], "scheme"),
        (["--store", "nonsense"], "scheme"),
        (["--renew-deadline", "0"], "renew_deadline"),
        (["--retry-period", "0"], "retry_period"),
    ],
)
def test_wrong_configuration_is_2(options, hint, capsys, tmp_path, monkeypatch):
    """Before anything contends."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert main(["run", "--store", f"sqlite:///{tmp_path}/l.db", *options, "--", "true"]) == 2
    assert hint in capsys.readouterr().err


def test_a_state_directory_that_cannot_be_made_is_2(tmp_path, monkeypatch, capsys):
    """And the message names the way out."""
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))

    assert main(["status"]) == 2
    assert "--store" in capsys.readouterr().err


def test_default_names_differ_where_commands_do():
    """Readable, bounded, valid in Kubernetes, and a name for each command line."""
    commands = [["python", "a.py"], ["python", "b.py"], ["python a.py"], ["x" * 100], ["x" * 101], ["/"]]
    names = [default_lease(command) for command in [*commands, ["Ж", "\x1b"], ["X" * 39 + "/" + "y"]]]

    assert len(set(names)) == len(names)
    assert names[0].startswith("python-a-py-")
    assert all(re.fullmatch(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?", name) for name in names)
    assert max(map(len, names)) < 60


def test_default_names_differ_where_directories_do(tmp_path, monkeypatch):
    """`./job.sh` here and `./job.sh` there are two jobs; the same directory by another way is the same."""
    names = []
    for directory in ("here", "there"):
        (tmp_path / directory).mkdir()
        monkeypatch.chdir(tmp_path / directory)
        names.append(default_lease(["./job.sh"]))
    assert names[0] != names[1]

    (tmp_path / "link").symlink_to(tmp_path / "here")
    monkeypatch.chdir(tmp_path / "link")
    assert default_lease(["./job.sh"]) == names[0]


def test_without_a_working_directory_the_lease_must_be_named(tmp_path, monkeypatch, capsys):
    """One that was deleted is no traceback."""
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    assert main(["run", "--store", "memory:", "--", "true"]) == 2
    assert "--lease" in capsys.readouterr().err


def test_the_version_is_told(capsys):
    """The same everywhere."""
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"incumbent {incumbent.__version__}\n"
    assert incumbent.__version__ == metadata.version("incumbent")


@pytest.mark.parametrize("command", OPTIONS)
def test_the_help_of_a_command_fits_on_two_screens(command, capsys):
    """Of 24 lines."""
    with pytest.raises(SystemExit):
        main([command, "--help"])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) <= 48
    assert max(map(len, lines)) < 80


@pytest.mark.parametrize("shell", ["bash", "zsh", "tcsh"])
def test_a_shell_completes_every_command_and_option(shell, capsys):
    """As the parser has them."""
    assert main(["completion", shell]) == 0
    script = capsys.readouterr().out
    for command, options in OPTIONS.items():
        assert command in script
        assert all(option.flag.removeprefix("--") in script for option in options)


def test_without_its_extra_completion_says_what_to_install(capsys, monkeypatch):
    """And the rest of the command works."""
    monkeypatch.setattr("incumbent.cli.completion.find_spec", lambda _: None)
    assert main(["completion", "bash"]) == 2
    assert "pip install 'incumbent[cli]'" in capsys.readouterr().err
