"""Commands about sources: how all are doing, and whether one is set up right."""

from __future__ import annotations

import secrets
from contextlib import suppress

import click
from rich.markdown import Markdown
from rich.markup import escape

from aftersend import logs
from aftersend.console.addresses import masked_webhook_url, webhook_urls
from aftersend.console.opening import ready_store, settings, unchecked_store
from aftersend.console.tables import Form, console, json_option, near_clock, number, plural, print_json, span, table
from aftersend.providers import paging, provider_of
from aftersend.receiver.answers import FeedAnswer, SourceAnswer, SourcesAnswer
from aftersend.receiver.health import overdue
from aftersend.receiver.reports import Reports
from aftersend.settings import Settings, Source
from aftersend.vocabulary import ConfigurationError, TemporaryError, now
from aftersend.worker import plan
from aftersend.worker.client import check as probe
from aftersend.zones import isoformat

MOST_SHOWN = 300
"""Characters of an answer that are shown; the store keeps 2,000."""


@click.command()
@json_option
def sources(form: Form) -> None:
    """List the sources, their feeds and how they are doing.

    For every feed: the instant up to which it is complete, how long ago that is, its last success, its next
    run, the rows of its last run, and what is wrong with it.
    """
    found = settings()
    answer = _answer(found)
    if form == "json":
        print_json(answer)
        return
    _print_room(found)
    if not found.sources:
        click.echo("No source is configured: add [[sources]] to aftersend.toml.")
    for source in answer["sources"]:
        account = found.source(source["name"])
        _print_source(account, source["feeds"])
        _print_state(account, source)
        _print_answered(found, account)
        pushed = provider_of(account).takes_webhooks(account)
        click.echo(f"Webhooks: {masked_webhook_url(found, account) if pushed else 'none'}\n")


def _answer(found: Settings) -> SourcesAnswer:
    """What the API says about the sources; before the first migration, that nothing has been read."""
    with unchecked_store(found) as store:
        try:
            store.ready()
            return Reports(store, found).list_sources()
        except ConfigurationError as error:
            click.echo(str(error), err=True)
    return {
        "sources": [
            {
                "name": s.name,
                "provider": s.provider,
                "time_zone": provider_of(s).zone(s),
                "complete_until": None,
                "last_event_at": None,
                "quiet": False,
                "budget": [],
                "feeds": [],
            }
            for s in found.sources
        ],
        "as_of": None,
        "complete_until": None,
    }


def _print_room(found: Settings) -> None:
    """What stops all sources at once: no room, or nobody who works."""
    with unchecked_store(found) as store:
        try:
            store.check_room()
        except TemporaryError as error:
            console().print(f"[red]Nothing is taken in[/]: {escape(str(error))}", soft_wrap=True)
        with suppress(ConfigurationError):
            for message in overdue(store, found.sources, now()):
                console().print(f"[yellow]Waiting[/]: {message}", soft_wrap=True)


def _print_source(account: Source, feeds: list[FeedAnswer]) -> None:
    provider = provider_of(account)
    zone = provider.zone(account)
    shown = table(
        f"{account.name}: {provider.title}, times in {zone}",
        *("feed", "position", "complete until", "lag", "last success", "next run", "rows", "state"),
        right=("lag", "rows"),
        whole=("complete until", "last success", "next run"),
    )
    for feed in feeds:
        lag = feed["lag_seconds"]
        shown.add_row(
            feed["feed"] if feed["lane"] == plan.LIVE else f"{feed['feed']} ({feed['lane']})",
            paging.described(feed["position"], zone),
            near_clock(feed["complete_until"], zone),
            span(None if lag is None else int(lag * 1000)),
            near_clock(feed["last_success_at"], zone),
            _next_run(feed, zone),
            number(feed["last_rows"]),
            _state(feed, zone),
        )
    for name in plan.feeds(account).keys() - {feed["feed"] for feed in feeds}:
        shown.add_row(name, *["–"] * 6, "[dim]not begun[/]")
    console().print(shown)


UNITS = {1.0: "second", 60.0: "minute", 3600.0: "hour", 86_400.0: "day", 30 * 86_400.0: "month"}


