"""The quirks of Resend's calls, its identity, and the provider as others meet it."""

from __future__ import annotations

import msgspec
import pytest

from aftersend.providers.contract import Answer, Ask, Context, Malformed
from aftersend.providers.resend import emails
from aftersend.settings import Source
from aftersend.vocabulary import BounceClass, Clock, ConfigurationError, Heard, Kind, Precision, Rate, now
from aftersend.zones import parse
from tests.providers.resend.fake import FakeResend
from tests.providers.resend.installed import call, install
from tests.providers.resend.said import CALL, RECEIVED, RESEND, SOURCE, hook, page, payload

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
NOW = parse("2026-11-21T10:00:30.500Z", "now")


def one(body, **how):
    reading = hook(body, **how)
    assert (len(reading.events), reading.problems) == (1, [])
    return reading.events[0]


def places(reading) -> list[tuple]:
    return [(event.slot, event.list, event.row) for event in reading.events]


def bounce(**fields):
    event = one(payload("email_bounced", bounce=fields))
    return event.kind, event.bounce_class


# -- reading -------------------------------------------------------------------------------------------------


def test_both_spellings_of_a_delay_are_one():
    delayed = payload("email_delivery_delayed")
    old = delayed | {"type": "email.delivered_delayed"}
    assert one(old).kind is Kind.DEFERRED
    assert places(hook(old)) == places(hook(delayed))


@pytest.mark.parametrize(
    ("sort", "sub", "kind", "found"),
    [
        *(
            ("Permanent", sub, Kind.BOUNCED, BounceClass.HARD)
            for sub in ("General", "NoEmail", "ContentRejected", None)
        ),
        *((sort, "General", Kind.BOUNCED, BounceClass.SOFT) for sort in ("Transient", "Temporary")),
        *(("Transient", sub, Kind.BOUNCED, BounceClass.SOFT) for sub in ("MailboxFull", "MessageTooLarge", None)),
        *(("Transient", sub, Kind.BOUNCED, BounceClass.BLOCK) for sub in ("ContentRejected", "AttachmentRejected")),
        ("Temporary", "ContentRejected", Kind.BOUNCED, BounceClass.BLOCK),
        *(("Permanent", sub, Kind.DROPPED, None) for sub in ("Suppressed", "OnAccountSuppressionList")),
        ("Undetermined", "Undetermined", Kind.BOUNCED, BounceClass.UNDETERMINED),
        ("Brandnew", "General", Kind.BOUNCED, BounceClass.UNDETERMINED),
        (None, None, Kind.BOUNCED, BounceClass.UNDETERMINED),
    ],
)
def test_type_and_subtype_say_what_a_bounce_is(sort, sub, kind, found):
    assert bounce(type=sort, subType=sub, message="no") == (kind, found)


@pytest.mark.parametrize(
    ("message", "kind", "found"),
    [
        ("Resend has suppressed sending to this address.", Kind.DROPPED, None),
        ("This is a Hard Bounce.", Kind.BOUNCED, BounceClass.HARD),
        ("The mailbox is full.", Kind.BOUNCED, BounceClass.UNDETERMINED),
        (None, Kind.BOUNCED, BounceClass.UNDETERMINED),
        (7, Kind.BOUNCED, BounceClass.UNDETERMINED),
    ],
)
def test_a_bounce_of_old_has_a_message_only(message, kind, found):
    assert bounce(message=message) == (kind, found)
    # Where there is a type, the message decides nothing.
    assert bounce(type="Transient", message=message) == (Kind.BOUNCED, BounceClass.SOFT)


@pytest.mark.parametrize(
    ("said", "code"),
    [
        (["smtp; 550 5.1.1 user unknown"], "550"),
        (["smtp;452-4.2.2 mailbox full"], "452"),
        (["smtp; host 203.0.113.4 said: 554 5.7.1 no", "550"], "554"),
        (["smtp; 192.0.2.250 refused to talk to me: 421."], "421"),
        ("smtp; 550", "550"),
        (["smtp; 5.1.1 message-id 2026010155012"], None),
        (None, None),
    ],
)
def test_the_code_of_a_bounce_is_the_server_s_and_no_part_of_an_address(said, code):
    told = {"type": "Permanent", "subType": "General", "message": "no", "diagnosticCode": said}
    assert one(payload("email_bounced", bounce=told)).smtp_code == code


