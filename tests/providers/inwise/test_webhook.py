"""What inwise's webhooks may look like beside the samples."""

from __future__ import annotations

import msgspec
import pytest

from aftersend.vocabulary import BounceClass, Channel, Clock, Kind
from tests.providers.inwise.said import fixture, hook

OPENED = {
    "timeStamp": "2025-03-18 13:59:12",
    "trigger_type": "emailOpened",
    "channel_type": "Email",
    "campaign_id": "1000001",
    "contact[id]": "42",
    "contact[email]": "dana@example.com",
}


def only(reading):
    assert reading.problems == []
    (event,) = reading.events
    return event


def refused(reading) -> str:
    assert reading.events == []
    (problem,) = reading.problems
    return problem.reason


def test_names_are_compared_without_regard_to_case():
    shouted = {name.upper(): value for name, value in OPENED.items()}
    assert only(hook(shouted)) == only(hook(OPENED))


@pytest.mark.parametrize("name", ["ip", "IP", "lP", "LP"])
def test_the_address_is_found_under_each_of_its_spellings(name):
    event = only(hook(OPENED | {name: "192.0.2.1,198.51.100.2"}))
    assert (event.ip, event.ip_chain) == ("192.0.2.1", "192.0.2.1,198.51.100.2")


@pytest.mark.parametrize("name", ["external_id", "External_ID", "externalId", "EXTERNALID"])
def test_the_external_id_is_found_in_any_spelling(name):
    assert only(hook(OPENED | {f"contact[{name}]": " crm-0042 "})).external_id == "crm-0042"


def test_the_three_ways_to_send_a_contact_are_the_same_event():
    contact = {"id": "42", "email": "dana@example.com", "external_id": "crm-0042"}
    base = {k: v for k, v in OPENED.items() if "[" not in k}
    brackets = hook(base | {f"contact[{k}]": v for k, v in contact.items()})
    one_string = hook(base | {"contact": msgspec.json.encode(contact).decode()})
    whole = hook(msgspec.json.encode(base | {"contact": contact}))
    as_text = hook(msgspec.json.encode(base | {"contact": msgspec.json.encode(contact).decode()}))
    assert only(brackets) == only(one_string) == only(whole) == only(as_text)


@pytest.mark.parametrize(
    ("word", "kind", "channel"),
    [
        ("EMAILSENT", Kind.SENT, Channel.EMAIL),
        ("emailWebVersion", Kind.WEB_VIEWED, Channel.EMAIL),
        ("emailPrinted", Kind.PRINTED, Channel.EMAIL),
        ("smsreply", Kind.REPLIED, Channel.SMS),
        ("dynamicPage", Kind.VISITED, Channel.SITE),
        ("makecontactform", Kind.OTHER, Channel.FORM),
    ],
)
def test_words_are_compared_without_regard_to_case_and_kept_as_sent(word, kind, channel):
    event = only(hook({**OPENED, "trigger_type": word, "channel_type": ""}))
    assert (event.kind, event.channel, event.word) == (kind, channel, word)


@pytest.mark.parametrize(
    ("word", "channel_type", "channel"),
    [
        ("emailForwarded", "Email", Channel.EMAIL),
        ("emailForwarded", "", Channel.EMAIL),
        ("whatsappRead", "SMS", Channel.SMS),
        ("smsFailed", "", Channel.SMS),
        ("surveyFilled", "", Channel.FORM),
        ("spamReport", "email", Channel.EMAIL),
    ],
)
def test_an_unknown_word_is_other_and_never_an_error(word, channel_type, channel):
    event = only(hook({**OPENED, "trigger_type": word, "channel_type": channel_type}))
    assert (event.kind, event.word, event.channel) == (Kind.OTHER, word, channel)


def test_an_undelivered_sms_does_not_enter_email():
    sms = {**OPENED, "trigger_type": "undelivered", "channel_type": "SMS", "reason": "other"}
    event = only(hook(sms))
    assert (event.kind, event.channel, event.reason) == (Kind.DROPPED, Channel.SMS, "other")


@pytest.mark.parametrize(
    ("bounce_type", "bounce_class", "kept"),
    [
        ("hardBounce", BounceClass.HARD, {}),
        ("SoftBounce", BounceClass.SOFT, {}),
        ("HARDBOUNCE", BounceClass.HARD, {}),
        ("greyBounce", BounceClass.UNDETERMINED, {"bounce_type": "greyBounce"}),
        ("", BounceClass.UNDETERMINED, {}),
    ],
)
def test_a_bounce_has_its_class(bounce_type, bounce_class, kept):
    event = only(hook({**OPENED, "trigger_type": "emailBounced", "bounce_type": bounce_type}))
    assert (event.bounce_class, event.metadata) == (bounce_class, kept)


def test_a_public_web_view_says_so_and_is_another_fact_than_a_private_one():
    public = only(hook({**OPENED, "trigger_type": "emailPublicWebVersion"}))
    private = only(hook({**OPENED, "trigger_type": "emailWebVersion"}))
    assert public.metadata == {"public": "true"}
    assert private.metadata == {}
    assert public.kind is private.kind is Kind.WEB_VIEWED
    assert public.slot != private.slot


