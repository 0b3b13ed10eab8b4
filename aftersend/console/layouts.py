"""How each report looks: on a terminal, and as the rows of a CSV file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import click
import msgspec
from rich.console import RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from aftersend.console.tables import bar, console, iso_clock, number, percent, plural, table
from aftersend.receiver.answers import Row
from aftersend.receiver.reports import rate
from aftersend.vocabulary import Kind

ALWAYS = (
    Kind.SENT,
    Kind.DELIVERED,
    Kind.BOUNCED,
    Kind.DROPPED,
    Kind.OPENED,
    Kind.CLICKED,
    Kind.UNSUBSCRIBED,
    Kind.COMPLAINED,
)
"""Kinds a table shows even when nothing happened."""
PER_SENT = {Kind.DELIVERED, Kind.BOUNCED, Kind.DEFERRED, Kind.FAILED}
NO_RATE = {Kind.QUEUED, Kind.SENT, Kind.DROPPED, Kind.OTHER}
STYLES = {
    Kind.BOUNCED: "red",
    Kind.DROPPED: "red",
    Kind.FAILED: "red",
    Kind.COMPLAINED: "red",
    Kind.UNSUBSCRIBED: "yellow",
    Kind.OPENED: "green",
    Kind.CLICKED: "green",
}
Counts = Mapping[Kind, Mapping[str, int]]


class Layout(msgspec.Struct, frozen=True):
    """How one report is shown."""

    show: Callable[[Any, Any], None]
    """(answer, question): print it for people."""
    columns: Sequence[str]
    """Of the CSV."""
    rows: Callable[[Any], Iterator[Mapping[str, Any]]]
    """The lines of the CSV."""


# -- aggregates ------------------------------------------------------------------------------------------


def _show_funnel(answer: Any, question: Any) -> None:
    counts: Counts = answer["counts"]
    of = answer["source"] or "all sources"
    if answer["campaign_id"]:
        of += f", campaign {answer['campaign_id']}"
    shown = table(f"Funnel of {escape(of)}", "", "total", "unique", "rate", "", right=("total", "unique", "rate"))
    for line in _funnel_lines(counts):
        shown.add_row(*line)
    console().print(shown)
    _print_footer(answer, question)


def _funnel_lines(counts: Counts) -> Iterator[list[RenderableType]]:
    """A line per kind: totals, the rate on the base that goes with it, and a bar on the largest count."""
    largest = max(1, *(counts[kind]["unique"] for kind in Kind))
    for kind in Kind:
        total, unique = counts[kind]["total"], counts[kind]["unique"]
        if kind not in ALWAYS and not total:
            continue
        base = counts[Kind.SENT if kind in PER_SENT else Kind.DELIVERED]["unique"]
        share = None if kind in NO_RATE else rate(unique, base)
        style = STYLES.get(kind, "cyan")
        yield [
            Text(kind.replace("_", " "), style=style),
            number(total),
            number(unique),
            "" if kind in NO_RATE else percent(share),
            bar(unique / largest, style=style),
        ]


def _funnel_rows(answer: Any) -> Iterator[Mapping[str, Any]]:
    for kind in Kind:
        yield {"kind": kind, **answer["counts"][kind]}


def _show_timeline(answer: Any, question: Any) -> None:
    largest = max((slot["counts"][Kind.SENT]["unique"] for slot in answer["slots"]), default=0) or 1
    shown = _counts_table(f"Timeline by {answer['unit']}, {answer['time_zone']}", "from")
    for slot in answer["slots"]:
        start = slot["start"][:16].replace("T", " ")
        shown.add_row(start if answer["unit"] == "hour" else start[:10], *_figures(slot, largest))
    console().print(shown)
    _print_footer(answer, question)


def _show_campaigns(answer: Any, question: Any) -> None:
    several = len({row["source"] for row in answer["campaigns"]}) > 1
    shown = _counts_table("Campaigns", "campaign", "first", *(["source"] if several else []))
    largest = max((row["counts"][Kind.SENT]["unique"] for row in answer["campaigns"]), default=0) or 1
    for row in answer["campaigns"]:
        shown.add_row(
            escape(row["campaign_id"] or "–"),
            iso_clock(row["first_at"], question.time_zone)[:10],
            *([row["source"]] if several else []),
            *_figures(row, largest),
        )
    console().print(shown)
    _print_footer(answer, question)


def _counts_table(title: str, *columns: str) -> Table:
    figures = ("sent", "dropped", "bounced", "opened", "clicked", "open %", "click %")
    bars = ("",) if _wide() else ()
    return table(title, *columns, *figures, *bars, right=figures, whole=columns)


def _figures(slot: Any, largest: int) -> list[RenderableType]:
    """The unique counts and rates of a row, and where there is room a bar of what was sent."""
    kinds = (Kind.SENT, Kind.DROPPED, Kind.BOUNCED, Kind.OPENED, Kind.CLICKED)
    unique = [slot["counts"][kind]["unique"] for kind in kinds]
    rates = [percent(slot["rates"][name]).removesuffix(" %") for name in ("open", "click")]
    return [*map(number, unique), *rates, *([bar(unique[0] / largest, 16)] if _wide() else [])]


def _wide() -> bool:
    return console().width >= 100


def _timeline_rows(answer: Any) -> Iterator[Mapping[str, Any]]:
    for slot in answer["slots"]:
        yield {"start": slot["start"], "end": slot["end"], **_flat(slot["counts"])}


def _campaign_rows(answer: Any) -> Iterator[Mapping[str, Any]]:
    for row in answer["campaigns"]:
        rates = {f"{name}_rate": value for name, value in row["rates"].items()}
        yield {**row, **_flat(row["counts"]), **rates}


def _flat(counts: Counts) -> dict[str, int]:
    """``sent``, ``sent_unique``, ``delivered``, …"""
    totals = {str(kind): counts[kind]["total"] for kind in Kind}
    return totals | {f"{kind}_unique": counts[kind]["unique"] for kind in Kind}


_FLAT = [name for kind in Kind for name in (str(kind), f"{kind}_unique")]


# -- lists -----------------------------------------------------------------------------------------------


def _show_events(answer: Any, question: Any) -> None:
    if not answer["rows"]:
        click.echo("Nothing.")
    else:
        shown = table(
            "", "when", "what", "who", "campaign", "detail", "by", "seen through", whole=("when", "what", "campaign")
        )
        for row in answer["rows"]:
            shown.add_row(
                iso_clock(row["occurred_at"], question.time_zone),
                Text(row["kind"].replace("_", " "), style=STYLES.get(Kind(row["kind"]), "cyan")),
                escape(_who(row)),
                escape(row["campaign_id"] or "–"),
                escape(_detail(row)),
                "" if row["machine"] == "unknown" else row["machine"],
                ", ".join(row["doors"]),
            )
        console().print(shown)
    _print_footer(answer, question)


def _who(row: Row) -> str:
    named = row["email"] or row["phone"] or row["contact_id"] or "–"
    return f"{named} ({row['external_id']})" if row["external_id"] else named


def _detail(row: Row) -> str:
    return " ".join(part for part in (row["bounce_class"], row["smtp_code"], row["reason"], row["url"]) if part)


def _event_rows(answer: Any) -> Iterator[Mapping[str, Any]]:
    yield from answer["rows"]


# -- contacts --------------------------------------------------------------------------------------------


def _show_contacts(answer: Any, question: Any) -> None:
    if not answer["contacts"]:
        click.echo("There is no such contact.")
    for contact in answer["contacts"]:
        ids = [contact["email"], contact["phone"], contact["contact_id"], contact["external_id"]]
        console().print(f"[bold]{escape(' · '.join(text for text in ids if text))}[/] at {contact['source']}")
        happened = [
            plural(count["total"], kind.replace("_", " "), kind.replace("_", " "))
            for kind, count in contact["counts"].items()
            if count["total"]
        ]
        console().print(f"  {', '.join(happened) or 'nothing happened'}")
        shown = table(
            "",
            "campaign",
            "what",
            "times",
            "first",
            "last",
            right=("times",),
            whole=("campaign", "what", "first", "last"),
        )
        for message in contact["messages"]:
            for kind, outcome in message["outcomes"].items():
                shown.add_row(
                    escape(message["campaign_id"] or "–"),
                    Text(kind.replace("_", " "), style=STYLES.get(Kind(kind), "cyan")),
                    number(outcome["count"]),
                    iso_clock(outcome["first_at"], question.time_zone),
                    iso_clock(outcome["last_at"], question.time_zone),
                )
            shown.add_section()
        console().print(shown)
    _print_footer(answer, question)


def _contact_rows(answer: Any) -> Iterator[Mapping[str, Any]]:
    for contact in answer["contacts"]:
        yield {**contact, **_flat(contact["counts"])}


def _print_footer(answer: Any, question: Any) -> None:
    """Up to when the answer can be relied on."""
    zone = question.time_zone
    until = answer["complete_until"]
    parts = [
        f"As of {iso_clock(answer['as_of'], zone)} {zone}" if answer["as_of"] else "Nothing has come in yet",
        f"complete until {iso_clock(until, zone)}" if until else "not yet complete",
    ]
    if answer.get("derived"):
        parts.append("delivered is derived: sent − bounced")
    console().print(f"[dim]{'; '.join(parts)}.[/]")


_IDS = ["contact_id", "external_id", "email", "phone"]
FUNNEL = Layout(_show_funnel, ["kind", "total", "unique"], _funnel_rows)
TIMELINE = Layout(_show_timeline, ["start", "end", *_FLAT], _timeline_rows)
CAMPAIGNS = Layout(
    _show_campaigns,
    ["source", "campaign_id", "first_at", "last_at", *_FLAT, "open_rate", "click_rate", "bounce_rate"],
    _campaign_rows,
)
EVENTS = Layout(_show_events, list(Row.__annotations__), _event_rows)
CONTACTS = Layout(_show_contacts, ["source", *_IDS, "first_at", "last_at", *_FLAT], _contact_rows)