def test_where_there_is_no_message_the_subtype_or_state_is_the_reason():
    """Reports look there for what was withheld and for full mailboxes."""
    bare = {"type": "Permanent", "subType": "OnAccountSuppressionList"}
    told = [bare, bare | {"message": "It bounced before."}, {"type": "Transient", "subType": "MailboxFull"}]
    assert [one(payload("email_bounced", bounce=said)).reason for said in told] == [
        "OnAccountSuppressionList",
        "It bounced before.",
        "MailboxFull",
    ]
    assert [listed(last_event=state).events[0].reason for state in ("suppressed", "failed")] == ["suppressed", None]


@pytest.mark.parametrize("said", [None, [], "hard", 7])
def test_a_bounce_that_says_nothing_is_undetermined(said):
    event = one(payload("email_bounced", bounce=said))
    assert (event.kind, event.bounce_class, event.reason) == (Kind.BOUNCED, BounceClass.UNDETERMINED, None)


@pytest.mark.parametrize(
    ("to", "email"),
    [
        (["ada@example.com"], "ada@example.com"),
        (["Ada Example <ada@example.com>"], "ada@example.com"),
        (['"Example, Ada" <Ada@Example.com>'], "Ada@Example.com"),
        (['"via <list@example.org>" <ada@example.com>'], "ada@example.com"),
        ("ada@example.com", "ada@example.com"),
        (["ada@example.com", "bob@example.com"], None),
        ([], None),
        (None, None),
        ([None], None),
        ([{"email": "ada@example.com"}], None),
    ],
)
def test_whose_event_it_is_says_the_only_recipient_and_nobody_where_there_are_several(to, email):
    assert one(payload("email_delivered", to=to)).email == email


def test_tags_may_be_an_object_or_a_list():
    tags = [{"name": "external_id", "value": "c-42"}, {"name": "campaign_id", "value": "camp-7"}, {"name": "x"}, 7]
    event = payload("email_clicked", tags=tags)
    assert one(event) == one(payload("email_clicked"))


def test_the_tags_that_hold_ids_are_those_of_the_options_and_a_broadcast_wins():
    options = {"external_id": "crm, customer_id", "campaign_id": "campaign"}
    source = Source(name="acme", provider="resend", options=options)
    tags = {"campaign": "camp-8", "customer_id": "c-7"}
    told = [
        one(payload("email_clicked", tags=tags, **more), source=source)
        for more in ({}, {"broadcast_id": "8b146471"}, {"broadcast_id": None})
    ]
    assert [(event.external_id, event.campaign_id) for event in told] == [
        ("c-7", "camp-8"),
        ("c-7", "8b146471"),
        ("c-7", "camp-8"),
    ]


def test_an_id_may_stand_in_the_sender_s_own_headers():
    source = Source(name="acme", provider="resend", options={"external_id": "x-customer"})
    headers = [{"name": "X-Customer", "value": "c-9"}, {"name": "Cc", "value": "bob@example.com"}]
    event = one(payload("email_sent", headers=headers), source=source)
    assert (event.external_id, "Cc" in event.metadata) == ("c-9", False)


def test_a_click_has_its_own_time_and_without_one_the_call_s():
    click = payload("email_clicked")["data"]["click"]
    times = [one(payload("email_clicked", click=click | {"timestamp": at})).occurred_at for at in (None, "soon")]
    assert times == [parse("2026-01-01T12:06:00.126Z", "test")] * 2


