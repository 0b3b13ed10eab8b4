"""``/v1/admin/reporting``: one template's report, one contact's sends (providers/hogsend.md 2.1, 2.2, §5, §7)."""

from __future__ import annotations

import pytest

from aftersend.storage.contract import Read
from aftersend.vocabulary import BounceClass, CampaignInfo, ContactInfo, Delivery, Door, Kind, Reading
from tests.receiver.hogsend_world import HogsendWorld, mail, story

SPRING = "reporting/templates/spring-news"


@pytest.fixture
def world(tmp_path):
    return story(tmp_path)


def dates(report) -> list[str]:
    return [bucket["date"] for bucket in report["series"]]


# -- one template --------------------------------------------------------------------------------------


def test_a_template_report_byte_for_byte(world):
    answer = world.ask(SPRING, granularity="week", **{"from": "2026-05-01T00:00:00Z"})
    assert (answer.status_code, answer.content_type) == (200, "application/json")
    assert answer.text == (
        '{"templateKey":"spring-news","window":{"from":"2026-05-01T00:00:00Z","to":null},'
        '"totals":{"sent":3,"delivered":2,"opened":1,"clicked":1,"bounced":2,"complained":0,'
        '"deliveryRate":0.6667,"openRate":0.5,"clickRate":1,"clickToDeliveryRate":0.5},'
        '"series":[{"date":"2026-04-27 00:00:00+00","sent":1,"delivered":1,"opened":0,"clicked":0,"bounced":1},'
        '{"date":"2026-05-11 00:00:00+00","sent":2,"delivered":1,"opened":1,"clicked":1,"bounced":1}]}'
    )


def test_counts_belong_to_the_day_a_send_was_created_not_to_the_day_of_its_open(world):
    report = world.told(SPRING)
    assert report["series"][0] == {
        "date": "2026-04-30 00:00:00+00",
        "sent": 1,
        "delivered": 1,
        "opened": 1,
        "clicked": 0,
        "bounced": 0,
    }
    assert dates(report) == [f"2026-{day} 00:00:00+00" for day in ("04-30", "05-01", "05-11", "05-12", "05-13")]
    assert report["window"] == {"from": None, "to": None}


def test_a_bucket_of_suppressed_sends_alone_is_there_with_zeros(world):
    last = world.told(SPRING)["series"][-1]
    zeros = dict.fromkeys(["sent", "delivered", "opened", "clicked", "bounced"], 0)
    assert last == {"date": "2026-05-13 00:00:00+00", **zeros}


@pytest.mark.parametrize(
    ("unit", "expected"),
    [("week", ["2026-04-27", "2026-05-11"]), ("month", ["2026-04-01", "2026-05-01"])],
)
def test_weeks_begin_on_monday_and_months_on_the_first(world, unit, expected):
    assert dates(world.told(SPRING, granularity=unit)) == [f"{day} 00:00:00+00" for day in expected]


def test_both_bounds_are_inclusive_to_the_millisecond_and_echoed_as_given(world):
    window = {"from": "2026-05-01T08:00Z", "to": "2026-05-11T08:00:00.000Z"}
    report = world.told(SPRING, **window)
    assert report["window"] == window
    assert dates(report) == ["2026-05-01 00:00:00+00", "2026-05-11 00:00:00+00"]
    assert world.told(SPRING, **{"from": "2026-05-01T08:00:00.001Z", "to": "2026-05-11T07:59:59.999Z"})["series"] == []


def test_digits_beyond_the_millisecond_are_cut(world):
    assert dates(world.told(SPRING, to="2026-04-30T23:59:00.0009Z")) == ["2026-04-30 00:00:00+00"]


@pytest.mark.parametrize("window", [{"from": "2030-01-01T00:00:00Z"}, {"to": "2026-01-01T00:00:00Z"}])
def test_a_window_without_sends_answers_zeros_and_no_series(world, window):
    report = world.told(SPRING, **window)
    assert report["series"] == []
    assert set(report["totals"].values()) == {0}


def test_a_reversed_window_is_empty_and_no_mistake(world):
    window = {"from": "2026-06-01T00:00:00Z", "to": "2026-05-01T00:00:00Z"}
    report = world.told(SPRING, **window)
    assert (report["series"], report["window"]) == ([], window)
    assert set(report["totals"].values()) == {0}


def test_a_template_that_was_never_sent_is_404_and_one_that_was_only_suppressed_is_not(world):
    answer = world.ask("reporting/templates/none-such")
    assert (answer.status_code, answer.json) == (404, {"error": "Template has never been sent"})
    world.tell(mail(Kind.DROPPED, "2026-05-01 08:00:00", "77", "withheld", reason="suppressed"))
    report = world.told("reporting/templates/withheld", **{"from": "2030-01-01T00:00:00Z"})
    assert (report["totals"]["sent"], report["series"]) == (0, [])


def test_where_a_source_has_no_templates_the_campaign_is_the_template(world):
    report = world.told("reporting/templates/c-2")
    assert (report["templateKey"], report["totals"]["sent"], report["totals"]["complained"]) == ("c-2", 1, 1)


