"""What every store must do. A store's test module subclasses :class:`StoreSuite` and gives a fixture ``store``."""

from __future__ import annotations

import threading

import msgspec
import pytest

from aftersend.storage.contract import (
    ActivityRow,
    ClaimLost,
    Cohort,
    Count,
    Facets,
    FeedRow,
    Filter,
    KeyRow,
    Link,
    LogFilter,
    Mark,
    Outcome,
    Read,
    Seen,
    Store,
)
from aftersend.vocabulary import (
    BadInput,
    Bounce,
    BounceClass,
    CampaignInfo,
    Channel,
    ContactInfo,
    Delivery,
    Door,
    Event,
    Kind,
    Machine,
    Once,
    Precision,
    Problem,
    Reading,
    Snapshot,
    Status,
    slot_key,
)
from tests.conformance.events import MINUTE, T0, event, read
from tests.conformance.polling import BudgetsSuite, NotesSuite, TokensSuite

HOUR = 60 * MINUTE


def delivery(body: bytes = b"x", source: str = "acme", at: int = T0) -> Delivery:
    return Delivery(
        source=source,
        door=Door.WEBHOOK,
        received_at=at,
        body=body,
        content_type="text/plain",
        context={"address": "192.0.2.1", "query": "ש=1"},
    )


def feed(name: str = "activities", source: str = "acme", **more: object) -> FeedRow:
    more.setdefault("resource", f"{source}/{name}")
    return FeedRow(source=source, feed=name, fingerprint="f", **more)


def events_of(one: Delivery) -> Reading:
    """A reader for tests: each line of the body is a contact that was sent to; ``!`` can't be understood."""
    reading = Reading()
    for item, line in enumerate(one.body.decode().split()):
        if line == "!":
            reading.problems.append(Problem(item=item, reason="Not a contact.", raw=b"!"))
        elif line == "boom":
            raise RuntimeError("a reader's own fault")
        else:
            reading.events.append(event(Kind.SENT, line, T0))
    return reading


def returned(store: Store, which: Filter, edges: list[int] | None = None) -> list[Count]:
    return [marks[Mark.RETURNED] for marks in store.marks(which, edges)]


