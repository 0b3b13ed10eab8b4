"""Who may send webhooks to a ColdSend source, and what is understood of them."""

from __future__ import annotations

import msgspec
import pytest

from aftersend.providers.coldsend.identity import WEBHOOK
from aftersend.providers.contract import Handshake, Never, Request
from aftersend.settings import Source
from aftersend.vocabulary import Clock, Kind, Rejected
from tests.providers.coldsend.said import CAMPAIGN, COLDSEND, LEE, RECEIVED, SEEN, at, fixture, hook
from tests.providers.security import FIRST, WebhookSecurity


class TestSecurity(WebhookSecurity):
    provider = COLDSEND

    def source(self, *secrets, addresses=()):
        return msgspec.structs.replace(super().source(*secrets, addresses=addresses), options={"webhook": True})

    def genuine(self, secret):
        return Request(
            method="POST",
            token=secret,
            query="",
            headers={"content-type": "application/json"},
            address="203.0.113.7",
            body=msgspec.json.encode(fixture("webhook_reply.json")),
        )

    def tampered(self, request):
        return msgspec.structs.replace(request, token=request.token[:-1])

    def unproven(self, request):
        return msgspec.structs.replace(request, token="")

    @pytest.mark.parametrize("method", ["GET", "HEAD"])
    def test_whoever_looks_whether_we_are_there_is_answered(self, method):
        request = msgspec.structs.replace(self.genuine(FIRST), method=method, body=b"")
        assert self.provider.verify(request, self.source(FIRST)) == Handshake()

    def test_other_methods_and_empty_bodies_can_never_be_webhooks(self):
        with pytest.raises(Never) as never:
            self.provider.verify(msgspec.structs.replace(self.genuine(FIRST), method="PUT"), self.source(FIRST))
        assert (never.value.status, never.value.allow) == (405, "POST")
        with pytest.raises(Never) as never:
            self.provider.verify(msgspec.structs.replace(self.genuine(FIRST), body=b""), self.source(FIRST))
        assert never.value.status == 400

    @pytest.mark.parametrize("method", ["POST", "GET", "PUT"])
    def test_nothing_is_taken_until_the_option_says_so(self, method):
        shut = Source(name="acme", provider="coldsend", webhook_secrets=[FIRST])
        request = msgspec.structs.replace(self.genuine(FIRST), method=method)
        with pytest.raises(Rejected) as rejected:
            self.provider.verify(request, shut)
        assert str(rejected.value) == (
            "ColdSend documents no webhooks, so source 'acme' takes none; should your account offer them, set "
            "webhook = true and a token in webhook_secrets."
        )


def said(word: str, **fields) -> dict:
    data = {"lead_id": LEE, "email": "lee@example.com"} | fields
    return {"event": word, "timestamp": "2025-03-05T08:00:10Z", "campaign_id": CAMPAIGN, "data": data}


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        ("reply", Kind.REPLIED),
        ("lead replied", Kind.REPLIED),
        ("email.opened", Kind.OPENED),
        ("Email Opened", Kind.OPENED),
        ("open", Kind.OPENED),
        ("email_clicked", Kind.CLICKED),
        ("UNSUBSCRIBED", Kind.UNSUBSCRIBED),
        ("bounce", Kind.BOUNCED),
        ("email-sent", Kind.SENT),
        ("meeting booked", Kind.OTHER),
        ("lead.levitated", Kind.OTHER),
    ],
)
def test_words_are_read_leniently_and_unknown_ones_kept(word, kind):
    (event,) = hook(said(word)).events
    assert (event.kind, event.word, event.list, event.campaign_id) == (kind, word, WEBHOOK, CAMPAIGN)
    assert (event.occurred_at, event.clock) == (at("05T08:00:10"), Clock.STATED)


def test_a_webhook_without_a_time_that_can_be_read_is_dated_by_its_receipt():
    for timestamp in (None, "soon", 7):
        (event,) = hook(said("opened") | {"timestamp": timestamp}).events
        assert (event.occurred_at, event.clock) == (SEEN, Clock.RECEIVED)


def test_two_unknown_words_of_a_lead_are_two_facts():
    (one,), (other,) = hook(said("meeting booked")).events, hook(said("call booked")).events
    assert one.slot != other.slot


def test_a_reply_sent_again_under_another_time_is_the_same():
    body = fixture("webhook_reply.json")
    (first,) = hook(body).events
    (again,) = hook(body | {"timestamp": "2025-03-05T08:05:00Z"}, received_at=RECEIVED + 9999).events
    assert first == again
    (other,) = hook(body | {"data": body["data"] | {"reply_timestamp": "2025-03-05T09:00:00Z"}}).events
    assert (other.slot, other.row != first.row) == (first.slot, True)


def test_a_click_keeps_its_link():
    (event,) = hook(said("email clicked", url="https://www.example.com/offer")).events
    assert (event.kind, event.url) == (Kind.CLICKED, "https://www.example.com/offer")


def test_a_webhook_that_names_no_lead_stands_by_campaign_and_address():
    (event,) = hook(said("opened", lead_id=None)).events
    (same,) = hook(said("opened", lead_id=None, email="LEE@example.com")).events
    (other,) = hook(said("opened", lead_id=None, email="noa@example.com")).events
    (nobody,) = hook(said("opened", lead_id=None, email=None)).events
    assert event.slot == same.slot
    assert len({event.slot, other.slot, nobody.slot}) == 3


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"event=reply", "This is not JSON."),
        ([], "A webhook's JSON must be an object."),
        ({"data": {}}, "event is missing."),
        ({"event": {"a": 1}}, "event is missing."),
    ],
)
def test_what_is_no_webhook_is_a_problem(body, reason):
    reading = hook(body)
    assert ([problem.reason for problem in reading.problems], reading.events) == ([reason], [])
