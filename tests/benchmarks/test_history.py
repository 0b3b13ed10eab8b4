"""The invented history: what the benchmarks of reports stand on."""

from __future__ import annotations

from collections import Counter
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import pytest

from aftersend.storage import open_store
from aftersend.storage.contract import Filter
from aftersend.vocabulary import Kind, Machine
from benchmarks import history, plain, reports

SMALL = 6_000


@pytest.fixture(scope="module")
def told():
    return list(history.history(SMALL))


def test_a_history_is_the_same_every_time_and_about_as_long_as_asked_for(told):
    assert told == list(history.history(SMALL))
    assert len(told) == pytest.approx(SMALL, rel=0.05)
    assert len(list(history.history(80_000))) == pytest.approx(80_000, rel=0.05)


def test_what_follows_it_is_new_goes_on_in_time_and_happens_to_the_same_contacts(told):
    rounds = list(history.continued(SMALL, 1_500, 2))
    events = [event for batches in rounds for reads in batches for read in reads for event in read.reading.events]
    assert [sum(len(read.reading.events) for read in reads) for batches in rounds for reads in batches] == [1_500] * 2
    assert len({event.slot for event in events} - {event.slot for _, event in told}) == 3_000
    assert min(event.occurred_at for event in events) >= history.ENDED
    assert {event.campaign_id for event in events}.isdisjoint(event.campaign_id for _, event in told)
    everybody = {
        history.contact(source, number).id for source in history.SOURCES for number in range(history.contacts(SMALL))
    }
    assert {event.contact_id for event in events} <= everybody


def test_a_copy_of_a_store_counts_the_same_and_can_be_added_to_without_touching_it(tmp_path):
    kept = tmp_path / "kept" / "aftersend.db"
    kept.parent.mkdir()
    history.fill(kept, 600)
    copy = history.copy_of(kept, tmp_path / "copy")
    (added,) = history.continued(600, 100, 1)
    with closing(open_store(f"sqlite:///{copy}")) as store:
        for reads in added:
            store.apply(reads)
    assert counted(copy) == counted(kept) + 100


def counted(path: Path) -> int:
    with closing(open_store(f"sqlite:///{path}")) as store:
        return sum(count.total for count in store.funnel(Filter()).values())


def test_it_comes_in_the_order_of_time_within_its_days(told):
    times = [event.occurred_at for _, event in told]
    assert all(first <= second for first, second in pairwise(times))
    assert history.BEGAN <= times[0] < times[-1] < history.ENDED


def test_no_two_events_are_the_same(told):
    assert len({event.slot for _, event in told}) == len(told)


def test_it_has_everything_a_report_can_show(told):
    kinds = Counter(event.kind for _, event in told)
    assert set(kinds) == {
        *(Kind.SENT, Kind.DELIVERED, Kind.BOUNCED, Kind.DROPPED, Kind.OPENED, Kind.CLICKED, Kind.UNSUBSCRIBED),
    }
    assert kinds[Kind.SENT] > kinds[Kind.OPENED] > kinds[Kind.CLICKED] > kinds[Kind.BOUNCED]
    assert {source for source, _ in told} == set(history.SOURCES)
    assert {source for source, event in told if event.kind is Kind.DELIVERED} == set(history.CONFIRMING)
    assert {event.machine for _, event in told if event.kind is Kind.OPENED} == {Machine.HUMAN, Machine.MACHINE}
    assert all(event.url for _, event in told if event.kind is Kind.CLICKED)
    by_campaign = Counter(event.campaign_id for _, event in told)
    assert set(by_campaign) == {campaign.id for campaign in history.campaigns(SMALL)}


def test_a_store_that_counts_wrongly_is_not_measured(tmp_path):
    path = tmp_path / "aftersend.db"
    history.fill(path, 600)
    with open_store(f"sqlite:///{path}")._events.write() as c:
        c.execute("UPDATE buckets SET n = n + 1")
    desk = reports.Desk(600, path)
    table = plain.Plain(plain.kept(path))
    with pytest.raises(AssertionError, match="the funnel: the store says"):
        reports.check(desk, table)
    table.close()
    desk.store.close()


def test_a_kept_store_is_filled_once_and_anew_when_the_code_has_changed(tmp_path, monkeypatch):
    monkeypatch.setattr(history, "CACHE", tmp_path)
    first = history.kept(600)
    assert first.stat().st_ino == history.kept(600).stat().st_ino
    store = open_store(f"sqlite:///{first}")
    assert sum(count.total for count in store.funnel(Filter()).values()) == len(list(history.history(600)))
    store.close()
    monkeypatch.setattr(history, "digest", lambda *_: "changed")
    assert history.kept(600) == tmp_path / "600-changed" / "aftersend.db"
    assert not first.exists()
