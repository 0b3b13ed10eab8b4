"""Numbers that agree: for the sandbox's truth, our own API and every dialect give the figures that follow from it.

Each line of :data:`CAMPAIGN` names a figure, its formula, where it is asked, and what it must be. ``S`` sent, ``B``
bounced, ``O`` opened, ``C`` clicked, ``U`` unsubscribed count recipients of the campaign; ``N`` = max(0, S − O − B).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import pytest

from aftersend.vocabulary import Kind
from tests.agreement.conftest import Installation
from tests.agreement.truth import Truth, day_of, half_up, utc


class Figure(NamedTuple):
    where: str
    """The path; ``{}`` stands for the campaign's id."""
    name: str
    """Where in the answer, between dots."""
    formula: str
    expected: Callable[[Truth], Any]


def S(t: Truth) -> int:
    return t.unique(Kind.SENT)


def B(t: Truth) -> int:
    return t.unique(Kind.BOUNCED)


def O(t: Truth) -> int:  # noqa: E743 - the provider files' letter
    return t.unique(Kind.OPENED)


def C(t: Truth) -> int:
    return t.unique(Kind.CLICKED)


def U(t: Truth) -> int:
    return t.unique(Kind.UNSUBSCRIBED)


def N(t: Truth) -> int:
    return max(0, S(t) - O(t) - B(t))


def D(t: Truth) -> int:
    return len(t.kept())


OWN, INWISE = "/v1/funnel?campaign_id={}", "/rest/v1/campaigns/email/activitiesSummary?campaign_id={}"
CC, CCA = "/v3/reports/stats/email_campaigns/{}", "/v3/reports/stats/email_campaign_activities/{}"
BENCHMARK, HOGSEND = "/api/reports/email/{}", "/v1/admin/reporting/templates/{}"