def test_of_a_repeated_name_the_first_is_kept_and_the_repetition_noted():
    event = only(hook(fixture("webhook_email_sent.form") + b"&contact%5bid%5d=43"))
    assert event.contact_id == "42"
    assert event.metadata["repeated"] == "contact[id]"


def test_a_contact_as_text_and_as_brackets_is_no_crash():
    event = only(hook({"contact": '{"id":42}'} | OPENED))
    assert event.contact_id == "42"
    assert event.metadata["repeated"] == "contact[id], contact[email]"


def test_a_contact_id_of_200_digits_is_text_like_any_other():
    assert only(hook({**OPENED, "contact[id]": "9" * 200})).contact_id == "9" * 200
    body = msgspec.json.encode({k: v for k, v in OPENED.items() if "[" not in k})
    number = body[:-1] + b',"contact":{"id":' + b"9" * 200 + b"}}"
    assert only(hook(number)).contact_id == "9" * 200


def test_hebrew_arrives_percent_encoded_and_raw():
    escaped = only(hook(OPENED | {"contact[field1]": "דנה כהן"}))
    raw = only(hook("&".join(f"{k}={v}" for k, v in (OPENED | {"contact[field1]": "דנה כהן"}).items()).encode()))
    assert escaped == raw
    assert escaped.metadata == {"contact.field1": "דנה כהן"}


def test_invalid_utf8_costs_its_letters_and_not_the_event():
    event = only(
        hook(b"timeStamp=2025-03-18+13:59:12&trigger_type=emailOpened&contact[field1]=a%ffb\xfec&contact[id]=42")
    )
    assert event.contact_id == "42"
    assert event.metadata == {"contact.field1": "a�b�c"}


def test_a_nul_is_kept_from_the_store():
    assert only(hook(OPENED | {"remarks": "a\x00b"})).link_number == "a�b"


def test_a_byte_order_mark_before_json_is_no_part_of_it():
    assert only(hook(b"\xef\xbb\xbf" + fixture("webhook_json_body.json"))).contact_id == "42"


def test_two_date_formats_are_one_time_and_one_slot():
    iso, slashed = only(hook(OPENED)), only(hook({**OPENED, "timeStamp": "03/18/2025 13:59:12"}))
    assert (iso.occurred_at, iso.slot) == (slashed.occurred_at, slashed.slot)


def test_a_day_first_date_is_flagged():
    event = only(hook({**OPENED, "timeStamp": "18/03/2025 13:59:12"}))
    assert (event.occurred_at, event.metadata) == (only(hook(OPENED)).occurred_at, {"date": "day_first"})


def test_the_missing_hour_is_flagged_and_its_raw_text_kept():
    event = only(hook({**OPENED, "timeStamp": "2025-03-28 02:30:00"}))
    assert (event.clock, event.metadata) == (Clock.MISSING, {"timestamp": "2025-03-28 02:30:00"})


def test_events_of_one_minute_share_a_slot_and_differ_in_their_row():
    first, second = only(hook(OPENED)), only(hook({**OPENED, "timeStamp": "2025-03-18 13:59:48"}))
    assert first.slot == second.slot
    assert first.row != second.row
    assert only(hook({**OPENED, "timeStamp": "2025-03-18 14:00:00"})).slot != first.slot


def test_the_same_call_again_is_the_same_row_whenever_it_came():
    assert only(hook(OPENED, received_at=1)) == only(hook(OPENED, received_at=2_000_000_000_000))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("campaign_id", "2"),
        ("group_id", "2"),
        ("ip", "192.0.2.9"),
        ("remarks", "2"),
        ("additional_details", "https://example.com/2"),
        ("reason", "other"),
        ("bounce_type", "SoftBounce"),
        ("replyContent", "yes"),
        ("contact[id]", "2"),
        ("trigger_type", "emailPrinted"),
        ("timeStamp", "2025-03-18 13:59:13"),
    ],
)
def test_each_field_of_the_identity_tells_two_calls_apart(name, value):
    assert only(hook({**OPENED, name: value})).row != only(hook(OPENED)).row


@pytest.mark.parametrize("name", ["trigger_description", "account_code", "contact[field7]"])
def test_other_fields_are_no_part_of_the_identity(name):
    assert only(hook({**OPENED, name: "x"})).row == only(hook(OPENED)).row


