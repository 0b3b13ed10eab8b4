"""Who may call MailerSend's webhook address (provider file, "Verification" and "Handshake")."""

from __future__ import annotations

import hmac
import json

import msgspec
import pytest

from aftersend.providers.contract import Handshake, Never, Request
from aftersend.providers.mailersend import MailerSend
from aftersend.settings import Source
from aftersend.vocabulary import Rejected
from tests.providers.mailersend.said import fixture
from tests.providers.security import FIRST, WebhookSecurity

SECRET = "ms_EXAMPLE_signing_secret_01"
VECTOR = (
    rb'{"type":"activity.clicked","created_at":"2026-03-01T10:00:30.000000Z","data":{"id":"69a40f6e1c2d3e4f50617283",'
    rb'"domain_id":"yv69oxl5kl785kw2","message_id":"69a40f5a1c2d3e4f50617200","email_id":"69a40f5b1c2d3e4f50617201",'
    rb'"type":"clicked","subject":"Your receipt","recipient":"ana@example.com","tags":["receipt"],"meta":{"ip":'
    rb'"192.0.2.25","country":"US","user_agent":"Mozilla\/5.0","device_type":"desktop","browser":"Firefox","url":'
    rb'"https:\/\/shop.example.com\/o\/4711"}},"webhook_id":"7z3m5jgrn0x4dpyo"}'
)
SIGNATURE = "b4ea0f5a73fc7a67a25eb9a84dc9a8c04d23f6380bd8aaf4a65f3bd57bf905e1"
PUBLIC = "test_Am3L1GuOIc4blLUuHqAPxxwkZaJyEk8G"
PING = fixture("webhook_test.json")
PING_SIGNATURE = "30d1938f96b4a94559fcb5d760269d5a0395c903136433e15cc2499548c9a35c"
BODY = fixture("webhook_clicked.json")


def sign(body: bytes, secret: str) -> str:
    return hmac.new(secret.encode(), body, "sha256").hexdigest()


def request(signature: str, body: bytes = BODY, method: str = "POST") -> Request:
    headers = {"content-type": "application/json"} | ({"signature": signature} if signature else {})
    return Request(method=method, token="", query="", headers=headers, address="192.0.2.1", body=body)


class TestMailerSend(WebhookSecurity):
    provider = MailerSend()

    def genuine(self, secret: str) -> Request:
        return request(sign(BODY, secret))

    def tampered(self, request: Request) -> Request:
        return msgspec.structs.replace(request, body=request.body.replace(b"ana@", b"bob@"))

    def unproven(self, request: Request) -> Request:
        return msgspec.structs.replace(request, headers={"content-type": "application/json"})

    def accepted(self, request: Request, *secrets: str) -> bool:
        try:
            return self.provider.verify(request, self.source(*secrets)) is None
        except Rejected:
            return False

    def test_the_documented_vector_is_accepted(self):
        assert self.accepted(request(SIGNATURE, VECTOR), SECRET)
        assert not self.accepted(request(SIGNATURE, VECTOR), SECRET + "x")

    def test_a_body_that_was_parsed_and_written_again_is_refused(self):
        again = json.dumps(json.loads(VECTOR), separators=(",", ":")).encode()
        assert json.loads(again) == json.loads(VECTOR)
        assert not self.accepted(request(SIGNATURE, again), SECRET)

    @pytest.mark.parametrize(
        "signature",
        ["x", "", " ", SIGNATURE.upper(), SIGNATURE[:-1], "sha256=" + SIGNATURE, "é" * 64, "\udcff", "0" * 10_000],
    )
    def test_a_signature_that_is_none_is_refused(self, signature):
        assert not self.accepted(request(signature, VECTOR), SECRET)

    def test_a_secret_that_is_none_spoils_no_other(self):
        assert self.accepted(request(SIGNATURE, VECTOR), " ", "\udcff", "é", SECRET)

    @pytest.mark.parametrize("body", [b"", b"\xff\xfe", b"{", b"null", b"[" * 100_000])
    def test_a_signed_body_is_not_parsed_and_an_unsigned_one_refused(self, body):
        assert self.accepted(request(sign(body, FIRST), body), FIRST)
        assert not self.accepted(request(sign(body, "other"), body), FIRST)

    @pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS"])
    def test_another_method_than_post_is_answered_with_the_one_that_works(self, method):
        with pytest.raises(Never) as never:
            self.provider.verify(request(SIGNATURE, VECTOR, method), self.source(SECRET))
        assert (never.value.status, never.value.allow) == (405, "POST")

    @pytest.mark.parametrize("method", ["GET", "HEAD"])
    def test_asking_whether_we_are_there_is_answered(self, method):
        assert self.provider.verify(request("", b"", method), self.source(SECRET)) == Handshake()


