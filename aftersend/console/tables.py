"""How a command shows a list: a table for people, JSON and CSV for machines."""

from __future__ import annotations

import csv
import json
import shutil
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

import click
from rich import box
from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from aftersend.printable import in_json, on_lines
from aftersend.receiver.lines import harmless
from aftersend.vocabulary import Instant, now
from aftersend.zones import moment

Form = Literal["table", "json", "csv"]
Command = Callable[..., Any]
UNCUT = 220
"""Columns of a table that isn't shown on a terminal: wide enough that nothing is cut for `grep`."""
_BAR = "▏▎▍▌▋▊▉█"


class Shown(Console):
    """A terminal that no text steers: names and reasons are told by strangers."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=on_lines(segment.text))


def console() -> Console:
    """Where tables and progress are printed; wide where there is no terminal."""
    if sys.stdout.isatty():
        return Shown(highlight=False)
    return Shown(highlight=False, width=max(shutil.get_terminal_size((UNCUT, 24)).columns, UNCUT))


def json_option(command: Command) -> Command:
    """``--json``: the command gets ``form`` = ``table`` or ``json``."""
    return click.option("--json", "form", flag_value="json", default="table", help="JSON for machines.")(command)


def form_options(command: Command) -> Command:
    """``--json`` and ``--csv``: the command gets ``form`` = ``table``, ``json`` or ``csv``."""
    return click.option("--csv", "form", flag_value="csv", help="CSV with a header line.")(json_option(command))


def print_json(value: Any) -> None:
    """Indented JSON in UTF-8 as it is, but for what a terminal would obey."""
    click.echo(in_json(json.dumps(value, indent=2, ensure_ascii=False)))


def print_csv(rows: Iterable[Mapping[str, Any]], columns: Sequence[str], *, safe: bool = False) -> None:
    """A header line and a line per row; lists joined by spaces, other structures as JSON, absent ones empty. ``safe``
    as in :class:`~aftersend.receiver.lines.Csv`."""
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        cells = [_cell(row.get(column)) for column in columns]
        writer.writerow([harmless(cell) for cell in cells] if safe else cells)


def table(title: str, *columns: str, right: Sequence[str] = (), whole: Sequence[str] = ()) -> Table:
    """An empty table in our style. Columns named in ``right`` are figures; these and those in ``whole`` are never
    broken into lines, the others give way where the terminal is narrow."""
    made = Table(
        title=title,
        title_justify="left",
        title_style="bold",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        collapse_padding=True,
    )
    for column in columns:
        justify: Literal["left", "right"] = "right" if column in right else "left"
        made.add_column(column, justify=justify, overflow="fold", no_wrap=column in right or column in whole)
    return made


def bar(share: float, width: int = 24, style: str = "cyan") -> Text:
    """A share between 0 and 1 as a bar of blocks, to an eighth of a character."""
    eighths = round(max(0.0, min(1.0, share)) * width * 8)
    full, rest = divmod(eighths, 8)
    return Text("█" * full + (_BAR[rest - 1] if rest else ""), style=style)


def number(value: int | float | None) -> str:
    """``12,345``; a dash where there is none."""
    return "–" if value is None else f"{value:,}"


def percent(share: float | None) -> str:
    """``69.9 %``; a dash where there is no base."""
    return "–" if share is None else f"{share * 100:.1f} %"


def clock(at: Instant | None, zone_name: str = "UTC") -> str:
    """``2026-11-21 10:00:05`` in a zone; a dash where there is none."""
    return "–" if at is None else moment(at, zone_name).strftime("%Y-%m-%d %H:%M:%S")


def iso_clock(text: str | None, zone_name: str = "UTC") -> str:
    """The same for an instant in ISO form, as reports carry it."""
    return "–" if text is None else clock(int(datetime.fromisoformat(text).timestamp() * 1000), zone_name)


def near_clock(text: str | None, zone_name: str = "UTC") -> str:
    """The same, without the date where that is today's."""
    return iso_clock(text, zone_name).removeprefix(f"{clock(now(), zone_name)[:10]} ")


def span(milliseconds: int | None) -> str:
    """A length of time as people say it: ``850 ms``, ``12 s``, ``4 min``, ``3 h 20 min``, ``2 d 4 h``."""
    if milliseconds is None:
        return "–"
    if milliseconds < 1000:
        return f"{milliseconds} ms"
    minutes, seconds = divmod(milliseconds // 1000, 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days} d {hours} h"
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min" if minutes else f"{seconds} s"


def plural(count: int, one: str, many: str | None = None) -> str:
    """``1 delivery``, ``1,234 deliveries``."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def _cell(value: Any) -> Any:
    if isinstance(value, list) and all(isinstance(part, str) for part in value):
        return " ".join(value)
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict) else value