@pytest.mark.parametrize(
    ("created_at", "at", "precision", "clock"),
    [
        ("2026-01-01T12:00:02.126Z", "2026-01-01T12:00:02.126Z", Precision.MILLISECOND, Clock.STATED),
        ("2026-01-01T12:00:02.126981+00:00", "2026-01-01T12:00:02.126Z", Precision.MILLISECOND, Clock.STATED),
        ("2026-01-01 12:00:02.126981+00", "2026-01-01T12:00:02.126Z", Precision.MILLISECOND, Clock.STATED),
        ("2026-01-01T12:00:02Z", "2026-01-01T12:00:02Z", Precision.SECOND, Clock.STATED),
        (None, "2026-01-02T00:00:00Z", Precision.MILLISECOND, Clock.RECEIVED),
        ("soon", "2026-01-02T00:00:00Z", Precision.MILLISECOND, Clock.RECEIVED),
        (1767268802, "2026-01-02T00:00:00Z", Precision.MILLISECOND, Clock.RECEIVED),
    ],
)
def test_a_time_is_read_in_either_style_and_the_email_s_own_is_none_of_an_event(created_at, at, precision, clock):
    event = one(payload("email_delivered") | {"created_at": created_at})
    assert (event.occurred_at, event.precision, event.clock) == (parse(at, "test"), precision, clock)


def test_a_sending_before_the_email_was_made_is_kept_as_it_is():
    sent = payload("email_sent")
    assert sent["created_at"] < sent["data"]["created_at"]
    assert one(sent).occurred_at == parse(sent["created_at"], "test")


def test_an_opening_tells_no_machine_and_a_click_s_program_may():
    click = payload("email_clicked")["data"]["click"]
    robot = one(payload("email_clicked", click=click | {"userAgent": "Googlebot/2.1"}))
    assert [one(payload("email_opened")).machine, robot.machine] == ["unknown", "machine"]


def test_keys_that_are_missing_are_as_good_as_null():
    bare = {"type": "email.opened", "created_at": "2026-01-01T12:05:00.126Z", "data": {"email_id": "e1"}}
    nulls = dict.fromkeys(("to", "from", "subject", "tags", "headers", "broadcast_id", "click", "message_id"))
    assert one(bare) == one(bare | {"data": bare["data"] | nulls})
    assert (one(bare).email, one(bare).message_id, one(bare).metadata) == (None, "e1", {})


@pytest.mark.parametrize("word", ["domain.created", "topic.created", "inbox.message.received"])
def test_what_tells_of_nobody_passes_by(word):
    assert hook({"type": word, "created_at": "2026-01-01T12:05:00Z", "data": {"id": "x"}}) == hook(
        payload("domain_updated")
    )
    assert places(hook(payload("domain_updated"))) == []


@pytest.mark.parametrize("word", ["email.brandnew", "contact.brandnew", "brandnew"])
def test_a_type_that_is_new_is_kept_as_other_under_its_own_name(word):
    event = one({"type": word, "created_at": "2026-01-01T12:05:00Z", "data": {"email": "ada@example.com"}})
    assert (event.kind, event.word) == (Kind.OTHER, word)


def test_a_type_of_contacts_that_is_new_needs_no_address():
    event = one({"type": "contact.imported", "created_at": "2026-01-01T12:05:00Z", "data": {"id": "c1"}})
    assert (event.kind, event.word, event.email, event.metadata) == (
        Kind.OTHER,
        "contact.imported",
        None,
        {"contact_id": "c1"},
    )


@pytest.mark.parametrize("unsubscribed", [True, None, "false"])
def test_a_contact_that_was_made_without_a_yes_has_subscribed_to_nothing(unsubscribed):
    reading = hook(payload("contact_created", unsubscribed=unsubscribed))
    assert (reading.events, len(reading.contacts)) == ([], 1)


def test_a_topic_that_is_wrong_leaves_the_others():
    topics = payload("contact_topics_updated")["data"]["topics"]
    reading = hook(payload("contact_topics_updated", topics=[topics[0], 7, {"subscription": "opt_in"}, topics[1]]))
    assert reading.events == hook(payload("contact_topics_updated")).events
    reason = "A topic must be an object with 'id'."
    assert [(problem.item, problem.reason) for problem in reading.problems] == [(1, reason), (2, reason)]


