"""The truth is repeatable, rich, and counts itself plainly."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import msgspec
import pytest

from aftersend.providers.speaker import Contact, Fact
from aftersend.sandbox.truth import MACHINES, Scenario, Truth
from aftersend.vocabulary import Kind

UNTIL = 1_781_179_200_000  # 2026-06-11T12:00:00Z
SCENARIO = Scenario(until=UNTIL)
EMAIL_KINDS = {
    Kind.SENT,
    Kind.DROPPED,
    Kind.BOUNCED,
    Kind.OPENED,
    Kind.CLICKED,
    Kind.UNSUBSCRIBED,
    Kind.WEB_VIEWED,
    Kind.PRINTED,
}


def _going_on(scenario: Scenario, facts: int) -> Truth:
    truth = Truth(scenario)
    for second in range(facts):
        truth.next(scenario.until + second * 1000)
    return truth


def test_the_same_scenario_is_the_same_truth():
    assert _going_on(SCENARIO, 300).facts == _going_on(SCENARIO, 300).facts


def test_another_seed_is_another_truth():
    assert Truth(SCENARIO).facts != Truth(msgspec.structs.replace(SCENARIO, seed=2)).facts


def test_the_first_fact_is_the_same_on_every_machine_and_python():
    first = Truth(Scenario(until=UNTIL, campaigns=1, contacts=3, days=1)).facts[0]
    assert first == Fact(
        number=1,
        kind=Kind.SENT,
        at=1_781_093_170_000,
        campaign_id="1000001",
        contact=Contact(id="40002", email="reader.40002@example.com", name="עומר", external_id=None),
        message_id="53446daab31b9c329931a",
    )


def test_the_history_is_about_two_thousand_facts_of_every_kind_within_its_days():
    truth = Truth(SCENARIO)
    assert 1_500 < len(truth.facts) < 2_500
    assert {fact.kind for fact in truth.facts} == EMAIL_KINDS
    assert min(fact.at for fact in truth.facts) >= UNTIL - 3 * 86_400_000
    # The last one may have been moved a little so as not to equal another to the second.
    assert max(fact.at for fact in truth.facts) < UNTIL + 5_000
    assert len(truth.campaign_ids) == SCENARIO.campaigns


def test_every_kind_flows_live_within_a_few_hundred_facts():
    truth = _going_on(msgspec.structs.replace(SCENARIO, campaigns=0), 350)
    assert {fact.kind for fact in truth.facts} == EMAIL_KINDS


def test_numbers_increase_by_one_and_times_are_whole_seconds():
    facts = _going_on(SCENARIO, 100).facts
    assert [fact.number for fact in facts] == list(range(1, len(facts) + 1))
    assert all(fact.at % 1000 == 0 for fact in facts)


def test_some_contacts_have_an_external_id_and_some_have_none():
    contacts = Truth(SCENARIO).contacts
    assert 0 < sum(contact.external_id is None for contact in contacts) < len(contacts) / 2


def test_machines_open_within_seconds_of_the_send_with_a_known_user_agent():
    truth = Truth(SCENARIO)
    sent = {(f.campaign_id, f.contact.id): f.at for f in truth.facts if f.kind is Kind.SENT}
    machines = [f for f in truth.facts if f.machine]
    assert len(machines) > 50
    assert {f.kind for f in machines} == {Kind.OPENED}
    assert {f.user_agent for f in machines} == set(MACHINES)
    assert all(0 < f.at - sent[f.campaign_id, f.contact.id] <= 5_000 for f in machines)


def test_two_genuine_opens_of_a_contact_in_the_same_minute_occur():
    opens = Counter(
        (f.campaign_id, f.contact.id, f.at // 60_000)
        for f in Truth(SCENARIO).facts
        if f.kind is Kind.OPENED and not f.machine
    )
    assert sum(count > 1 for count in opens.values()) > 10


def test_no_two_facts_are_alike_to_the_second_even_when_they_come_at_once():
    truth = Truth(SCENARIO)
    for _ in range(2_000):
        truth.next(UNTIL)
    alike = Counter((f.kind, f.campaign_id, f.contact.id, f.url, f.at) for f in truth.facts)
    assert set(alike.values()) == {1}


def test_what_happens_to_a_message_happens_after_its_send():
    truth = _going_on(SCENARIO, 500)
    seen: set[tuple[str, str]] = set()
    for fact in truth.facts:
        if fact.kind is Kind.SENT:
            seen.add((fact.campaign_id, fact.contact.id))
        elif fact.kind is not Kind.DROPPED:
            assert (fact.campaign_id, fact.contact.id) in seen


def test_nobody_who_was_dropped_or_bounced_does_anything():
    truth = Truth(SCENARIO)
    gone = {(f.campaign_id, f.contact.id) for f in truth.facts if f.kind in (Kind.DROPPED, Kind.BOUNCED)}
    acted = {
        (f.campaign_id, f.contact.id) for f in truth.facts if f.kind not in (Kind.DROPPED, Kind.BOUNCED, Kind.SENT)
    }
    assert gone
    assert not gone & acted


def test_live_facts_happen_when_asked_for_in_campaigns_behind_those_of_the_history():
    truth = Truth(SCENARIO)
    history = set(truth.campaign_ids)
    live = [truth.next(UNTIL + n * 10_000 + 999) for n in range(1_000)]
    assert [fact.at for fact in live[:3]] == [UNTIL, UNTIL + 10_000, UNTIL + 20_000]
    assert not history & {fact.campaign_id for fact in live}
    ids = [int(fact.campaign_id) for fact in live]
    assert all(later >= earlier for earlier, later in pairwise(ids))
    assert len(set(ids)) > 1


def test_a_truth_begun_again_with_later_ids_repeats_nothing():
    first = _going_on(SCENARIO, 200)
    again = Scenario(
        until=UNTIL + 3_600_000,
        campaigns=0,
        first_campaign=int(first.campaign_ids[-1]) + 1,
        first_number=first.facts[-1].number + 1,
    )
    second = _going_on(again, 200)
    assert first.contacts == second.contacts
    assert not set(first.campaign_ids) & set(second.campaign_ids)
    assert second.facts[0].number == first.facts[-1].number + 1
    told = {f.message_id for f in first.facts if f.message_id}
    assert not told & {f.message_id for f in second.facts}


def test_the_funnel_counts_facts_and_different_pairs_of_contact_and_campaign():
    truth = Truth(Scenario(until=UNTIL, campaigns=0, contacts=0))
    dana, omer = (Contact(id=number, email=f"{number}@example.com", name="Dana", external_id=None) for number in "12")
    happened = [
        (Kind.SENT, "7", dana),
        (Kind.SENT, "7", omer),
        (Kind.OPENED, "7", dana),
        (Kind.OPENED, "7", dana),
        (Kind.OPENED, "7", omer),
        (Kind.OPENED, "8", dana),
    ]
    truth.facts = [
        Fact(number=n, kind=kind, at=UNTIL, campaign_id=campaign, contact=contact)
        for n, (kind, campaign, contact) in enumerate(happened)
    ]
    nothing = dict.fromkeys(Kind, (0, 0))
    assert truth.funnel() == nothing | {Kind.SENT: (2, 2), Kind.OPENED: (4, 3)}
    assert truth.funnel("7") == nothing | {Kind.SENT: (2, 2), Kind.OPENED: (3, 2)}
    assert truth.funnel("9") == nothing


@pytest.mark.parametrize("campaigns", [1, 6])
def test_the_campaigns_funnels_add_up_to_the_whole(campaigns: int):
    truth = Truth(msgspec.structs.replace(SCENARIO, campaigns=campaigns))
    parts = [truth.funnel(campaign) for campaign in truth.campaign_ids]
    for kind, whole in truth.funnel().items():
        assert whole == (sum(part[kind][0] for part in parts), sum(part[kind][1] for part in parts))