def _print_state(account: Source, source: SourceAnswer) -> None:
    """What holds for all feeds of a source: why it is stopped, the requests that are left, whether it fell silent."""
    for problem in dict.fromkeys(feed["problem"] for feed in source["feeds"] if feed["stopped"] and feed["problem"]):
        console().print(f"[red]Stopped[/]: {escape(problem)}", soft_wrap=True)
    if source["budget"]:
        left = [
            f"{b['left']:,} of {b['calls']:,} a {UNITS.get(b['period_seconds'], 'period')}" for b in source["budget"]
        ]
        click.echo(f"Requests left: {', '.join(left)}.")
    if source["quiet"]:
        last = near_clock(source["last_event_at"], provider_of(account).zone(account))
        console().print(
            f"[yellow]Quiet[/]: nothing has happened for a day, which is unusual; the last event was at {last}."
        )


def _print_answered(found: Settings, account: Source) -> None:
    """What the platform said where a feed has a problem. It may hold anything, so only the operator sees it."""
    with unchecked_store(found) as store, suppress(ConfigurationError):
        for row in store.feeds(account.name):
            if row.problem_body:
                said = " ".join(row.problem_body.split())
                click.echo(f"{row.feed} was answered: {said[:MOST_SHOWN]}{'…' if len(said) > MOST_SHOWN else ''}")


def _next_run(feed: FeedAnswer, zone: str) -> str:
    if feed["finished"] or feed["stopped"] or feed["due_at"] is None:
        return "–"
    return "now" if feed["due_at"] <= (isoformat(now()) or "") else near_clock(feed["due_at"], zone)


def _state(feed: FeedAnswer, zone: str) -> str:
    """How a feed is doing, in a few words and the colour that goes with them."""
    problem = escape(feed["problem"] or "")
    if not feed["enabled"]:
        return "[dim]switched off[/]"
    if feed["stopped"]:
        return "[red]stopped[/]"
    if feed["finished"]:
        return "[dim]finished[/]"
    if feed["parked_until"] is not None:
        return f"[yellow]parked until {near_clock(feed['parked_until'], zone)}[/]: {problem}"
    if feed["quiet_runs"]:
        return f"[yellow]no row in the last {plural(feed['quiet_runs'], 'run')}[/]"
    return "[green]fine[/]" if feed["last_success_at"] else "[dim]not begun[/]"


@click.command()
@click.argument("source")
def check(source: str) -> None:
    """Check SOURCE and print its setup.

    That is its webhook address (whole, with its token) and what to paste where. Exit status 1 if the platform
    can't be reached or refuses the credentials.
    """
    logs.configure("critical")
    found = settings()
    account = found.source(source)
    provider = provider_of(account)
    provider.configured(account)
    enabled = plan.feeds(account)
    out = console()
    out.print(
        f"[bold]{account.name}[/]: {provider.title} at {escape(provider.url(account))}, times in "
        f"{provider.zone(account)}, feeds {', '.join(enabled) or 'none'}"
    )
    takes_webhooks = provider.takes_webhooks(account)
    addresses = webhook_urls(found, account) if takes_webhooks else []
    for address in addresses:
        out.print(f"[bold]Webhooks[/]: {escape(address)}", soft_wrap=True)
    if not takes_webhooks:
        why = "switched off" if provider.pushes else f"{provider.title} sends none"
        out.print(f"[bold]Webhooks[/]: {why}; everything is polled.")
    elif not addresses:
        out.print(
            f"[yellow]No webhook can come in[/]: give source '{account.name}' a secret, for instance\n"
            f'  webhook_secrets = \\["{secrets.token_urlsafe(24)}"]'
        )
    if takes_webhooks and not found.server.public_url:
        out.print("[dim]Set server.public_url to the address under which the platform can reach this machine.[/]")
    out.print()
    out.print(Markdown(provider.setup(account, addresses[0] if addresses else "")), width=100)
    out.print()
    if not provider.feeds(account):
        out.print(f"{provider.title} has no lists that could be polled: what its webhooks lose can't be read again.")
        return
    if not enabled and not account.api_key:
        out.print("[yellow]No list is polled[/], since api_key is not set: what webhooks lose can't be read again.")
        return
    with ready_store(found) as store:
        probe(store, account)
    out.print(f"[green]✓[/] {provider.title} accepts the credentials of source '{account.name}'.")