def test_a_choice_of_a_topic_that_is_new_is_other():
    event = one(payload("contact_topics_updated", topics=[{"id": "t1", "subscription": "maybe"}]))
    assert (event.kind, event.metadata["subscription"]) == (Kind.OTHER, "maybe")


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "The webhook is not JSON."),
        (b"\xff{", "The webhook is not JSON."),
        (b"[]", "A webhook's JSON must be an object."),
        (b'"x"', "A webhook's JSON must be an object."),
        (b'{"test": 2432232314}', "type is missing."),
        (b'{"type": "email.sent"}', "data must be an object."),
        (b'{"type": "email.sent", "data": []}', "data must be an object."),
        (b'{"type": "contact.updated", "data": {"id": "c1"}}', "email is missing."),
        (b'{"type": "contact.topics.updated", "data": {"email": "a@example.com"}}', "topics must be a list."),
    ],
)
def test_what_is_no_call_is_a_problem(body, reason):
    reading = hook(body)
    assert (reading.events, [(p.item, p.reason, p.raw) for p in reading.problems]) == ([], [(0, reason, body)])


# -- identity ------------------------------------------------------------------------------------------------

NAMES = ("sent", "delivered", "delivery_delayed", "bounced", "complained", "opened", "clicked", "failed", "suppressed")


@pytest.mark.parametrize("name", NAMES)
def test_an_event_has_the_same_place_on_every_try_and_from_two_endpoints(name):
    body = payload(f"email_{name}")
    first = hook(body)
    assert places(first) == places(hook(body, received_at=RECEIVED + DAY)) == places(hook(body, own="msg_other"))
    assert places(first) == places(hook(body, own=""))


def told(tmp_path, *calls) -> list[tuple]:
    """What is known after these calls, each sent by its own id: kind, address and link or class."""
    with FakeResend(1) as fake, install(tmp_path, fake) as polling:
        call(polling, [(f"msg_{n}", msgspec.json.encode(body)) for n, body in enumerate(calls)])
        return [(event.kind, event.email, event.url or event.bounce_class) for event in polling.events()]


def test_two_clicks_of_one_link_stay_two_and_two_links_at_once_too(tmp_path):
    click = payload("email_clicked")["data"]["click"]
    again = payload("email_clicked", click=click | {"timestamp": "2026-01-01T12:05:59.164Z"})
    other = payload("email_clicked", click=click | {"link": "https://www.example.com/b"})
    clicks = [payload("email_clicked"), again, other]
    assert len(told(tmp_path, *clicks, *clicks)) == 3


def test_what_happens_to_a_recipient_once_is_one_though_it_is_told_again_later(tmp_path):
    delivered = payload("email_delivered")
    assert len(told(tmp_path, delivered, delivered | {"created_at": "2026-01-01T12:09:00.000Z"})) == 1


def test_recipients_of_one_email_are_told_apart(tmp_path):
    both = [payload("email_delivered", to=[who]) for who in ("ada@example.com", "bob@example.com", "Ada@example.com")]
    assert sorted(who for _, who, _ in told(tmp_path, *both)) == ["ada@example.com", "bob@example.com"]


def test_an_event_that_lists_all_recipients_is_one_each_time_and_not_fanned_out(tmp_path):
    listed = payload("email_delivered", to=["ada@example.com", "bob@example.com"])
    assert told(tmp_path, listed, listed) == [(Kind.DELIVERED, None, None)] * 2


def test_the_same_call_of_an_event_that_lists_all_is_one():
    listed = payload("email_opened", to=["ada@example.com", "bob@example.com"])
    assert places(hook(listed)) == places(hook(listed, received_at=RECEIVED + DAY)) != places(hook(listed, own="msg_2"))


