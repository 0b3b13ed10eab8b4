from __future__ import annotations

import msgspec
import pytest

from aftersend.settings import DAY, Source
from aftersend.storage.contract import FeedRow, Store
from aftersend.vocabulary import ConfigurationError
from aftersend.worker import plan

AT = 1_763_700_000_000


def test_a_new_source_gets_a_live_row_per_feed_and_a_backfill_where_dates_can_be_asked(store: Store, source: Source):
    plan.ensure(store, source, AT)
    print_ = plan.fingerprint(source)
    common = {"source": "acme", "fingerprint": print_}
    assert store.feeds("acme") == [
        FeedRow(**common, feed="once", lane="live", resource=f"once/{print_}"),
        FeedRow(
            **common,
            feed="pages",
            lane="backfill:first",
            resource="acme/pages/backfill:first",
            since=AT - 30 * DAY,
            until=AT,
        ),
        FeedRow(**common, feed="pages", lane="live", resource="acme/pages/live"),
        FeedRow(**common, feed="totals", lane="live", resource="acme/totals/live"),
    ]


def test_planning_again_writes_nothing(store: Store, source: Source, monkeypatch):
    plan.ensure(store, source, AT)
    before = store.feeds()
    monkeypatch.setattr(type(store), "ensure_feeds", None)
    plan.ensure(store, source, AT + 1000)
    assert store.feeds() == before


def test_a_feed_switched_on_later_gets_its_own_backfill(store: Store, source: Source):
    plan.ensure(store, msgspec.structs.replace(source, feeds=["once"]), AT)
    assert [row.key for row in store.feeds()] == [("acme", "once", "live")]
    plan.ensure(store, source, AT + DAY)
    first = next(row for row in store.feeds() if row.lane == plan.FIRST)
    assert (first.feed, first.since, first.until) == ("pages", AT - 29 * DAY, AT + DAY)


def test_a_source_without_backfill_begins_with_now(store: Store, source: Source):
    plan.ensure(store, msgspec.structs.replace(source, backfill="0d"), AT)
    assert {row.lane for row in store.feeds()} == {"live"}


def test_a_feed_that_does_not_exist_is_named(source: Source):
    wrong = msgspec.structs.replace(source, feeds=["pages", "lettres"])
    with pytest.raises(ConfigurationError, match="Fake has no feed 'lettres'; it has: pages, once, totals"):
        plan.feeds(wrong)


def test_the_fingerprint_tells_credentials_apart_and_nothing_else(source: Source):
    same = msgspec.structs.replace(source, name="other", poll_every="1h")
    other_key = msgspec.structs.replace(source, api_key="other")
    other_place = msgspec.structs.replace(source, base_url="http://127.0.0.1:2")
    assert plan.fingerprint(same) == plan.fingerprint(source)
    assert len({plan.fingerprint(s) for s in (source, other_key, other_place)}) == 3
    assert source.api_key not in plan.fingerprint(source)


def test_a_backfill_lane_is_named_by_its_days_in_the_zone_of_the_source(source: Source):
    jerusalem = msgspec.structs.replace(source, time_zone="Asia/Jerusalem")
    since, until = 1_735_682_400_000, 1_740_780_000_000  # midnights in Jerusalem: 1 January and 1 March 2025
    rows = plan.backfill_rows(jerusalem, ["pages"], since, until)
    assert [(row.key, row.since, row.until) for row in rows] == [
        (("acme", "pages", "backfill:2025-01-01..2025-02-28"), since, until)
    ]


def test_a_backfill_asked_again_is_the_same_lane_until_it_is_finished(store: Store, source: Source):
    def lane() -> str:
        return plan.backfill_rows(source, ["pages"], AT - DAY, AT, store.feeds())[0].lane

    first = lane()
    store.ensure_feeds(plan.backfill_rows(source, ["pages"], AT - DAY, AT))
    assert lane() == first
    claimed = store.claim(("acme", "pages", first), "me", AT + 1, at=AT)
    assert claimed is not None
    store.finish(claimed, due_at=AT, rows=0, complete_until=None, finished=True)
    assert lane() == first + "#2"


def test_a_feed_that_cannot_be_asked_for_dates_is_not_backfilled(source: Source):
    with pytest.raises(ConfigurationError, match="Feed 'once' of source 'acme' can't be asked for a range of dates"):
        plan.backfill_rows(source, ["once"], AT - DAY, AT)
    with pytest.raises(ConfigurationError, match="no feed 'lettres' switched on"):
        plan.backfill_rows(source, ["lettres"], AT - DAY, AT)


def test_a_new_key_starts_every_lane_of_a_stopped_source(store: Store, source: Source):
    plan.ensure(store, source, AT)
    claimed = store.claim(("acme", "pages", "live"), "me", AT + 1000, at=AT)
    assert claimed is not None
    store.stop_source(claimed, "no")
    assert all(row.stopped for row in store.feeds())
    plan.ensure(store, msgspec.structs.replace(source, api_key="new"), AT)
    assert not any(row.stopped for row in store.feeds())
