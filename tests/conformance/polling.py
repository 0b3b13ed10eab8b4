"""What every store must do for polling: notes, budgets, tokens. Part of the suite in :mod:`tests.conformance.suite`."""

from __future__ import annotations

import threading
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aftersend.storage.contract import Budget, ClaimLost, FeedRow, Store, Token
from aftersend.vocabulary import Delivery, Door, Heard, Rate

SECOND, MINUTE, HOUR, DAY = 1000, 60_000, 3_600_000, 86_400_000
T0 = 20_000 * DAY
"""A midnight in UTC."""
_names = count()


def claimed(store: Store, name: str = "opens") -> FeedRow:
    row = FeedRow(source="acme", feed=name, resource=f"acme/{name}", due_at=T0)
    store.ensure_feeds([row])
    held = store.claim(row.key, "me", T0 + HOUR, at=T0)
    assert held is not None
    return held


def page(body: bytes = b"[1]") -> Delivery:
    return Delivery(source="acme", door=Door.FEED, feed="opens", received_at=T0, body=body)


def token(access: str = "a1", refresh: str = "r1") -> Token:
    return Token(account="acct", access=access, refresh=refresh, expires_at=T0 + DAY, scope="all")


class NotesSuite:
    def test_notes_are_kept_with_the_page_and_position_and_shared_by_the_feeds_of_a_source(self, store: Store) -> None:
        row = claimed(store)
        store.append_page(row, page(), {"page": 1}, T0 + HOUR, {"campaign/7": {"sent": 3}, "campaign/8": [1, None]})
        store.append_page(row, page(), {"page": 2}, T0 + HOUR, {"lead/é/1": "x"})
        assert store.notes("acme", "campaign/") == {"campaign/7": {"sent": 3}, "campaign/8": [1, None]}
        assert store.notes("acme", "campaign/7") == {"campaign/7": {"sent": 3}}
        assert store.notes("acme", "lead/é") == {"lead/é/1": "x"}
        assert set(store.notes("acme")) == {"campaign/7", "campaign/8", "lead/é/1"}
        assert store.notes("acme-twin") == {}

    def test_a_later_note_replaces_an_earlier_and_none_forgets(self, store: Store) -> None:
        row = claimed(store)
        store.append_page(row, page(), {}, T0 + HOUR, {"a": 1, "b": 2})
        store.append_page(row, page(), {}, T0 + HOUR, {"a": False, "b": None, "c": None})
        assert store.notes("acme") == {"a": False}

    def test_a_position_moves_and_notes_are_made_without_a_page(self, store: Store) -> None:
        row = claimed(store)
        store.move_feed(row, {"page": 5}, T0 + 2 * HOUR, {"gone": True})
        assert store.backlog().deliveries == 0
        (stored,) = store.feeds()
        assert (stored.position, stored.claimed_until, store.notes("acme")) == (
            {"page": 5},
            T0 + 2 * HOUR,
            {"gone": True},
        )

    def test_who_lost_the_claim_notes_nothing(self, store: Store) -> None:
        row = claimed(store)
        store.release(row)
        with pytest.raises(ClaimLost):
            store.append_page(row, page(), {"page": 1}, T0 + HOUR, {"a": 1})
        with pytest.raises(ClaimLost):
            store.move_feed(row, {"page": 1}, T0 + HOUR, {"a": 1})
        assert (store.notes("acme"), store.feeds()[0].position) == ({}, {})