def test_a_soft_bounce_and_the_hard_one_after_it_are_two_and_withheld_under_two_names_is_one(tmp_path):
    bounces = [payload("email_bounced", bounce={"type": sort}) for sort in ("Transient", "Permanent", "Transient")]
    data = payload("email_bounced")["data"]
    withheld = [
        payload("email_bounced", bounce={"type": "Permanent", "subType": "Suppressed"}),
        {"type": "email.suppressed", "created_at": "2026-01-01T12:00:04Z", "data": data | {"bounce": None}},
    ]
    assert sorted(str(found) for *_, found in told(tmp_path, *bounces, *withheld)) == ["None", "hard", "soft"]


def test_an_opt_out_of_a_contact_is_one_however_often_the_contact_is_changed(tmp_path):
    later = payload("contact_updated", first_name="Augusta") | {"created_at": "2026-01-03T00:00:00.000Z"}
    with FakeResend(1) as fake, install(tmp_path, fake) as polling:
        call(
            polling, [("msg_2", msgspec.json.encode(later)), ("msg_1", msgspec.json.encode(payload("contact_updated")))]
        )
        assert [(event.kind, event.occurred_at) for event in polling.events()] == [
            (Kind.UNSUBSCRIBED, parse("2026-01-01T12:07:00.126Z", "test"))
        ]


def test_two_opt_outs_of_a_topic_stay_two(tmp_path):
    first = payload("contact_topics_updated", topics=[{"id": "t1", "subscription": "opt_out"}])
    again = first | {"created_at": "2026-02-01T00:00:00.000Z"}
    assert told(tmp_path, first, again, first, again) == [(Kind.UNSUBSCRIBED, "ada@example.com", None)] * 2


# -- the list ------------------------------------------------------------------------------------------------


def listed(**fields):
    row = {"id": "e1", "to": ["ada@example.com"], "created_at": "2026-01-01 12:00:00.674981+00", "last_event": "sent"}
    return page({"object": "list", "has_more": False, "data": [row | fields]})


@pytest.mark.parametrize(
    ("state", "kind"),
    [
        *(("queued", Kind.QUEUED), ("scheduled", Kind.QUEUED), ("sent", Kind.SENT), ("delivered", Kind.DELIVERED)),
        *(("delivery_delayed", Kind.DEFERRED), ("bounced", Kind.BOUNCED), ("complained", Kind.COMPLAINED)),
        *(("opened", Kind.OPENED), ("clicked", Kind.CLICKED), ("failed", Kind.DROPPED), ("suppressed", Kind.DROPPED)),
        *(("canceled", Kind.OTHER), ("brandnew", Kind.OTHER)),
    ],
)
def test_each_state_is_one_event_and_an_unknown_one_is_other(state, kind):
    assert [(event.kind, event.word) for event in listed(last_event=state).events] == [(kind, state)]


def test_an_email_without_a_state_tells_nothing():
    assert listed(last_event=None) == page({"data": []})


def test_the_time_an_email_was_scheduled_for_stands_in_once_it_has_come():
    planned = "2026-01-05 13:00:00+00"
    times = [listed(last_event=state, scheduled_at=planned).events[0].occurred_at for state in ("sent", "scheduled")]
    assert times == [parse("2026-01-05T13:00:00Z", "test"), parse("2026-01-01T12:00:00.674Z", "test")]


@pytest.mark.parametrize(
    "fields", [{"to": ["a@example.com", "b@example.com"]}, {"cc": ["b@example.com"]}, {"bcc": "b"}]
)
def test_whose_state_it_is_of_several_is_not_guessed(fields):
    assert [event.email for event in listed(**fields).events] == [None]


def test_a_bad_row_is_a_problem_and_its_neighbours_are_read():
    good = {"id": "e1", "to": ["ada@example.com"], "created_at": "2026-01-01", "last_event": "sent"}
    reading = page({"data": [good, 7, good | {"id": None}, good]})
    assert (len(reading.events), [problem.item for problem in reading.problems]) == (2, [1, 2])


