"""What stores keep in derived tables is what the plainest way of counting gives."""

from __future__ import annotations

import tempfile
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from aftersend.storage import open_store
from aftersend.storage.contract import EventRow, Filter, LogFilter
from aftersend.vocabulary import Channel, Kind, Status
from tests.conformance.events import MINUTE, T0, read
from tests.conformance.oracle import Oracle
from tests.laws.test_convergence import LAWS, sightings

DAY = 86_400_000
WINDOWS = ((T0, T0 + 15 * MINUTE), (T0 + 61_000, T0 + 17 * MINUTE + 500), (T0 - DAY, T0 + 3 * DAY), (T0, T0 + 500))
EDGES = [T0 - 9 * MINUTE * 60, T0, T0 + 15 * MINUTE, T0 + DAY, T0 + DAY + 15 * MINUTE]
DAYS = [T0 // DAY * DAY + zone * 15 * MINUTE + n * DAY for zone in (22, 75) for n in range(-1, 3)]


@LAWS
@given(told=st.lists(sightings(), min_size=1, max_size=16))
def test_counts_are_what_the_events_say(told):
    with tempfile.TemporaryDirectory() as directory:
        store = open_store(f"sqlite:///{directory}/store.db")
        store.migrate()
        for n, (door, event) in enumerate(told, 1):
            store.apply([read(n, [event], door)])
        oracle = Oracle(store, _by_message)
        for machine in ("include", "exclude"):
            for campaign, activity in ((None, None), ("7", None), ("8", None), (None, "7a"), ("7", "7b")):
                for channels in ((Channel.EMAIL,), None):
                    which = Filter(machine=machine, campaign_id=campaign, activity_id=activity, channels=channels)
                    check_counts(store, oracle, which)
        assert store.known(Filter(), [T0, T0 + 30_000, T0 + 16 * MINUTE, T0 + DAY]) == [
            oracle.known(at) for at in (T0, T0 + 30_000, T0 + 16 * MINUTE, T0 + DAY)
        ]
        check_log(store, oracle)
        check_doors(store, oracle)
        store.close()


def _by_message(row: EventRow) -> bool:
    # In this world only events of one message each name one.
    return row.message_id is not None


def check_counts(store, oracle, which):
    assert store.funnel(which) == oracle.funnel(which)
    assert store.marks(which) == [oracle.marks(which)]
    for window in WINDOWS:
        since, until = window
        timed = Filter(**{**_given(which), "since": since, "until": until})
        assert store.funnel(timed) == oracle.funnel(which, window)
        assert store.marks(timed) == [oracle.marks(which, window)]
    for edges in (EDGES, DAYS[:4], DAYS[4:]):
        assert store.timeline(which, edges) == [oracle.funnel(which, slot) for slot in pairwise(edges)]
        assert store.marks(which, edges) == [oracle.marks(which, slot) for slot in pairwise(edges)]
    if which.campaign_id is None and which.activity_id is None:
        return
    facets = store.facets(which)
    assert (facets.bounces, facets.auto_replied) == oracle.bounces(_with_machines(which))
    assert facets.devices == {kind: oracle.devices(which, kind) for kind in (Kind.OPENED, Kind.CLICKED)}
    assert {(link.url, link.number, link.total, link.unique) for link in facets.links} == oracle.links(which)
    for kind, without in ((Kind.OPENED, ()), (Kind.SENT, (Kind.OPENED, Kind.BOUNCED))):
        rows = store.last_events(which, kind, without, limit=100)
        assert [row.id for row in rows] == oracle.last_events(which, kind, without)
        if rows:
            bookmark = (rows[0].occurred_at, rows[0].id)
            assert store.last_events(which, kind, without, limit=100, after=bookmark) == rows[1:]


def check_doors(store, oracle):
    assert store.doors(Filter()) == [oracle.doors()]
    for since, until in WINDOWS:
        assert store.doors(Filter(since=since, until=until)) == [oracle.doors((since, until))]
    for edges in (EDGES, DAYS[:4], DAYS[4:], [T0 + 7_000, T0 + 8 * MINUTE, T0 + DAY]):
        assert store.doors(Filter(), edges) == [oracle.doors(slot) for slot in pairwise(edges)]


def check_log(store, oracle):
    for which in (
        LogFilter(),
        LogFilter(template="t"),
        LogFilter(template="7"),
        LogFilter(template=""),
        LogFilter(campaign_id="7"),
        LogFilter(happened=Kind.OPENED),
        LogFilter(since=T0 + 500, until=T0 + 16 * MINUTE),
        LogFilter(template="t", since=T0 + 16 * MINUTE),
        *(LogFilter(status=status) for status in Status),
    ):
        rows, groups = store.log(which, limit=1000), oracle.log(which)
        assert len(rows) == len(groups) == store.log_size(which)
        assert sorted((r.created_at, r.status, r.template or "") for r in rows) == sorted(
            (g.created_at(), g.status(), oracle.template(g)) for g in groups
        )
        assert rows == sorted(rows, key=lambda r: (r.created_at, r.number), reverse=True)
        assert store.log(which, limit=1000, descending=False) == rows[::-1]
        if rows:
            assert store.log(which, limit=1000, after=(rows[0].created_at, rows[0].number)) == rows[1:]
    for which in (LogFilter(), LogFilter(template="t"), LogFilter(template="7")):
        assert store.cohorts(which) == [oracle.cohort(which)]
        for edges in (EDGES, DAYS[:4]):
            assert store.cohorts(which, edges) == [
                oracle.cohort(LogFilter(template=which.template, since=since, until=until))
                for since, until in pairwise(edges)
            ]
    assert {(row.template, row.cohort.messages) for row in store.templates()} == {
        (name, oracle.cohort(LogFilter(template=name)).messages)
        for name in {oracle.template(group) for group in oracle.log(LogFilter())}
    }


def _given(which):
    return {
        "machine": which.machine,
        "campaign_id": which.campaign_id,
        "activity_id": which.activity_id,
        "channels": which.channels,
    }


def _with_machines(which):
    return Filter(**{**_given(which), "machine": "include"})