CAMPAIGN = [
    *(Figure(OWN, f"counts.{k}.total", "events", lambda t, k=k: t.total(k)) for k in Kind if k is not Kind.DELIVERED),
    *(Figure(OWN, f"counts.{k}.unique", "recipients", lambda t, k=k: t.unique(k)) for k in Kind if k != "delivered"),
    Figure(OWN, "counts.delivered.unique", "sent and never bounced", D),
    Figure(OWN, "rates.open", "O / D, 4 decimals", lambda t: half_up(O(t), D(t), 4)),
    Figure(OWN, "rates.click", "C / D", lambda t: half_up(C(t), D(t), 4)),
    Figure(OWN, "rates.bounce", "B / S", lambda t: half_up(B(t), S(t), 4)),
    Figure(INWISE, "sent", "S", S),
    Figure(INWISE, "undelivered", "recipients dropped", lambda t: t.unique(Kind.DROPPED)),
    Figure(INWISE, "opens", "opens", lambda t: t.total(Kind.OPENED)),
    Figure(INWISE, "opens_unique", "O", O),
    Figure(INWISE, "clicks", "clicks", lambda t: t.total(Kind.CLICKED)),
    Figure(INWISE, "clicks_unique", "C", C),
    Figure(INWISE, "bounces", "bounces", lambda t: t.total(Kind.BOUNCED)),
    Figure(INWISE, "bounces_unique", "B", B),
    Figure(INWISE, "unsubscribes", "unsubscribes", lambda t: t.total(Kind.UNSUBSCRIBED)),
    Figure(INWISE, "unsubscribes_unique", "U", U),
    Figure(INWISE, "webversions_unique", "recipients", lambda t: t.unique(Kind.WEB_VIEWED)),
    Figure(INWISE, "report_spam", "none told", lambda _: 0),
    Figure(CC, "results.0.stats.em_sends", "S", S),
    Figure(CC, "results.0.stats.em_opens", "O", O),
    Figure(CC, "results.0.stats.em_opens_all", "opens", lambda t: t.total(Kind.OPENED)),
    Figure(CC, "results.0.stats.em_clicks", "C", C),
    Figure(CC, "results.0.stats.em_clicks_all", "clicks", lambda t: t.total(Kind.CLICKED)),
    Figure(CC, "results.0.stats.em_bounces", "B", B),
    Figure(CC, "results.0.stats.em_optouts", "U", U),
    Figure(CC, "results.0.stats.em_not_opened", "N", N),
    Figure(CC, "results.0.stats.em_forwards", "none told", lambda _: 0),
    Figure(CC, "results.0.percents.bounce", "100 B / S, 1 decimal", lambda t: half_up(B(t), S(t), 1, 100)),
    Figure(CC, "results.0.percents.open", "100 O / (S − B)", lambda t: half_up(O(t), S(t) - B(t), 1, 100)),
    Figure(CC, "results.0.percents.did_not_open", "100 N / (S − B)", lambda t: half_up(N(t), S(t) - B(t), 1, 100)),
    Figure(CC, "results.0.percents.unsubscribe", "100 U / (S − B)", lambda t: half_up(U(t), S(t) - B(t), 1, 100)),
    Figure(CC, "results.0.percents.click", "100 C / O", lambda t: half_up(C(t), O(t), 1, 100)),
    Figure(CCA, "results.0.stats.em_sends", "S", S),
    Figure(CCA, "results.0.stats.em_bounces_nonexistent_address", "hard", lambda t: len(t.hard())),
    Figure(CCA, "results.0.stats.em_bounces_undeliverable", "soft", lambda t: len(t.soft())),
    Figure(BENCHMARK, "stats.sent", "messages sent", S),
    Figure(BENCHMARK, "stats.delivered", "sent and never bounced", D),
    Figure(BENCHMARK, "stats.opens.unique", "O", O),
    Figure(BENCHMARK, "stats.opens.rate", "100 O / D, 2 decimals", lambda t: half_up(O(t), D(t), 2, 100)),
    Figure(BENCHMARK, "stats.opens.last", "the last open", lambda t: utc(t.last(Kind.OPENED))),
    Figure(BENCHMARK, "stats.clicks.unique", "C", C),
    Figure(BENCHMARK, "stats.clicks.rate", "100 C / D", lambda t: half_up(C(t), D(t), 2, 100)),
    Figure(BENCHMARK, "stats.hardBounces.count", "hard", lambda t: len(t.hard())),
    Figure(BENCHMARK, "stats.hardBounces.rate", "100 hard / S", lambda t: half_up(len(t.hard()), S(t), 2, 100)),
    Figure(BENCHMARK, "stats.softBounces.count", "soft", lambda t: len(t.soft())),
    Figure(BENCHMARK, "stats.totalBounces.count", "B", B),
    Figure(BENCHMARK, "stats.totalBounces.rate", "100 B / S", lambda t: half_up(B(t), S(t), 2, 100)),
    Figure(BENCHMARK, "stats.unsubscribes", "U", U),
    Figure(HOGSEND, "totals.sent", "messages sent", S),
    Figure(HOGSEND, "totals.delivered", "explicit only: none told", lambda _: 0),
    Figure(HOGSEND, "totals.opened", "O", O),
    Figure(HOGSEND, "totals.clicked", "C", C),
    Figure(HOGSEND, "totals.bounced", "B", B),
    Figure(HOGSEND, "totals.openRate", "O / S, where nothing is delivered", lambda t: half_up(O(t), S(t), 4)),
    Figure(HOGSEND, "totals.clickRate", "C / O", lambda t: half_up(C(t), O(t), 4)),
    Figure(HOGSEND, "totals.deliveryRate", "0 of S", lambda _: 0),
]


def picked(answer: Any, name: str) -> Any:
    for part in name.split("."):
        answer = answer[int(part)] if isinstance(answer, list) else answer[part]
    return answer


@pytest.mark.parametrize("figure", CAMPAIGN, ids=lambda figure: f"{figure.where.split('?')[0]} {figure.name}")
def test_a_campaigns_figure_follows_from_the_truth(recent: Installation, figure: Figure):
    for campaign in recent.truth.campaigns:
        answer = recent.get(figure.where.format(campaign))
        assert picked(answer, figure.name) == figure.expected(recent.truth.of(campaign)), (campaign, figure.formula)


def test_coldsends_campaigns_follow_from_the_truth(recent: Installation):
    answer = recent.get("/api/public/v1/analytics/campaigns")
    told = recent.truth
    assert answer["workspace_kpis"] == {
        "total_campaigns": len(told.campaigns),
        "total_sends": S(told),
        "avg_open_rate": half_up(O(told), S(told), 4),
        "avg_reply_rate": 0.0,
        "avg_bounce_rate": half_up(B(told), S(told), 4),
    }
    for row in answer["campaigns"]:
        one = told.of(row["campaign_id"])
        assert (row["total_leads"], row["total_sent"], row["total_opened"], row["total_bounced"]) == (
            *(len(one.pairs()), S(one), O(one), B(one)),
        )
        assert (row["open_rate"], row["bounce_rate"]) == (half_up(O(one), S(one), 4), half_up(B(one), S(one), 4))
        assert row["created_at"] == utc(min(fact.at for fact in one.facts)).replace(".000Z", "Z")


