"""Laws 2, 3 and 7: reports are a pure function of the set of sightings."""

from __future__ import annotations

import os
import random
import tempfile
from collections import defaultdict

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aftersend.storage import open_store
from aftersend.storage.contract import Count, Filter, Read
from aftersend.vocabulary import (
    BounceClass,
    Channel,
    Clock,
    Door,
    Event,
    Kind,
    Machine,
    Precision,
    Snapshot,
    slot_key,
)
from tests.conformance.events import MINUTE, T0, read, reports

LAWS = settings(
    max_examples=int(os.environ.get("AFTERSEND_EXAMPLES", "30")),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
LISTS = {"activities": Door.FEED, "recentActivities": Door.FEED, "webhook": Door.WEBHOOK}


@st.composite
def sightings(draw: st.DrawFn) -> tuple[Door, Event]:
    """A sighting out of a small world, so that slots, rows, pairs and names meet all the time."""
    contact = draw(st.sampled_from("abc"))
    kind = draw(
        st.sampled_from(
            [Kind.SENT, Kind.OPENED, Kind.CLICKED, Kind.BOUNCED, Kind.DELIVERED, Kind.DROPPED, Kind.UNSUBSCRIBED]
        )
    )
    campaign = draw(st.sampled_from(["7", "7", "8", None]))
    minute = draw(st.integers(0, 2)) * 8
    list_ = draw(st.sampled_from(sorted(LISTS)))
    seconds = draw(st.integers(0, 59)) if list_ == "webhook" else 0
    by_message = draw(st.booleans()) and list_ == "webhook"
    names = draw(st.sampled_from(["id", "id", "email"]))
    event = Event(
        slot=slot_key(T0 + minute * MINUTE, "acme", kind, campaign, contact),
        kind=kind,
        word=kind,
        occurred_at=T0 + minute * MINUTE + seconds * 1000,
        list=list_,
        row=draw(st.sampled_from(["1", "2", "3"])),
        row_id=draw(st.sampled_from([None, "11", "12"])),
        precision=Precision.SECOND if list_ == "webhook" else Precision.MINUTE,
        clock=draw(st.sampled_from([Clock.STATED, Clock.STATED, Clock.RECEIVED])),
        channel=draw(st.sampled_from([Channel.EMAIL, Channel.EMAIL, Channel.SMS])),
        campaign_id=campaign,
        activity_id=draw(st.sampled_from([None, "7a", "7b"])) if campaign == "7" else None,
        template=draw(st.sampled_from([None, None, "t", "u"])),
        message_id=draw(st.sampled_from(["m1", "m2"])) if by_message else None,
        by_message=by_message,
        contact_id=contact if names == "id" else None,
        email=draw(st.sampled_from([f"{contact}@example.com", f"{contact.upper()}@example.com"]))
        if names == "email" or draw(st.booleans())
        else None,
        external_id=draw(st.sampled_from([None, f"crm-{contact}", "crm-x"])),
        url=draw(st.sampled_from([None, "https://example.com/1", "https://example.com/2"])),
        link_number=draw(st.sampled_from([None, "1", "10", "2"])),
        ip=draw(st.sampled_from([None, "192.0.2.1"])),
        device=draw(st.sampled_from([None, "desktop", "tablet", "watch"])),
        reason=draw(st.sampled_from([None, "suppressed", "mailbox_full", "other"])),
        machine=draw(st.sampled_from(Machine)),
        bounce_class=draw(st.sampled_from([None, *BounceClass])) if kind is Kind.BOUNCED else None,
        metadata=draw(st.sampled_from([{}, {"group_id": "5"}, {"group_id": "6", "a": "b"}])),
    )
    return LISTS[list_], event


def stored_reports(reads: list[Read], batches: list[int]) -> bytes:
    """Apply reads in batches of these sizes; every report, after the derived tables were proved right."""
    with tempfile.TemporaryDirectory() as directory:
        store = open_store(f"sqlite:///{directory}/store.db")
        store.migrate()
        place = 0
        while place < len(reads):
            size = batches[place % len(batches)]
            store.apply(reads[place : place + size])
            place += size
        assert store.differences() == []
        answer = reports(store)
        store.rebuild()
        assert reports(store) == answer
        store.close()
        return answer


@LAWS
@given(
    told=st.lists(sightings(), max_size=14),
    seed=st.integers(0, 2**32),
    batches=st.lists(st.integers(1, 5), min_size=1, max_size=3),
)
def test_any_order_duplication_and_batching_gives_the_same_reports(told, seed, batches):
    straight = [read(n, [event], door) for n, (door, event) in enumerate(told, 1)]
    chance = random.Random(seed)
    disturbed = straight + [
        read(1000 + n, [event], door) for n, (door, event) in enumerate(told) if chance.random() < 0.4
    ]
    chance.shuffle(disturbed)
    # Neighbours of one door sometimes come in one delivery.
    joined: list[Read] = []
    for one in disturbed:
        if joined and joined[-1].delivery.door is one.delivery.door and chance.random() < 0.3:
            joined[-1] = read(one.delivery.id, joined[-1].reading.events + one.reading.events, one.delivery.door)
        else:
            joined.append(one)
    assert stored_reports(straight, [len(straight) or 1]) == stored_reports(joined, batches)


@LAWS
@given(told=st.lists(sightings(), max_size=20))
def test_a_slot_has_as_many_events_as_its_longest_list_has_rows(told):
    rows: dict[bytes, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for _, event in told:
        rows[event.slot][event.list].add(event.row)
    expected = sum(max(len(r) for r in lists.values()) for lists in rows.values())
    with tempfile.TemporaryDirectory() as directory:
        store = open_store(f"sqlite:///{directory}/store.db")
        store.migrate()
        for n, (door, event) in enumerate(told, 1):
            store.apply([read(n, [event], door)])
        assert len(store.events(Filter(channels=None), "arrival", limit=1000)) == expected
        assert sum(c.total for c in store.funnel(Filter(channels=None)).values()) == expected
        store.close()


@LAWS
@given(told=st.lists(sightings(), min_size=1, max_size=10), gone=st.sets(st.integers(1, 10)))
def test_withdrawing_and_applying_again_changes_nothing(told, gone):
    """Re-normalizing with an unchanged mapping is a no-op, dry or not (law 7)."""
    with tempfile.TemporaryDirectory() as directory:
        store = open_store(f"sqlite:///{directory}/store.db")
        store.migrate()
        reads = {n: read(n, [event], door) for n, (door, event) in enumerate(told, 1)}
        store.apply(list(reads.values()))
        before = reports(store)
        again = [reads[n].delivery for n in sorted(gone) if n in reads]
        for dry_run in (True, False):
            store.reapply(again, lambda d: reads[d.id].reading, dry_run=dry_run)
            assert store.differences() == []
            assert reports(store) == before
        store.close()


@st.composite
def summaries(draw: st.DrawFn) -> Snapshot:
    """A snapshot out of the same world."""
    at = draw(st.integers(0, 6))
    kinds = draw(st.sets(st.sampled_from([Kind.SENT, Kind.DELIVERED, Kind.BOUNCED, Kind.OPENED, Kind.VISITED])))
    figure = st.tuples(st.integers(0, 9), st.one_of(st.none(), st.integers(0, 9)))
    return Snapshot(
        list=draw(st.sampled_from(["stats", "summary"])),
        campaign_id=draw(st.sampled_from(["7", "8", "9", None])),
        read_at=T0 + at,
        counts={kind: draw(figure) for kind in sorted({*kinds, Kind.COMPLAINED})},
        raw={"read": at},
        stands_for=(Kind.COMPLAINED,),
    )


def plainly_claimed(snapshots: list[Snapshot], campaign: str, *, eventless: bool) -> dict[Kind, list[int]]:
    """What a campaign's latest snapshots stand for, in the plainest way."""
    latest: dict[str, Snapshot] = {}
    for one in sorted(snapshots, key=lambda s: (s.read_at, msgspec.json.encode(s, order="deterministic"))):
        if one.campaign_id == campaign:
            latest[one.list] = one
    found: dict[Kind, list[int]] = {}
    for kind in Kind if eventless else [Kind.COMPLAINED]:
        told = [one.counts[kind] for one in latest.values() if kind in one.counts]
        if told:
            found[kind] = [max(t for t, _ in told), max(t if u is None else u for t, u in told)]
    return found


@LAWS
@given(
    told=st.lists(sightings(), max_size=4),
    claimed=st.lists(summaries(), max_size=8),
    seed=st.integers(0, 2**32),
)
def test_snapshots_and_events_give_the_same_reports_whatever_the_order(told, claimed, seed):
    straight = [read(n, [], snapshots=[snapshot]) for n, snapshot in enumerate(claimed, 1)]
    straight += [read(100 + n, [event], door) for n, (door, event) in enumerate(told)]
    shuffled = straight * 2
    random.Random(seed).shuffle(shuffled)
    assert stored_reports(straight, [3]) == stored_reports(shuffled, [2])
    with tempfile.TemporaryDirectory() as directory:
        store = open_store(f"sqlite:///{directory}/store.db")
        store.migrate()
        store.apply(shuffled)
        everything = Filter(channels=(Channel.EMAIL, Channel.SITE))
        whole = store.funnel(everything)
        for campaign in ("7", "8", "9"):
            which = msgspec.structs.replace(everything, campaign_id=campaign)
            happened = store.funnel(msgspec.structs.replace(which, since=0))
            eventless = not store.events(Filter(campaign_id=campaign), "newest", limit=1)
            expected = plainly_claimed(claimed, campaign, eventless=eventless)
            for kind, count in store.funnel(which).items():
                ours, theirs = happened[kind], expected.get(kind, [0, 0])
                assert [count.total, count.unique] == [max(ours.total, theirs[0]), max(ours.unique, theirs[1])]
                whole[kind] = Count(
                    whole[kind].total - count.total + ours.total, whole[kind].unique - count.unique + ours.unique
                )
        # The whole is the sum of its campaigns.
        events = store.funnel(msgspec.structs.replace(everything, since=0))
        assert {kind: (c.total, c.unique) for kind, c in whole.items()} == {
            kind: (c.total, c.unique) for kind, c in events.items()
        }
        store.close()


@LAWS
@given(totals=st.lists(st.integers(0, 2), max_size=8), batch=st.integers(1, 3), again=st.booleans())
def test_the_history_of_snapshots_is_what_changed(totals, batch, again):
    told = [
        Snapshot(list="stats", campaign_id="7", read_at=T0 + n, counts={Kind.OPENED: (total, None)}, raw={})
        for n, total in enumerate(totals)
    ]
    changes = [
        one for before, one in zip([None, *told], told, strict=False) if not before or before.counts != one.counts
    ]
    with tempfile.TemporaryDirectory() as directory:
        store = open_store(f"sqlite:///{directory}/store.db")
        store.migrate()
        reads = [read(n, [], snapshots=[snapshot]) for n, snapshot in enumerate(told, 1)]
        for _ in range(1 + again):
            for place in range(0, len(reads), batch):
                store.apply(reads[place : place + batch])
        assert store.snapshot_history("acme", "7", "stats") == changes
        store.close()


@LAWS
@given(at=st.permutations(range(5)))
def test_snapshots_of_different_figures_come_in_any_order(at):
    told = [
        Snapshot(list="stats", campaign_id="7", read_at=T0 + n, counts={Kind.OPENED: (n, None)}, raw={})
        for n in range(5)
    ]
    with tempfile.TemporaryDirectory() as directory:
        store = open_store(f"sqlite:///{directory}/store.db")
        store.migrate()
        for n in at:
            store.apply([read(n, [], snapshots=[told[n]])])
        assert store.snapshot_history("acme", "7", "stats") == told
        assert store.snapshots("acme") == told[4:]
        store.close()
