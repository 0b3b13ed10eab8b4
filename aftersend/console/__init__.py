"""The `aftersend` command: a group whose commands are loaded only when they are called.

Every command takes ``--config PATH``, before or after its name, and ends with 0 (done), 1 (failed) or 2
(called wrongly). An error is one sentence on stderr: no traceback, no secret.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

import click

from aftersend import __version__
from aftersend.printable import on_one_line
from aftersend.vocabulary import AftersendError, BadInput

COMMANDS = {
    "up": ("up", "Run everything in the foreground."),
    "migrate": ("store", "Bring the schema to the current version."),
    "serve": ("processes", "Run the receiver."),
    "worker": ("processes", "Run one worker."),
    "scheduler": ("processes", "Run one scheduler."),
    "sync": ("sync", "Poll SOURCE now."),
    "drain": ("store", "Work off the whole inbox, then exit."),
    "sources": ("sources", "List the sources, their feeds and how they are doing."),
    "check": ("sources", "Check SOURCE and print its setup."),
    "connect": ("connect", "Connect SOURCE to its platform by OAuth."),
    "report": ("report", "Print a report."),
    "export": ("export", "Write events or messages as CSV or JSON Lines."),
    "quarantine": ("store", "List the items that could not be understood."),
    "replay": ("store", "Read deliveries again after a mapping was mended."),
    "rebuild": ("store", "Recompute every derived table from the events."),
    "doctor": ("doctor", "Look for anything that is wrong."),
    "keys": ("keys", "Manage API keys."),
    "sandbox": ("sandbox", "Run the sandbox provider alone."),
}
"""Name of the command → module that has it under the same name, and what it does in one sentence."""


def _remember_config(context: click.Context, _parameter: click.Parameter, value: str | None) -> None:
    if value is not None:
        context.meta["aftersend.config"] = value


CONFIG = click.Option(
    ["--config"],
    metavar="PATH",
    expose_value=False,
    callback=_remember_config,
    help="Configuration file; default: $AFTERSEND_CONFIG, else aftersend.toml.",
)


class LazyGroup(click.Group):
    """Loads a command's module when the command is called, so that `aftersend --help` stays quick."""

    def list_commands(self, _context: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, _context: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        module = importlib.import_module(f"{__name__}.{COMMANDS[name][0]}")
        command: click.Command = getattr(module, name)
        _accept_config(command)
        return command

    def format_commands(self, _context: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, sentence) for name, (_, sentence) in COMMANDS.items()])


def _accept_config(command: click.Command) -> None:
    """Give a command, and the commands below it, the option every command has."""
    if CONFIG not in command.params:
        command.params.append(CONFIG)
    for below in command.commands.values() if isinstance(command, click.Group) else ():
        _accept_config(below)


@click.group(cls=LazyGroup, params=[CONFIG], context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, package_name="aftersend")
def cli() -> None:
    """What happened to every email after it was sent, from every platform, in one store, once each."""


def main() -> NoReturn:
    """The entry point of the `aftersend` command."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit status; a failure is told on stderr in one sentence."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError):  # a terminal that can't show a character shows '?'
            stream.reconfigure(errors="replace")  # type: ignore[union-attr]
    try:
        status: Any = cli.main(list(arguments), prog_name="aftersend", standalone_mode=False)
        sys.stdout.flush()
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return 2
    except click.UsageError as error:
        where = error.ctx.command_path if error.ctx else "aftersend"
        return _fail(f"{error.format_message().rstrip('.')}; see '{where} --help'.", 2)
    except BadInput as error:
        return _fail(str(error), 2)
    except (AftersendError, click.ClickException) as error:
        return _fail(str(error), 1)
    except (KeyboardInterrupt, click.Abort):
        return _fail("Interrupted; the same command goes on where this one stopped.", 1)
    except BrokenPipeError:
        # The reader (`| head`) has gone; Python would complain once more when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        return _fail(f"{error.filename or 'The system'}: {error.strerror or type(error).__name__}.", 1)
    except Exception as error:  # the last guard: a bug must not print a traceback, whose values may be secret
        return _fail(f"Internal error {type(error).__name__} at {_place(error)}: please report it.", 1)
    return status if isinstance(status, int) else 0


def _fail(sentence: str, status: int) -> int:
    """Say what went wrong in one line, which may quote a platform."""
    with contextlib.suppress(OSError):
        shown = on_one_line(" ".join(sentence.split()))
        click.echo(f"{click.style('aftersend:', fg='red', bold=True)} {shown}", err=True)
    return status


def _place(error: BaseException) -> str:
    """File and line of ours where an error arose, the innermost."""
    home = str(Path(__file__).parent.parent)
    frames = traceback.extract_tb(error.__traceback__)
    frame = next((f for f in reversed(frames) if f.filename.startswith(home)), frames[-1])
    return f"{Path(frame.filename).name}:{frame.lineno}"