def test_constant_contacts_lists_hold_what_happened(recent: Installation):
    for campaign in recent.truth.campaigns:
        told = recent.truth.of(campaign)
        base = f"/v3/reports/email_reports/{campaign}"

        def who(feed: str, base: str = base, campaign: str = campaign) -> list[tuple[str, str]]:
            return [(campaign, row["contact_id"]) for row in recent.pages(f"{base}/tracking/{feed}", limit="37")]

        for feed, kind in (("sends", Kind.SENT), ("opens", Kind.OPENED), ("clicks", Kind.CLICKED)):
            assert len(who(feed)) == told.total(kind)
        assert len(who("optouts")) == told.total(Kind.UNSUBSCRIBED)
        assert len(who("bounces")) == told.total(Kind.BOUNCED)
        assert who("forwards") == []
        assert sorted(who("unique_opens")) == sorted(told.pairs(Kind.OPENED))
        silent = told.pairs(Kind.SENT) - told.pairs(Kind.OPENED) - told.pairs(Kind.BOUNCED)
        assert sorted(who("didnotopens")) == sorted(silent)
        links = recent.get(f"{base}/links")["link_click_counts"]
        assert {row["link_url"]: row["unique_clicks"] for row in links} == {
            url: unique for url, (unique, _) in told.clicks().items()
        }


def test_links_agree_everywhere(recent: Installation):
    for campaign in recent.truth.campaigns:
        clicks = recent.truth.of(campaign).clicks()
        activity = recent.get(f"/api/reports/email/{campaign}")["linkActivity"]
        assert {row["path"]: (row["clicks"]["unique"], row["clicks"]["total"]) for row in activity} == clicks
        own = recent.get(f"/v1/campaigns/{campaign}")["links"]
        assert {row["url"]: (row["unique"], row["total"]) for row in own} == clicks


ZONES = ("UTC", "Asia/Kolkata", "Asia/Kathmandu", "America/St_Johns", "Pacific/Chatham", "America/New_York")


@pytest.mark.parametrize("zone", ZONES)
def test_benchmarks_days_follow_from_the_truth_in_every_zone(recent: Installation, zone: str):
    told = recent.truth
    for event_type, firsts in (
        ("email-sent", told.first(Kind.SENT)),
        ("email-bounced", told.first(Kind.BOUNCED)),
        ("first-email-opened", told.first(Kind.OPENED)),
        ("first-email-clicked", told.first(Kind.CLICKED)),
        ("first-contact-unsubscribed", told.first(Kind.UNSUBSCRIBED)),
        ("email-delivered", {pair: at for pair, at in told.first(Kind.SENT).items() if pair in told.kept()}),
    ):
        answer = recent.get("/api/reports/email/overall/histogram", pastDays=10, eventType=event_type, timezone=zone)
        by_day: dict[str, int] = {}
        for at in firsts.values():
            by_day[day_of(at, zone)] = by_day.get(day_of(at, zone), 0) + 1
        shown = {}
        for bucket in answer["histogram"]:
            wall = datetime.fromisoformat(bucket["date"]).astimezone(ZoneInfo(zone))
            assert (wall.hour, wall.minute) == (0, 0)
            shown[wall.date().isoformat()] = bucket["total"]
        assert len(shown) == 10
        assert {day: total for day, total in shown.items() if total} == by_day
        assert answer["peak"]["total"] == max(by_day.values())
    overall = recent.get("/api/reports/email/overall", pastDays=10, timezone=zone)["stats"]
    assert overall["sent"]["count"]["value"] == S(told)
    assert overall["delivered"]["count"]["value"] == D(told)
    assert overall["uniqueOpens"] == {
        "count": {"value": O(told), "prev": 0, "diff": 100},
        "rate": {"value": half_up(O(told), D(told), 2, 100), "prev": 0, "diff": 100},
    }
    assert overall["totalBounces"]["rate"]["value"] == half_up(B(told), S(told), 2, 100)


