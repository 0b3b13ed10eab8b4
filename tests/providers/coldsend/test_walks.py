"""ColdSend's walks, asked and answered in memory: the position goes through JSON after every answer, as it does in the
store, and notes are kept as the store keeps them."""

from __future__ import annotations

import json
from collections import Counter
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aftersend.providers.contract import Answer, Context, Malformed, Walk
from aftersend.settings import Source
from aftersend.zones import moment
from tests.fakes import Asked
from tests.providers.coldsend.fake import KEY, FakeColdSend
from tests.providers.coldsend.said import COLDSEND

SECOND, MINUTE, DAY = 1000, 60_000, 86_400_000


class Desk:
    """A source's notes and positions, with a clock of its own."""

    def __init__(self, fake: FakeColdSend, **options):
        self.fake, self.now = fake, fake.now() * 1000
        self.source = Source(name="acme", provider="coldsend", api_key=KEY, options=options)
        self.notes: dict[str, object] = {}
        self.positions: dict[str, dict] = {}
        self.asked: list[str] = []

    def walk(self, feed: str) -> Walk:
        (found,) = (one for one in COLDSEND.feeds(self.source) if one.name == feed)
        context = Context(source=self.source, now=self.now, recall=self._recall)
        return found.walk(json.loads(json.dumps(self.positions.get(feed, {}))), context)

    def run(self, feed: str, most: int = 10_000) -> Walk:
        """One run of a feed, killed after so many answers. Returns its walk."""
        walk = self.walk(feed)
        while most and (ask := walk.ask()) is not None:
            assert walk.ask() == ask
            self.asked.append(ask.path)
            self.now += SECOND
            said = self.fake.answer(
                Asked(method="GET", path=f"/api/public/v1/{ask.path}", query=ask.params, headers={"x-api-key": KEY})
            )
            if said.status == 200:
                walk.take(Answer(body=said.encoded(), received_at=self.now))
            elif not walk.refused(said.status):
                raise AssertionError(f"parked: {said.status}")
            self._keep(walk, feed)
            most -= 1
        return walk

    def _keep(self, walk: Walk, feed: str) -> None:
        self.positions[feed] = json.loads(json.dumps(walk.position))
        for name, note in json.loads(json.dumps(walk.notes)).items():
            if note is None:
                self.notes.pop(name, None)
            else:
                self.notes[name] = note
        walk.notes.clear()

    def _recall(self, prefix: str) -> dict:
        return json.loads(json.dumps({name: note for name, note in self.notes.items() if name.startswith(prefix)}))

    def details(self) -> Counter:
        """Which leads were asked for, and how often."""
        return Counter(path for path in self.asked if "/leads/" in path)


@pytest.fixture(scope="module")
def fakes():
    """Makes fakes whose sockets are closed in the end: nobody calls them by HTTP here."""
    made = []

    def make(seed: int, **how) -> FakeColdSend:
        made.append(FakeColdSend(seed, **how))
        return made[-1]

    yield make
    for fake in made:
        fake._server.server_close()


# -- leads -----------------------------------------------------------------------------------------------


def touched(fake: FakeColdSend) -> int:
    """Leads to whom anything happened."""
    leads = [lead for campaign in fake.campaigns for lead in campaign.leads]
    return sum(lead.status not in ("PENDING", "EXTERNAL") for lead in leads)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 1000), st.lists(st.integers(1, 40), max_size=12))
def test_wherever_a_run_is_killed_every_lead_is_asked_for_once(fakes, seed, kills):
    fake = fakes(seed, campaigns=2, leads=30)
    fake.ignores_size = bool(seed % 2)
    desk = Desk(fake)
    desk.run("campaigns")
    for kill in kills:
        desk.run("leads", most=kill)
    desk.run("leads")
    assert desk.positions["leads"] == {}
    assert set(desk.details().values()) <= {1}
    assert len(desk.details()) == touched(fake)
    before = len(desk.asked)
    desk.run("leads")
    assert len(desk.asked) == before