def test_deliveries_are_never_derived_and_opens_are_then_of_what_was_sent(world):
    for contact in ("1", "2", "3"):
        world.tell(mail(Kind.SENT, "2026-07-01 08:00:00", contact, "plain", source="beta"), source="beta")
    world.tell(mail(Kind.OPENED, "2026-07-01 09:00:00", "1", "plain", source="beta"), source="beta")
    world.tell(mail(Kind.CLICKED, "2026-07-01 09:00:00", "1", "plain", source="beta"), source="beta")
    assert world.told("reporting/templates/plain")["totals"] == {
        "sent": 3,
        "delivered": 0,
        "opened": 1,
        "clicked": 1,
        "bounced": 0,
        "complained": 0,
        "deliveryRate": 0,
        "openRate": 0.3333,
        "clickRate": 1,
        "clickToDeliveryRate": 0,
    }


def test_a_message_counts_once_however_often_it_was_opened_and_a_recipient_as_often_as_he_got_one(world):
    for message in ("m-1", "m-2"):
        more = {"message_id": message, "by_message": True, "campaign": "c-9"}
        world.tell(mail(Kind.SENT, "2026-07-01 08:00:00", "1", "twice", row=message, **more))
        for time in ("09", "10"):
            world.tell(mail(Kind.OPENED, f"2026-07-01 {time}:00:00", "1", "twice", row=message, **more))
    totals = world.told("reporting/templates/twice")["totals"]
    assert (totals["sent"], totals["opened"]) == (2, 2)


def test_a_series_of_centuries_holds_only_buckets_with_sends(world):
    world.tell(mail(Kind.SENT, "1971-01-01 00:00:00", "1", "old"), mail(Kind.SENT, "9000-01-01 00:00:00", "2", "old"))
    for unit in ("day", "week", "month"):
        found = dates(world.told("reporting/templates/old", granularity=unit))
        assert [date[:4] for date in found] in (["1971", "9000"], ["1970", "8999"], ["1970", "9000"])
    window = {"from": "0001-01-01T00:00:00Z", "to": "9999-12-31T23:59:59.999Z"}
    assert len(dates(world.told("reporting/templates/old", **window))) == 2


def test_a_template_key_with_a_slash_must_be_escaped(world):
    world.tell(mail(Kind.SENT, "2026-07-01 08:00:00", "1", "a/b+c%"))
    assert world.told("reporting/templates/a%2Fb+c%25")["templateKey"] == "a/b+c%"
    raw = world.ask("reporting/templates/a/b+c%25")
    assert (raw.status_code, raw.json) == (404, {"error": "Not Found"})


@pytest.mark.parametrize("key", ["%2Fled", "two%2F%2Fslashes", "%00", "%F0%9F%98%80", "%ff", "line%0Afeed", "x" * 4000])
def test_strange_template_keys_are_found_or_never_sent(world, key):
    answer = world.ask(f"reporting/templates/{key}")
    assert (answer.status_code, answer.json) == (404, {"error": "Template has never been sent"})


def test_templates_of_two_sources_add_up_and_source_tells_them_apart(world):
    world.tell(mail(Kind.SENT, "2026-05-01 08:00:00", "1", source="beta"), source="beta")
    assert world.told(SPRING)["totals"]["sent"] == 5
    assert world.told(SPRING, source="acme")["totals"]["sent"] == 4
    assert world.told(SPRING, source="beta")["totals"]["sent"] == 1
    answer = world.ask(SPRING, source="gamma")
    assert (answer.status_code, answer.json) == (404, {"error": "Template has never been sent"})


# -- one contact ---------------------------------------------------------------------------------------


def test_a_contacts_activity_byte_for_byte(world):
    answer = world.ask("reporting/contacts/44/activity")
    assert answer.text == (
        '{"contact":{"externalId":null,"email":"c44@example.com"},"sends":['
        f'{{"id":"{world.id_of("44")}","templateKey":"spring-news","subject":"","status":"bounced",'
        '"sentAt":"2026-05-12T08:00:00.000Z","deliveredAt":null,"openedAt":null,"clickedAt":null,'
        '"bouncedAt":"2026-05-12T08:00:30.000Z","complainedAt":null,"bounceType":"permanent",'
        '"createdAt":"2026-05-12T08:00:00.000Z"}],"total":1,"limit":50,"offset":0}'
    )


@pytest.mark.parametrize("id", ["user_41", "41", "Nora@Example.com", "nora@example.COM"])
def test_a_contact_is_known_by_external_id_own_id_and_address_in_any_case(world, id):
    answer = world.told(f"reporting/contacts/{id}/activity")
    assert answer["contact"] == {"externalId": "user_41", "email": "Nora@Example.com"}
    assert [send["templateKey"] for send in answer["sends"]] == ["c-2", "spring-news"]
    assert answer["total"] == 2


