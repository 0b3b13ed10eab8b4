"""Reports as ColdSend answers them: the emulation checklist and the details for serving, one by one."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reading_world import World, at, event

from aftersend import providers
from aftersend.receiver import create_app
from aftersend.settings import Source
from aftersend.storage.contract import Read
from aftersend.vocabulary import CampaignInfo, Channel, Delivery, Door, Kind, Machine, Reading, Snapshot, now
from tests.worker.platform import FakeProvider

CAMPAIGNS = "/api/public/v1/analytics/campaigns"
TIMELINE = f"{CAMPAIGNS}/timeline"
HOUR, DAY = 3_600_000, 86_400_000
NO_KPIS = '{"total_campaigns":0,"total_sends":0,"avg_open_rate":0.0,"avg_reply_rate":0.0,"avg_bounce_rate":0.0}'


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


def text(world: World, path: str, **query) -> str:
    answer = world.client.get(path, query_string=query, headers=world.admin)
    assert answer.status_code == 200, answer.text
    assert answer.content_type == "application/json"
    return answer.text


def told(world: World, *about: CampaignInfo, source: str = "acme") -> None:
    delivery = Delivery(id=1_000_000, source=source, door=Door.WEBHOOK, received_at=now(), body=b"{}")
    world.store.apply([Read(delivery, Reading(campaigns=list(about)))])


def happened(world: World, kind: Kind, when, *contacts, campaign: str | None = "1000001", source: str = "acme", **more):
    """The same happened to each of these contacts."""
    world.tell(
        *(event(kind, when, str(c), campaign, source=source, row=f"{kind}{c}", **more) for c in contacts),
        source=source,
    )


def ids(world: World, **query) -> list[str]:
    return [campaign["campaign_id"] for campaign in world.get(CAMPAIGNS, **query)["campaigns"]]


def only(world: World, **query) -> dict:
    (campaign,) = world.get(CAMPAIGNS, **query)["campaigns"]
    return campaign


def day(day: str, sent: int = 0, opened: int = 0, replied: int = 0, bounced: int = 0) -> dict:
    counts = {"opened": opened, "replied": replied, "bounced": bounced}
    rates = {"open_rate": opened, "reply_rate": replied, "bounce_rate": bounced}
    return {
        "date": day,
        "sent": sent,
        **counts,
        **{name: round(count / sent, 4) if sent else 0.0 for name, count in rates.items()},
    }


# -- campaigns -----------------------------------------------------------------------------------------


def test_campaigns_are_printed_as_in_the_sample(world):
    happened(world, Kind.DROPPED, "2025-01-16 13:59:00", *range(50, 51))
    happened(world, Kind.SENT, "2025-01-16 14:00:00", *range(49))
    happened(world, Kind.OPENED, "2025-01-16 15:00:00", *range(16))
    happened(world, Kind.REPLIED, "2025-01-17 15:00:00", *range(3))
    happened(world, Kind.BOUNCED, "2025-01-16 14:01:00", 48)
    told(
        world,
        CampaignInfo(
            campaign_id="1000001",
            name="Spring outreach",
            status="COMPLETED",
            created_at=at("2025-01-15 10:00:00") + 999,
        ),
    )
    assert text(world, CAMPAIGNS, status="COMPLETED", from_date="2025-01-01", to_date="2025-06-30") == (
        '{"workspace_kpis":{"total_campaigns":1,"total_sends":49,'
        '"avg_open_rate":0.3265,"avg_reply_rate":0.0612,"avg_bounce_rate":0.0204},'
        '"campaigns":[{"campaign_id":"1000001","campaign_name":"Spring outreach","status":"COMPLETED",'
        '"total_leads":50,"total_sent":49,"total_opened":16,"total_replied":3,"total_bounced":1,'
        '"open_rate":0.3265,"reply_rate":0.0612,"bounce_rate":0.0204,"created_at":"2025-01-15T10:00:00Z"}]}'
    )


def test_nothing_found_is_an_empty_list_and_zeros(world):
    nothing = f'{{"workspace_kpis":{NO_KPIS},"campaigns":[]}}'
    assert text(world, CAMPAIGNS) == nothing
    happened(world, Kind.SENT, "2025-01-16 14:00:00", 1)
    assert text(world, CAMPAIGNS, status="FAILED") == nothing
    assert text(world, CAMPAIGNS, source="beta") == nothing


def test_a_lead_counts_once_however_often_and_only_for_what_happened_to_it(world):
    for n in range(3):
        happened(world, Kind.SENT, at("2025-01-16 14:00:00") + n * DAY, 1, 2)
        happened(world, Kind.OPENED, at("2025-01-16 15:00:00") + n * DAY, 1, machine=Machine.MACHINE)
        happened(world, Kind.REPLIED, at("2025-01-16 16:00:00") + n * DAY, 1)
    happened(world, Kind.AUTO_REPLIED, "2025-01-16 14:01:00", 2)
    happened(world, Kind.UNSUBSCRIBED, "2025-01-16 14:01:00", 3)
    happened(world, Kind.SENT, "2025-01-16 14:01:00", 4, channel=Channel.SMS)
    assert only(world) == {
        "campaign_id": "1000001",
        "campaign_name": "1000001",
        "status": "COMPLETED",
        "total_leads": 3,
        "total_sent": 2,
        "total_opened": 1,
        "total_replied": 1,
        "total_bounced": 0,
        "open_rate": 0.5,
        "reply_rate": 0.5,
        "bounce_rate": 0.0,
        "created_at": "2025-01-16T14:00:00Z",
    }


def test_the_average_rates_are_those_of_the_totals_of_what_is_listed(world):
    happened(world, Kind.SENT, "2025-01-16 14:00:00", *range(3), campaign="small")
    happened(world, Kind.OPENED, "2025-01-16 14:00:00", *range(3), campaign="small")
    happened(world, Kind.SENT, "2025-02-16 14:00:00", *range(29), campaign="large", source="beta")
    happened(world, Kind.BOUNCED, "2025-02-16 14:00:00", *range(2), campaign="large", source="beta")
    assert world.get(CAMPAIGNS)["workspace_kpis"] == {
        "total_campaigns": 2,
        "total_sends": 32,
        "avg_open_rate": 0.0938,  # 3 of 32 are 0.09375: an exact half goes up
        "avg_reply_rate": 0.0,
        "avg_bounce_rate": 0.0625,
    }
    for query in ({"source": "beta"}, {"from_date": "2025-02-01"}):
        assert world.get(CAMPAIGNS, **query)["workspace_kpis"] == {
            "total_campaigns": 1,
            "total_sends": 29,
            "avg_open_rate": 0.0,
            "avg_reply_rate": 0.0,
            "avg_bounce_rate": 0.069,
        }


def test_campaigns_come_by_their_creation_newest_first_then_by_their_ids(world):
    happened(world, Kind.SENT, "2025-01-16 14:00:00", 1, campaign="first event")
    told(
        world,
        CampaignInfo(campaign_id="no date"),
        CampaignInfo(campaign_id="new", created_at=at("2025-01-16 14:00:02")),
        CampaignInfo(campaign_id="b", created_at=at("2025-01-16 14:00:01")),
        CampaignInfo(campaign_id="c", created_at=at("2025-01-16 14:00:01") + 999),
        CampaignInfo(campaign_id="a", created_at=at("2025-01-16 14:00:01") + 500),
        CampaignInfo(campaign_id="old", created_at=at("2025-01-16 13:59:59")),
    )
    assert ids(world) == ["new", "a", "b", "c", "first event", "old", "no date"]
    created = [campaign["created_at"] for campaign in world.get(CAMPAIGNS)["campaigns"]]
    assert [c and c[17:19] for c in created] == ["02", "01", "01", "01", "00", "59", None]


def test_an_id_is_any_text_and_of_two_sources_each_has_its_own(world):
    odd = "a/b+c%2F d?é📬"
    happened(world, Kind.SENT, "2025-01-16 14:00:00", 1, campaign=odd)
    happened(world, Kind.SENT, "2025-01-16 14:00:00", 1, 2, campaign=odd, source="beta")
    found = world.get(CAMPAIGNS)["campaigns"]
    assert [(c["campaign_id"], c["campaign_name"], c["total_sent"]) for c in found] == [(odd, odd, 1), (odd, odd, 2)]


def test_what_was_sent_outside_of_any_campaign_is_in_the_timeline_alone(world):
    happened(world, Kind.SENT, "2025-01-16 14:00:00", 1, campaign=None)
    assert ids(world) == []
    days = world.get(TIMELINE, from_date="2025-01-16", to_date="2025-01-16")["timeline"]
    assert days == [day("2025-01-16", sent=1)]


# -- status and launch ---------------------------------------------------------------------------------


def test_a_status_that_is_none_of_the_five_words_comes_from_the_last_send(world):
    at_once = now()
    happened(world, Kind.SENT, at_once - 25 * HOUR, 1, campaign="done")
    happened(world, Kind.SENT, at_once - 25 * HOUR, 1, campaign="running")
    happened(world, Kind.SENT, at_once - 23 * HOUR, 2, campaign="running")
    happened(world, Kind.OPENED, at_once - 1 * HOUR, 1, campaign="never sent")
    told(world, CampaignInfo(campaign_id="draft", status="Sent"), CampaignInfo(campaign_id="done", status="completed"))
    found = {campaign["campaign_id"]: campaign["status"] for campaign in world.get(CAMPAIGNS)["campaigns"]}
    assert found == {"done": "COMPLETED", "running": "ACTIVE", "never sent": "DRAFT", "draft": "DRAFT"}
    assert ids(world, status="COMPLETED") == ["done"]
    assert ids(world, status="ACTIVE") == ["running"]
    assert sorted(ids(world, status="DRAFT")) == ["draft", "never sent"]


@pytest.mark.parametrize("status", ["DRAFT", "ACTIVE", "PAUSED", "COMPLETED", "FAILED"])
def test_a_platforms_own_status_stands_and_selects(world, status):
    happened(world, Kind.SENT, "2025-01-16 14:00:00", 1)
    told(world, CampaignInfo(campaign_id="1000001", status=status))
    assert only(world)["status"] == status
    for asked in ("DRAFT", "ACTIVE", "PAUSED", "COMPLETED", "FAILED"):
        assert ids(world, status=asked) == (["1000001"] if asked == status else [])


def test_dates_select_by_the_utc_day_of_the_launch_both_ends_included(world):
    told(world, CampaignInfo(campaign_id="never launched", created_at=at("2025-03-01 12:00:00")))
    happened(world, Kind.OPENED, "2025-03-01 12:00:00", 1, campaign="only opened")
    for campaign, launched in (
        ("before", "2025-02-28 23:59:59"),
        ("first", "2025-03-01 00:00:00"),
        ("last", "2025-03-02 23:59:59"),
        ("after", "2025-03-03 00:00:00"),
    ):
        happened(world, Kind.SENT, launched, 1, campaign=campaign)
        happened(world, Kind.SENT, "2025-06-01 00:00:00", 2, campaign=campaign)
    assert ids(world, from_date="2025-03-01", to_date="2025-03-02") == ["last", "first"]
    assert ids(world, from_date="2025-03-01") == ["after", "last", "first"]
    assert ids(world, to_date="2025-03-02") == ["last", "first", "before"]
    assert ids(world, from_date="2025-03-02", to_date="2025-03-02") == ["last"]
    assert len(ids(world)) == 6


def test_a_campaign_that_is_selected_has_its_lifetime_counts(world):
    happened(world, Kind.SENT, "2025-03-01 12:00:00", 1)
    happened(world, Kind.OPENED, "2025-06-01 12:00:00", 1)
    found = only(world, from_date="2025-03-01", to_date="2025-03-01")
    assert (found["total_sent"], found["total_opened"]) == (1, 1)


# -- a source of ColdSend's own ------------------------------------------------------------------------


class ColdSend(FakeProvider):
    """Stands in until there is a provider of that name."""

    name = "coldsend"


def claim(read_at: str, leads, name: str = "analytics", campaign: str = "1000001") -> Snapshot:
    raw = {} if leads is None else {"total_leads": leads}
    return Snapshot(list=name, campaign_id=campaign, read_at=at(read_at), counts={}, raw=raw)


def test_a_coldsend_source_keeps_its_own_total_of_leads_by_the_latest_snapshot(world, monkeypatch):
    monkeypatch.setitem(providers.PROVIDERS, "coldsend", ColdSend())
    sources = [*world.settings.sources, Source(name="cold", provider="coldsend")]
    world.client = create_app(msgspec.structs.replace(world.settings, sources=sources), world.store).test_client()
    for source in ("acme", "cold"):
        happened(world, Kind.SENT, "2025-03-01 12:00:00", 1, source=source)
    assert only(world, source="cold")["total_leads"] == 1
    for source in ("acme", "cold"):
        world.tell(source=source, snapshots=(claim("2025-03-03 00:00:00", 700),))
        world.tell(source=source, snapshots=(claim("2025-03-02 00:00:00", 900),))
        world.tell(source=source, snapshots=(claim("2025-03-01 00:00:00", 800, "another list"),))
        world.tell(source=source, snapshots=(claim("2025-03-04 00:00:00", None, "without leads"),))
        world.tell(source=source, snapshots=(claim("2025-03-05 00:00:00", 5, campaign="another"),))
    assert only(world, source="cold")["total_leads"] == 700
    assert only(world, source="acme")["total_leads"] == 1
    world.tell(source="cold", snapshots=(claim("2025-03-06 00:00:00", 0),))
    assert only(world, source="cold")["total_leads"] == 0


# -- timeline ------------------------------------------------------------------------------------------


def test_the_timeline_is_printed_as_in_the_sample(world):
    happened(world, Kind.SENT, "2025-03-01 00:00:00", *range(120))
    happened(world, Kind.OPENED, "2025-03-01 23:59:59", *range(41))
    happened(world, Kind.REPLIED, "2025-03-01 12:00:00", *range(9))
    happened(world, Kind.BOUNCED, "2025-03-01 12:00:00", 119)
    happened(world, Kind.OPENED, "2025-03-02 00:00:00", 50, 51, 52)
    happened(world, Kind.REPLIED, "2025-03-02 00:00:00", 50)
    assert text(world, TIMELINE, from_date="2025-03-01", to_date="2025-03-02") == (
        '{"timeline":[{"date":"2025-03-01","sent":120,"opened":41,"replied":9,"bounced":1,'
        '"open_rate":0.3417,"reply_rate":0.075,"bounce_rate":0.0083},'
        '{"date":"2025-03-02","sent":0,"opened":3,"replied":1,"bounced":0,'
        '"open_rate":0.0,"reply_rate":0.0,"bounce_rate":0.0}],'
        '"from_date":"2025-03-01","to_date":"2025-03-02"}'
    )


def test_a_day_counts_messages_sent_and_leads_by_their_first_time(world):
    for n in range(2):
        message = {"message_id": f"m{n}", "by_message": True}
        happened(world, Kind.SENT, at("2025-03-01 10:00:00") + n * DAY, 1, **message)
        happened(world, Kind.OPENED, at("2025-03-01 11:00:00") + n * DAY, 1, **message)
        happened(world, Kind.BOUNCED, at("2025-03-02 11:00:00") + n * DAY, 1, **message)
    happened(world, Kind.OPENED, "2025-03-02 11:00:00", 7, 8)
    assert world.get(TIMELINE, from_date="2025-03-01", to_date="2025-03-03")["timeline"] == [
        day("2025-03-01", sent=1, opened=1),
        day("2025-03-02", sent=1, opened=2, bounced=1),
        day("2025-03-03"),
    ]
    assert only(world)["total_sent"] == 1


def test_a_days_rate_is_not_clamped(world):
    happened(world, Kind.SENT, "2025-03-01 10:00:00", 1, 2, 3)
    happened(world, Kind.SENT, "2025-03-02 10:00:00", 4)
    happened(world, Kind.OPENED, "2025-03-02 11:00:00", 1, 2, 3)
    (found,) = world.get(TIMELINE, from_date="2025-03-02", to_date="2025-03-02")["timeline"]
    assert found == day("2025-03-02", sent=1, opened=3)
    assert found["open_rate"] == 3.0
    assert '"open_rate":3.0,' in text(world, TIMELINE, from_date="2025-03-02", to_date="2025-03-02")


def test_without_dates_the_timeline_ends_today_and_begins_90_days_before(world):
    earliest = datetime.now(UTC).date()
    found = world.get(TIMELINE)
    last = date.fromisoformat(found["to_date"])
    assert earliest <= last <= datetime.now(UTC).date()
    assert found["from_date"] == str(last - timedelta(days=90))
    assert found["timeline"] == [day(str(last - timedelta(days=90 - n))) for n in range(91)]


def test_one_date_alone_means_up_to_today_or_the_90_days_before(world):
    earliest = datetime.now(UTC).date()
    found = world.get(TIMELINE, from_date=str(earliest - timedelta(days=2)))
    assert earliest <= date.fromisoformat(found["to_date"]) <= datetime.now(UTC).date()
    assert found["timeline"][0]["date"] == found["from_date"] == str(earliest - timedelta(days=2))
    assert found["timeline"][-1]["date"] == found["to_date"]
    found = world.get(TIMELINE, to_date="2025-03-31")
    assert (found["from_date"], found["to_date"], len(found["timeline"])) == ("2024-12-31", "2025-03-31", 91)


def test_future_days_and_days_at_the_ends_of_the_calendar_are_zeros(world):
    tomorrow = datetime.now(UTC).date() + timedelta(days=5)
    found = world.get(TIMELINE, from_date=str(tomorrow), to_date=str(tomorrow))
    assert found == {"timeline": [day(str(tomorrow))], "from_date": str(tomorrow), "to_date": str(tomorrow)}
    for first, last in (("0001-01-01", "0001-01-03"), ("9999-12-29", "9999-12-31")):
        found = world.get(TIMELINE, from_date=first, to_date=last)
        assert [row["date"] for row in found["timeline"]] == [
            f"{first[:8]}{n:02d}" for n in range(int(first[8:]), int(last[8:]) + 1)
        ]
    found = world.get(TIMELINE, to_date="0001-01-02")
    assert (found["from_date"], len(found["timeline"])) == ("0001-01-01", 2)


@pytest.mark.parametrize(
    ("asked", "meant"),
    [
        ("2025-03-02T00:30:00+02:00", "2025-03-01"),
        ("2025-03-01T23:30:00-02:00", "2025-03-02"),
        ("2025-03-01T23:59:59.999Z", "2025-03-01"),
        ("2025-03-01T23:59", "2025-03-01"),
        ("2025-03-01 23:59:59", "2025-03-01"),
    ],
)
def test_a_time_is_cut_to_its_utc_day_and_echoed_as_one(world, asked, meant):
    found = world.get(TIMELINE, from_date=asked, to_date=asked)
    assert found == {"timeline": [day(meant)], "from_date": meant, "to_date": meant}
    # Clients forget to write the plus of an offset as %2B.
    answer = world.client.get(f"{TIMELINE}?from_date={asked}&to_date={asked}", headers=world.admin)
    assert answer.json == found
    happened(world, Kind.SENT, f"{meant} 12:00:00", 1)
    assert ids(world, from_date=asked, to_date=asked) == ["1000001"]


def test_ten_years_can_be_asked_for_and_not_a_day_more(world):
    assert len(world.get(TIMELINE, from_date="2010-06-15", to_date="2020-06-15")["timeline"]) == 3654
    too_long = {"detail": "the range must not be longer than 10 years"}
    assert world.refused(f"{TIMELINE}?from_date=2010-06-15&to_date=2020-06-16") == (400, too_long)
    assert world.refused(f"{TIMELINE}?from_date=0001-01-01&to_date=9999-12-31") == (400, too_long)
    assert (
        world.client.get(f"{TIMELINE}?from_date=2016-02-29&to_date=2026-02-28", headers=world.admin).status_code == 200
    )
    assert world.refused(f"{TIMELINE}?from_date=2016-02-29&to_date=2026-03-01") == (400, too_long)
    assert ids(world, from_date="0001-01-01", to_date="9999-12-31") == []


def test_the_timeline_can_be_narrowed_to_a_source(world):
    happened(world, Kind.SENT, "2025-03-01 10:00:00", 1)
    happened(world, Kind.SENT, "2025-03-01 10:00:00", 1, 2, source="beta")
    asked = {"from_date": "2025-03-01", "to_date": "2025-03-01"}
    assert world.get(TIMELINE, **asked)["timeline"] == [day("2025-03-01", sent=3)]
    assert world.get(TIMELINE, **asked, source="beta")["timeline"] == [day("2025-03-01", sent=2)]
    limited = world.key("reports:read", sources=("acme",))
    assert world.get(TIMELINE, limited, **asked)["timeline"] == [day("2025-03-01", sent=1)]


# -- laws ----------------------------------------------------------------------------------------------

KINDS = (Kind.SENT, Kind.OPENED, Kind.REPLIED, Kind.BOUNCED)
things = st.tuples(
    st.sampled_from(KINDS),
    st.integers(at("2025-03-01 00:00:00") // 60_000, at("2025-03-05 23:59:00") // 60_000).map(lambda m: m * 60_000),
    st.sampled_from("1234"),
    st.sampled_from(("x", "y")),
)


@settings(max_examples=25, deadline=None)
@given(st.lists(things, max_size=25))
def test_the_days_add_up_to_the_campaigns_and_both_to_the_pairs_they_tell_of(tmp_path_factory, listed):
    world = World(tmp_path_factory.mktemp("law"))
    for n, (kind, when, contact, campaign) in enumerate(listed):
        world.tell(event(kind, when, contact, campaign, row=str(n)))
    campaigns = world.get(CAMPAIGNS)["campaigns"]
    days = world.get(TIMELINE, from_date="2025-03-01", to_date="2025-03-05")["timeline"]
    for kind in KINDS:
        pairs = {(contact, campaign) for k, _, contact, campaign in listed if k is kind}
        assert sum(row[f"total_{kind}"] for row in campaigns) == sum(row[kind] for row in days) == len(pairs)
    world.store.close()


@given(st.integers(0, 3000), st.integers(0, 3000))
def test_a_rate_has_at_most_four_decimals_and_always_a_fraction(part, base):
    from aftersend.receiver.dialects.coldsend import _rate

    printed = msgspec.json.encode(_rate(part, base)).decode()
    whole, _, decimals = printed.partition(".")
    assert whole.isdigit()
    assert decimals.isdigit()
    assert len(decimals) <= 4
    assert json.loads(printed) == (int(part * 10_000 / base + 0.5) / 10_000 if base else 0.0)
