"""What is peculiar to Klaviyo (provider file, "Quirks"), and the identity of its events."""

from __future__ import annotations

import random

import pytest

from aftersend.providers.contract import Answer, Context, Malformed
from aftersend.providers.klaviyo import pages
from aftersend.providers.klaviyo.words import METRICS
from aftersend.providers.paging import Page
from aftersend.settings import Source
from aftersend.vocabulary import Clock, ConfigurationError, Kind, Machine, Precision, now
from tests.providers.klaviyo.said import KLAVIYO, RECEIVED, SOURCE, at, fixture, hook, items, page


def one(name: str = "webhook_opened_email.json", **attributes):
    """An item of a fixture with other attributes."""
    (item,) = items(name)
    item["payload"]["data"]["attributes"] |= attributes
    return item


def with_properties(name: str = "webhook_opened_email.json", **properties):
    item = one(name)
    item["payload"]["data"]["attributes"]["event_properties"] = properties
    return item


def only(item):
    reading = hook([item])
    assert reading.problems == []
    (event,) = reading.events
    return event


def configured(**options: str) -> Source:
    return Source(name="acme", provider="klaviyo", options=options)


def test_the_event_id_of_the_properties_is_not_the_events_own():
    first, second = one(), one()
    second["external_id"] = second["payload"]["data"]["id"] = "6XyZabc9999"
    found = hook([first, second]).events
    assert [event.metadata["$event_id"] for event in found] == ["1772359230"] * 2
    assert [event.row_id for event in found] == ["6XyZabc1234", "6XyZabc9999"]
    assert found[0].slot != found[1].slot


def test_the_id_is_found_wherever_the_item_has_it():
    whole = only(one())
    bare = one()
    del bare["external_id"]
    assert only(bare).slot == whole.slot
    bare = one()
    del bare["payload"]["data"]["id"]
    assert only(bare).slot == whole.slot
    del bare["external_id"]
    assert only(bare).row_id == "c4b1d300-1555-11f1-8001-0a1b2c3d4e5f"


def test_an_event_without_any_id_is_a_problem_because_it_could_be_counted_twice():
    item = one(uuid=None)
    del item["external_id"], item["payload"]["data"]["id"]
    reading = hook([item])
    assert [problem.reason for problem in reading.problems] == ["The event has no id."]
    assert reading.events == []


def test_both_doors_give_an_event_the_same_slot():
    listed = page("opened_email", fixture("feed_opened_email.json")).events
    told = [only(one()), only(one("webhook_opened_email_machine.json"))]
    assert [(e.slot, e.list, e.row) for e in listed] == [(e.slot, e.list, e.row) for e in told]


def test_a_redelivery_and_a_reshuffled_batch_give_the_same_identities():
    batch = items("webhook_batch.json")
    first = {event.slot for event in hook(batch).events}
    random.Random(1).shuffle(batch)
    again = hook(batch + batch[:2], received_at=RECEIVED + 86_400_000).events
    assert {event.slot for event in again} == first
    assert len(again) == len(first) + 2


def test_two_clicks_of_one_second_stay_two():
    first, second = one("webhook_clicked_email.json"), one("webhook_clicked_email.json")
    second["external_id"] = second["payload"]["data"]["id"] = "6XyZabc8888"
    assert len({event.slot for event in hook([first, second]).events}) == 2


def test_the_message_is_no_id_of_one_email():
    event = only(one())
    assert (event.campaign_id, event.message_id, event.by_message) == ("WxYz12", None, False)


def test_the_campaign_is_found_under_the_names_that_options_say_where_there_is_no_message():
    item = with_properties(utm="spring", campaign_id="april")
    assert only(item).campaign_id == "april"
    assert hook([item], configured(campaign_id="utm")).events[0].campaign_id == "spring"
    item["payload"]["data"]["attributes"]["event_properties"]["$message"] = "WxYz12"
    assert hook([item], configured(campaign_id="utm")).events[0].campaign_id == "WxYz12"


def test_the_external_id_is_the_profiles_or_the_property_that_options_name():
    raw = fixture("webhook_included_profile.json")
    assert hook(raw).events[0].external_id == "crm-4711"
    assert hook(raw, configured(external_id="crm id")).events[0].external_id == "c-9"
    assert hook(raw, configured(external_id="shop id, external_id")).events[0].external_id == "crm-4711"


@pytest.mark.parametrize(
    ("properties", "email"),
    [
        ({"email_address": "a@example.com", "Email": "b@example.com"}, "a@example.com"),
        ({"Email": "b@example.com", "$email": "c@example.com"}, "b@example.com"),
        ({"$email": "c@example.com"}, "c@example.com"),
        ({"Email Domain": "example.com"}, None),
    ],
)
def test_the_address_is_no_field_and_is_looked_for(properties, email):
    assert only(with_properties(**properties)).email == email