class InboxSuite:
    def test_deliveries_come_back_byte_for_byte_with_increasing_ids(self, store: Store) -> None:
        sent = [delivery(b"\xff\x00one"), delivery("שלום".encode()), delivery(b"")]
        ids = store.append(sent)
        assert ids == sorted(set(ids))
        assert len(ids) == 3
        assert list(store.deliveries(ids[0])) == [
            msgspec.structs.replace(d, id=id) for d, id in zip(sent, ids, strict=True)
        ]
        assert store.delivery(ids[1]) == msgspec.structs.replace(sent[1], id=ids[1])
        assert store.delivery(ids[2] + 1) is None
        assert store.append([]) == []

    def test_deliveries_can_be_walked_by_range_and_source(self, store: Store) -> None:
        ids = store.append([delivery(b"%d" % n, source="acme" if n % 2 else "other") for n in range(1200)])
        assert [d.body for d in store.deliveries(ids[0])] == [b"%d" % n for n in range(1200)]
        some = list(store.deliveries(ids[3], ids[7], "acme"))
        assert [d.id for d in some] == [ids[3], ids[5], ids[7]]

    def test_a_token_proves_one_fact_and_no_other(self, store: Store) -> None:
        def proved(body: bytes, token: bytes, fact: bytes, until: int = 2**50) -> Delivery:
            return msgspec.structs.replace(delivery(body), once=Once(token * 16, fact * 16, until))

        first, other, none, again = store.append(
            [proved(b"1", b"a", b"x"), proved(b"2", b"a", b"y"), delivery(b"3"), proved(b"4", b"a", b"x")]
        )
        assert (0 < first < none < again, other) == (True, 0)
        assert store.append([proved(b"5", b"a", b"z")]) == [0]
        assert store.append([proved(b"6", b"b", b"z", until=T0)]) > [0]
        assert [d.body for d in store.deliveries(first)] == [b"1", b"3", b"4", b"6"]
        assert [d.once for d in store.deliveries(first)] == [None] * 4
        # What is too old to be accepted is forgotten, the rest isn't.
        store.prune(T0)
        assert store.append([proved(b"7", b"b", b"y")]) > [0]
        assert store.append([proved(b"8", b"a", b"y")]) == [0]

    def test_appending_from_many_threads_loses_and_repeats_nothing(self, store: Store) -> None:
        taken: list[int] = []

        def work(name: int) -> None:
            for n in range(20):
                taken.extend(store.append([delivery(b"%d-%d" % (name, n))]))

        threads = [threading.Thread(target=work, args=(name,)) for name in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(set(taken)) == 120
        assert {d.body for d in store.deliveries(1)} == {b"%d-%d" % (i, n) for i in range(6) for n in range(20)}

    def test_the_backlog_tells_how_much_waits_and_since_when(self, store: Store) -> None:
        assert (store.backlog().deliveries, store.backlog().oldest_received_at) == (0, None)
        store.append([delivery(b"a", at=T0 + 5), delivery(b"b", at=T0 + 9)])
        assert (store.backlog().deliveries, store.backlog().oldest_received_at) == (2, T0 + 5)
        store.work_off(events_of, most_deliveries=1)
        assert (store.backlog().deliveries, store.backlog().oldest_received_at) == (1, T0 + 9)
        store.work_off(events_of)
        assert (store.backlog().deliveries, store.backlog().oldest_received_at) == (0, None)

    def test_pruning_spares_what_waits_what_is_young_and_what_is_in_quarantine(self, store: Store) -> None:
        old, bad = store.append([delivery(b"a", at=T0), delivery(b"!", at=T0)])
        (young,) = store.append([delivery(b"b", at=T0 + HOUR)])
        store.work_off(events_of)
        (waiting,) = store.append([delivery(b"c", at=T0)])
        assert store.prune(T0 + 1) == 1
        assert [d.id for d in store.deliveries(1)] == [bad, young, waiting]
        assert old not in {bad, young, waiting}
        assert store.append([delivery(b"d")])[0] > waiting


class NormalizingSuite:
    def test_a_page_that_tells_nothing_new_is_not_kept(self, store: Store) -> None:
        def page(body: bytes) -> Delivery:
            return msgspec.structs.replace(delivery(body), door=Door.FEED, feed="activities")

        first, again, more, bad = store.append([page(b"a b"), page(b"b a"), page(b"a b c"), page(b"a !")])
        hook, hook_again = store.append([delivery(b"a"), delivery(b"a")])
        store.work_off(events_of)
        assert [d.id for d in store.deliveries(1)] == [first, more, bad, hook, hook_again]
        (empty,) = store.append([page(b"")])
        assert empty > hook_again
        store.work_off(events_of)
        assert store.delivery(empty) is None
        assert store.backlog().deliveries == 0
        assert store.append([page(b"d")])[0] > empty
        assert store.backlog().deliveries == 1
        assert again not in {d.id for d in store.deliveries(1)}

    def test_working_off_applies_each_delivery_once(self, store: Store) -> None:
        assert store.work_off(events_of) is None
        store.append([delivery(b"a b"), delivery(b"b c")])
        applied = store.work_off(events_of)
        assert applied is not None
        assert (applied.events_added, applied.problems) == (3, 0)
        assert store.work_off(events_of) is None
        assert store.funnel(Filter())[Kind.SENT] == Count(3, 3, 3)
        assert store.as_of() == T0

    def test_one_bad_item_never_stops_the_others(self, store: Store) -> None:
        ids = store.append([delivery(b"a ! b"), delivery(b"boom"), delivery(b"c")])
        applied = store.work_off(events_of)
        assert applied is not None
        assert (applied.events_added, applied.problems) == (3, 2)
        assert [(q.delivery_id, q.item, q.reason, q.raw) for q in store.quarantine()] == [
            (ids[1], 0, "The reader failed: RuntimeError.", b"boom"),
            (ids[0], 1, "Not a contact.", b"!"),
        ]
        assert store.quarantined() == 2
        assert store.quarantine(source="other") == []
        assert (store.quarantine()[1].source, store.quarantine()[1].door, store.quarantine()[1].received_at) == (
            "acme",
            "webhook",
            T0,
        )

    def test_a_mended_reader_replays_the_quarantine(self, store: Store) -> None:
        ids = store.append([delivery(b"a ! b"), delivery(b"c")])
        store.work_off(events_of)

        def mended(one: Delivery) -> Reading:
            return events_of(msgspec.structs.replace(one, body=one.body.replace(b"!", b"z")))

        bad = [d for d in store.deliveries(1) if d.id == ids[0]]
        trial = store.reapply(bad, mended, dry_run=True)
        assert (trial.events_added, trial.events_removed, trial.events_changed, trial.problems) == (1, 0, 0, 0)
        assert store.quarantined() == 1
        assert store.funnel(Filter())[Kind.SENT].total == 3
        applied = store.reapply(bad, mended)
        assert (applied.events_added, applied.events_removed, applied.problems) == (1, 0, 0)
        assert store.quarantined() == 0
        assert store.funnel(Filter())[Kind.SENT].total == 4
        assert store.differences() == []

    def test_a_mended_mapping_moves_events_and_their_counts(self, store: Store) -> None:
        store.append([delivery(b"a b"), delivery(b"c")])
        store.work_off(events_of)

        def as_drops(one: Delivery) -> Reading:
            return Reading(events=[event(Kind.DROPPED, e.contact_id or "", T0) for e in events_of(one).events])

        everything = list(store.deliveries(1))
        trial = store.reapply(everything, as_drops, dry_run=True)
        assert (trial.events_added, trial.events_removed) == (3, 3)
        assert store.funnel(Filter())[Kind.SENT].total == 3
        store.reapply(everything, as_drops)
        assert store.funnel(Filter())[Kind.SENT].total == 0
        assert store.funnel(Filter())[Kind.DROPPED] == Count(3, 3, 3)
        assert store.differences() == []

    def test_a_rebuild_mends_what_doctor_finds(self, store: Store) -> None:
        claimed = Snapshot(list="stats", campaign_id="8", read_at=T0, counts={Kind.SENT: (9, 8)}, raw={})
        events = [event(Kind.SENT, "a", T0), event(Kind.OPENED, "a", T0 + MINUTE)]
        store.apply([read(1, events, snapshots=[claimed])])
        right = [store.funnel(Filter()), store.doors(Filter())]
        assert store.differences() == []
        self.damage(store)
        assert {difference.table for difference in store.differences()} >= self.damaged
        store.rebuild()
        assert store.differences() == []
        assert [store.funnel(Filter()), store.doors(Filter())] == right

    damaged: frozenset[str] = frozenset()
    """The tables that :meth:`damage` falsifies."""

    def damage(self, store: Store) -> None:
        """Falsify derived tables behind the store's back."""
        raise NotImplementedError

    def test_workers_at_the_same_time_take_turns(self, store: Store) -> None:
        store.append([delivery(b"c%d" % n) for n in range(300)])

        def work() -> None:
            while store.work_off(events_of, most_deliveries=7) is not None:
                pass

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert store.funnel(Filter())[Kind.SENT] == Count(300, 300, 300)
        assert store.backlog().deliveries == 0


class FeedsSuite:
    def claim(self, store: Store, row: FeedRow, owner: str = "me", at: int = T0, **more: object) -> FeedRow | None:
        return store.claim(row.key, owner, at + MINUTE, at=at, **more)

    def test_a_feed_is_made_once_and_keeps_its_position(self, store: Store) -> None:
        row = feed(due_at=T0, position={"through": 5})
        store.ensure_feeds([row])
        store.ensure_feeds([feed(due_at=T0 + 99, position={"through": 7})])
        assert store.feeds() == [row]
        assert store.feeds("acme") == [row]
        assert store.feeds("other") == []

    def test_only_due_feeds_with_a_free_resource_are_due(self, store: Store) -> None:
        first, second = feed("a", due_at=T0, resource="key"), feed("b", due_at=T0 - 5, resource="key")
        later = feed("c", due_at=T0 + 1)
        store.ensure_feeds([first, second, later])
        assert [f.feed for f in store.due_feeds(T0)] == ["b", "a"]
        assert self.claim(store, second) is not None
        assert store.due_feeds(T0) == []
        assert self.claim(store, first, "you") is None
        assert [f.feed for f in store.due_feeds(T0 + MINUTE)] == ["b", "a", "c"]

    def test_a_claim_is_had_by_one_of_many(self, store: Store) -> None:
        row = feed(due_at=T0)
        store.ensure_feeds([row])
        won: list[str] = []

        def work(owner: str) -> None:
            if self.claim(store, row, owner):
                won.append(owner)

        threads = [threading.Thread(target=work, args=(f"w{n}",)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(won) == 1
        assert store.feeds()[0].owner == won[0]

    def test_a_page_and_its_position_are_one(self, store: Store) -> None:
        row = feed(due_at=T0)
        store.ensure_feeds([row])
        held = self.claim(store, row)
        assert held is not None
        id = store.append_page(held, delivery(b"page"), {"page": 1}, T0 + HOUR)
        assert store.delivery(id) == msgspec.structs.replace(delivery(b"page"), id=id)
        now = store.feeds()[0]
        assert (now.position, now.claimed_until) == ({"page": 1}, T0 + HOUR)

    def test_a_lost_claim_moves_nothing_and_loses_no_read_once_page(self, store: Store) -> None:
        row = feed(due_at=T0)
        store.ensure_feeds([row])
        slow = self.claim(store, row, "slow")
        assert slow is not None
        fast = self.claim(store, row, "fast", at=T0 + MINUTE)
        assert fast is not None
        with pytest.raises(ClaimLost):
            store.append_page(slow, delivery(b"again"), {"page": 1}, T0 + HOUR)
        assert list(store.deliveries(1)) == []
        with pytest.raises(ClaimLost):
            store.append_page(slow, delivery(b"once"), None, T0 + HOUR)
        assert [d.body for d in store.deliveries(1)] == [b"once"]
        store.finish(slow, due_at=T0 + HOUR, rows=9, complete_until=None)
        store.park(slow, T0 + HOUR, "late")
        still = store.feeds()[0]
        assert (still.owner, still.position, still.last_rows, still.problem) == ("fast", {}, None, None)

    def test_finishing_releases_and_clears(self, store: Store) -> None:
        row = feed(due_at=T0)
        store.ensure_feeds([row])
        held = self.claim(store, row)
        assert held is not None
        store.park(held, T0 + HOUR, "It said 429.", "b" * 5000)
        parked = store.feeds()[0]
        assert (parked.owner, parked.parked_until, parked.problem, parked.problem_body, parked.failures) == (
            None,
            T0 + HOUR,
            "It said 429.",
            "b" * 2000,
            1,
        )
        assert store.due_feeds(T0 + 1) == []
        assert self.claim(store, row, at=T0 + 1) is None
        forced = self.claim(store, row, at=T0 + 1, force=True)
        assert forced is not None
        store.finish(forced, due_at=T0 + 2 * HOUR, rows=3, complete_until=T0)
        done = store.feeds()[0]
        assert (done.owner, done.parked_until, done.problem, done.problem_body, done.failures) == (
            None,
            None,
            None,
            None,
            0,
        )
        assert (done.due_at, done.last_rows, done.complete_until, done.quiet_runs) == (T0 + 2 * HOUR, 3, T0, 0)
        assert done.last_success_at is not None

    def test_complete_until_never_goes_back_and_quiet_runs_are_counted(self, store: Store) -> None:
        row = feed(due_at=T0)
        store.ensure_feeds([row])
        for rows, until, expected in (
            (0, None, (None, 0)),
            (5, T0, (T0, 0)),
            (0, T0 - 9, (T0, 1)),
            (None, None, (T0, 1)),
            (0, None, (T0, 2)),
        ):
            held = self.claim(store, row, force=True)
            assert held is not None
            store.finish(held, due_at=T0, rows=rows, complete_until=until)
            now = store.feeds()[0]
            assert (now.complete_until, now.quiet_runs) == expected

    def test_refused_credentials_stop_the_source_until_they_change(self, store: Store) -> None:
        a, b, other = feed("a", due_at=T0), feed("b", due_at=T0), feed("a", source="other", due_at=T0)
        store.ensure_feeds([a, b, other])
        held = self.claim(store, a)
        assert held is not None
        store.stop_source(held, "The key was refused.", "no")
        assert [(f.source, f.feed, f.stopped, f.problem) for f in store.feeds()] == [
            ("acme", "a", True, "The key was refused."),
            ("acme", "b", True, "The key was refused."),
            ("other", "a", False, None),
        ]
        assert [f.source for f in store.due_feeds(T0)] == ["other"]
        store.ensure_feeds([msgspec.structs.replace(a, fingerprint="new")])
        assert [f.feed for f in store.due_feeds(T0) if f.source == "acme"] == ["a"]

    def test_a_finished_lane_is_never_claimed_again(self, store: Store) -> None:
        row = feed(lane="backfill:x", since=T0, until=T0 + HOUR, due_at=T0)
        store.ensure_feeds([row])
        held = self.claim(store, row)
        assert held is not None
        assert (held.since, held.until) == (T0, T0 + HOUR)
        store.finish(held, due_at=T0, rows=1, complete_until=None, finished=True)
        assert store.due_feeds(T0 + HOUR) == []
        assert self.claim(store, row, at=T0 + HOUR, force=True) is None

    def test_the_claim_of_the_dead_is_released_and_nobody_elses(self, store: Store) -> None:
        row = feed(due_at=T0, position={"page": 3})
        store.ensure_feeds([row])
        dead = self.claim(store, row, "dead")
        assert dead is not None
        store.release(dead)
        assert (store.feeds()[0].owner, store.feeds()[0].position) == (None, {"page": 3})
        assert self.claim(store, row, "alive") is not None
        store.release(dead)
        assert store.feeds()[0].owner == "alive"


class KeysSuite:
    def test_keys_are_found_by_digest_listed_and_revoked(self, store: Store) -> None:
        one = KeyRow(
            id="k1",
            name="spreadsheet",
            scopes=("reports:read",),
            sources=("acme",),
            created_at=T0,
            expires_at=T0 + HOUR,
            revoked_at=None,
        )
        two = msgspec.structs.replace(one, id="k2", sources=None, created_at=T0 + 1, expires_at=None)
        store.add_key(one, b"d1")
        store.add_key(two, b"d2")
        assert store.key(b"d1") == one
        assert store.key(b"d3") is None
        assert store.keys() == [one, two]
        assert store.revoke_key("k1", T0 + 5)
        assert not store.revoke_key("k9", T0 + 5)
        assert store.key(b"d1") == msgspec.structs.replace(one, revoked_at=T0 + 5)
        store.add_key(msgspec.structs.replace(two, name="new"), b"d4")
        assert store.key(b"d2") is None
        assert [k.name for k in store.keys()]  # noqa: SIM118 == ["spreadsheet", "new"]

    def test_a_reader_moves_only_from_where_it_was_seen(self, store: Store) -> None:
        assert store.reader_position("r") is None
        assert store.move_reader("r", None, 5)
        assert not store.move_reader("r", None, 6)
        assert not store.move_reader("r", 4, 6)
        assert store.move_reader("r", 5, 6)
        assert store.reader_position("r") == 6


class ReportsSuite:
    def fill(self, store: Store) -> None:
        """Campaign 7: a, b and c were sent to; a opened twice (once by a machine, first), b clicked; c bounced.
        Campaign 8: a. One text message."""
        store.apply(
            [
                read(
                    1,
                    [
                        event(Kind.SENT, "a", T0, email="a@example.com", external_id="crm-a"),
                        event(Kind.SENT, "b", T0, email="B@Example.com"),
                        event(Kind.SENT, "c", T0),
                        event(Kind.OPENED, "a", T0 + 2 * MINUTE, machine=Machine.MACHINE, machine_reason="prefetch"),
                        event(Kind.OPENED, "a", T0 + 20 * MINUTE, machine=Machine.HUMAN, ip="192.0.2.1"),
                        event(Kind.CLICKED, "b", T0 + 21 * MINUTE, url="https://example.com/", link_number="2"),
                        event(
                            Kind.BOUNCED,
                            "c",
                            T0 + MINUTE,
                            bounce_class=BounceClass.HARD,
                            reason="gone",
                            smtp_code="550",
                        ),
                        event(Kind.SENT, "a", T0 + HOUR, campaign_id="8"),
                        event(Kind.SENT, "a", T0, campaign_id="9", channel=Channel.SMS, phone="972-50-0000000"),
                    ],
                )
            ]
        )

    def some(self, funnel: dict[Kind, Count]) -> dict[str, tuple[int, int]]:
        assert list(funnel) == list(Kind)
        return {kind.value: (count.total, count.unique) for kind, count in funnel.items() if count != Count()}

    def test_the_funnel_counts_events_and_pairs(self, store: Store) -> None:
        self.fill(store)
        assert self.some(store.funnel(Filter())) == {
            "sent": (4, 4),
            "bounced": (1, 1),
            "opened": (2, 1),
            "clicked": (1, 1),
        }
        assert self.some(store.funnel(Filter(campaign_id="8"))) == {"sent": (1, 1)}
        assert self.some(store.funnel(Filter(machine="exclude")))["opened"] == (1, 1)
        assert self.some(store.funnel(Filter(channels=(Channel.SMS,)))) == {"sent": (1, 1)}
        assert self.some(store.funnel(Filter(sources=("acme",)))) == self.some(store.funnel(Filter()))
        assert self.some(store.funnel(Filter(sources=("other",)))) == {}
        assert self.some(store.funnel(Filter(sources=()))) == {}
        assert self.some(store.funnel(Filter(campaign_id="none"))) == {}

    def test_in_a_window_a_pair_counts_where_it_was_first(self, store: Store) -> None:
        self.fill(store)
        early, late = Filter(since=T0, until=T0 + 10 * MINUTE), Filter(since=T0 + 10 * MINUTE, until=T0 + HOUR)
        assert self.some(store.funnel(early)) == {"sent": (3, 3), "bounced": (1, 1), "opened": (1, 1)}
        assert self.some(store.funnel(late)) == {"opened": (1, 0), "clicked": (1, 1)}
        human = msgspec.structs.replace(late, machine="exclude")
        assert self.some(store.funnel(human)) == {"opened": (1, 1), "clicked": (1, 1)}

    def test_a_windows_ends_are_exact_to_the_millisecond(self, store: Store) -> None:
        store.apply([read(1, [event(Kind.OPENED, "a", T0 + 61_001)])])
        for since, until, expected in (
            (T0 + 61_001, T0 + 61_002, 1),
            (T0 + 61_000, T0 + 61_001, 0),
            (T0 + 61_002, T0 + HOUR, 0),
            (None, T0 + 61_002, 1),
            (T0 + 61_001, None, 1),
            (T0 + HOUR, T0, 0),
        ):
            assert store.funnel(Filter(since=since, until=until))[Kind.OPENED] == Count(expected, expected, expected)

    def test_what_bounced_returns_at_the_time_it_was_sent(self, store: Store) -> None:
        late = T0 + 5 * HOUR
        store.apply(
            [
                read(1, [event(Kind.BOUNCED, "a", late), event(Kind.BOUNCED, "x", late)]),
                read(2, [event(Kind.SENT, "a", T0 + 61_000), event(Kind.SENT, "b", T0 + 61_000)]),
                read(3, [event(Kind.BOUNCED, "a", late + MINUTE), event(Kind.SENT, "a", T0 + HOUR)]),
            ]
        )
        assert returned(store, Filter()) == [Count(2, 1, 1)]
        assert returned(store, Filter(campaign_id="7")) == [Count(2, 1, 1)]
        assert returned(store, Filter(campaign_id="8")) == returned(store, Filter(sources=("other",))) == [Count()]
        assert returned(store, Filter(until=T0 + 15 * MINUTE)) == [Count(2, 1, 1)]
        assert returned(store, Filter(since=T0 + 15 * MINUTE)) == [Count()]
        assert returned(store, Filter(since=T0 + 60_999, until=T0 + 61_001)) == [Count(2, 1, 1)]
        edges = [T0, T0 + 61_000, T0 + 61_001, T0 + 15 * MINUTE, late + HOUR]
        assert returned(store, Filter(), edges) == [Count(), Count(2, 1, 1), Count(), Count()]
        assert store.differences() == []
        with pytest.raises(BadInput):
            store.marks(Filter(contact_id="a"))

    def test_a_source_tells_of_a_kind_as_soon_as_an_email_event_of_it_is_there(self, store: Store) -> None:
        assert store.telling(Kind.DELIVERED) == {}
        store.apply(
            [
                read(1, [event(Kind.DELIVERED, "a", T0)]),
                read(2, [event(Kind.DELIVERED, "b", T0, channel=Channel.SMS)], source="beta"),
                read(3, [event(Kind.SENT, "c", T0)], source="gamma"),
            ]
        )
        assert store.telling(Kind.DELIVERED) == {"acme": True, "beta": False, "gamma": False}

    def test_a_timeline_is_contiguous_and_adds_up(self, store: Store) -> None:
        self.fill(store)
        edges = [T0 - HOUR, T0, T0 + 15 * MINUTE, T0 + HOUR, T0 + 2 * HOUR]
        slots = [self.some(slot) for slot in store.timeline(Filter(), edges)]
        assert slots == [
            {},
            {"sent": (3, 3), "bounced": (1, 1), "opened": (1, 1)},
            {"opened": (1, 0), "clicked": (1, 1)},
            {"sent": (1, 1)},
        ]
        odd = [self.some(slot) for slot in store.timeline(Filter(), [T0, T0 + 21 * MINUTE, T0 + 2 * HOUR])]
        assert odd == [
            {"sent": (3, 3), "bounced": (1, 1), "opened": (2, 1)},
            {"sent": (1, 1), "clicked": (1, 1)},
        ]

    def test_campaigns_come_latest_first_with_their_lifetime_counts(self, store: Store) -> None:
        self.fill(store)
        rows = store.campaigns(Filter())
        assert [(r.source, r.campaign_id, r.first_at, r.last_at) for r in rows] == [
            ("acme", "8", T0 + HOUR, T0 + HOUR),
            ("acme", "7", T0, T0 + 21 * MINUTE),
        ]
        assert [r.campaign_id for r in store.campaigns(Filter(channels=(Channel.SMS,)))] == ["9"]
        assert self.some(rows[1].counts)["opened"] == (2, 1)
        assert [r.campaign_id for r in store.campaigns(Filter(since=T0 + 30 * MINUTE))] == ["8"]
        assert [r.campaign_id for r in store.campaigns(Filter(), limit=1, offset=1)] == ["7"]

    def test_lists_filter_by_everything_they_offer(self, store: Store) -> None:
        self.fill(store)

        def asked(**which: object) -> list[tuple[str, str | None, str | None]]:
            rows = store.events(Filter(**which), "oldest", limit=50)
            return [(r.kind.value, r.contact_id, r.campaign_id) for r in rows]

        assert len(asked()) == 8
        assert asked(kinds=(Kind.BOUNCED,)) == [("bounced", "c", "7")]
        assert asked(campaign_id="8") == [("sent", "a", "8")]
        assert asked(contact_id="b") == [("sent", "b", "7"), ("clicked", "b", "7")]
        assert asked(email="b@EXAMPLE.com") == asked(contact_id="b")
        assert len(asked(external_id="crm-a")) == 4
        assert asked(word="clicked") == [("clicked", "b", "7")]
        assert asked(machine="exclude", kinds=(Kind.OPENED,)) == [("opened", "a", "7")]
        assert asked(since=T0 + 20 * MINUTE, until=T0 + 21 * MINUTE) == [("opened", "a", "7")]
        assert asked(channels=(Channel.SMS,)) == [("sent", "a", "9")]
        assert asked(contact_id="zz") == asked(kinds=()) == asked(sources=("other",)) == []

    def test_a_row_tells_all_that_was_told_once_known(self, store: Store) -> None:
        store.apply([read(1, [event(Kind.OPENED, "a", T0, "activities", "5", row_id="5", precision=Precision.MINUTE)])])
        (row,) = store.events(Filter(), "newest", limit=5)
        assert (row.external_id, row.email, row.doors) == (None, None, ["feed"])
        later = event(
            Kind.OPENED, "a", T0 + 7_000, "webhook", "h", external_id="crm-a", email="a@example.com", ip="192.0.2.9"
        )
        store.apply([read(2, [later], Door.WEBHOOK)])
        (row,) = store.events(Filter(), "newest", limit=5)
        assert msgspec.structs.asdict(row) == {
            "id": row.id,
            "number": 1,
            "source": "acme",
            "kind": Kind.OPENED,
            "word": "opened",
            "channel": Channel.EMAIL,
            "occurred_at": T0 + 7_000,
            "precision": Precision.SECOND,
            "clock": "stated",
            "received_at": T0 + 1,
            "row_id": "5",
            "campaign_id": "7",
            "activity_id": None,
            "message_id": None,
            "template": None,
            "contact_id": "a",
            "external_id": "crm-a",
            "email": "a@example.com",
            "phone": None,
            "first_name": None,
            "last_name": None,
            "current_email": "a@example.com",
            "deleted_at": None,
            "url": None,
            "link_number": None,
            "ip": "192.0.2.9",
            "ip_chain": None,
            "user_agent": None,
            "device": None,
            "machine": Machine.UNKNOWN,
            "machine_reason": None,
            "bounce_class": None,
            "reason": None,
            "smtp_code": None,
            "metadata": {},
            "doors": ["feed", "webhook"],
        }
        found = store.event(row.id)
        assert found is not None
        assert found[0] == row
        assert [(s.door, s.list, s.row, s.delivery_id, s.event) for s in found[1]] == [
            ("feed", "activities", "5", 1, feed_account(T0)),
            ("webhook", "webhook", "h", 2, later),
        ]
        assert store.event("00" * 16) is None
        for nonsense in ("no hex", "00-x", f"00-{10**30}"):
            with pytest.raises(BadInput):
                store.event(nonsense)

    def test_an_external_id_told_for_an_address_holds_for_all_known_by_it(self, store: Store) -> None:
        anonymous = Event(
            slot=slot_key(None, "acme", "x"),
            kind=Kind.OPENED,
            word="open",
            occurred_at=T0,
            email="A@example.com",
            message_id="m1",
            by_message=True,
        )
        store.apply([read(1, [anonymous])])
        store.apply([read(2, [event(Kind.SENT, "a", T0, email="a@example.com", external_id="crm-a")])])
        rows = store.events(Filter(), "newest", limit=5)
        assert [(r.kind.value, r.external_id) for r in rows if r.kind is Kind.OPENED] == [("opened", "crm-a")]
        assert len(store.events(Filter(external_id="crm-a"), "newest", limit=5)) == 2

    def test_pages_by_bookmark_are_complete_while_rows_arrive(self, store: Store) -> None:
        same_instant = [event(Kind.OPENED, f"c{n}", T0) for n in range(25)]
        store.apply([read(1, same_instant)])
        seen: list[str] = []
        after = None
        while True:
            page = store.events(Filter(), "newest", limit=7, after=after)
            if not page:
                break
            seen += [row.id for row in page]
            after = (page[-1].occurred_at, page[-1].id)
            store.apply([read(100 + len(seen), [event(Kind.OPENED, f"new{len(seen)}", T0 + HOUR)])])
        assert len(seen) == len(set(seen)) == 25
        ascending = [r.id for r in store.events(Filter(until=T0 + 1), "oldest", limit=100)]
        assert ascending == seen[::-1]
        by_offset = [
            r.id for n in range(4) for r in store.events(Filter(until=T0 + 1), "newest", limit=7, offset=7 * n)
        ]
        assert by_offset == seen

    def test_a_page_is_in_order_however_many_sources_and_kinds_it_is_of(self, store: Store) -> None:
        sources = [f"source-{number}" for number in range(14)]
        store.apply(
            [
                read(
                    1 + number,
                    [event(kind, source, T0 + (7 * number + 5 * place) % 90) for place, kind in enumerate(Kind)],
                    source=source,
                )
                for number, source in enumerate(sources)
            ]
        )
        rows = store.events(Filter(), "oldest", limit=1000)
        assert len(rows) == len(sources) * len(Kind)
        assert rows == sorted(rows, key=lambda row: (row.occurred_at, row.id))
        assert store.events(Filter(), "newest", limit=20, offset=100) == rows[::-1][100:120]

    def test_arrival_order_hands_out_each_event_once(self, store: Store) -> None:
        store.apply([read(1, [event(Kind.OPENED, "a", T0 + HOUR)])])
        store.apply([read(2, [event(Kind.OPENED, "b", T0)])])
        rows = store.events(Filter(), "arrival", limit=10)
        assert [r.contact_id for r in rows] == ["a", "b"]
        assert store.last_number() == rows[-1].number
        assert store.events(Filter(), "arrival", limit=10, after=(rows[0].number,)) == rows[1:]
        assert store.events(Filter(), "arrival", limit=10, after=(rows[1].number,)) == []

    def test_a_contact_has_its_names_and_messages(self, store: Store) -> None:
        self.fill(store)
        (row,) = store.contacts(Filter(external_id="crm-a"))
        assert msgspec.structs.asdict(row) == {
            "source": "acme",
            "contact_id": "a",
            "external_id": "crm-a",
            "email": "a@example.com",
            "phone": "972-50-0000000",
            "first_name": None,
            "last_name": None,
            "deleted_at": None,
            "first_at": T0,
            "last_at": T0 + HOUR,
        }
        assert store.contacts(Filter(email="A@example.com")) == store.contacts(Filter(contact_id="a")) == [row]
        assert store.contacts(Filter(email="none@example.com")) == []
        newest, oldest = store.messages(Filter(contact_id="a"))
        assert (newest.campaign_id, newest.outcomes) == ("8", {Kind.SENT: Outcome(1, T0 + HOUR, T0 + HOUR)})
        assert msgspec.structs.asdict(oldest) == {
            "number": oldest.number,
            "source": "acme",
            "campaign_id": "7",
            "activity_id": None,
            "message_id": None,
            "contact_id": "a",
            "external_id": "crm-a",
            "email": "a@example.com",
            "channel": Channel.EMAIL,
            "template": "7",
            "subject": None,
            "created_at": T0,
            "status": Status.OPENED,
            "bounce": None,
            "outcomes": {
                Kind.SENT: Outcome(1, T0, T0),
                Kind.OPENED: Outcome(2, T0 + 2 * MINUTE, T0 + 20 * MINUTE),
            },
        }
        for report in (store.contacts, store.messages):
            with pytest.raises(BadInput):
                report(Filter())

    def test_messages_with_ids_are_told_apart_and_their_uniques_collapse(self, store: Store) -> None:
        def of(message: str, kind: Kind, at: int) -> Event:
            return event(kind, "a", at, message_id=message, by_message=True)

        store.apply(
            [
                read(1, [of("m1", Kind.SENT, T0), of("m2", Kind.SENT, T0 + MINUTE)]),
                read(2, [of("m1", Kind.OPENED, T0 + 2 * MINUTE), of("m2", Kind.OPENED, T0 + 3 * MINUTE)]),
            ]
        )
        assert self.some(store.funnel(Filter())) == {"sent": (2, 1), "opened": (2, 1)}
        assert [(m.message_id, list(m.outcomes)) for m in store.messages(Filter(contact_id="a"))] == [
            ("m2", [Kind.SENT, Kind.OPENED]),
            ("m1", [Kind.SENT, Kind.OPENED]),
        ]
        assert store.differences() == []

    def test_counts_by_snapshot_come_from_the_latest(self, store: Store) -> None:
        def claimed(at: int, total: int) -> Snapshot:
            return Snapshot(
                list="activitiesSummary",
                campaign_id="7",
                read_at=at,
                counts={Kind.COMPLAINED: (total, 1), Kind.OPENED: (99, 98), Kind.VISITED: (4, 2)},
                raw={"report_spam": total},
                stands_for=(Kind.COMPLAINED, Kind.VISITED),
            )

        store.apply([read(1, [event(Kind.SENT, "a", T0)], snapshots=[claimed(T0 + 5, 2), claimed(T0, 7)])])
        assert self.some(store.funnel(Filter())) == {"sent": (1, 1), "complained": (2, 1)}
        assert self.some(store.funnel(Filter(channels=(Channel.SITE,)))) == {"visited": (4, 2)}
        assert self.some(store.funnel(Filter(campaign_id="8"))) == {}
        assert self.some(store.funnel(Filter(since=T0))) == {"sent": (1, 1)}
        assert store.snapshots("acme", "7") == store.snapshots("acme") == [claimed(T0 + 5, 2)]
        assert store.snapshots("other") == []

    def summary(self, at: int, campaign: str | None = "7", list_: str = "summary", **counts: tuple[int, int | None]):
        """A snapshot that stands for complaints alone."""
        return Snapshot(
            list=list_,
            campaign_id=campaign,
            read_at=at,
            counts={Kind(kind): count for kind, count in counts.items()},
            raw={},
            stands_for=(Kind.COMPLAINED,),
        )

    def claimed(self, store: Store, **which: object) -> tuple[dict[str, tuple[int, int]], tuple[int, int]]:
        claims = store.claims(Filter(**which))
        return self.some(claims.counts), (claims.received.total, claims.received.unique)

    def test_snapshots_stand_for_a_campaign_until_its_first_email_event(self, store: Store) -> None:
        told = self.summary(T0, sent=(50, None), bounced=(4, 3), opened=(30, 20), complained=(1, 1), visited=(9, 8))
        other = self.summary(T0 - 1, list_="stats", sent=(49, 49), opened=(31, 19))
        sms = event(Kind.SENT, "b", T0 - HOUR, channel=Channel.SMS)
        store.apply([read(1, [sms, event(Kind.SENT, "a", T0, campaign_id="8")], snapshots=[told, other])])
        seven = {"sent": (50, 50), "bounced": (4, 3), "opened": (31, 20), "complained": (1, 1)}
        assert self.some(store.funnel(Filter(campaign_id="7"))) == seven
        assert self.some(store.funnel(Filter())) == {**seven, "sent": (51, 51)}
        assert self.some(store.funnel(Filter(campaign_id="7", channels=(Channel.SITE,)))) == {"visited": (9, 8)}
        for timed in ({"since": 0}, {"until": T0 + HOUR}):
            assert self.some(store.funnel(Filter(campaign_id="7", **timed))) == {}
            assert self.claimed(store, campaign_id="7", **timed) == ({}, (0, 0))
        assert self.claimed(store, campaign_id="7") == self.claimed(store) == (seven, (46, 47))
        assert self.claimed(store, activity_id="7a") == self.claimed(store, sources=()) == ({}, (0, 0))
        rows = {row.campaign_id: row for row in store.campaigns(Filter())}
        assert list(rows) == ["8", "7"]
        assert self.some(rows["7"].counts) == self.some(rows["7"].claims.counts) == seven
        assert rows["7"].claims == store.claims(Filter(campaign_id="7"))
        assert rows["8"].claims == store.claims(Filter(campaign_id="8"))
        assert [row.campaign_id for row in store.campaigns(Filter(), "sent")] == ["8"]
        assert [row.campaign_id for row in store.campaigns(Filter(since=0))] == ["8"]
        assert store.differences() == []
        first = read(2, [event(Kind.OPENED, "a", T0)])
        store.apply([first])
        assert self.some(store.funnel(Filter(campaign_id="7"))) == {"opened": (1, 1), "complained": (1, 1)}
        assert self.claimed(store, campaign_id="7") == ({"complained": (1, 1)}, (0, 0))
        assert store.differences() == []
        store.reapply([first.delivery], lambda _: Reading())
        assert self.some(store.funnel(Filter(campaign_id="7"))) == seven
        assert store.differences() == []

    def test_what_a_platform_claims_to_have_delivered_is_taken_as_it_says(self, store: Store) -> None:
        store.apply([read(1, [], snapshots=[self.summary(T0, sent=(50, 50), bounced=(4, 4), delivered=(45, 45))])])
        seven = {"sent": (50, 50), "delivered": (45, 45), "bounced": (4, 4)}
        assert self.claimed(store) == (seven, (0, 0))
        store.apply([read(2, [], snapshots=[self.summary(T0, list_="z", campaign="9", bounced=(2, 2))])])
        assert self.claimed(store, campaign_id="9") == ({"bounced": (2, 2)}, (0, 0))

    def test_totals_that_fall_are_kept_as_they_are(self, store: Store) -> None:
        falling = [self.summary(T0 + n, opened=(total, total)) for n, total in enumerate((5, 5, 3, 3, 4))]
        for n, snapshot in enumerate(falling):
            store.apply([read(n, [], snapshots=[snapshot])])
        assert store.snapshot_history("acme", "7", "summary") == [falling[0], falling[2], falling[4]]
        assert store.snapshots("acme") == falling[4:]
        assert self.some(store.funnel(Filter())) == {"opened": (4, 4)}
        for n, snapshot in enumerate(falling):
            store.apply([read(n, [], snapshots=[snapshot])])
        assert store.snapshot_history("acme", "7", "summary") == [falling[0], falling[2], falling[4]]
        assert store.snapshot_history("acme", None, "summary") == store.snapshot_history("x", "7", "summary") == []

    def test_snapshots_are_listed_by_source_campaign_and_list(self, store: Store) -> None:
        made = [
            ("acme", self.summary(T0, None, "stats", opened=(9, 9))),
            ("acme", self.summary(T0, "7", "stats", opened=(1, 1))),
            ("acme", self.summary(T0, "7", "summary", opened=(2, 2))),
            ("acme", self.summary(T0, "8", "stats", opened=(3, 3))),
            ("beta", self.summary(T0, "7", "summary", opened=(4, 4))),
        ]
        store.apply([read(n, [], source=source, snapshots=[one]) for n, (source, one) in enumerate(reversed(made))])

        def listed(which: Filter, list_: str | None = None, limit: int = 10, offset: int = 0):
            rows = store.latest_snapshots(which, list_, limit=limit, offset=offset)
            return [(row.source, row.snapshot) for row in rows]

        assert listed(Filter()) == made
        assert listed(Filter(sources=("beta",))) == made[4:]
        assert listed(Filter(campaign_id="7")) == [made[1], made[2], made[4]]
        assert listed(Filter(), "stats") == [made[0], made[1], made[3]]
        assert listed(Filter(), limit=2, offset=1) == made[1:3]
        assert listed(Filter(sources=())) == []
        # What is claimed of a whole account stands for nothing.
        assert self.some(store.funnel(Filter(sources=("acme",)))) == {"opened": (5, 5)}

    @pytest.mark.parametrize("together", [True, False])
    def test_the_same_words_through_both_doors_are_two_sightings(self, store: Store, together: bool) -> None:
        said = event(Kind.OPENED, "a", T0)
        reads = [read(n, [said], door) for n, door in enumerate((Door.WEBHOOK, Door.FEED, Door.WEBHOOK), 1)]
        for batch in [reads] if together else [[one] for one in reads]:
            store.apply(batch)
        (row,) = store.events(Filter(), "oldest", limit=9)
        assert row.doors == ["feed", "webhook"]
        assert store.doors(Filter()) == [{"acme": {Kind.OPENED: Seen(both=1)}}]
        assert store.differences() == []

    def test_an_event_has_a_bounce_class_only_from_those_who_say_its_kind(self, store: Store) -> None:
        bounced = event(Kind.BOUNCED, "a", T0, bounce_class=BounceClass.HARD, reason="gone")
        deferred = msgspec.structs.replace(
            bounced, kind=Kind.DEFERRED, bounce_class=None, precision=Precision.MILLISECOND
        )
        store.apply([read(1, [bounced]), read(2, [deferred], Door.WEBHOOK)])
        (row,) = store.events(Filter(), "oldest", limit=9)
        assert (row.kind, row.bounce_class, row.reason) == (Kind.DEFERRED, None, "gone")

    def test_events_know_through_which_doors_they_were_seen(self, store: Store) -> None:
        sent, late = event(Kind.SENT, "a", T0), event(Kind.SENT, "b", T0 + HOUR)
        opened = event(Kind.OPENED, "a", T0 + MINUTE, channel=Channel.SMS)
        store.apply([read(1, [sent, opened], Door.WEBHOOK), read(2, [late], source="beta")])
        assert store.doors(Filter()) == [
            {
                "acme": {Kind.SENT: Seen(webhook_only=1), Kind.OPENED: Seen(webhook_only=1)},
                "beta": {Kind.SENT: Seen(feed_only=1)},
            }
        ]
        applied = store.apply([read(3, [msgspec.structs.replace(sent, list="activities", row="1")])])
        assert (applied.events_added, applied.events_changed) == (0, 1)
        assert store.doors(Filter(sources=("acme",), kinds=(Kind.SENT,))) == [{"acme": {Kind.SENT: Seen(both=1)}}]
        assert store.doors(Filter(sources=("none",))) == [{}]
        assert store.doors(Filter(since=T0 + 1)) == [
            {"acme": {Kind.OPENED: Seen(webhook_only=1)}, "beta": {Kind.SENT: Seen(feed_only=1)}}
        ]
        assert store.doors(Filter(), [T0 - HOUR, T0, T0 + MINUTE, T0 + HOUR, T0 + 2 * HOUR]) == [
            {"acme": {}, "beta": {}},
            {"acme": {Kind.SENT: Seen(both=1)}, "beta": {}},
            {"acme": {Kind.OPENED: Seen(webhook_only=1)}, "beta": {}},
            {"acme": {}, "beta": {Kind.SENT: Seen(feed_only=1)}},
        ]
        assert store.differences() == []
        assert store.doors_began("acme") == {Door.WEBHOOK: T0 - T0 % (HOUR // 4), Door.FEED: T0 - T0 % (HOUR // 4)}
        assert store.doors_began("beta") == {Door.FEED: T0 + HOUR - T0 % (HOUR // 4)}
        assert store.doors_began("none") == {}
        with pytest.raises(BadInput):
            store.doors(Filter(campaign_id="7"))

    def test_counts_refuse_conditions_they_cannot_honour(self, store: Store) -> None:
        for which in (
            Filter(contact_id="a"),
            Filter(kinds=(Kind.SENT,)),
            Filter(word="x"),
            Filter(email="a@example.com"),
        ):
            with pytest.raises(BadInput):
                store.funnel(which)


class CampaignsSuite(ReportsSuite):
    def test_a_campaign_tells_all_that_is_known_of_it(self, store: Store) -> None:
        self.fill(store)
        told = CampaignInfo(
            campaign_id="7", name="Spring", status="sent", type="Newsletter", subject="Hi", template="t"
        )
        draft = CampaignInfo(campaign_id="d", name="A draft", created_at=T0 - HOUR, scheduled_at=T0 + HOUR)
        store.apply([read(2, [], campaigns=[told, draft])])
        rows = store.campaigns(Filter())
        assert [(row.campaign_id, row.name) for row in rows] == [("8", None), ("7", "Spring"), ("d", "A draft")]
        spring = rows[1]
        assert msgspec.structs.asdict(spring) == {
            "source": "acme",
            "campaign_id": "7",
            "name": "Spring",
            "status": "sent",
            "type": "Newsletter",
            "subject": "Hi",
            "template": "t",
            "created_at": None,
            "scheduled_at": None,
            "first_at": T0,
            "last_at": T0 + 21 * MINUTE,
            "first_sent_at": T0,
            "last_sent_at": T0,
            "counts": store.funnel(Filter(campaign_id="7")),
            "marks": store.marks(Filter(campaign_id="7"))[0],
            "claims": store.claims(Filter(campaign_id="7")),
        }
        assert (rows[2].created_at, rows[2].scheduled_at, rows[2].first_at) == (T0 - HOUR, T0 + HOUR, None)
        assert [row.campaign_id for row in store.campaigns(Filter(), "sent")] == ["8", "7"]
        assert [row.campaign_id for row in store.campaigns(Filter(), "created")] == ["8", "7", "d"]
        assert [row.campaign_id for row in store.campaigns(Filter(), "created", limit=1, offset=2)] == ["d"]
        assert [row.campaign_id for row in store.campaigns(Filter(since=T0 + 30 * MINUTE))] == ["8"]
        assert store.campaigns(Filter(sources=("other",))) == []
        assert store.differences() == []

    def test_what_is_told_last_stands_whatever_the_order(self, store: Store) -> None:
        def named(delivery: int, name: str | None, **more: object) -> Read:
            campaign = CampaignInfo(campaign_id="7", name=name, **more)
            return read(delivery, [], campaigns=[campaign], contacts=[ContactInfo(contact_id="a", first_name=name)])

        store.apply([read(9, [event(Kind.SENT, "a", T0)])])
        store.apply([named(5, "Late", subject="One")])
        store.apply([named(3, "Early", status="draft"), named(4, None, subject="Two")])
        (row,) = store.campaigns(Filter())
        assert (row.name, row.subject, row.status) == ("Late", "One", "draft")
        store.apply([named(6, "Latest")])
        assert store.campaigns(Filter())[0].name == "Latest"
        assert [c.first_name for c in store.contacts(Filter(contact_id="a"))] == ["Latest"]

    def test_contacts_are_named_by_what_is_told_about_them(self, store: Store) -> None:
        store.apply(
            [
                read(1, [event(Kind.SENT, "a", T0)]),
                read(
                    2,
                    [],
                    contacts=[
                        ContactInfo(
                            contact_id="a",
                            email="a@example.com",
                            external_id="crm-a",
                            first_name="Dana",
                            last_name="Reyes",
                            deleted_at=T0 + HOUR,
                        ),
                        ContactInfo(email="New@example.com", first_name="Nobody yet"),
                    ],
                ),
            ]
        )
        (row,) = store.contacts(Filter(external_id="crm-a"))
        assert msgspec.structs.asdict(row) == {
            "source": "acme",
            "contact_id": "a",
            "external_id": "crm-a",
            "email": "a@example.com",
            "phone": None,
            "first_name": "Dana",
            "last_name": "Reyes",
            "deleted_at": T0 + HOUR,
            "first_at": T0,
            "last_at": T0,
        }
        (sent,) = store.events(Filter(), "newest", limit=5)
        assert (sent.first_name, sent.last_name, sent.email, sent.external_id) == (
            *("Dana", "Reyes"),
            *("a@example.com", "crm-a"),
        )
        (new,) = store.contacts(Filter(email="new@example.com"))
        assert (new.first_name, new.first_at, new.last_at) == ("Nobody yet", None, None)
        assert store.known(Filter(), [T0, T0 + 1]) == [0, 1]

    def test_facets_tell_what_a_campaign_is_made_of(self, store: Store) -> None:
        def clicked(who: str, minute: int, url: str | None, **more: object) -> Event:
            return event(Kind.CLICKED, who, T0 + minute * MINUTE, url=url, **more)

        def bounced(who: str, minute: int, bounce_class: BounceClass, reason: str | None = None) -> Event:
            return event(Kind.BOUNCED, who, T0 + minute * MINUTE, bounce_class=bounce_class, reason=reason)

        store.apply(
            [
                read(
                    1,
                    [
                        clicked("a", 1, "https://example.com/1", link_number="10", device="mobile"),
                        clicked("a", 2, "https://example.com/1", link_number="9", device="Desktop"),
                        clicked("b", 3, "https://example.com/1", machine=Machine.MACHINE, user_agent="a robot"),
                        clicked("b", 4, None, device="tablet"),
                        event(Kind.OPENED, "a", T0, device="watch"),
                        bounced("a", 1, BounceClass.SOFT, "mailbox_full"),
                        bounced("a", 2, BounceClass.BLOCK),
                        bounced("b", 1, BounceClass.HARD, "Suppressed"),
                        event(Kind.AUTO_REPLIED, "b", T0),
                        event(Kind.AUTO_REPLIED, "c", T0),
                    ],
                )
            ]
        )
        facets = store.facets(Filter(campaign_id="7"))
        assert facets == Facets(
            devices={
                Kind.OPENED: {"computer": 0, "mobile": 0, "tablet": 0, "other": 1, "none": 0},
                Kind.CLICKED: {"computer": 1, "mobile": 1, "tablet": 1, "other": 1, "none": 0},
            },
            bounces={
                Bounce.HARD: 0,
                Bounce.SUPPRESSED: 1,
                Bounce.BLOCK: 1,
                Bounce.MAILBOX_FULL: 0,
                Bounce.SOFT: 0,
                Bounce.UNDETERMINED: 0,
            },
            auto_replied=1,
            links=[
                Link(url="https://example.com/1", number="9", total=3, unique=2),
                Link(url="", number=None, total=1, unique=1),
            ],
        )
        human = store.facets(Filter(campaign_id="7", machine="exclude"))
        assert human.links[0] == Link(url="", number=None, total=1, unique=1)
        assert human.links[1] == Link(url="https://example.com/1", number="9", total=2, unique=1)
        assert store.facets(Filter(campaign_id="none")).links == []
        assert store.latest(Filter(campaign_id="7")) == {
            Kind.BOUNCED: T0 + 2 * MINUTE,
            Kind.OPENED: T0,
            Kind.CLICKED: T0 + 4 * MINUTE,
            Kind.AUTO_REPLIED: T0,
        }
        for which in (Filter(), Filter(campaign_id="7", since=T0), Filter(campaign_id="7", email="a@example.com")):
            with pytest.raises(BadInput):
                store.facets(which)

    def test_activities_count_apart_and_their_campaign_once(self, store: Store) -> None:
        def of(activity: str, kind: Kind, at: int, **more: object) -> Event:
            made = event(kind, "a", at, activity_id=activity, **more)
            return msgspec.structs.replace(made, slot=slot_key(at, "acme", kind, activity))

        store.apply(
            [
                read(1, [of("7a", Kind.SENT, T0), of("7b", Kind.SENT, T0 + HOUR)]),
                read(2, [of("7a", Kind.OPENED, T0 + MINUTE), of("7b", Kind.OPENED, T0 + HOUR + MINUTE)]),
                read(3, [of("7b", Kind.CLICKED, T0 + HOUR + 2 * MINUTE, url="https://example.com/1")]),
            ]
        )
        campaign, one, two = Filter(campaign_id="7"), Filter(activity_id="7a"), Filter(activity_id="7b")
        assert store.funnel(campaign)[Kind.SENT] == Count(2, 1, 2)
        assert self.some(store.funnel(one)) == {"sent": (1, 1), "opened": (1, 1)}
        assert self.some(store.funnel(two)) == {"sent": (1, 1), "opened": (1, 1), "clicked": (1, 1)}
        assert store.activities(campaign) == [
            ActivityRow(source="acme", campaign_id="7", activity_id="7a"),
            ActivityRow(source="acme", campaign_id="7", activity_id="7b"),
        ]
        assert store.activities(two) == store.activities(campaign)[1:]
        assert store.activities(Filter(activity_id="7c")) == store.activities(Filter(campaign_id="8")) == []
        assert [link.url for link in store.facets(two).links] == ["https://example.com/1"]
        assert store.facets(one).links == []
        assert [e.activity_id for e in store.events(one, "newest", limit=9)] == ["7a", "7a"]
        assert [e.activity_id for e in store.last_events(campaign, Kind.OPENED, limit=9)] == ["7b"]
        assert [e.activity_id for e in store.last_events(one, Kind.OPENED, limit=9)] == ["7a"]
        assert [m.activity_id for m in store.messages(Filter(contact_id="a"))] == ["7b", "7a"]
        assert [row.campaign_id for row in store.campaigns(Filter())] == ["7"]
        assert store.differences() == []

    def test_what_is_not_told_as_sent_was_handed_over_when_it_was_queued_delivered_or_bounced(
        self, store: Store
    ) -> None:
        store.apply(
            [
                read(
                    1,
                    [
                        event(Kind.QUEUED, "a", T0 + 1 * MINUTE),
                        event(Kind.QUEUED, "a", T0 + 2 * MINUTE),
                        event(Kind.DELIVERED, "a", T0 + 3 * MINUTE),
                        event(Kind.QUEUED, "b", T0 + 4 * MINUTE),
                        event(Kind.DROPPED, "b", T0 + 5 * MINUTE),
                        event(Kind.DELIVERED, "c", T0 + 7 * MINUTE),
                        event(Kind.BOUNCED, "c", T0 + 6 * MINUTE, bounce_class=BounceClass.SOFT),
                        event(Kind.SENT, "d", T0 + 9 * MINUTE),
                        event(Kind.QUEUED, "d", T0 + 8 * MINUTE),
                        event(Kind.OPENED, "e", T0 + 10 * MINUTE),
                    ],
                )
            ]
        )

        def handed(since: int, until: int) -> Count:
            (marks,) = store.marks(Filter(campaign_id="7", since=T0 + since * MINUTE, until=T0 + until * MINUTE))
            return marks[Mark.HANDED]

        assert store.marks(Filter(campaign_id="7"))[0][Mark.HANDED] == Count(4, 2, 2)
        assert [handed(1, 2), handed(2, 6), handed(6, 7)] == [
            Count(2, 1, 1),
            Count(),
            Count(2, 1, 1),
        ]
        assert store.differences() == []

    def test_marks_say_what_became_of_messages(self, store: Store) -> None:
        self.fill(store)
        store.apply([read(2, [event(Kind.DELIVERED, "a", T0 + 10_000), event(Kind.OPENED, "c", T0 + 30 * MINUTE)])])
        (marks,) = store.marks(Filter(campaign_id="7"))
        assert marks == {
            Mark.TOUCHED: Count(0, 3, 3),
            Mark.RETURNED: Count(1, 1, 1),
            Mark.HARD: Count(0, 1, 1),
            Mark.SOFT: Count(),
            Mark.DELIVERED_OPENED: Count(0, 1, 1),
            Mark.KEPT_OPENED: Count(0, 1, 1),
            Mark.HANDED: Count(),
        }
        (kept,) = store.marks(Filter(campaign_id="7", since=T0, until=T0 + 5_000))
        assert (kept[Mark.KEPT_OPENED], kept[Mark.DELIVERED_OPENED]) == (Count(0, 1, 1), Count())


class LogSuite(ReportsSuite):
    def test_the_log_has_a_row_for_each_message_and_tells_where_it_stands(self, store: Store) -> None:
        self.fill(store)
        store.apply(
            [
                read(2, [event(Kind.DROPPED, "d", T0 + HOUR, reason="unsubscribed", template="t")]),
                read(3, [event(Kind.UNSUBSCRIBED, "e", T0, campaign_id=None)]),
                read(4, [], campaigns=[CampaignInfo(campaign_id="7", subject="Hi")]),
            ]
        )
        rows = store.log(LogFilter(), limit=100)
        assert [(r.contact_id, r.campaign_id, r.status, r.created_at - T0, r.template) for r in rows[:2]] == [
            ("d", "7", Status.SUPPRESSED, HOUR, "t"),
            ("a", "8", Status.SENT, HOUR, "8"),
        ]
        assert {(r.contact_id, r.status, r.bounce) for r in rows[2:]} == {
            ("a", Status.OPENED, None),
            ("b", Status.CLICKED, None),
            ("c", Status.BOUNCED, Bounce.HARD),
        }
        (opened,) = store.log(LogFilter(happened=Kind.OPENED), limit=5)
        assert msgspec.structs.asdict(opened) == {
            "number": opened.number,
            "source": "acme",
            "campaign_id": "7",
            "activity_id": None,
            "message_id": None,
            "contact_id": "a",
            "external_id": "crm-a",
            "email": "a@example.com",
            "channel": Channel.EMAIL,
            "template": "7",
            "subject": "Hi",
            "created_at": T0,
            "status": Status.OPENED,
            "bounce": None,
            "outcomes": {
                Kind.SENT: Outcome(1, T0, T0),
                Kind.OPENED: Outcome(2, T0 + 2 * MINUTE, T0 + 20 * MINUTE),
            },
        }
        assert store.log(LogFilter(number=opened.number), limit=5) == [opened]
        assert store.log(LogFilter(number=opened.number, sources=("other",)), limit=5) == []
        for which, expected in (
            (LogFilter(campaign_id="7"), 4),
            (LogFilter(campaign_id="7", status=Status.BOUNCED), 1),
            (LogFilter(template="7"), 3),
            (LogFilter(template="t"), 1),
            (LogFilter(email="B@Example.com"), 1),
            (LogFilter(email="b@example.com"), 0),
            (LogFilter(contact_id="a"), 2),
            (LogFilter(external_id="crm-a"), 2),
            (LogFilter(since=T0, until=T0 + 1), 3),
            (LogFilter(since=T0 + 1), 2),
            (LogFilter(sources=()), 0),
        ):
            assert len(store.log(which, limit=100)) == store.log_size(which) == expected, which

    def test_the_log_turns_and_pages(self, store: Store) -> None:
        self.fill(store)
        rows = store.log(LogFilter(), limit=100)
        assert store.log(LogFilter(), limit=100, descending=False) == rows[::-1]
        assert store.log(LogFilter(), limit=2, offset=1) == rows[1:3]
        assert store.log(LogFilter(), limit=9, after=(rows[1].created_at, rows[1].number)) == rows[2:]
        opened = [r.contact_id for r in store.log(LogFilter(campaign_id="7"), "opened", limit=9, descending=False)]
        assert opened[0] == "a"
        assert [r.contact_id for r in store.log(LogFilter(campaign_id="7"), "opened", limit=9)] == opened[::-1]
        with pytest.raises(BadInput):
            store.log(LogFilter(), "opened", limit=9, after=(T0, 1))

    def test_a_recipient_is_a_message_only_where_none_is_named(self, store: Store) -> None:
        store.apply([read(1, [event(Kind.SENT, "a", T0)])])
        assert store.log_size(LogFilter()) == 1
        store.apply([read(2, [event(Kind.OPENED, "a", T0 + MINUTE, message_id="m1", by_message=True)])])
        assert [(m.message_id, m.status) for m in store.log(LogFilter(), limit=9)] == [("m1", Status.OPENED)]
        assert store.funnel(Filter())[Kind.SENT] == Count(1, 1, 0)
        assert store.funnel(Filter())[Kind.OPENED] == Count(1, 1, 1)
        assert store.differences() == []

    def test_cohorts_count_messages_by_their_creation(self, store: Store) -> None:
        self.fill(store)
        nothing = dict.fromkeys(Status, 0)
        (all_,) = store.cohorts(LogFilter(template="7"))
        kinds = {"sent": 3, "delivered": 0, "opened": 1, "clicked": 1, "bounced": 1, "complained": 0}
        assert all_ == Cohort(
            messages=3,
            happened={Kind(kind): count for kind, count in kinds.items()},
            statuses=nothing | {Status.OPENED: 1, Status.CLICKED: 1, Status.BOUNCED: 1},
        )
        slots = store.cohorts(LogFilter(), [T0 - HOUR, T0, T0 + 1, T0 + 2 * HOUR])
        assert [slot.messages for slot in slots] == [0, 3, 1]
        assert [(row.source, row.template, row.cohort.messages) for row in store.templates()] == [
            ("acme", "7", 3),
            ("acme", "8", 1),
        ]
        assert store.templates(["other"]) == []
        with pytest.raises(BadInput):
            store.cohorts(LogFilter(status=Status.SENT))


def feed_account(at: int) -> Event:
    """What the feed alone said of the row in the test above."""
    return event(Kind.OPENED, "a", at, "activities", "5", row_id="5", precision=Precision.MINUTE)


class StoreSuite(
    InboxSuite,
    NormalizingSuite,
    FeedsSuite,
    NotesSuite,
    BudgetsSuite,
    TokensSuite,
    KeysSuite,
    CampaignsSuite,
    LogSuite,
):
    """All of it."""