def test_what_moves_while_leads_are_looked_through_is_found_by_the_next_run(fakes):
    fake = fakes(1, campaigns=1)
    fake.ignores_size = True
    campaign = fake.campaigns[0]
    for _ in range(40):
        fake.send(fake.lead(campaign), fake.now() - 3600)
    desk = Desk(fake)
    desk.run("campaigns")
    # Killed on the second page. What moves on the first one is not seen by what is left of the run.
    desk.run("leads", most=1 + 20 + 1 + 5)
    moved = campaign.leads[0]
    fake.send(moved, fake.now())
    desk.run("campaigns")
    desk.run("leads")
    assert set(desk.details().values()) == {1}
    desk.run("leads")
    assert len(desk.details()) == 40
    assert [path for path, times in desk.details().items() if times == 2] == [
        f"campaigns/{campaign.id}/leads/{moved.id}"
    ]
    assert len([name for name in desk.notes if name.startswith("lead/")]) == 40
    assert desk.notes[f"walked/{campaign.id}"]["counts"] == desk.notes[f"campaign/{campaign.id}"]["counts"]


def test_lively_campaigns_are_looked_through_daily_and_lively_leads_read_weekly(fakes):
    fake = fakes(2, campaigns=1)
    campaign = fake.campaigns[0]
    lively, old = fake.lead(campaign), fake.lead(campaign)
    fake.send(lively, fake.now() - 3600)
    fake.send(old, fake.now() - 40 * 86_400)
    desk = Desk(fake)
    rounds = []
    for _ in range(40):
        before = len(desk.asked)
        desk.run("campaigns")
        desk.run("leads")
        desk.run("leads")
        rounds.append([path.rpartition("/")[2] for path in desk.asked[before:]][1:])
        desk.now += DAY
    path = f"campaigns/{campaign.id}/leads"
    assert rounds[0] == ["leads", lively.id, old.id]
    assert rounds[1] == ["leads"]
    assert desk.details()[f"{path}/{old.id}"] == 1
    assert 4 <= desk.details()[f"{path}/{lively.id}"] <= 6
    assert rounds[28] != []
    assert rounds[31:] == [[]] * 9


def test_an_answer_that_is_no_page_leaves_the_walk_where_it_was(fakes):
    fake = fakes(3, campaigns=1, leads=10)
    desk = Desk(fake)
    desk.run("campaigns")
    for most in (0, 1, 2):
        desk.run("leads", most=most)
        walk = desk.walk("leads")
        before = (walk.ask(), json.dumps(walk.position))
        for body, cut in ((b"<html>", False), (b'{"leads":[', False), (b'{"leads":[]}', True)):
            with pytest.raises(Malformed):
                walk.take(Answer(body=body, received_at=desk.now, cut=cut))
        assert (walk.ask(), json.dumps(walk.position)) == before
        assert walk.notes == {}


def test_a_lead_that_is_gone_is_passed_over_and_a_campaign_too(fakes):
    fake = fakes(4, campaigns=2, leads=10)
    desk = Desk(fake)
    desk.run("campaigns")
    walk = desk.walk("leads")
    first = walk.ask().path
    assert walk.refused(404)
    assert walk.ask().path != first
    assert not walk.refused(422)
    while walk.ask() is not None:
        assert walk.refused(410)
    assert walk.position == {}
    assert walk.complete_until is None


def test_a_draft_is_not_looked_through_until_something_is_sent(fakes):
    fake = fakes(5, campaigns=1)
    campaign = fake.campaigns[0]
    campaign.launched = None
    lead = fake.lead(campaign)
    desk = Desk(fake)
    desk.run("campaigns")
    assert desk.walk("leads").ask() is None
    fake.send(lead, fake.now())
    desk.run("campaigns")
    assert desk.walk("leads").ask().path == f"campaigns/{campaign.id}/leads"


def test_a_launched_campaign_whose_sends_all_failed_is_looked_through(fakes):
    fake = fakes(6, campaigns=1)
    fake.lead(fake.campaigns[0]).status = "FAILED"
    desk = Desk(fake)
    desk.run("campaigns")
    desk.run("leads")
    assert len(desk.details()) == 1


def test_where_no_campaign_moved_everything_is_complete_without_a_request(fakes):
    desk = Desk(fakes(21, campaigns=1, leads=5))
    desk.run("campaigns")
    assert desk.run("leads").complete_until == desk.notes["campaigns"]
    desk.now += MINUTE
    desk.run("campaigns")
    walk = desk.walk("leads")
    assert walk.ask() is None
    assert walk.complete_until == desk.notes["campaigns"]