@pytest.mark.parametrize("zone", [*ZONES, "Europe/Berlin", "Australia/Lord_Howe"])
@pytest.mark.parametrize("unit", ["hour", "day", "week", "month"])
def test_our_timeline_follows_from_the_truth_where_clocks_change(clocks_change: Installation, zone: str, unit: str):
    told = clocks_change.truth
    first, last = (date.fromisoformat(day_of(f.at, zone)) for f in (told.facts[0], told.facts[-1]))
    answer = clocks_change.get("/v1/timeline", **{"from": str(first), "to": str(last), "time_zone": zone, "unit": unit})
    starts = [datetime.fromisoformat(slot["start"]) for slot in answer["slots"]]
    ends = [datetime.fromisoformat(slot["end"]) for slot in answer["slots"]]
    assert starts[1:] == ends[:-1]
    for kind in (Kind.SENT, Kind.OPENED, Kind.CLICKED, Kind.BOUNCED, Kind.DROPPED):
        firsts = told.first(kind)
        for slot, start, end in zip(answer["slots"], starts, ends, strict=True):
            since, until = start.timestamp() * 1000, end.timestamp() * 1000
            assert slot["counts"][kind] == {
                "total": sum(f.kind is kind and since <= f.at < until for f in told.facts),
                "unique": sum(since <= at < until for at in firsts.values()),
            }
    for slot, start, end in zip(answer["slots"], starts, ends, strict=True):
        since, until = start.timestamp() * 1000, end.timestamp() * 1000
        kept = sum(since <= at < until for pair, at in told.first(Kind.SENT).items() if pair in told.kept())
        assert slot["counts"]["delivered"]["unique"] == kept


def test_days_of_23_and_25_hours_are_one_day(clocks_change: Installation):
    told = clocks_change.truth
    day = "2025-03-30" if day_of(told.facts[0].at, "UTC").startswith("2025-03") else "2025-10-26"
    answer = clocks_change.get("/v1/timeline", **{"from": day, "to": day, "time_zone": "Europe/Berlin"})
    (slot,) = answer["slots"]
    lasted = datetime.fromisoformat(slot["end"]) - datetime.fromisoformat(slot["start"])
    assert lasted == timedelta(hours=23 if day == "2025-03-30" else 25)
    expected = sum(f.kind is Kind.SENT and day_of(f.at, "Europe/Berlin") == day for f in told.facts)
    assert slot["counts"]["sent"]["total"] == expected > 0


def test_coldsends_days_are_utc_days(clocks_change: Installation):
    told = clocks_change.truth
    first, last = day_of(told.facts[0].at, "UTC"), day_of(told.facts[-1].at, "UTC")
    answer = clocks_change.get("/api/public/v1/analytics/campaigns/timeline", from_date=first, to_date=last)
    days = answer["timeline"]
    assert [row["date"] for row in days] == sorted({row["date"] for row in days})
    assert (days[0]["date"], days[-1]["date"]) == (first, last)
    for row in days:
        counted = [
            sum(day_of(at, "UTC") == row["date"] for at in told.first(kind).values())
            for kind in (Kind.SENT, Kind.OPENED, Kind.REPLIED, Kind.BOUNCED)
        ]
        assert [row["sent"], row["opened"], row["replied"], row["bounced"]] == counted
        assert [row["open_rate"], row["reply_rate"], row["bounce_rate"]] == [
            half_up(count, counted[0], 4) for count in counted[1:]
        ]


@pytest.mark.parametrize("granularity", ["day", "week", "month"])
def test_hogsends_series_counts_messages_by_their_creation(clocks_change: Installation, granularity: str):
    def bucket(at: int) -> str:
        day = date.fromisoformat(day_of(at, "UTC"))
        if granularity == "week":
            day -= timedelta(days=day.weekday())
        return f"{day.replace(day=1) if granularity == 'month' else day} 00:00:00+00"

    for campaign in clocks_change.truth.campaigns:
        told = clocks_change.truth.of(campaign)
        created = told.first(Kind.DROPPED) | {
            pair: at for pair, at in told.first(*Kind).items() if pair not in told.pairs(Kind.DROPPED)
        }
        expected = [
            {
                "date": name,
                **{
                    word: len({p for p, at in created.items() if bucket(at) == name} & told.pairs(kind))
                    for word, kind in (
                        ("sent", Kind.SENT),
                        ("delivered", Kind.DELIVERED),
                        ("opened", Kind.OPENED),
                        ("clicked", Kind.CLICKED),
                        ("bounced", Kind.BOUNCED),
                    )
                },
            }
            for name in sorted({bucket(at) for at in created.values()})
        ]
        answer = clocks_change.get(f"/v1/admin/reporting/templates/{campaign}", granularity=granularity)
        assert answer["series"] == expected


def test_hogsends_export_and_log_have_a_row_for_every_message(clocks_change: Installation):
    told = clocks_change.truth
    lines = clocks_change.text("/v1/admin/reporting/sends/export").split("\n")
    assert len(lines) - 1 == len(told.pairs())
    assert clocks_change.get("/v1/admin/emails")["total"] == len(told.pairs())
    assert clocks_change.get("/v1/admin/emails", engagement="opened")["total"] == O(told)