PROVIDER = MailerSend()
INBOUND = b'{"type":"inbound.message","created_at":"2026-03-01T10:00:00.000000Z","data":{"text":"for your eyes only"}}'


def source(*secrets: str) -> Source:
    return Source(name="acme", provider="mailersend", webhook_secrets=list(secrets))


def test_the_documented_ping_is_answered_before_the_secret_is_known_and_after():
    assert sign(PING, PUBLIC) == PING_SIGNATURE
    for secrets in ((), (SECRET,)):
        assert PROVIDER.verify(request(PING_SIGNATURE, PING), source(*secrets)) == Handshake(status=200, body="ok")


@pytest.mark.parametrize("signature", ["", "x", sign(PING, "another")])
def test_a_ping_changes_nothing_and_is_answered_whoever_signed_it(signature):
    assert PROVIDER.verify(request(signature, PING), source(SECRET)) == Handshake()


def test_a_ping_that_is_signed_with_our_secret_tells_nothing():
    assert PROVIDER.verify(request(sign(PING, SECRET), PING), source(SECRET)) is None


@pytest.mark.parametrize(
    "body",
    [
        BODY,
        VECTOR,
        PING.replace(b"webhook.test", b"activity.sent"),
        PING.replace(b"}", b',"data":{"id":"1"}}'),
        PING.replace(b"}", b',"data":null}'),
        PING.replace(b"}", b',"x":"' + b"x" * 5000 + b'"}'),
        b"[" + PING + b"]",
        b"webhook.test",
    ],
)
def test_the_public_secret_is_accepted_for_nothing_else(body):
    with pytest.raises(Rejected):
        PROVIDER.verify(request(sign(body, PUBLIC), body), source(SECRET))


def test_the_public_secret_proves_nothing_even_where_it_was_entered_as_ours():
    with pytest.raises(Rejected):
        PROVIDER.verify(request(sign(BODY, PUBLIC), BODY), source(PUBLIC))
    with pytest.raises(Rejected):
        PROVIDER.verify(request(sign(BODY, PUBLIC), BODY), source(f" {PUBLIC} ", SECRET))
    assert PROVIDER.verify(request(sign(BODY, SECRET), BODY), source(PUBLIC, SECRET)) is None


def test_an_inbound_email_is_acknowledged_and_not_stored():
    assert PROVIDER.verify(request(sign(INBOUND, SECRET), INBOUND), source(SECRET)) == Handshake()
    with pytest.raises(Rejected):
        PROVIDER.verify(request(sign(INBOUND, "x"), INBOUND), source(SECRET))
    clicked = BODY.replace(b"Your receipt", b"inbound.message")
    assert PROVIDER.verify(request(sign(clicked, SECRET), clicked), source(SECRET)) is None


def test_a_ping_from_an_address_that_is_not_listed_is_refused():
    listed = msgspec.structs.replace(source(SECRET), allowed_addresses=["203.0.113.0/24"])
    with pytest.raises(Rejected):
        PROVIDER.verify(request(PING_SIGNATURE, PING), listed)


def test_what_cannot_be_stored_now_is_answered_so_that_mailersend_sends_it_again():
    assert MailerSend.retry_status == 503