def test_what_is_expected_next_is_asked_for_next(fakes):
    fake = fakes(7, campaigns=1, leads=10)
    desk = Desk(fake)
    desk.run("campaigns")
    desk.run("leads", most=1)
    walk = desk.walk("leads")
    walk.take(Answer(body=fake.answer(_asked(walk)).encoded(), received_at=desk.now))
    expected = [walk.ask(), *walk.ahead()]
    assert len(expected) == 4
    for ask in expected:
        assert walk.ask() == ask
        walk.take(Answer(body=fake.answer(_asked(walk)).encoded(), received_at=desk.now))


def _asked(walk: Walk) -> Asked:
    ask = walk.ask()
    return Asked(method="GET", path=f"/api/public/v1/{ask.path}", query=ask.params, headers={"x-api-key": KEY})


def test_progress_names_the_campaign_and_counts_them(fakes):
    fake = fakes(8, campaigns=2, leads=2)
    desk = Desk(fake)
    desk.run("campaigns")
    walk = desk.walk("leads")
    assert {name: walk.progress()[name] for name in ("page", "done", "total")} == {"page": 0, "done": 0, "total": 2}
    assert walk.progress()["window"] in [campaign.id for campaign in fake.campaigns]
    assert desk.run("leads").progress()["done"] == 2


# -- campaigns -------------------------------------------------------------------------------------------


def test_a_quiet_account_has_nothing_noted(fakes):
    fake = fakes(9, campaigns=3, leads=5)
    desk = Desk(fake)
    desk.run("campaigns")
    desk.run("leads")
    before = dict(desk.notes)
    desk.now += MINUTE
    desk.run("campaigns")
    assert {name for name, note in desk.notes.items() if before.get(name) != note} == {"campaigns"}


def test_notes_of_a_campaign_that_is_gone_go_after_a_week(fakes):
    fake = fakes(10, campaigns=2, leads=10)
    desk = Desk(fake)
    for feed in ("campaigns", "leads", "details"):
        desk.run(feed)
    campaign = fake.campaigns[0]
    fake.delete(campaign)
    own = {name for name in desk.notes if campaign.id in name}
    assert {name.split("/")[0] for name in own} == {"campaign", "walked", "lead", "details"}
    for day in range(9):
        desk.run("campaigns")
        desk.run("leads")
        desk.now += DAY
        assert bool(own & set(desk.notes)) == (day < 7), day
    assert {name for name in desk.notes if campaign.id in name} == set()


def test_a_campaign_that_was_missed_once_is_not_read_anew(fakes):
    fake = fakes(11, campaigns=2, leads=10)
    desk = Desk(fake)
    desk.run("campaigns")
    desk.run("leads")
    missed = fake.campaigns.pop(0)
    desk.run("campaigns")
    desk.run("leads")
    fake.campaigns.insert(0, missed)
    before = desk.details()
    desk.run("campaigns")
    desk.run("leads")
    assert desk.details() == before
    assert "gone" not in desk.notes[f"campaign/{missed.id}"]


def test_notes_of_leads_of_a_campaign_that_aged_go_and_it_is_read_anew_should_it_move(fakes):
    fake = fakes(12, campaigns=1, leads=10)
    desk, campaign = Desk(fake), fake.campaigns[0]
    desk.run("campaigns")
    desk.run("leads")
    desk.now += 91 * DAY
    desk.run("campaigns")
    desk.run("leads")
    assert not [name for name in desk.notes if name.startswith("lead/")]
    before = desk.details()
    fake.send(fake.lead(campaign), fake.now())
    desk.run("campaigns")
    desk.run("leads")
    assert len(desk.details() - before) == touched(fake)


# -- replies ---------------------------------------------------------------------------------------------


def answered(fake: FakeColdSend, number: int) -> None:
    """So many leads that replied, a minute apart."""
    for n in range(number):
        fake.reply(fake.lead(fake.campaigns[0]), fake.now() - 60 * (number - n))


def test_conversations_are_read_until_a_page_holds_only_known_ones_and_wholly_once_a_day(fakes):
    fake = fakes(13, campaigns=1)
    answered(fake, 350)
    desk = Desk(fake)
    desk.run("replies")
    assert Counter(path.count("/") for path in desk.asked) == {0: 4, 3: 350}
    fake.reply(fake.campaigns[0].leads[-1], fake.now())
    desk.asked.clear()
    desk.run("replies")
    assert [path.count("/") for path in desk.asked] == [0, 3, 0]
    desk.asked.clear()
    desk.run("replies")
    assert desk.asked == ["replies"]
    desk.now += DAY
    desk.asked.clear()
    assert desk.run("replies").complete_until is not None
    assert desk.asked == ["replies"] * 4


