"""Who may call Hogsend's webhook address (provider file, section 3.1)."""

from __future__ import annotations

import base64
import time
from datetime import UTC, datetime
from hashlib import sha256

import msgspec
import pytest
import standardwebhooks.webhooks

from aftersend.providers.contract import Handshake, Never, Request
from aftersend.providers.hogsend import Hogsend
from aftersend.settings import Source
from aftersend.vocabulary import Rejected
from tests.providers.hogsend.fake import SECRET, signed
from tests.providers.hogsend.said import fixture
from tests.providers.security import FIRST, WebhookSecurity

VECTOR = {
    "id": "msg_00000000-0000-4000-8000-000000000001",
    "timestamp": 1780388131,
    "body": (
        b'{"id":"msg_00000000-0000-4000-8000-000000000001","data":{"at":"2026-06-02T08:15:30.120Z",'
        b'"to":"nora@example.test","userId":"user_42","messageId":"prov-0001","bounceType":"permanent",'
        b'"emailSendId":"5d2f6c1e-0a1b-4c3d-8e4f-5a6b7c8d9e0f","templateKey":"welcome",'
        b'"bounceReason":"mailbox does not exist"},"type":"email.bounced","timestamp":"2026-06-02T08:15:30.121Z"}'
    ),
    "signature": "v1,DkppLI6md4b3gLK0Gawec/39mLX/6zyevW+k3rU0wnE=",
}
BODY = fixture("webhook_email_opened.json")


def whsec(name: str) -> str:
    """A secret of the platform's form for one of the shared tests' names; none stays none."""
    return f"whsec_{base64.b64encode(sha256(name.encode()).digest()).decode()}" if name else ""


def request(headers: dict[str, str], body: bytes = BODY, method: str = "POST") -> Request:
    lower = {name.lower(): value for name, value in headers.items()}
    return Request(method=method, token="", query="", headers=lower, address="192.0.2.1", body=body)


class TestHogsend(WebhookSecurity):
    provider = Hogsend()

    def source(self, *secrets: str, addresses: tuple[str, ...] = ()) -> Source:
        return super().source(*map(whsec, secrets), addresses=addresses)

    def genuine(self, secret: str) -> Request:
        return request(signed("msg_1", BODY, whsec(secret)))

    def tampered(self, request: Request) -> Request:
        return msgspec.structs.replace(request, body=request.body.replace(b"user", b"abus").replace(b"09:01", b"09:02"))

    def unproven(self, request: Request) -> Request:
        return msgspec.structs.replace(request, headers={"content-type": "application/json"})

    def replayed(self, secret: str) -> Request:
        return request(signed("msg_1", BODY, whsec(secret), time.time() - 301))

    def verified(self, headers: dict[str, str], body: bytes = BODY) -> bool:
        try:
            return self.provider.verify(request(headers, body), self.source(FIRST)) is None
        except Rejected:
            return False

    def test_the_documented_vector_is_accepted_in_its_time(self, monkeypatch):
        class Then(datetime):
            @classmethod
            def now(cls, tz=None):
                return datetime.fromtimestamp(VECTOR["timestamp"] + 299, tz)

        monkeypatch.setattr(standardwebhooks.webhooks, "datetime", Then)
        headers = {
            "webhook-id": VECTOR["id"],
            "webhook-timestamp": str(VECTOR["timestamp"]),
            "webhook-signature": VECTOR["signature"],
        }
        source = Source(name="acme", provider="hogsend", webhook_secrets=[SECRET])
        assert self.provider.verify(request(headers, VECTOR["body"]), source) is None
        with pytest.raises(Rejected):
            self.provider.verify(request(headers, VECTOR["body"][:-1] + b" }"), source)

    def test_the_fake_signs_as_documented(self):
        assert signed(VECTOR["id"], VECTOR["body"], SECRET, VECTOR["timestamp"]) == {
            "Content-Type": "application/json",
            "Webhook-Id": VECTOR["id"],
            "Webhook-Timestamp": str(VECTOR["timestamp"]),
            "Webhook-Signature": VECTOR["signature"],
        }

    @pytest.mark.parametrize(
        ("ago", "accepted"), [(0, True), (290, True), (310, False), (-290, True), (-310, False), (86_400, False)]
    )
    def test_an_attempt_may_be_five_minutes_off(self, ago, accepted):
        assert self.verified(signed("msg_1", BODY, whsec(FIRST), time.time() - ago)) is accepted

    def test_the_older_names_of_the_headers_are_understood(self):
        headers = {
            name.replace("Webhook-", "svix-"): value for name, value in signed("msg_1", BODY, whsec(FIRST)).items()
        }
        assert "svix-Signature" in headers
        assert self.verified(headers)

    @pytest.mark.parametrize("others", ["v1,AAAA v2,BBBB", "nonsense", "v1,%%% v1a,CCCC", "v1,a,b", "v1"])
    def test_the_right_signature_counts_among_others(self, others):
        headers = signed("msg_1", BODY, whsec(FIRST))
        right = headers["Webhook-Signature"]
        for both in (f"{others} {right}", f"{right} {others}"):
            assert self.verified(headers | {"Webhook-Signature": both})
        assert not self.verified(headers | {"Webhook-Signature": others})

    @pytest.mark.parametrize("name", ["Webhook-Id", "Webhook-Timestamp", "Webhook-Signature"])
    @pytest.mark.parametrize("value", ["", "x", "nan", "-1", "1e400", "msg_2"])
    def test_a_header_that_is_missing_or_wrong_is_refused(self, name, value):
        assert not self.verified(signed("msg_1", BODY, whsec(FIRST)) | {name: value})

    def test_a_secret_that_is_none_spoils_no_other(self):
        for wrong in ("whsec_%%%", "whsec_", "whsec_abc", " "):
            source = Source(name="acme", provider="hogsend", webhook_secrets=[wrong, whsec(FIRST)])
            assert self.provider.verify(self.genuine(FIRST), source) is None

    @pytest.mark.parametrize("body", [b"", b"\xff\xfe", b"{", b"null"])
    def test_a_signed_body_is_not_parsed_and_an_unsigned_one_refused(self, body):
        assert not self.verified(signed("msg_1", BODY, whsec(FIRST)), body)
        if body.isascii():
            assert self.verified(signed("msg_1", body, whsec(FIRST)), body)

    @pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS"])
    def test_another_method_than_post_is_answered_with_the_one_that_works(self, method):
        with pytest.raises(Never) as never:
            self.provider.verify(request({}, method=method), self.source(FIRST))
        assert (never.value.status, never.value.allow) == (405, "POST")

    @pytest.mark.parametrize("method", ["GET", "HEAD"])
    def test_asking_whether_we_are_there_is_answered(self, method):
        assert self.provider.verify(request({}, b"", method), self.source(FIRST)) == Handshake(status=200, body="ok")

    def test_times_are_of_utc(self):
        assert datetime.fromtimestamp(VECTOR["timestamp"], UTC).isoformat() == "2026-06-02T08:15:31+00:00"
