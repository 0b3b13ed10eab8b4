"""`aftersend report …`: the reports of ``/v1`` as tables that a person enjoys, as JSON and as CSV.

A report's options are the fields of its question, so console and API ask the same and refuse the same.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import EnumMeta
from typing import Any, Literal, get_args, get_origin

import click
import msgspec
from werkzeug.datastructures import MultiDict

from aftersend.console import layouts
from aftersend.console.opening import ready_store, settings
from aftersend.console.tables import Form, form_options, print_csv, print_json
from aftersend.receiver import questions
from aftersend.receiver.params import decode
from aftersend.receiver.reports import Reports

ALIASES = {"campaign_id": ["--campaign"], "page_size": ["--limit"]}
"""Shorter names of options."""
HIDDEN = {"limit"}
"""Fields that are another name of one above."""


class Report(msgspec.Struct, frozen=True):
    """One report: what it is asked, who answers, and how the answer looks."""

    question: type[msgspec.Struct]
    answer: Callable[[Reports, Any], Any]
    layout: layouts.Layout
    sentence: str
    argument: str = ""
    """How the help calls what may be given without naming an option; empty where nothing may."""
    meant: Callable[[str], str] = lambda _: ""
    """The field that such a thing is a value of."""


REPORTS = {
    "funnel": Report(questions.FunnelQuestion, Reports.funnel, layouts.FUNNEL, "Counts per kind, with rates and bars."),
    "timeline": Report(
        questions.TimelineQuestion, Reports.timeline, layouts.TIMELINE, "The funnel of every hour, day, week or month."
    ),
    "dashboard": Report(
        questions.DashboardQuestion,
        Reports.dashboard,
        layouts.DASHBOARD,
        "A range of days beside the one before it, and what changed.",
    ),
    "campaigns": Report(
        questions.CampaignsQuestion, Reports.campaigns, layouts.CAMPAIGNS, "Campaigns with their counts, newest first."
    ),
    "campaign": Report(
        questions.CampaignQuestion,
        Reports.campaign,
        layouts.CAMPAIGN,
        "Everything about one campaign.",
        "[CAMPAIGN_ID]",
        lambda _: "campaign_id",
    ),
    "templates": Report(
        questions.TemplatesQuestion,
        Reports.templates,
        layouts.TEMPLATES,
        "Templates, with what became of the messages made of them.",
    ),
    "doors": Report(
        questions.DoorsQuestion,
        Reports.doors,
        layouts.DOORS,
        "What webhooks and feeds each brought, day by day, and what one of them lost.",
    ),
    "snapshots": Report(
        questions.SnapshotsQuestion,
        Reports.snapshots,
        layouts.SNAPSHOTS,
        "What platforms claim, beside what we know.",
    ),
    "sent": Report(questions.ListQuestion, Reports.sent, layouts.EVENTS, "What was sent, newest first."),
    "undelivered": Report(
        questions.UndeliveredQuestion, Reports.undelivered, layouts.EVENTS, "What never arrived, with the reason."
    ),
    "activities": Report(
        questions.ActivitiesQuestion, Reports.activities, layouts.EVENTS, "Everything that happened, newest first."
    ),
    "contact": Report(
        questions.ContactsQuestion,
        Reports.contacts,
        layouts.CONTACTS,
        "Everything about one contact.",
        "[ADDRESS|EXTERNAL_ID]",
        lambda who: "email" if "@" in who else "external_id",
    ),
}


class _InOrder(click.Group):
    """Lists its commands in the order in which they were added."""

    def list_commands(self, _context: click.Context) -> list[str]:
        return list(self.commands)


@click.group(cls=_InOrder)
def report() -> None:
    """Print a report.

    Dates are whole days, both included, in --time-zone.
    """


def _command(name: str, spec: Report) -> click.Command:
    """The command of a report, its options made from the question's fields."""

    @form_options
    def run(form: Form, argument: str = "", **given: tuple[str, ...]) -> None:
        if argument:
            given[spec.meant(argument)] += (argument,)
        args = MultiDict([(field, value) for field, values in given.items() for value in values])
        question = decode(args, spec.question)
        found = settings()
        with ready_store(found) as store:
            answer = spec.answer(Reports(store, found), question)
        if form == "json":
            print_json(answer)
        elif form == "csv":
            safe = found.server.formulas == "safe"
            print_csv(spec.layout.rows(answer), spec.layout.columns, safe=safe)
        else:
            spec.layout.show(answer, question)
        if answer.get("next_cursor"):
            click.echo(f"There is more: add --cursor {answer['next_cursor']}", err=True)
        if answer.get("next_page_index"):
            click.echo(f"There is more: add --page-index {answer['next_page_index']}", err=True)

    options: list[click.Parameter] = [
        click.Option(
            [field.encode_name, f"--{field.encode_name.replace('_', '-')}", *ALIASES.get(field.encode_name, [])],
            multiple=True,  # the question says which may be repeated
            metavar=_values(field.type),
            help=_description(field.type),
        )
        for field in msgspec.structs.fields(spec.question)
        if field.encode_name not in HIDDEN
    ]
    made = click.command(name, help=spec.sentence)(run)
    made.params = options + made.params
    if spec.argument:
        made.params.insert(0, click.Argument(["argument"], required=False, default="", metavar=spec.argument))
    return made


def _description(kind: Any) -> str:
    """The description in a field's annotations."""
    for note in getattr(kind, "__metadata__", ()):
        if isinstance(note, msgspec.Meta) and note.description:
            return note.description
    return next((text for part in get_args(kind) if (text := _description(part))), "")


def _values(kind: Any) -> str:
    """What may be written: the words of a choice, else just ``TEXT``."""
    if get_origin(kind) is Literal:
        return "|".join(get_args(kind))
    if isinstance(kind, EnumMeta):
        return "|".join(str(member.value) for member in kind)  # type: ignore[var-annotated]
    return next((text for part in get_args(kind) if (text := _values(part)) != "TEXT"), "TEXT")


for _name, _spec in REPORTS.items():
    report.add_command(_command(_name, _spec))