def test_the_profile_that_comes_along_knows_the_address_best():
    (item,) = items("webhook_included_profile.json")
    item["payload"]["data"]["attributes"]["event_properties"]["Email"] = "old@example.com"
    assert only(item).email == "ana@example.com"


def test_without_an_address_the_profile_is_the_recipient():
    event = only(one())
    assert (event.email, event.contact_id) == (None, "01JEXAMPLEPROFILE000000001")


@pytest.mark.parametrize(
    ("said", "machine"),
    [
        (True, Machine.MACHINE),
        ("True", Machine.MACHINE),
        (False, Machine.HUMAN),
        (None, Machine.UNKNOWN),
        (7, Machine.UNKNOWN),
    ],
)
def test_an_open_is_a_machines_where_klaviyo_says_so(said, machine):
    assert only(with_properties(machine_open=said)).machine is machine


def test_a_click_has_no_flag_of_machines():
    event = only(with_properties("webhook_clicked_email.json", machine_open=True))
    assert (event.machine, event.metadata["machine_open"]) == (Machine.UNKNOWN, "true")


def test_a_drop_keeps_its_type_as_the_reason_and_is_no_bounce():
    event = only(with_properties("webhook_dropped_email.json", **{"Bounce Type": "Hard"}))
    assert (event.kind, event.bounce_class, event.reason) == (Kind.DROPPED, None, "Hard")


def test_a_property_that_has_no_field_of_its_event_is_kept():
    said = {"Bounce Type": "Soft", "machine_open": "perhaps", "Email": "old@example.com", "$email": "ana@example.com"}
    event = only(with_properties(email_address="ana@example.com", **said))
    kept = {name: value for name, value in event.metadata.items() if name in {"email_address", *said}}
    assert (event.email, event.reason) == ("ana@example.com", None)
    assert kept == {"Bounce Type": "Soft", "machine_open": "perhaps", "Email": "old@example.com"}


def test_klaviyo_never_tells_that_an_email_was_sent():
    assert Kind.SENT not in KLAVIYO.webhooks.kinds
    assert KLAVIYO.tells_sends is False


@pytest.mark.parametrize(
    ("said", "device"),
    [
        ({"Client OS Family": "Desktop"}, "computer"),
        ({"Client OS Family": "Mobile"}, "mobile"),
        ({"Client OS Family": "Tablet", "Client Type": "Mobile Browser"}, "tablet"),
        ({"Client OS Family": "Toaster", "Client Type": "mobile browser"}, "mobile"),
        ({"Client Type": "Browser"}, None),
        ({"Client OS Family": ["Desktop"]}, None),
    ],
)
def test_the_device_is_klaviyos_word(said, device):
    assert only(with_properties(**said)).device == device


@pytest.mark.parametrize("version", ["2024-06-28", "2025-07-15", None])
def test_any_revision_of_the_payload_is_read(version):
    raw = fixture("webhook_opened_email.json").replace(b'"2026-01-15"', f'"{version}"'.encode())
    assert hook(raw) == hook(fixture("webhook_opened_email.json"))


@pytest.mark.parametrize(
    ("topic", "read"),
    [
        ("event:klaviyo.sent_sms", False),
        ("event:klaviyo.received_push", False),
        ("event:klaviyo.submitted_review", False),
        ("event:klaviyo.something_new", True),
        ("event:api.sent_sms", True),
        ("nonsense", True),
    ],
)
def test_what_is_no_mail_passes_by_and_an_unknown_topic_is_other(topic, read):
    item = one()
    item["topic"] = topic
    reading = hook([item])
    assert reading.problems == []
    words = [(event.kind, event.word) for event in reading.events]
    assert words == ([(Kind.OTHER, topic.removeprefix("event:klaviyo."))] if read else [])


def test_the_whole_number_of_seconds_stands_and_the_text_of_the_time_where_it_is_missing():
    assert only(one(datetime="2026-03-01T11:00:30.250+01:00")).occurred_at == at("10:00:30")
    event = only(one(timestamp=None, datetime="2026-03-01T11:00:30.250+01:00"))
    assert (event.occurred_at, event.precision, event.clock) == (
        at("10:00:30") + 250,
        Precision.MILLISECOND,
        Clock.STATED,
    )
    assert event.slot == only(one()).slot


