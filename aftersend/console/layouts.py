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
from aftersend.receiver.rounding import ratio
from aftersend.vocabulary import Kind

MOST_RAW = 40
"""Of a platform's own figures in a table."""

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
    of = _of_sources(answer, question)
    if answer["campaign_id"]:
        of += f", campaign {answer['campaign_id']}"
    console().print(_funnel_table(f"Funnel of {escape(of)}", answer["counts"]))
    _print_footer(answer, question)


def _of_sources(answer: Any, question: Any) -> str:
    return answer["source"] or ", ".join(question.source or ()) or "all sources"


def _funnel_table(title: str, counts: Counts) -> Table:
    shown = table(title, "", "total", "unique", "rate", "", right=("total", "unique", "rate"))
    for line in _funnel_lines(counts):
        shown.add_row(*line)
    return shown


def _funnel_lines(counts: Counts) -> Iterator[list[RenderableType]]:
    """A line per kind: totals, the rate on the base that goes with it, and a bar on the largest count."""
    largest = max(1, *(counts[kind]["unique"] for kind in Kind))
    for kind in Kind:
        total, unique = counts[kind]["total"], counts[kind]["unique"]
        if kind not in ALWAYS and not total:
            continue
        base = counts[Kind.SENT if kind in PER_SENT else Kind.DELIVERED]["unique"]
        share = None if kind in NO_RATE else ratio(unique, base, 4)
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


def _show_dashboard(answer: Any, question: Any) -> None:
    of, days = _of_sources(answer, question), plural(answer["days"], "day")
    last = answer["slots"][-1]["start"][:10]
    figures = ("unique", "before", "change", "total")
    console().print(f"[bold]{escape(of)}, {days} from {answer['from'][:10]} to {last}, {answer['time_zone']}[/]")
    shown = table("", "", *figures, right=figures)
    was, diff = answer["previous"], answer["diff"]
    for kind in Kind:
        new, old, change = answer["counts"][kind], was["counts"][kind], diff["counts"][kind]
        if kind in ALWAYS or new["total"] or old["total"]:
            name = Text(kind.replace("_", " "), style=STYLES.get(kind, "cyan"))
            new_and_old = number(new["unique"]), number(old["unique"])
            shown.add_row(name, *new_and_old, _change(change["unique"]), number(new["total"]))
    shown.add_section()
    for name, share in answer["rates"].items():
        shown.add_row(f"{name} rate", percent(share), percent(was["rates"][name]), _change(diff["rates"][name]), "")
    for name, known in answer["contacts"].items():
        new_and_old = number(known), number(was["contacts"][name])
        shown.add_row(f"contacts {name}", *new_and_old, _change(diff["contacts"][name]), "")
    console().print(shown)
    if answer["campaigns"]:
        console().print(_campaigns_table("Opened by most", answer["campaigns"], question.time_zone))
    _print_footer(answer, question)


def _change(value: float | None) -> str:
    """``+12.5 %``; a dash where there was nothing before."""
    return "–" if value is None else f"{value:+,.1f} %"


def _dashboard_rows(answer: Any) -> Iterator[Mapping[str, Any]]:
    was, diff = answer["previous"]["counts"], answer["diff"]["counts"]
    for kind in Kind:
        before = {f"previous_{measure}": value for measure, value in was[kind].items()}
        change = {f"diff_{measure}": value for measure, value in diff[kind].items()}
        yield {"kind": kind, **answer["counts"][kind], **before, **change}


def _show_campaigns(answer: Any, question: Any) -> None:
    console().print(_campaigns_table("Campaigns", answer["campaigns"], question.time_zone))
    _print_footer(answer, question)


def _campaigns_table(title: str, campaigns: Any, zone: str) -> Table:
    several = len({row["source"] for row in campaigns}) > 1
    named = any(row["name"] for row in campaigns)
    shown = _counts_table(
        title, "campaign", *(["name"] if named else []), "first", *(["source"] if several else []), folded=("name",)
    )
    largest = max((row["counts"][Kind.SENT]["unique"] for row in campaigns), default=0) or 1
    for row in campaigns:
        shown.add_row(
            escape(row["campaign_id"] or "–"),
            *([escape(row["name"] or "")] if named else []),
            iso_clock(row["first_at"], zone)[:10],
            *([row["source"]] if several else []),
            *_figures(row, largest),
        )
    return shown