class BudgetsSuite:
    def test_turns_of_a_budget_are_apart(self, store: Store) -> None:
        assert [store.reserve("key", 100, T0) for _ in range(3)] == [T0, T0 + 100, T0 + 200]
        assert store.reserve("other", 100, T0) == T0
        assert store.reserve("key", 100, T0 + HOUR) == T0 + HOUR

    def test_a_limit_is_kept_and_a_day_begins_anew_at_midnight(self, store: Store) -> None:
        rates = [Rate(3, DAY)]
        late = T0 + DAY - MINUTE
        assert [store.reserve("key", 0, late, rates) for _ in range(4)] == [late, late, late, T0 + DAY]
        assert store.left("key", late) == [Budget(period=DAY, most=3, left=2, until=T0 + 2 * DAY)]
        assert store.left("key", T0 + 2 * DAY) == [Budget(period=DAY, most=3, left=3, until=T0 + 3 * DAY)]

    def test_a_turn_beyond_the_patience_is_told_and_not_taken(self, store: Store) -> None:
        rates = [Rate(1, HOUR)]
        assert store.reserve("key", 0, T0, rates, 1000) == T0
        first = store.reserve("key", 0, T0 + MINUTE, rates, 1000)
        assert first > T0 + HOUR - MINUTE
        assert store.reserve("key", 0, T0 + MINUTE, rates, 1000) == first
        assert store.reserve("key", 0, first, rates, 1000) == first

    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(
        st.integers(1, 6),
        st.sampled_from([SECOND, MINUTE, HOUR]),
        st.lists(st.integers(0, 2 * HOUR), min_size=1, max_size=60),
    )
    def test_no_stretch_of_a_period_ever_holds_much_more_than_the_limit(self, store, calls, period, gaps) -> None:
        name, at, turns = f"key{next(_names)}", T0 + 123, []
        for gap in gaps:
            at += gap % (period // 2)
            at = store.reserve(name, 0, at, [Rate(calls, period)])
            turns.append(at)
        assert turns == sorted(turns)
        for first in range(len(turns)):
            inside = [turn for turn in turns[first:] if turn < turns[first] + period]
            # The stretch before counts as if it had been spread evenly: a burst at its end may exceed by that.
            assert len(inside) <= 2 * calls
        aligned: dict[int, int] = {}
        for turn in turns:
            aligned[turn // period] = aligned.get(turn // period, 0) + 1
        assert max(aligned.values()) <= calls

    def test_what_the_platform_says_is_heeded_where_it_is_less(self, store: Store) -> None:
        rates = [Rate(100, MINUTE), Rate(1000, HOUR)]
        store.reserve("key", 0, T0, rates)
        store.learned("key", [Heard(MINUTE, 100, 40, T0 + 30 * SECOND), Heard(HOUR, 1000, 1000)], T0)
        assert store.left("key", T0) == [
            Budget(period=MINUTE, most=100, left=40, until=T0 + 30 * SECOND),
            Budget(period=HOUR, most=1000, left=999, until=T0 + HOUR),
        ]
        store.learned("key", [Heard(MINUTE, 100, 0, T0 + 30 * SECOND)], T0)
        assert T0 + 30 * SECOND <= store.reserve("key", 0, T0, rates) <= T0 + 31 * SECOND

    def test_what_is_heard_while_turns_are_booked_ahead_forgets_none_of_them(self, store: Store) -> None:
        rates = [Rate(calls=4, period=SECOND)]
        for budget in ("heard", "silent"):
            assert [store.reserve(budget, 1, T0, rates, MINUTE) for _ in range(16)][-1] >= T0 + 2 * SECOND
        store.learned("heard", [Heard(SECOND, 4, 4)], T0)
        heard, silent = ([store.reserve(name, 1, T0, rates, MINUTE) for _ in range(8)] for name in ("heard", "silent"))
        assert heard == silent

    def test_a_window_nobody_configured_is_learned(self, store: Store) -> None:
        store.learned("key", [Heard(30 * DAY, 5000, 1)], T0)
        assert store.left("key", T0) == [Budget(period=30 * DAY, most=5000, left=1, until=None)]
        assert store.reserve("key", 0, T0, (), 1000) == T0
        assert store.reserve("key", 0, T0, (), 1000) > T0 + 1000

    def test_of_a_window_whose_end_nobody_knows_the_last_word_counts_and_a_turn_a_day_asks_for_it(self, store) -> None:
        month = 30 * DAY
        store.learned("key", [Heard(month, 5000, 0)], T0)
        assert store.reserve("key", 0, T0 + HOUR, (), 1000) == T0 + DAY
        assert store.reserve("key", 0, T0 + DAY, (), 1000) == T0 + DAY
        store.learned("key", [Heard(month, 5000, 0)], T0 + DAY)
        assert store.reserve("key", 0, T0 + DAY + HOUR, (), 1000) == T0 + 2 * DAY
        store.learned("key", [Heard(month, 5000, 4999)], T0 + 2 * DAY)
        assert store.reserve("key", 0, T0 + 2 * DAY, (), 1000) == T0 + 2 * DAY
        assert store.left("key", T0 + 2 * DAY) == [Budget(period=month, most=5000, left=4998, until=None)]

    def test_silence_holds_for_everybody_until_it_is_over_or_broken(self, store: Store) -> None:
        store.reserve("key", 100, T0)
        store.silence("key", T0 + MINUTE)
        assert store.reserve("key", 100, T0 + SECOND, (), 1000) == T0 + MINUTE
        assert store.reserve("other", 100, T0 + SECOND) == T0 + SECOND
        store.silence("key", None)
        assert store.reserve("key", 100, T0 + SECOND) == T0 + SECOND

    def test_a_clock_that_was_set_back_holds_nobody(self, store: Store) -> None:
        ahead = T0 + 400 * DAY
        for _ in range(3):
            store.reserve("key", 1000, ahead, [Rate(2, HOUR)])
        store.silence("key", ahead)
        assert store.reserve("key", 1000, T0, [Rate(2, HOUR)]) == T0


class TokensSuite:
    def test_a_token_is_kept_and_each_new_one_is_of_a_later_generation(self, store: Store) -> None:
        assert store.token("acct") is None
        store.keep_token(token())
        assert store.token("acct") == Token(
            account="acct", access="a1", refresh="r1", expires_at=T0 + DAY, scope="all", generation=1
        )
        store.keep_token(token("a2", "r2"))
        kept = store.token("acct")
        assert kept is not None
        assert (kept.access, kept.refresh, kept.generation) == ("a2", "r2", 2)
        assert store.token("other") is None

    def test_one_refreshes_at_a_time_until_its_time_is_up(self, store: Store) -> None:
        store.keep_token(token())
        assert store.lock_token("acct", 1, T0, T0 + MINUTE)
        assert not store.lock_token("acct", 1, T0 + SECOND, T0 + MINUTE)
        for waited in (1, SECOND, MINUTE):  # somebody who looked at the clock before the first one, and came after him
            assert not store.lock_token("acct", 1, T0 - waited, T0 - waited + MINUTE)
        assert store.lock_token("acct", 1, T0 + MINUTE, T0 + 2 * MINUTE)
        store.unlock_token("acct")
        assert store.lock_token("acct", 1, T0 + MINUTE, T0 + 2 * MINUTE)
        store.keep_token(token("a2", "r2"))
        assert not store.lock_token("acct", 1, T0 + MINUTE, T0 + 2 * MINUTE), "it was refreshed meanwhile"
        assert store.lock_token("acct", 2, T0 + MINUTE, T0 + 2 * MINUTE), "a new token ends the right"
        assert not store.lock_token("nobody", 1, T0, T0 + MINUTE)

    def test_of_many_that_want_to_refresh_one_may(self, store: Store) -> None:
        store.keep_token(token())
        got: list[bool] = []
        asking = [
            threading.Thread(target=lambda: got.append(store.lock_token("acct", 1, T0, T0 + MINUTE))) for _ in range(8)
        ]
        for thread in asking:
            thread.start()
        for thread in asking:
            thread.join()
        assert sorted(got) == [False] * 7 + [True]
