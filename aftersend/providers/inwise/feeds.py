"""inwise's lists and how each is walked (provider file, section 2)."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import msgspec

from aftersend.providers import paging
from aftersend.providers.contract import Answer, Ask, Context, Feed, Position, Walk
from aftersend.providers.inwise import rows, summary
from aftersend.providers.paging import Page
from aftersend.settings import duration
from aftersend.vocabulary import Instant
from aftersend.zones import moment

FOLDER = "campaigns/email/"
DEFAULT_SIZE = 100
"""Rows a page where no size is asked, or the asking was ignored (2.1)."""


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """inwise's own options of a source. Parameter names that inwise doesn't document (2.2) are settings; an empty
    name is not sent."""

    page_index_param: str = "page_index"
    """Name of the page number's parameter; pages count from 0."""
    page_size_param: str = "page_size"
    """Name of the page size's parameter (not documented)."""
    page_size: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 1000
    """Rows to ask for; 1,000 is the documented most."""
    date_from_param: str = "date_from"
    """Name of the first day's parameter."""
    date_to_param: str = "date_to"
    """Name of the last day's parameter."""
    action_type_param: str = "action_type"
    """Name of the action filter's parameter on ``activities`` (not documented)."""
    action_types: list[str] = []
    """Actions to ask ``activities`` for. inwise takes one or all, so one is sent; none or several mean all."""
    recent_path: str = "recentActivities"
    """Path of the read-once list below ``campaigns/email/`` (the documentation also writes ``recentActivity``)."""
    activities_path: str = "activities"
    """Path of the list of actions."""
    sent_path: str = "sentEmails"
    """Path of the list of sent emails."""
    undelivered_path: str = "undelivered"
    """Path of the list of emails dropped before sending."""
    summary_path: str = "activitiesSummary"
    """Path of a campaign's totals."""
    recent_sent_path: str = ""
    """Path of the read-once list of sent emails, which inwise mentions without a name; empty: not asked."""
    recent_undelivered_path: str = ""
    """Path of the read-once list of drops, likewise."""
    reconcile_every: str = ""
    """How often ``activities`` and ``activitiesSummary`` are read again, as in ``1d``; empty: as ``poll_every``."""


def feeds(options: Options, zone: str) -> list[Feed]:
    """Every list of a source: the read-once ones first, since they are what is newest."""
    every = duration(options.reconcile_every, "reconcile_every") if options.reconcile_every else 0
    one_action = len(options.action_types) == 1 and options.action_type_param
    action = {options.action_type_param: options.action_types[0]} if one_action else {}
    found = [
        _recent("recentActivities", options.recent_path),
        _dated("activities", options.activities_path, options, zone, action, every),
        _dated("sentEmails", options.sent_path, options, zone),
        _dated("undelivered", options.undelivered_path, options, zone),
        _totals(options.summary_path, every),
    ]
    if options.recent_sent_path:
        found.append(_recent("recentSentEmails", options.recent_sent_path))
    if options.recent_undelivered_path:
        found.append(_recent("recentUndelivered", options.recent_undelivered_path))
    return found


def probe(options: Options, zone: str, at: Instant) -> Ask:
    """Today's actions, one row: nothing is read away."""
    today = moment(at, zone).date().isoformat()
    params = {
        options.date_from_param: today,
        options.date_to_param: today,
        options.page_index_param: "0",
        options.page_size_param: "1",
    }
    return Ask(path=FOLDER + options.activities_path, params={name: text for name, text in params.items() if name})


def _recent(name: str, path: str) -> Feed:
    def walk(position: Position, context: Context) -> Walk:
        return paging.Deltas(position, context, ask=Ask(path=FOLDER + path), look=_look, salvage=_salvage)

    return Feed(name=name, walk=walk, read_once=True)


def _dated(
    name: str, path: str, options: Options, zone: str, params: dict[str, str] | None = None, every: int = 0
) -> Feed:
    """A list of whole days of ``zone``, both included; rows in no promised order (2.5)."""
    pages = partial(
        paging.PageNumbers,
        page=options.page_index_param,
        size=options.page_size_param,
        asked=options.page_size,
        default=DEFAULT_SIZE,
    )

    def ask(since: Instant, until: Instant) -> Ask:
        # Both dates are always sent, since a platform's default window would lose rows silently; the later one is a day
        # further than it need be, since nobody says whether it is inclusive.
        days = {
            options.date_from_param: _day(since, zone),
            options.date_to_param: _day(until - 1 + paging.DAY, zone),
        }
        return Ask(path=FOLDER + path, params=(params or {}) | {name: day for name, day in days.items() if name})

    def walk(position: Position, context: Context) -> Walk:
        return paging.Windows(position, context, ask=ask, look=_look, family=pages, zone=zone)

    return Feed(name=name, walk=walk, windowed=True, complete=True, every=every)


def _totals(path: str, every: int) -> Feed:
    def walk(position: Position, context: Context) -> Walk:
        items = [
            paging.Item(key=campaign, ask=Ask(path=FOLDER + path, params={"campaign_id": campaign}))
            for campaign in context.campaigns
        ]
        return paging.Each(position, context, items=items, look=_look_at_totals)

    return Feed(name="activitiesSummary", walk=walk, every=every)


def _look(answer: Answer) -> Page:
    return Page(ids=rows.row_ids(answer.body))


def _salvage(answer: Answer) -> Page:
    return Page(ids=rows.salvaged_ids(answer.body))


def _look_at_totals(answer: Answer) -> Page:
    return Page(ids=summary.row_ids(answer.body))


def _day(at: Instant, zone: str) -> str:
    return moment(at, zone).date().isoformat()