def _show_campaign(answer: Any, question: Any) -> None:
    title = escape(answer["name"] or f"Campaign {answer['campaign_id']}")
    console().print(f"[bold]{title}[/] at {_of_sources(answer, question)}")
    zone = question.time_zone
    sent = f"sent {iso_clock(answer['first_sent_at'], zone)}" if answer["first_sent_at"] else "not sent"
    about = [answer["subject"], f"id {answer['campaign_id']}", answer["type"], answer["status"], sent]
    console().print(f"[dim]{escape(' · '.join(text for text in about if text))}[/]\n")
    console().print(_funnel_table("Funnel", answer["counts"]))
    if answer["links"]:
        links = table("Links", "link", "clicks", "recipients", right=("clicks", "recipients"))
        for link in answer["links"]:
            links.add_row(escape(link["url"] or "–"), number(link["total"]), number(link["unique"]))
        console().print(links)
    _print_shares("Devices of opens", answer["devices"][Kind.OPENED])
    _print_shares("Devices of clicks", answer["devices"][Kind.CLICKED])
    _print_shares("Bounces", {**answer["bounces"], "auto_replied": answer["auto_replied"]})
    for unit, count in (("hours", 24), ("days", 7)):
        _print_engagement(f"First {count} {unit}, {zone}", answer["engagement"][unit][:count])
    for snapshot in answer["snapshots"]:
        _print_gaps(snapshot, zone)
    _print_footer(answer, question)


def _print_shares(title: str, counts: Mapping[str, int]) -> None:
    """How a number is made up, where there is anything of it."""
    whole = sum(counts.values())
    if not whole:
        return
    shown = table(title, "", "count", "", right=("count",))
    for name, count in counts.items():
        if count:
            shown.add_row(name.replace("_", " "), number(count), bar(count / whole))
    console().print(shown)


def _print_engagement(title: str, slots: Sequence[Any]) -> None:
    if not slots:
        return
    shown = table(title, "from", "opened", "clicked", "", right=("opened", "clicked"), whole=("from",))
    largest = max(1, *(slot["opened"]["unique"] for slot in slots))
    for slot in slots:
        opened, clicked = slot["opened"]["unique"], slot["clicked"]["unique"]
        start = slot["start"][:16].replace("T", " ")
        shown.add_row(start, number(opened), number(clicked), bar(opened / largest, style="green"))
    console().print(shown)


def _print_gaps(snapshot: Any, zone: str) -> None:
    """What a platform claims, and where that isn't what we know."""
    title = f"{snapshot['list']} of {snapshot['source']}, read {iso_clock(snapshot['read_at'], zone)}"
    console().print(f"[bold]{escape(title)}[/]")
    figures = ("total", "unique", "more than ours")
    shown = table("", "", *figures, right=figures)
    for kind, claim in snapshot["counts"].items():
        gap = snapshot["gaps"].get(kind)
        shown.add_row(
            kind.replace("_", " "), number(claim["total"]), number(claim["unique"]), f"{gap['total']:+,}" if gap else ""
        )
    console().print(shown)


def _campaign_row(answer: Any) -> Iterator[Mapping[str, Any]]:
    yield from _campaign_rows({"campaigns": [answer]})


def _show_templates(answer: Any, question: Any) -> None:
    several = len({row["source"] for row in answer["templates"]}) > 1
    figures = ("messages", "delivered", "bounced", "opened", "clicked", "open %", "click %")
    shown = table(
        "Templates", "template", *(["source"] if several else []), *figures, right=figures, whole=("template", "source")
    )
    for row in answer["templates"]:
        counts = row["counts"]
        kinds = (Kind.DELIVERED, Kind.BOUNCED, Kind.OPENED, Kind.CLICKED)
        shown.add_row(
            escape(row["template"] or "–"),
            *([row["source"]] if several else []),
            *map(number, (row["messages"], *(counts[kind] for kind in kinds))),
            *_rates(row),
        )
    console().print(shown)
    _print_footer(answer, question)


def _template_rows(answer: Any) -> Iterator[Mapping[str, Any]]:
    for row in answer["templates"]:
        rates = {f"{name}_rate": value for name, value in row["rates"].items()}
        yield {**row, **row["counts"], **rates}


def _counts_table(title: str, *columns: str, folded: Sequence[str] = ()) -> Table:
    figures = ("sent", "dropped", "bounced", "opened", "clicked", "open %", "click %")
    bars = ("",) if _wide() else ()
    whole = [column for column in columns if column not in folded]
    return table(title, *columns, *figures, *bars, right=figures, whole=whole)