@pytest.mark.parametrize(
    "body",
    [
        b"<html>",
        {"data": {}},
        {"data": []},
        {"data": [], "has_more": "no"},
        {"data": [], "has_more": True},
        {"data": [{"to": []}], "has_more": True},
        {"statusCode": 422, "name": "validation_error"},
    ],
)
def test_an_answer_that_is_no_page_is_refused(body):
    raw = body if isinstance(body, bytes) else msgspec.json.encode(body)
    with pytest.raises(Malformed):
        emails.look(Answer(body=raw, received_at=NOW))


# -- the provider --------------------------------------------------------------------------------------------


def source(**fields) -> Source:
    return Source(**({"name": "acme", "provider": "resend", "api_key": "re_00000000"} | fields))


def test_the_list_is_walked_from_its_newest_email():
    (feed,) = RESEND.feeds(source())
    assert (feed.name, feed.windowed, feed.complete, feed.read_once, feed.every) == (
        "emails",
        False,
        False,
        False,
        HOUR,
    )
    walk = feed.walk({}, Context(source=source(), now=NOW))
    assert walk.ask() == Ask(path="emails", params={"limit": "100"})
    row = {"id": "e9", "created_at": "2026-11-20 10:00:00+00"}
    walk.take(Answer(body=msgspec.json.encode({"data": [row], "has_more": True}), received_at=NOW))
    assert walk.ask() == Ask(path="emails", params={"limit": "100", "after": "e9"})


def test_the_key_is_a_bearer_token():
    assert RESEND.credentials(source()) == {"Authorization": "Bearer re_00000000"}
    with pytest.raises(ConfigurationError, match="full access"):
        RESEND.credentials(source(api_key=""))
    assert RESEND.probe(source()) == Ask(path="emails", params={"limit": "1"})


def test_without_a_key_nothing_is_polled():
    assert RESEND.enabled(source(api_key="")) == {}
    assert list(RESEND.enabled(source())) == ["emails"]


def test_what_headers_say_of_limits_is_believed():
    assert RESEND.rates == (Rate(2, 1000),)
    headers = {"ratelimit-limit": "10", "ratelimit-remaining": "0", "ratelimit-reset": "1"}
    began = now()
    (heard,) = RESEND.heard(headers)
    assert (heard.period, heard.most, heard.left) == (1000, 10, 0)
    assert began + 1000 <= heard.until <= now() + 1000
    assert RESEND.heard({"ratelimit-limit": "10;w=1", "ratelimit-remaining": "9"}) == [Heard(1000, 10, 9, None)]


@pytest.mark.parametrize("nonsense", ["", "many", "-1", "9" * 30, "٣", "\udcff"])
def test_headers_that_make_no_sense_say_nothing(nonsense):
    assert RESEND.heard({"ratelimit-limit": nonsense, "ratelimit-remaining": "1"}) == []
    assert RESEND.not_before(429, {"ratelimit-reset": nonsense}, b"", NOW) is None


@pytest.mark.parametrize(("status", "at"), [(429, NOW + 7000), (500, None), (503, None)])
def test_after_a_429_there_is_silence_until_the_window_ends(status, at):
    assert RESEND.not_before(status, {"ratelimit-reset": "7"}, b"", NOW) == at


@pytest.mark.parametrize("options", [{"look_back": "long"}, {"emails_every": "often"}, {"nonsense": 1}])
def test_an_option_that_is_wrong_is_refused_by_name(options):
    with pytest.raises(ConfigurationError, match=next(iter(options))):
        RESEND.feeds(source(options=options))


def test_what_to_click_names_the_address_and_the_source():
    said = RESEND.setup(SOURCE, "https://aftersend.example.com/webhooks/acme")
    assert "https://aftersend.example.com/webhooks/acme" in said
    assert "source `acme`" in said
    assert "https://api.resend.com" in said


def test_the_id_of_a_call_is_kept_with_it_under_either_name():
    assert RESEND.kept_headers == ("webhook-id", "svix-id")
    assert CALL.startswith("msg_")