@pytest.mark.parametrize("kill", [1, 2, 100, 101, 102, 103, 201, 202, 203])
def test_a_killed_run_does_not_take_a_page_it_has_dealt_with_for_the_end(fakes, kill):
    fake = fakes(14, campaigns=1)
    answered(fake, 250)
    desk = Desk(fake)
    desk.run("replies")
    # Two pages of new messages, and one of known ones.
    for lead in fake.campaigns[0].leads[50:]:
        fake.reply(lead, fake.now() - 10)
    desk.run("replies", most=kill)
    desk.run("replies")
    read = Counter(path for path in desk.asked if path.endswith("/messages"))
    assert {lead.thread: read[f"replies/threads/{lead.thread}/messages"] for lead in fake.campaigns[0].leads} == {
        lead.thread: 1 if n < 50 else 2 for n, lead in enumerate(fake.campaigns[0].leads)
    }


def test_a_conversation_that_names_nobody_is_asked_whose_it_is(fakes):
    fake = fakes(15, campaigns=1)
    fake.bare = True
    answered(fake, 1)
    stranger = fake.lead(fake.campaigns[0])
    fake.reply(stranger, fake.now())
    stranger.status = "EXTERNAL"
    desk = Desk(fake)
    desk.run("replies")
    lead = fake.campaigns[0].leads[0]
    assert desk.asked == [
        "replies",
        f"replies/threads/{stranger.thread}",
        f"replies/threads/{lead.thread}",
        f"replies/threads/{lead.thread}/messages",
    ]
    desk.asked.clear()
    desk.run("replies")
    assert desk.asked == ["replies"]


def test_a_long_thread_is_read_page_by_page(fakes):
    fake = fakes(16, campaigns=1)
    lead = fake.lead(fake.campaigns[0])
    for n in range(120):
        fake.reply(lead, fake.now() - n)
    desk = Desk(fake)
    desk.run("replies")
    assert len(desk.asked) == 1 + 3
    assert desk.notes[f"thread/{lead.thread}"]


def test_threads_that_are_gone_are_forgotten(fakes):
    fake = fakes(17, campaigns=1)
    answered(fake, 3)
    desk = Desk(fake)
    desk.run("replies")
    lost = fake.campaigns[0].leads.pop(0)
    desk.now += DAY
    desk.run("replies")
    assert {name for name in desk.notes if name.startswith("thread/")} == {
        f"thread/{lead.thread}" for lead in fake.campaigns[0].leads
    }
    assert lost.thread


def test_where_there_are_no_conversations_at_all_something_is_wrong(fakes):
    walk = Desk(fakes(18, campaigns=1)).walk("replies")
    assert not walk.refused(404)


# -- totals ----------------------------------------------------------------------------------------------


def test_the_timeline_asks_for_almost_ninety_days_at_once_each_day(fakes):
    desk = Desk(fakes(19, campaigns=1))
    lengths = []
    for _ in range(3):
        days = desk.walk("timeline").ask().params
        first, last = (date.fromisoformat(days.pop(name)) for name in ("from_date", "to_date"))
        assert days == {}
        assert last == moment(desk.now).date()
        lengths.append((last - first).days + 1)
        desk.run("timeline")
        desk.now += DAY
    assert lengths == [90, 89, 89]
    assert desk.asked == ["analytics/campaigns/timeline"] * 3


def test_details_are_read_once_for_each_movement(fakes):
    fake = fakes(20, campaigns=2, leads=3)
    desk = Desk(fake)
    desk.run("campaigns")
    desk.run("details")
    assert sorted(path for path in desk.asked if path != "campaigns") == sorted(
        f"campaigns/{campaign.id}" for campaign in fake.campaigns
    )
    desk.asked.clear()
    fake.send(fake.lead(fake.campaigns[0]), fake.now())
    desk.run("campaigns")
    desk.run("details")
    desk.run("details")
    assert desk.asked == ["campaigns", f"campaigns/{fake.campaigns[0].id}"]