def test_an_external_id_goes_before_another_contacts_own_id(world):
    world.tell(mail(Kind.SENT, "2026-07-01 08:00:00", "50", external_id="44", email="eva@example.com"))
    assert world.told("reporting/contacts/44/activity")["contact"] == {"externalId": "44", "email": "eva@example.com"}


def test_pages_of_a_contact_are_newest_first_with_the_size_of_the_whole(world):
    first = world.told("reporting/contacts/41/activity", limit=1)
    second = world.told("reporting/contacts/41/activity", limit=1, offset=1)
    third = world.told("reporting/contacts/41/activity", limit="1e0", offset=2)
    assert [page["sends"][0]["templateKey"] for page in (first, second)] == ["c-2", "spring-news"]
    assert third == {"contact": first["contact"], "sends": [], "total": 2, "limit": 1, "offset": 2}


def test_what_was_sent_to_the_address_without_an_id_belongs_to_its_owner(world):
    world.tell(
        mail(Kind.SENT, "2026-07-01 08:00:00", None, "other", email="ivo@example.com", source="beta"), source="beta"
    )
    answer = world.told("reporting/contacts/42/activity")
    assert ([send["templateKey"] for send in answer["sends"]], answer["total"]) == (["other", "spring-news"], 2)


def test_one_address_written_in_two_ways_is_one_list_newest_first(world):
    for place, (email, at) in enumerate(
        [("Eva@example.com", "01"), ("eva@example.com", "02"), ("Eva@example.com", "03")]
    ):
        source = ("acme", "beta", "acme")[place]
        more = {"email": email, "source": source, "campaign": f"d-{place}"}
        world.tell(mail(Kind.SENT, f"2026-07-{at} 08:00:00", None, None, **more), source=source)
    answer = world.told("reporting/contacts/EVA@example.com/activity", limit=2)
    assert ([send["templateKey"] for send in answer["sends"]], answer["total"]) == (["d-2", "d-1"], 3)
    rest = world.told("reporting/contacts/EVA@example.com/activity", limit=2, offset=2)
    assert [send["templateKey"] for send in rest["sends"]] == ["d-0"]


def test_a_contact_that_has_only_a_name_is_known_too(world):
    tell_about(world, ContactInfo(contact_id="61", first_name="Uma"))
    answer = world.told("reporting/contacts/61/activity")
    assert (answer["contact"], answer["sends"]) == ({"externalId": None, "email": None}, [])


def test_a_known_contact_without_a_send_has_an_empty_list(world):
    tell_about(world, ContactInfo(contact_id="60", email="new@example.com"))
    assert world.told("reporting/contacts/60/activity") == {
        "contact": {"externalId": None, "email": "new@example.com"},
        "sends": [],
        "total": 0,
        "limit": 50,
        "offset": 0,
    }


def test_a_deleted_contact_and_an_unknown_one_are_404(world):
    tell_about(world, ContactInfo(contact_id="44", deleted_at=1))
    for id in ("44", "nobody", "%00", "a%2Fb%25+", "%F0%9F%98%80", "5d2f6c1e-0a1b-4c3d-8e4f-5a6b7c8d9e0f"):
        answer = world.ask(f"reporting/contacts/{id}/activity")
        assert (answer.status_code, answer.json) == (404, {"error": "Contact not found"}), id


def test_a_contact_id_with_slash_plus_and_percent(world):
    world.tell(mail(Kind.SENT, "2026-07-01 08:00:00", "a/b+c%2F"))
    assert world.told("reporting/contacts/a%2Fb+c%252F/activity")["total"] == 1


@pytest.mark.parametrize(
    ("bounce_class", "reason", "printed"),
    [
        (BounceClass.HARD, None, "permanent"),
        (BounceClass.HARD, "suppressed", "permanent"),
        (BounceClass.SOFT, None, "transient"),
        (BounceClass.SOFT, "mailbox_full", "transient"),
        (BounceClass.BLOCK, None, "transient"),
        (BounceClass.UNDETERMINED, None, "unknown"),
        (None, None, "unknown"),
    ],
)
def test_the_type_of_a_bounce(world, bounce_class, reason, printed):
    world.tell(mail(Kind.BOUNCED, "2026-07-01 08:00:00", "70", bounce_class=bounce_class, reason=reason))
    assert world.told("reporting/contacts/70/activity")["sends"][0]["bounceType"] == printed


def test_a_subject_that_was_told_is_printed(world):
    tell_about(world, CampaignInfo(campaign_id="c-1", subject="Hello “Nora”"))
    assert world.told("reporting/contacts/44/activity")["sends"][0]["subject"] == "Hello “Nora”"


def tell_about(world: HogsendWorld, info: CampaignInfo | ContactInfo) -> None:
    reading = Reading(contacts=[info]) if isinstance(info, ContactInfo) else Reading(campaigns=[info])
    delivery = Delivery(id=9_000, source="acme", door=Door.FEED, received_at=1, body=b"{}", feed="told")
    world.store.apply([Read(delivery, reading)])