def _figures(slot: Any, largest: int) -> list[RenderableType]:
    """The unique counts and rates of a row, and where there is room a bar of what was sent."""
    kinds = (Kind.SENT, Kind.DROPPED, Kind.BOUNCED, Kind.OPENED, Kind.CLICKED)
    unique = [slot["counts"][kind]["unique"] for kind in kinds]
    return [*map(number, unique), *_rates(slot), *([bar(unique[0] / largest, 16)] if _wide() else [])]


def _rates(slot: Any) -> list[str]:
    return [percent(slot["rates"][name]).removesuffix(" %") for name in ("open", "click")]


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


# -- doors and snapshots -----------------------------------------------------------------------------------


def _show_doors(answer: Any, question: Any) -> None:
    figures = ("both", "only webhook", "only feed", "webhooks lost", "feeds lost")
    shown = table(f"Doors by day, {answer['time_zone']}", "day", "source", *figures, right=figures, whole=("day",))
    for row in answer["rows"]:
        lost = percent(row["webhooks_lost"]), percent(row["feeds_lost"])
        counts = map(number, (row["both"], row["webhook_only"], row["feed_only"]))
        shown.add_row(row["day"], row["source"], *counts, lost[0], lost[1] + ("" if row["settled"] else " *"))
    console().print(shown)
    for summary in answer["sources"]:
        console().print(f"[bold]{escape(summary['source'])}[/]: {escape(_said_of_doors(summary))}")
    if not all(row["settled"] for row in answer["rows"]):
        console().print("[dim]* The feeds have not been read to the end of this day.[/]")
    _print_footer(answer, question)


def _said_of_doors(summary: Any) -> str:
    if summary["sentence"]:
        return str(summary["sentence"])
    if not summary["doors"]:
        return "Nothing has come in yet."
    if len(summary["doors"]) == 1:
        return f"There is only one door, the {summary['doors'][0]}."
    return "Nothing happened that could have been lost."


def _door_rows(answer: Any) -> Iterator[Mapping[str, Any]]:
    yield from answer["rows"]


def _show_snapshots(answer: Any, question: Any) -> None:
    if not answer["snapshots"]:
        click.echo("No platform has claimed anything yet.")
    for row in answer["snapshots"]:
        of = f"campaign {row['campaign_id']}" if row["campaign_id"] else "the whole account"
        title = f"{row['list']} of {row['source']}, {of}, read {iso_clock(row['read_at'])}"
        if not row["counts"]:
            _print_raw(title, row["raw"])
            continue
        figures = ("total", "ours", "gap", "unique", "ours unique", "gap unique")
        shown = table(escape(title), "", *figures, "", right=figures, whole=("",))
        for line in _claimed(row):
            counts = map(number, (line["total"], line["our_total"], line["gap_total"], line["unique"]))
            uniques = map(number, (line["our_unique"], line["gap_unique"]))
            reported = "reports answer from it" if line["kind"] in row["from_snapshot"] else ""
            shown.add_row(line["kind"].replace("_", " "), *counts, *uniques, reported)
        console().print(shown)
        if row["history"]:
            _print_series(row["history"])
    _print_footer(answer, question)


def _print_raw(title: str, raw: Mapping[str, Any]) -> None:
    """What a platform says of things that aren't counted here, by its own names."""
    shown = table(escape(title), "the platform's own figures", "", right=("",), whole=("",))
    for name, value in list(raw.items())[:MOST_RAW]:
        shown.add_row(escape(name), "–" if value is None else escape(str(value)))
    if len(raw) > MOST_RAW:
        shown.add_row(f"[dim]and {len(raw) - MOST_RAW} more; --json has them all[/]", "")
    console().print(shown)


def _print_series(history: Sequence[Any]) -> None:
    """How the totals changed."""
    kinds = [kind for kind in Kind if any(kind in one["counts"] for one in history)]
    names = [kind.replace("_", " ") for kind in kinds]
    shown = table("What changed", "read", *names, right=names, whole=("read",))
    for one in history:
        totals = [one["counts"][kind]["total"] if kind in one["counts"] else None for kind in kinds]
        shown.add_row(iso_clock(one["read_at"]), *map(number, totals))
    console().print(shown)


def _snapshot_rows(answer: Any) -> Iterator[Mapping[str, Any]]:
    """A line for each kind of each snapshot; with the history, one more for each earlier figure."""
    for row in answer["snapshots"]:
        named = {name: row[name] for name in ("source", "campaign_id", "list")}
        for one in row["history"] or ():
            if one["read_at"] != row["read_at"]:
                for kind, claim in one["counts"].items():
                    yield {**named, "read_at": one["read_at"], "kind": kind, **claim}
        for line in _claimed(row):
            yield {**named, "read_at": row["read_at"], **line}