@pytest.mark.parametrize("timestamp", [None, True, -1, 1e300, "soon", 10**30, [1]])
def test_an_event_without_a_time_is_a_problem_because_its_time_is_part_of_its_identity(timestamp):
    reading = hook([one(timestamp=timestamp, datetime=None), one()])
    assert [(problem.item, problem.reason) for problem in reading.problems] == [
        (0, "The event has no time that can be read.")
    ]
    assert len(reading.events) == 1


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "The webhook is not JSON."),
        (b"[]", "A webhook must be an object with a list 'data'."),
        (b"{}", "A webhook must be an object with a list 'data'."),
        (b'{"data":{}}', "A webhook must be an object with a list 'data'."),
        (b'{"data":[7]}', "An item must be an object."),
        (b'{"data":[{}]}', "topic is missing."),
        (b'{"data":[{"topic":"event:klaviyo.opened_email"}]}', "payload must be an object."),
        (b'{"data":[{"topic":"event:klaviyo.opened_email","payload":{}}]}', "An event must be an object."),
        (
            b'{"data":[{"topic":"event:klaviyo.opened_email","payload":{"data":{"type":"profile"}}}]}',
            "The resource is no event.",
        ),
    ],
)
def test_a_body_that_is_no_event_is_one_problem(body, reason):
    reading = hook(body)
    assert [problem.reason for problem in reading.problems] == [reason]
    assert reading.events == []


def test_an_empty_batch_says_nothing():
    assert hook([]).problems == []


def test_a_row_of_another_metric_than_was_asked_for_is_a_problem():
    reading = page("opened_email", fixture("feed_opened_email.json"), metric="MtClick")
    assert [problem.reason for problem in reading.problems] == [
        "The event is of another metric than was asked for."
    ] * 2
    assert page("opened_email", fixture("feed_opened_email.json"), metric="MtOpen").problems == []


def test_of_metrics_of_one_name_only_klaviyos_own_is_meant():
    answer = Answer(body=fixture("feed_metrics.json"), received_at=RECEIVED)
    assert pages.metrics(answer) == {"opened_email": "MtOpen", "received_email": "MtRecv"}


def test_a_page_is_seen_with_its_ids_and_the_next_one():
    answer = Answer(body=fixture("feed_opened_email.json"), received_at=RECEIVED)
    following = "https://a.klaviyo.com/api/events/?page%5Bcursor%5D=bmV4dA"
    assert pages.look(answer, "https://a.klaviyo.com") == Page(ids=["6XyZabc1234", "6XyZabc1241"], next=following)
    with pytest.raises(Malformed):
        pages.look(Answer(body=b'{"errors":[]}', received_at=RECEIVED), "https://a.klaviyo.com")
    for elsewhere in ("http://a.klaviyo.com", "https://a.klaviyo.com:444", "https://b.klaviyo.com"):
        with pytest.raises(Malformed):
            pages.look(answer, elsewhere)


def test_an_id_that_is_refused_is_looked_up_anew_also_after_a_kill_before_the_list_came():
    noted = {"metric/opened_email": {"id": "MtGone"}, "metric/listed": {"at": RECEIVED - 1}}

    def walk():
        feed = next(feed for feed in KLAVIYO.feeds(SOURCE) if feed.name == "opened_email")
        return feed.walk({}, Context(source=SOURCE, now=RECEIVED, recall=lambda _prefix: noted))

    killed = walk()
    assert killed.ask().path == "api/events"
    assert killed.refused(404)
    noted = {name: note for name, note in (noted | killed.notes).items() if note is not None}
    assert walk().ask().path == "api/metrics"


def test_the_minutes_budget_is_heard_and_nonsense_is_not():
    said = {"ratelimit-limit": "3500", "ratelimit-remaining": "12", "ratelimit-reset": "30"}
    (heard,) = KLAVIYO.heard(said)
    assert (heard.period, heard.most, heard.left) == (60_000, 3500, 12)
    assert heard.until is not None
    assert heard.until <= now() + 30_000
    for wrong in (
        {},
        {"ratelimit-limit": "3500"},
        said | {"ratelimit-reset": "-1"},
        said | {"ratelimit-limit": "9" * 99},
    ):
        assert KLAVIYO.heard(wrong) == []


def test_the_key_is_klaviyos_own_scheme_and_its_absence_means_webhooks_alone():
    assert KLAVIYO.credentials(SOURCE) == {
        "Authorization": "Klaviyo-API-Key pk_00000000",
        "Accept": "application/vnd.api+json",
    }
    bare = Source(name="acme", provider="klaviyo")
    assert KLAVIYO.enabled(bare) == {}
    assert list(KLAVIYO.enabled(SOURCE)) == list(METRICS)
    with pytest.raises(ConfigurationError, match="api_key"):
        KLAVIYO.credentials(bare)


def test_the_setup_says_where_to_send_webhooks():
    text = KLAVIYO.setup(SOURCE, "https://hooks.example.com/webhooks/acme")
    assert '"endpoint_url": "https://hooks.example.com/webhooks/acme"' in text
    assert not [name for name in ("{webhook_url}", "{source}", "{api}", "{revision}") if name in text]
