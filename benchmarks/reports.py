"""Every report, from the question to its JSON, against the same question to a plain table (:mod:`benchmarks.plain`).

Both are asked in turns and with the same parameters, which change from question to question. Before a time is believed,
both must count the same. ``AFTERSEND_BENCH_EVENTS`` says how many events the store has; another one of a tenth of them
shows how the time grows.
"""

from __future__ import annotations

import csv
import io
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

import msgspec

from aftersend.receiver import questions, shown
from aftersend.receiver.export import Exporter, ExportQuestion
from aftersend.settings import Server, Settings, Source
from aftersend.storage import open_store
from aftersend.storage.contract import Filter, LogFilter
from aftersend.storage.sqlite.codes import KIND
from aftersend.vocabulary import Instant, Kind
from aftersend.zones import isoformat
from benchmarks import history, life, plain
from benchmarks.history import DAY, ENDED, HOUR, MINUTE
from benchmarks.measure import Figure, Goal, Measured, figure, in_turns

EVENTS = "AFTERSEND_BENCH_EVENTS"
PAGE = 100
EXPORTED = 50_000
KATHMANDU, KATHMANDU_IS_AHEAD = "Asia/Kathmandu", 5 * HOUR + 45 * MINUTE
NEVER_SLOWER, GROWTH, FIRST_ROW = Goal("≥", 1), Goal("≤", 10), Goal("≤", 1)
FIRST_ROW_MS = 50.0

_encode = msgspec.json.encode
Ask = Callable[[int], object]
"""Asks a question; the number, which goes up with every question, chooses its parameters."""


class Size(msgspec.Struct, frozen=True):
    """How much of everything."""

    events: int = 1_000_000
    rounds: int = 3
    asked: int = 60
    """How often each side is asked in a round, if there is time for it; once at least."""
    seconds: float = 2.0
    """For each side of a round."""
    kept: bool = True
    """Whether stores are kept for the next run."""


QUICK = Size(events=6_000, rounds=2, asked=3, seconds=0.1, kept=False)


def full() -> Size:
    """The size that the environment names."""
    return Size(events=int(os.environ.get(EVENTS, Size().events)))


class Report(msgspec.Struct, frozen=True):
    """One report, and how it is asked on either side."""

    name: str
    ours: Ask
    other: Ask
    over_all: bool = False
    """Whether it counts what all campaigns did, over months: the longer the history, the longer it takes to group."""

    def goal(self, events: int) -> Goal:
        """A thousand times as fast at ten million events; with fewer the other side is faster, and we aren't."""
        return Goal("≥", max(1.0, events / 10_000)) if self.over_all else NEVER_SLOWER


