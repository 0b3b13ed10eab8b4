"""Who may call Resend's webhook address (Auth / verification)."""

from __future__ import annotations

import base64
import time
from datetime import datetime
from hashlib import sha256

import msgspec
import pytest
import standardwebhooks.webhooks

from aftersend.providers.contract import Handshake, Never, Request
from aftersend.providers.standard import call_id
from aftersend.settings import Source
from aftersend.vocabulary import Rejected
from tests.providers.resend.said import CALL, RESEND, fixture
from tests.providers.resend.signing import SECRET, signed
from tests.providers.security import FIRST, WebhookSecurity

BODY = fixture("webhook_email_opened.json")
VECTOR = (
    b'{"type":"email.delivered","created_at":"2026-01-01T12:00:00.000Z",'
    b'"data":{"email_id":"56761188-7520-42d8-8898-ff6fc54ce618","to":["ada@example.com"]}}'
)
NOON = 1767268800
NEW = "v1,FsEu/0L5Y9F3BPPpPEoW/1aZZ5M28ZDVwmV8dt4qNs0="
OLD_SECRET, OLD = (
    "whsec_cmVzZW5kLW9sZC1zZWNyZXQtZm9yLXJvdGF0aW9uISE=",
    "v1,PoOBEHTSRi9EBBX/2+Qqu40BEg1tWFon2qzZdaKf83Q=",
)


def whsec(name: str) -> str:
    """A secret of the platform's form for one of the shared tests' names; none stays none."""
    return f"whsec_{base64.b64encode(sha256(name.encode()).digest()).decode()}" if name else ""


def request(headers: dict[str, str], body: bytes = BODY, method: str = "POST") -> Request:
    lower = {name.lower(): value for name, value in headers.items()}
    return Request(method=method, token="", query="", headers=lower, address="192.0.2.1", body=body)


def accepted(headers: dict[str, str], body: bytes, *secrets: str) -> bool:
    try:
        source = Source(name="acme", provider="resend", webhook_secrets=list(secrets))
        return RESEND.verify(request(headers, body), source) is None
    except Rejected:
        return False


@pytest.fixture
def at(monkeypatch):
    """Sets the clock that judges a call's age to so many seconds."""

    def put(seconds: float) -> None:
        class Then(datetime):
            @classmethod
            def now(cls, tz=None):
                return datetime.fromtimestamp(seconds, tz)

        monkeypatch.setattr(standardwebhooks.webhooks, "datetime", Then)

    return put


def vector(signature: str, prefix: str = "svix") -> dict[str, str]:
    return {f"{prefix}-id": CALL, f"{prefix}-timestamp": str(NOON), f"{prefix}-signature": signature}


@pytest.mark.parametrize("prefix", ["svix", "webhook"])
def test_the_vector_is_accepted_under_either_set_of_names(at, prefix):
    at(NOON + 299)
    assert accepted(vector(NEW, prefix), VECTOR, SECRET)
    assert not accepted(vector(NEW, prefix), VECTOR + b" ", SECRET)
    assert not accepted(vector(NEW, prefix), VECTOR, OLD_SECRET)


@pytest.mark.parametrize("secrets", [(SECRET,), (OLD_SECRET,), (SECRET, OLD_SECRET), (whsec("x"), OLD_SECRET)])
def test_the_vector_of_a_rotation_is_accepted_by_who_has_either_secret(at, secrets):
    at(NOON)
    assert accepted(vector(f"{OLD} {NEW}"), VECTOR, *secrets)
    assert not accepted(vector(f"{OLD} {NEW}"), VECTOR, whsec("x"))


def test_the_id_that_is_believed_is_the_one_that_is_signed(at):
    """Else who repeats a call under both sets of names, one of them invented, makes a second event of it."""
    at(NOON)
    headers = vector(NEW, "webhook") | {"svix-id": "msg_invented"}
    assert accepted(headers, VECTOR, SECRET)
    context = {f"header.{name}": headers[name] for name in RESEND.kept_headers if name in headers}
    assert call_id(context) == CALL
    assert not accepted(vector(NEW, "svix") | {"webhook-id": "msg_invented"}, VECTOR, SECRET)