def _claimed(row: Any) -> Iterator[dict[str, Any]]:
    """What is claimed of each kind, ours, and the difference."""
    for kind, claim in row["counts"].items():
        ours, unique = row["ours"][kind], claim["unique"]
        yield {
            "kind": kind,
            **claim,
            "our_total": ours["total"],
            "our_unique": ours["unique"],
            "gap_total": claim["total"] - ours["total"],
            "gap_unique": None if unique is None else unique - ours["unique"],
        }


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
        name = " ".join(part for part in (contact["first_name"], contact["last_name"]) if part)
        ids = [name, contact["email"], contact["phone"], contact["contact_id"], contact["external_id"]]
        console().print(f"[bold]{escape(' · '.join(text for text in ids if text))}[/] at {contact['source']}")
        happened = [
            plural(count["total"], kind.replace("_", " "), kind.replace("_", " "))
            for kind, count in contact["counts"].items()
            if count["total"]
        ]
        console().print(f"  {', '.join(happened) or 'nothing happened'}")
        shown = table(
            "",
            *("campaign", "stands", "what", "times", "first", "last"),
            right=("times",),
            whole=("stands", "what", "first", "last"),
        )
        for message in contact["messages"]:
            for line, (kind, outcome) in enumerate(message["outcomes"].items()):
                named = message["campaign_name"] or message["campaign_id"] or "–"
                shown.add_row(
                    "" if line else escape(named),
                    "" if line else message["status"],
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


DERIVED = {
    Kind.SENT: "sent is derived: queued and not dropped, or delivered or bounced",
    Kind.DELIVERED: "delivered is derived: sent − bounced",
}


def _print_footer(answer: Any, question: Any) -> None:
    """Up to when the answer can be relied on."""
    zone = getattr(question, "time_zone", "UTC")
    until = answer["complete_until"]
    parts = [
        f"As of {iso_clock(answer['as_of'], zone)} {zone}" if answer["as_of"] else "Nothing has come in yet",
        f"complete until {iso_clock(until, zone)}" if until else "not yet complete",
    ]
    parts += [DERIVED[kind] for kind in answer.get("derived", ())]
    if answer.get("from_snapshot"):
        kinds = ", ".join(kind.replace("_", " ") for kind in answer["from_snapshot"])
        parts.append(f"as the platform claims: {kinds}")
    console().print(f"[dim]{'; '.join(parts)}.[/]")


_IDS = ["contact_id", "external_id", "email", "phone"]
FUNNEL = Layout(_show_funnel, ["kind", "total", "unique"], _funnel_rows)
TIMELINE = Layout(_show_timeline, ["start", "end", *_FLAT], _timeline_rows)
DASHBOARD = Layout(
    _show_dashboard,
    ["kind", "total", "unique", "previous_total", "previous_unique", "diff_total", "diff_unique"],
    _dashboard_rows,
)
_RATES = ["open_rate", "click_rate", "bounce_rate"]
_TOLD = ["name", "status", "type", "subject", "template", "created_at", "scheduled_at"]
_TIMES = ["first_at", "last_at", "first_sent_at", "last_sent_at"]
_CAMPAIGN = ["source", "campaign_id", *_TOLD, *_TIMES, *_FLAT, *_RATES]
CAMPAIGNS = Layout(_show_campaigns, _CAMPAIGN, _campaign_rows)
CAMPAIGN = Layout(_show_campaign, _CAMPAIGN, _campaign_row)
TEMPLATES = Layout(
    _show_templates,
    [
        *("source", "template", "messages", "sent", "delivered", "bounced", "opened", "clicked", "complained"),
        *_RATES,
    ],
    _template_rows,
)
DOORS = Layout(
    _show_doors,
    [
        *("day", "source", "both", "webhook_only", "feed_only", "webhook", "feed"),
        *("webhooks_lost", "feeds_lost", "settled"),
    ],
    _door_rows,
)
SNAPSHOTS = Layout(
    _show_snapshots,
    [
        *("source", "campaign_id", "list", "read_at", "kind", "total", "unique"),
        *("our_total", "our_unique", "gap_total", "gap_unique"),
    ],
    _snapshot_rows,
)
EVENTS = Layout(_show_events, list(Row.__annotations__), _event_rows)
CONTACTS = Layout(
    _show_contacts,
    ["source", *_IDS, "first_name", "last_name", "deleted_at", "first_at", "last_at", *_FLAT],
    _contact_rows,
)