class Desk:
    """A store of a history with who answers from it, and what can be asked."""

    def __init__(self, events: int, path: Path):
        self.path = path
        self.store = open_store(f"sqlite:///{path}")
        sources = [Source(name=name, provider=life.PROVIDER, time_zone="UTC") for name in history.SOURCES]
        self.reports = Exporter(self.store, Settings(server=Server(), sources=sources))
        self._campaigns = history.campaigns(events)
        self._contacts = history.contacts(events)

    def campaign(self, number: int) -> str:
        return Random(number).choice(self._campaigns).id

    def template(self, number: int) -> str:
        return Random(number).choice(self._campaigns).template

    def contact(self, number: int) -> history.Contact:
        """Somebody with an external id."""
        draw = Random(number)
        return history.contact(draw.choice(history.SOURCES), draw.randrange(self._contacts // 5) * 5 + 1)

    def days(self, number: int, days: int) -> tuple[Instant, Instant]:
        """So many whole days near the end of the history."""
        until = ENDED - (8 + number % 30) * DAY
        return until - days * DAY, until


def run(size: Size, where: Path) -> Measured:
    """Measure, in a directory that the caller empties."""
    with _desk(size.events, size, where) as desk, closing(plain.Plain(plain.kept(desk.path))) as table:
        check(desk, table)
        measured = [_measured(report, size) for report in reports_of(desk, table)]
        exports = _exports(desk, table, size)
        events = desk.store.last_number()
        large = {report.name: _percentile(_asked(report.ours, size), 50) for report in reports_of(desk, table)}
    with _desk(size.events // 10, size, where) as desk, closing(plain.Plain(plain.kept(desk.path))) as table:
        small = {report.name: _percentile(_asked(report.ours, size), 50) for report in reports_of(desk, table)}
    worst = max(large, key=lambda name: large[name] / small[name])
    growth = figure("reports: time at N events vs at N/10, at worst", "ms", [(large[worst], small[worst])], GROWTH)
    return Measured(
        [*(told for told, _ in measured), *exports, growth],
        [
            f"Reports over {events:,} events, from the question to its JSON:",
            *(note for _, note in measured),
            f"The report whose time grew most from {size.events // 10:,} to {size.events:,} events: {worst}.",
        ],
    )


def reports_of(desk: Desk, table: plain.Plain) -> list[Report]:
    """Every report that is measured."""
    ours, store = desk.reports, desk.store

    def window(number: int, days: int) -> dict[str, Any]:
        since, until = desk.days(number, days)
        return {"from_": isoformat(since), "to": isoformat(until)}

    def timeline(unit: Any, days: int, zone: str = "UTC") -> Ask:
        return lambda n: _encode(
            ours.timeline(questions.TimelineQuestion(unit=unit, time_zone=zone, **window(n, days)))
        )

    def activities(email: str | None = None, external_id: str | None = None) -> bytes:
        question = questions.ActivitiesQuestion(page_size=PAGE, email=email, external_id=external_id)
        return _encode(ours.activities(question))

    def behind(at: Instant) -> bytes:
        return _encode([shown.event(row) for row in store.events(Filter(), "newest", limit=PAGE, after=(at, ""))])

    def cohorts(number: int) -> bytes:
        since, until = desk.days(number, 90)
        which = LogFilter(template=desk.template(number), since=since, until=until)
        return _encode(store.cohorts(which, range(since, until + 1, DAY)))

    def place(number: int) -> tuple[Instant, int]:
        return table.place(0.1 + number % 80 / 100)

    return [
        Report(
            "funnel, all time",
            lambda _: _encode(ours.funnel(questions.FunnelQuestion())),
            lambda _: _encode(table.funnel()),
            over_all=True,
        ),
        Report(
            "funnel, 30 days",
            lambda n: _encode(ours.funnel(questions.FunnelQuestion(**window(n, 30)))),
            lambda n: _encode(table.funnel(*desk.days(n, 30))),
        ),
        Report(
            "funnel, 90 days",
            lambda n: _encode(ours.funnel(questions.FunnelQuestion(**window(n, 90)))),
            lambda n: _encode(table.funnel(*desk.days(n, 90))),
            over_all=True,
        ),
        Report(
            "timeline, 90 days by day, UTC",
            timeline("day", 90),
            lambda n: _encode(table.timeline(*desk.days(n, 90), DAY)),
            over_all=True,
        ),
        Report(
            "timeline, 90 days by day, Kathmandu",
            timeline("day", 90, KATHMANDU),
            lambda n: _encode(table.timeline(*desk.days(n, 90), DAY, KATHMANDU_IS_AHEAD)),
            over_all=True,
        ),
        Report(
            "timeline, 7 days by hour", timeline("hour", 7), lambda n: _encode(table.timeline(*desk.days(n, 7), HOUR))
        ),
        Report(
            "dashboard, 30 days and the 30 before",
            lambda n: _encode(ours.dashboard(questions.DashboardQuestion(**window(n, 30)))),
            lambda n: _encode(table.dashboard(*desk.days(n, 30))),
        ),
        Report(
            "templates, all time",
            lambda _: _encode(ours.templates(questions.TemplatesQuestion())),
            lambda _: _encode(table.templates()),
            over_all=True,
        ),
        Report(
            "cohorts of a template, 90 days",
            cohorts,
            lambda n: _encode(table.cohorts(desk.template(n), *desk.days(n, 90))),
        ),
        Report(
            "funnel of a campaign",
            lambda n: _encode(ours.funnel(questions.FunnelQuestion(campaign_id=desk.campaign(n)))),
            lambda n: _encode(table.funnel_of(desk.campaign(n))),
        ),
        Report(
            "campaign with links, devices, engagement",
            lambda n: _encode(ours.campaign(questions.CampaignQuestion(campaign_id=desk.campaign(n)))),
            lambda n: _encode(table.campaign(desk.campaign(n))),
        ),
        Report(
            "campaigns, the latest 100",
            lambda _: _encode(ours.campaigns(questions.CampaignsQuestion(page_size=PAGE))),
            lambda _: _encode(table.campaigns(PAGE)),
        ),
        Report(
            "activities, newest 100",
            lambda _: activities(),
            lambda _: _encode(table.newest(PAGE)),
        ),
        Report(
            "activities, 100 behind a deep cursor",
            lambda n: behind(place(n)[0]),
            lambda n: _encode(table.newest(PAGE, place(n))),
        ),
        Report(
            "undelivered, newest 100",
            lambda _: _encode(ours.undelivered(questions.UndeliveredQuestion(page_size=PAGE))),
            lambda _: _encode(table.undelivered(PAGE)),
        ),
        Report(
            "timeline of a contact, by address",
            lambda n: activities(email=desk.contact(n).email),
            lambda n: _encode(table.of_contact("email", desk.contact(n).email, PAGE)),
        ),
        Report(
            "timeline of a contact, by external id",
            lambda n: activities(external_id=desk.contact(n).external_id),
            lambda n: _encode(table.of_contact("external_id", desk.contact(n).external_id or "", PAGE)),
        ),
        Report(
            "send log, newest 100",
            lambda _: _encode(store.log(LogFilter(), limit=PAGE)),
            lambda _: _encode(table.log(PAGE)),
        ),
    ]


def check(desk: Desk, table: plain.Plain) -> None:
    """A report that counts wrongly may be as fast as it likes: compare both sides."""
    store, (since, until) = desk.store, desk.days(3, 90)
    edges = range(since, until + 1, DAY)
    campaign, contact, template = desk.campaign(3), desk.contact(3), desk.template(3)

    def counted(rows: Sequence[tuple[Any, ...]]) -> dict[Kind, tuple[int, int]]:
        numbers = {number: kind for kind, number in KIND.items()}
        return {numbers[kind]: (total, unique) for kind, total, unique in rows}

    def told(which: Filter) -> dict[Kind, tuple[int, int]]:
        return {kind: (n.total, n.unique) for kind, n in store.funnel(which).items() if n.total}

    of_days = {
        (since // DAY + day, KIND[kind]): n.total
        for day, slot in enumerate(store.timeline(Filter(since=since, until=until), edges))
        for kind, n in slot.items()
        if n.total
    }
    cohorts = store.cohorts(LogFilter(template=template, since=since, until=until), edges)
    sent: dict[str, int] = {}
    for row in store.templates():
        sent[row.template] = sent.get(row.template, 0) + row.cohort.happened[Kind.SENT]
    for what, our, their in (
        ("the funnel", told(Filter()), counted(table.funnel())),
        ("the funnel of a campaign", told(Filter(campaign_id=campaign)), counted(table.funnel_of(campaign))),
        ("every day", of_days, {(day, kind): n for day, kind, n, _ in table.timeline(since, until, DAY)}),
        ("templates", sent, {name: n for name, kind, n in table.templates() if kind == KIND[Kind.SENT]}),
        (
            "cohorts",
            sum(cohort.messages for cohort in cohorts),
            sum(row[1] for row in table.cohorts(template, since, until)),
        ),
        (
            "the newest",
            [row.occurred_at for row in store.events(Filter(), "newest", limit=PAGE)],
            [row[4] for row in table.newest(PAGE)],
        ),
        (
            "a contact",
            [row.occurred_at for row in store.events(Filter(email=contact.email), "newest", limit=PAGE)],
            [row[4] for row in table.of_contact("email", contact.email, PAGE)],
        ),
    ):
        if our != their:
            raise AssertionError(f"{what}: the store says {our}, the plain table {their}")


@contextmanager
def _desk(events: int, size: Size, where: Path) -> Iterator[Desk]:
    if size.kept:
        path = history.kept(events)
    else:
        path = where / str(events) / "aftersend.db"
        path.parent.mkdir()
        history.fill(path, events)
    desk = Desk(events, path)
    with closing(desk.store):
        yield desk


def _measured(report: Report, size: Size) -> tuple[Figure, str]:
    """The figure of a report, and what its times were."""
    pairs = in_turns(size.rounds, lambda: _asked(report.ours, size), lambda: _asked(report.other, size))
    ours = sorted(ms for mine, _ in pairs for ms in mine)
    other = sorted(ms for _, theirs in pairs for ms in theirs)
    rounds = [(1000 / _percentile(mine, 50), 1000 / _percentile(theirs, 50)) for mine, theirs in pairs]
    note = (
        f"{report.name}: p50 {_percentile(ours, 50):.2f} ms, p95 {_percentile(ours, 95):.2f} ms; "
        f"plain table p50 {_percentile(other, 50):.2f} ms"
    )
    return figure(f"report: {report.name}", "/s", rounds, report.goal(size.events)), note


def _asked(ask: Ask, size: Size) -> list[float]:
    """How long each question took, in milliseconds, sorted. The first one, which opens files, isn't counted."""
    ask(0)
    took: list[float] = []
    began = time.perf_counter()
    for number in range(1, size.asked + 1):
        start = time.perf_counter()
        ask(number)
        ended = time.perf_counter()
        took.append((ended - start) * 1000)
        if ended - began > size.seconds:
            break
    return sorted(took)


def _percentile(ordered: Sequence[float], percent: int) -> float:
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]


def _exports(desk: Desk, table: plain.Plain, size: Size) -> list[Figure]:
    """How soon a file begins, and how fast it is written."""

    def ours() -> tuple[float, float]:
        began = time.perf_counter()
        export = desk.reports.export(ExportQuestion())
        first = 0.0
        for _ in export:
            if export.rows and not first:
                first = time.perf_counter() - began
            if export.rows >= EXPORTED:
                break
        return first * 1000, export.rows / (time.perf_counter() - began)

    def other() -> float:
        began, rows = time.perf_counter(), 0
        for page in _pages(table.export(EXPORTED)):
            text = io.StringIO(newline="")
            csv.writer(text).writerows(page)
            text.getvalue().encode()
            rows += len(page)
        return rows / (time.perf_counter() - began)

    pairs = in_turns(size.rounds, ours, other)
    return [
        figure("export: CSV of 50,000 events", "rows/s", [(mine, their) for (_, mine), their in pairs], NEVER_SLOWER),
        figure("export: first row vs the limit", "ms", [(first, FIRST_ROW_MS) for (first, _), _ in pairs], FIRST_ROW),
    ]


def _pages(rows: Iterator[Any]) -> Iterator[list[Any]]:
    while page := list(islice(rows, 2_000)):
        yield page