def test_the_vector_that_svix_publishes_is_accepted(at):
    at(1614265330)
    headers = {
        "svix-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "svix-timestamp": "1614265330",
        "svix-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }
    assert accepted(headers, b'{"test": 2432232314}', "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")


@pytest.mark.parametrize(("off", "fine"), [(-301, False), (-300, True), (0, True), (300, True), (301, False)])
def test_a_call_may_be_exactly_five_minutes_off(at, off, fine):
    at(NOON + off)
    assert accepted(vector(NEW), VECTOR, SECRET) is fine


class TestResend(WebhookSecurity):
    provider = RESEND

    def source(self, *secrets: str, addresses: tuple[str, ...] = ()) -> Source:
        return super().source(*map(whsec, secrets), addresses=addresses)

    def genuine(self, secret: str) -> Request:
        return request(signed("msg_1", BODY, whsec(secret)))

    def tampered(self, request: Request) -> Request:
        return msgspec.structs.replace(request, body=request.body.replace(b"ada@", b"eve@"))

    def unproven(self, request: Request) -> Request:
        return msgspec.structs.replace(request, headers={"content-type": "application/json"})

    def replayed(self, secret: str) -> Request:
        return request(signed("msg_1", BODY, whsec(secret), time.time() - 310))

    def test_a_call_under_another_id_or_time_is_refused(self):
        genuine = self.genuine(FIRST)
        for name, value in (("svix-id", "msg_2"), ("svix-timestamp", str(int(time.time()) - 5))):
            changed = msgspec.structs.replace(genuine, headers=genuine.headers | {name: value})
            with pytest.raises(Rejected):
                self.provider.verify(changed, self.source(FIRST))


@pytest.mark.parametrize("others", ["v1,AAAA v2,BBBB", "nonsense", "v1,%%% v1a,CCCC", "v1,a,b", "v1", "v2," + NEW[3:]])
def test_the_right_signature_counts_among_others_and_none_of_another_version(at, others):
    at(NOON)
    assert accepted(vector(f"{others} {NEW}"), VECTOR, SECRET)
    assert accepted(vector(f"{NEW} {others}"), VECTOR, SECRET)
    assert not accepted(vector(others), VECTOR, SECRET)


@pytest.mark.parametrize("name", ["svix-id", "svix-timestamp", "svix-signature"])
@pytest.mark.parametrize("value", ["", "x", "nan", "inf", "-1", "1e400", "msg_2", "\udcff", "٣"])
def test_a_header_that_is_missing_or_wrong_is_refused(at, name, value):
    at(NOON)
    assert not accepted(vector(NEW) | {name: value}, VECTOR, SECRET)


@pytest.mark.parametrize("wrong", ["whsec_%%%", "whsec_", "whsec_abc", " ", "ключ", "\udcff"])
def test_a_secret_that_is_none_spoils_no_other_and_opens_nothing(at, wrong):
    at(NOON)
    assert accepted(vector(NEW), VECTOR, wrong, f" {SECRET} ")
    assert not accepted(vector(NEW), VECTOR, wrong)


@pytest.mark.parametrize("body", [b"", b"\xff\xfe", b"{", b"null"])
def test_a_body_is_not_parsed_by_who_verifies(body):
    assert not accepted(signed("msg_1", BODY), body, SECRET)
    if body.isascii():
        assert accepted(signed("msg_1", body), body, SECRET)


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS"])
def test_another_method_than_post_is_answered_with_the_one_that_works(method):
    with pytest.raises(Never) as never:
        RESEND.verify(request({}, method=method), Source(name="acme", provider="resend"))
    assert (never.value.status, never.value.allow) == (405, "POST")


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_asking_whether_we_are_there_is_answered(method):
    assert RESEND.verify(request({}, b"", method), Source(name="acme", provider="resend")) == Handshake()
