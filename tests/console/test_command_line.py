"""What every command has in common: help, --config, exit statuses, errors of one sentence."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import click
import pytest

from aftersend.console import COMMANDS, cli

from .conftest import CONFIG, command, configure


def _paths(group: click.Group, above: tuple[str, ...] = ()):
    """The names of every command, with those below it."""
    context = click.Context(group)
    for name in group.list_commands(context):
        found = group.get_command(context, name)
        yield (*above, name), found
        if isinstance(found, click.Group):
            yield from _paths(found, (*above, name))


PATHS = list(_paths(cli))


@pytest.mark.parametrize(
    ("path", "found"), PATHS, ids=lambda value: " ".join(value) if isinstance(value, tuple) else ""
)
def test_every_command_explains_itself_and_takes_config(call, path, found):
    called = call(*path, "--help")
    assert called.status == 0
    assert called.out.startswith(f"Usage: aftersend {' '.join(path)}")
    assert "--config PATH" in called.out
    assert called.err == ""
    assert found.help


@pytest.mark.parametrize("name", COMMANDS)
def test_the_list_of_commands_says_what_each_commands_help_begins_with(name):
    found = cli.get_command(click.Context(cli), name)
    first_paragraph = " ".join(found.help.split("\n\n")[0].split())
    assert first_paragraph.startswith(COMMANDS[name][1].removesuffix("."))


def test_the_commands_are_those_of_the_interface():
    assert " ".join(COMMANDS) == (
        "up migrate serve worker scheduler sync drain sources check connect report export quarantine "
        "replay rebuild doctor keys sandbox"
    )


def test_help_needs_none_of_the_heavy_modules():
    code = (
        "import sys; from aftersend.console import run; run(['--help']); "
        "print(sorted({'rich', 'flask', 'rq', 'sqlite3', 'requests'} & set(sys.modules)))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.splitlines()[-1] == "[]"


@pytest.mark.parametrize("before", [True, False])
def test_config_is_accepted_before_and_after_the_command(call, directory, before):
    (directory / "elsewhere").mkdir()
    other = directory / "elsewhere" / "other.toml"
    other.write_text('[server]\ndatabase = "sqlite:///elsewhere/other.db"\n')
    option = ("--config", str(other))
    called = call(*option, "migrate") if before else call("migrate", *option)
    assert (called.status, called.err) == (0, "")
    assert not Path("data").exists()
    assert any(path.name.startswith("other") for path in other.parent.iterdir() if path != other)


def test_config_is_accepted_after_a_command_below_a_command(call, directory):
    (directory / "other.toml").write_text('[server]\ndatabase = "sqlite:///other.db"\n')
    assert call("migrate", "--config", "other.toml").status == 0
    called = call("keys", "list", "--json", "--config", "other.toml")
    assert (called.status, called.json) == (0, [])


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["nosuch"], "No such command 'nosuch'; see 'aftersend --help'."),
        (["migrate", "--nosuch"], "No such option '--nosuch'.; see 'aftersend migrate --help'."),
        (["sync"], "Missing argument 'SOURCE'; see 'aftersend sync --help'."),
        (
            ["sync", "acme", "--from", "2025-13-01"],
            "Invalid value for '--from': '2025-13-01' is not a day, as 2026-11-21 is; see 'aftersend sync --help'.",
        ),
        (
            ["sync", "acme", "--to", "yesterday"],
            "Invalid value for '--to': 'yesterday' is not a day, as 2026-11-21 is; see 'aftersend sync --help'.",
        ),
        (
            ["sync", "acme", "--from", "2025-03-02", "--to", "2025-03-01"],
            "--from 2025-03-02 lies after --to 2025-03-01; see 'aftersend sync --help'.",
        ),
        (
            ["keys", "create", "anna", "--expires", "soon"],
            "Invalid value for '--expires': --expires = 'soon' is not a duration; write 2s, 5m, 1h or 7d; "
            "see 'aftersend keys create --help'.",
        ),
        (
            ["replay", "--delivery", "1", "--source", "acme"],
            "--delivery names deliveries already; leave out the other conditions; see 'aftersend replay --help'.",
        ),
    ],
)
def test_a_wrong_call_is_one_sentence_and_status_2(call, installation, arguments, sentence):
    called = call(*arguments)
    assert (called.status, called.out) == (2, "")
    assert called.sentence.replace("'.;", "';") == sentence.replace("'.;", "';")


def test_without_a_command_the_help_is_shown_with_status_2(call):
    called = call()
    assert called.status == 2
    assert "Usage: aftersend" in called.out + called.err


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[server", "aftersend.toml is not valid TOML: "),
        ("[nosuch]\n", "aftersend.toml: unknown table [nosuch]; known are [server], [limits] and [[sources]]."),
        (
            CONFIG.format(port=1, base_url="", api_key="${NO_SUCH_VARIABLE}"),
            "sources[1].api_key needs the environment variable NO_SUCH_VARIABLE, which is not set.",
        ),
        ('[server]\ndatabase = "mysql:///x"\n', "server.database must begin with sqlite:///"),
    ],
)
def test_a_wrong_configuration_is_one_sentence_and_status_1(call, directory, text, sentence):
    (directory / "aftersend.toml").write_text(text)
    called = call("migrate")
    assert (called.status, called.out) == (1, "")
    assert called.sentence.startswith(sentence)


def test_a_missing_configuration_file_is_named(call):
    called = call("--config", "nosuch.toml", "sources")
    assert (called.status, called.sentence) == (1, "There is no configuration file nosuch.toml.")


@pytest.mark.parametrize(
    "arguments",
    [
        ["sync", "nosuch"],
        ["check", "nosuch"],
        ["replay", "--source", "nosuch"],
        ["keys", "create", "a", "--source", "nosuch"],
    ],
)
def test_an_unknown_source_is_answered_with_those_that_exist(call, installation, arguments):
    called = call(*arguments)
    assert (called.status, called.sentence) == (1, "There is no source 'nosuch'; configured: acme.")


@pytest.mark.parametrize(
    "arguments",
    [["drain"], ["quarantine"], ["replay"], ["rebuild"], ["report", "funnel"], ["keys", "list"], ["sync", "acme"]],
)
def test_before_the_first_migration_the_sentence_says_what_to_run(call, arguments):
    configure()
    called = call(*arguments)
    assert (called.status, called.out) == (1, "")
    assert "aftersend migrate" in called.sentence


def test_a_file_that_is_no_database_is_one_sentence(call, directory):
    configure()
    (directory / "data").mkdir()
    for name in ("aftersend.db", "aftersend-inbox.db", "inbox.db", "aftersend.inbox.db"):
        (directory / "data" / name).write_bytes(b"this is no database, " * 100)
    called = call("migrate")
    assert called.status == 1
    assert called.sentence


def test_a_reader_that_goes_away_is_no_failure_with_a_traceback(installation):
    process = subprocess.run(
        f"{' '.join(command('report', 'funnel', '--json'))} | true",
        shell=True,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in process.stderr
    assert "Exception ignored" not in process.stderr