def test_without_an_id_the_address_names_the_contact_whatever_its_case():
    base = {k: v for k, v in OPENED.items() if k != "contact[id]"}
    small, large = only(hook(base)), only(hook({**base, "contact[email]": " Dana@Example.com "}))
    assert (small.slot, small.row) == (large.slot, large.row)
    assert large.email == "Dana@Example.com"


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"timeStamp": "31/31/2025 10:00:00"}, "The time can't be read."),
        ({"timeStamp": ""}, "timeStamp is missing."),
        ({"trigger_type": " "}, "trigger_type is missing."),
        ({"custom_data": "nonsense"}, "custom_data is not JSON."),
        ({"custom_data": "[1]"}, "custom_data must be a list of Key and Value."),
        ({"custom_data": "7"}, "custom_data must be a list of Key and Value."),
        ({"survey_field": "[1]"}, "survey_field must be an object."),
        ({"campaign_id[x]": "1", "campaign_id": None}, "campaign_id must be a plain value."),
    ],
)
def test_what_cannot_be_understood_is_a_problem_with_its_reason(fields, reason):
    sent = {name: value for name, value in (OPENED | fields).items() if value is not None}
    assert refused(hook(sent)) == reason


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"hello", "The body has neither trigger_type nor event."),
        (b"", "The body has neither trigger_type nor event."),
        (b"{", "The body is not JSON."),
        (b"[1]", "A webhook's JSON must be an object."),
        (b'{"trigger_type": NaN}', "The body is not JSON."),
        (b'{"trigger_type": {"a": 1}}', "trigger_type must be a plain value."),
        (b'{"event":"open","created_at":"2025-03-18T10:00:00"}', "The event has neither transaction_id nor email."),
        (b'{"event":"open","email":"dana@example.com"}', "created_at is missing."),
        (b'{"event":"open","email":"a@example.com","created_at":"18.3.2025"}', "The time can't be read."),
        (b'{"a":' * 50_000, "The body is not JSON."),
        (
            b'{"trigger_type":"x","timeStamp":"2025-03-18 10:00:00","contact":"dana"}',
            "contact is not JSON.",
        ),
        (
            b'{"trigger_type":"x","timeStamp":"2025-03-18 10:00:00","contact":[1]}',
            "contact must be an object.",
        ),
    ],
)
def test_a_body_that_is_no_event_is_one_problem(body, reason):
    reading = hook(body)
    assert refused(reading) == reason
    assert reading.problems[0].raw == body[:2000]


def test_a_bad_object_beside_good_ones_stays_alone():
    good = fixture("webhook_transactional_send.json")
    reading = hook(b"[" + good + b',{"event":"open"},7,' + good + b"]")
    assert [event.word for event in reading.events] == ["send", "send"]
    assert [problem.item for problem in reading.problems] == [1, 2]


class TestTransactional:
    BASE = {  # noqa: RUF012
        "id": 111,
        "event": "open",
        "created_at": "2025-03-18T15:44:00.0000000",
        "email": "dana@example.com",
        "transaction_id": "0f00000000000000000000000000aa01",
    }

    def said(self, **fields):
        return only(hook(msgspec.json.encode(self.BASE | fields)))

    @pytest.mark.parametrize(
        ("word", "kind", "bounce_class"),
        [
            ("send", Kind.SENT, None),
            ("click", Kind.CLICKED, None),
            ("hard_bounce", Kind.BOUNCED, BounceClass.HARD),
            ("soft_bounce", Kind.BOUNCED, BounceClass.SOFT),
            ("reject", Kind.DROPPED, None),
            ("unsubscribe", Kind.UNSUBSCRIBED, None),
            ("spam", Kind.COMPLAINED, None),
            ("Open", Kind.OPENED, None),
            ("sms_status", Kind.OTHER, None),
        ],
    )
    def test_every_event_has_its_kind(self, word, kind, bounce_class):
        event = self.said(event=word)
        assert (event.kind, event.word, event.bounce_class) == (kind, word, bounce_class)

    def test_both_spellings_of_the_transaction_id_are_one_event(self):
        other = {("transaction_Id" if k == "transaction_id" else k): v for k, v in self.BASE.items()}
        assert only(hook(msgspec.json.encode(other))) == self.said()

    def test_the_id_is_not_the_events(self):
        assert self.said(id=112) == self.said()

    def test_a_redelivery_is_the_same_slot_even_where_the_receipt_stands_in(self):
        body = msgspec.json.encode(self.BASE | {"created_at": "2024-15-18 03:11:00"})
        first, again = only(hook(body, 1_742_310_000_000)), only(hook(body, 1_742_400_000_000))
        assert first.slot == again.slot
        assert (first.list, first.row, again.list, again.row) == ("", "", "", "")
        assert (first.clock, first.occurred_at) == (Clock.RECEIVED, 1_742_310_000_000)
        assert first.metadata == {"created_at": "2024-15-18 03:11:00"}

    @pytest.mark.parametrize(
        "other",
        [
            {"event": "click"},
            {"created_at": "2025-03-18T15:45:00.0000000"},
            {"transaction_id": "0f00000000000000000000000000aa09"},
            {"additional_data": {"link_id": "2"}},
        ],
    )
    def test_each_field_of_the_identity_makes_another_slot(self, other):
        assert self.said(**other).slot != self.said().slot

    def test_additional_data_may_be_a_json_string(self):
        event = self.said(event="click", additional_data='{"link_id":4,"link_text":"https://example.com/"}')
        assert (event.link_number, event.url) == ("4", "https://example.com/")

    def test_without_a_transaction_id_the_address_stands_in_and_keys_no_message(self):
        event = self.said(transaction_id="")
        assert (event.message_id, event.by_message, event.email) == (None, False, "dana@example.com")
