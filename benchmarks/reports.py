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
from contextlib import ExitStack, closing, contextmanager
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
from benchmarks import environment, history, life, plain
from benchmarks.duck import Duck, Question, columns_of
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
    seconds: float = 1.0
    """For each side of a round."""
    kept: bool = True
    """Whether stores are kept for the next run."""
    columns: bool = True
    """Whether DuckDB is asked too, whose environment may have to be fetched."""


QUICK = Size(events=6_000, rounds=2, asked=3, seconds=0.1, kept=False, columns=False)


def full() -> Size:
    """The size that the environment names."""
    return Size(events=int(os.environ.get(EVENTS, Size().events)))


class Report(msgspec.Struct, frozen=True):
    """One report, and how it is asked on either side."""

    name: str
    ours: Ask
    asked: Callable[[int], Question]
    """The same of :class:`benchmarks.plain.Plain`, and of DuckDB."""
    over_all: bool = False
    """Whether it counts what all campaigns did, over months: the longer the history, the longer it takes to group."""

    def goal(self, events: int, at_ten_million: int) -> Goal:
        """So many times as fast at ten million events; with fewer the other side is faster, and we aren't."""
        return Goal("≥", max(1.0, events / 10_000_000 * at_ten_million)) if self.over_all else NEVER_SLOWER


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
    with ExitStack() as stack:
        desk = stack.enter_context(_desk(size.events, size, where))
        table = stack.enter_context(closing(plain.Plain(plain.kept(desk.path))))
        duck, missing = None, []
        if size.columns:
            try:
                duck = stack.enter_context(columns_of(plain.kept(desk.path)))
            except environment.NotThere as why:
                missing = [f"Not compared with DuckDB. {why}"]
        reports = reports_of(desk, table)
        check(desk, table)
        if duck:
            check_columns(reports, table, duck)
        measured = [_measured(report, table, duck, size) for report in reports]
        exports = _exports(desk, table, size)
        events = desk.store.last_number()
        large = {report.name: _percentile(_asked(report.ours, size), 50) for report in reports}
    with _desk(size.events // 10, size, where) as desk, closing(plain.Plain(plain.kept(desk.path))) as table:
        small = {report.name: _percentile(_asked(report.ours, size), 50) for report in reports_of(desk, table)}
    worst = max(large, key=lambda name: large[name] / small[name])
    growth = figure("reports: time at N events vs at N/10, at worst", "ms", [(large[worst], small[worst])], GROWTH)
    return Measured(
        [*(figure for figures, _ in measured for figure in figures), *exports, growth],
        [
            *missing,
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
            lambda _: ("funnel", ()),
            over_all=True,
        ),
        Report(
            "funnel, 30 days",
            lambda n: _encode(ours.funnel(questions.FunnelQuestion(**window(n, 30)))),
            lambda n: ("funnel", desk.days(n, 30)),
        ),
        Report(
            "funnel, 90 days",
            lambda n: _encode(ours.funnel(questions.FunnelQuestion(**window(n, 90)))),
            lambda n: ("funnel", desk.days(n, 90)),
            over_all=True,
        ),
        Report(
            "timeline, 90 days by day, UTC",
            timeline("day", 90),
            lambda n: ("timeline", (*desk.days(n, 90), DAY)),
            over_all=True,
        ),
        Report(
            "timeline, 90 days by day, Kathmandu",
            timeline("day", 90, KATHMANDU),
            lambda n: ("timeline", (*desk.days(n, 90), DAY, KATHMANDU_IS_AHEAD)),
            over_all=True,
        ),
        Report("timeline, 7 days by hour", timeline("hour", 7), lambda n: ("timeline", (*desk.days(n, 7), HOUR))),
        Report(
            "dashboard, 30 days and the 30 before",
            lambda n: _encode(ours.dashboard(questions.DashboardQuestion(**window(n, 30)))),
            lambda n: ("dashboard", desk.days(n, 30)),
        ),
        Report(
            "templates, all time",
            lambda _: _encode(ours.templates(questions.TemplatesQuestion())),
            lambda _: ("templates", ()),
            over_all=True,
        ),
        Report(
            "cohorts of a template, 90 days",
            cohorts,
            lambda n: ("cohorts", (desk.template(n), *desk.days(n, 90))),
        ),
        Report(
            "funnel of a campaign",
            lambda n: _encode(ours.funnel(questions.FunnelQuestion(campaign_id=desk.campaign(n)))),
            lambda n: ("funnel_of", (desk.campaign(n),)),
        ),
        Report(
            "campaign with links, devices, engagement",
            lambda n: _encode(ours.campaign(questions.CampaignQuestion(campaign_id=desk.campaign(n)))),
            lambda n: ("campaign", (desk.campaign(n),)),
        ),
        Report(
            "campaigns, the latest 100",
            lambda _: _encode(ours.campaigns(questions.CampaignsQuestion(page_size=PAGE))),
            lambda _: ("campaigns", (PAGE,)),
        ),
        Report(
            "activities, newest 100",
            lambda _: activities(),
            lambda _: ("newest", (PAGE,)),
        ),
        Report(
            "activities, 100 behind a deep cursor",
            lambda n: behind(place(n)[0]),
            lambda n: ("newest", (PAGE, place(n))),
        ),
        Report(
            "undelivered, newest 100",
            lambda _: _encode(ours.undelivered(questions.UndeliveredQuestion(page_size=PAGE))),
            lambda _: ("undelivered", (PAGE,)),
        ),
        Report(
            "timeline of a contact, by address",
            lambda n: activities(email=desk.contact(n).email),
            lambda n: ("of_contact", ("email", desk.contact(n).email, PAGE)),
        ),
        Report(
            "timeline of a contact, by external id",
            lambda n: activities(external_id=desk.contact(n).external_id),
            lambda n: ("of_contact", ("external_id", desk.contact(n).external_id or "", PAGE)),
        ),
        Report(
            "send log, newest 100",
            lambda _: _encode(store.log(LogFilter(), limit=PAGE)),
            lambda _: ("log", (PAGE,)),
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


def check_columns(reports: Sequence[Report], table: plain.Plain, duck: Duck) -> None:
    """Every answer of DuckDB must be that of the plain table, whatever the order of its rows."""
    for report in reports:
        question = report.asked(3)
        ours, theirs = _in_order(_answer(table, question)), _in_order(duck.rows(question))
        if ours != theirs:
            raise AssertionError(f"{report.name}: the plain table says {ours[:5]}, DuckDB {theirs[:5]}")


def _in_order(answer: Any) -> list[Any]:
    if answer and isinstance(answer[0], list) and (not answer[0] or isinstance(answer[0][0], list | tuple)):
        return [_in_order(rows) for rows in answer]
    return sorted(([*row] for row in answer), key=repr)


def _answer(table: plain.Plain, question: Question) -> Any:
    method, given = question
    return getattr(table, method)(*given)


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


def _measured(report: Report, table: plain.Plain, duck: Duck | None, size: Size) -> tuple[list[Figure], str]:
    """The figures of a report, and what its times were."""

    def others() -> tuple[list[float], list[float]]:
        questions = [report.asked(number) for number in range(size.asked + 1)]
        of_table = _asked(lambda n: _encode(_answer(table, report.asked(n))), size)
        return of_table, duck.times(questions, size.seconds) if duck else []

    pairs = in_turns(size.rounds, lambda: _asked(report.ours, size), others)
    told = [(mine, table_s, duck_s) for mine, (table_s, duck_s) in pairs]
    figures = [
        figure(
            f"report: {report.name}",
            "/s",
            [(_rate(mine), _rate(table_s)) for mine, table_s, _ in told],
            report.goal(size.events, 1_000),
        )
    ]
    if duck:
        figures.append(
            figure(
                f"report: {report.name} vs DuckDB",
                "/s",
                [(_rate(mine), _rate(duck_s)) for mine, _, duck_s in told],
                report.goal(size.events, 100),
            )
        )
    ours, plain_s, duck_s = (sorted(ms for run in runs for ms in run) for runs in zip(*told, strict=True))
    said = f"plain table p50 {_percentile(plain_s, 50):.2f} ms"
    if duck:
        said += f", DuckDB p50 {_percentile(duck_s, 50):.2f} ms"
    times = f"p50 {_percentile(ours, 50):.2f} ms, p95 {_percentile(ours, 95):.2f} ms"
    return figures, f"{report.name}: {times}; {said}"


def _rate(milliseconds: Sequence[float]) -> float:
    """A second, at the median."""
    return 1000 / _percentile(milliseconds, 50)


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
