"""Who may call Klaviyo's webhook address (provider file, "Verification")."""

from __future__ import annotations

import msgspec
import pytest

from aftersend.providers.contract import Handshake, Never, Request
from aftersend.providers.klaviyo import Klaviyo
from aftersend.settings import Source
from aftersend.vocabulary import ConfigurationError, Rejected, now
from aftersend.zones import isoformat
from tests.providers.klaviyo.fake import SECRET, signed
from tests.providers.klaviyo.said import META, fixture
from tests.providers.security import FIRST, SECOND, WebhookSecurity

STAMP = "Sun, 01 Mar 2026 10:01:00 GMT"
VECTOR = (
    b'{"data":[{"external_id":"6XyZabc1234","topic":"event:klaviyo.opened_email","payload":{"data":{"type":"event",'
    b'"id":"6XyZabc1234","attributes":{"timestamp":1772359230,"datetime":"2026-03-01T10:00:30+00:00",'
    b'"uuid":"c4b1d300-1555-11f1-8001-0a1b2c3d4e5f","event_properties":{"Campaign Name":"March news",'
    b'"$message":"WxYz12"}}}}}],"meta":{"klaviyo_webhook_id":"01JEXAMPLEWEBHOOK0000000001",'
    b'"klaviyo_account_id":"AbC123","timestamp":"2026-03-01T10:01:00.123456+00:00","version":"2026-01-15"}}'
)
SIGNATURE = "80ea45b3275952b7d3dfcb4b662678f0cf9dc0f002d34290f788b3c999ee2c9b"
BODY = fixture("webhook_batch.json")


def request(headers: dict[str, str], body: bytes = BODY, method: str = "POST") -> Request:
    lower = {name.lower(): value for name, value in headers.items()}
    return Request(method=method, token="", query="", headers=lower, address="192.0.2.1", body=body)


class TestKlaviyo(WebhookSecurity):
    provider = Klaviyo()

    def genuine(self, secret: str) -> Request:
        return request(signed(BODY, secret, STAMP))

    def tampered(self, request: Request) -> Request:
        return msgspec.structs.replace(request, body=request.body.replace(b"opened", b"marked"))

    def unproven(self, request: Request) -> Request:
        return msgspec.structs.replace(request, headers={"content-type": "application/json"})

    def verified(self, headers: dict[str, str], body: bytes = BODY, **options: str) -> bool:
        source = Source(name="acme", provider="klaviyo", webhook_secrets=[FIRST], options=options)
        try:
            return self.provider.verify(request(headers, body), source) is None
        except Rejected:
            return False

    def test_the_documented_vector_is_accepted_and_anything_beside_it_refused(self):
        source = Source(name="acme", provider="klaviyo", webhook_secrets=[SECRET])
        headers = {
            "Klaviyo-Signature": SIGNATURE,
            "Klaviyo-Timestamp": STAMP,
            "Klaviyo-Webhook-Id": META["klaviyo_webhook_id"],
        }
        assert self.provider.verify(request(headers, VECTOR), source) is None
        for wrong in (VECTOR[:-1] + b" }", VECTOR + b"\n", VECTOR.replace(b"1772359230", b"1772359231")):
            with pytest.raises(Rejected):
                self.provider.verify(request(headers, wrong), source)
        for header, value in headers.items():
            with pytest.raises(Rejected):
                self.provider.verify(request(headers | {header: value + "0"}, VECTOR), source)

    def test_the_fake_signs_as_documented(self):
        assert signed(VECTOR, SECRET, STAMP)["Klaviyo-Signature"] == SIGNATURE

    @pytest.mark.parametrize("stamp", [STAMP, "2026-03-01T10:01:00.123456+00:00", "Sun, 01 Mar 2026 15:01:00 GMT", "?"])
    def test_the_time_in_the_header_is_hashed_as_it_stands(self, stamp):
        assert self.verified(signed(BODY, FIRST, stamp))
        assert not self.verified(signed(BODY, FIRST, stamp) | {"Klaviyo-Timestamp": stamp + " "})

    def test_the_webhook_of_the_body_must_be_that_of_the_header(self):
        assert not self.verified(signed(BODY, FIRST, webhook="01JEXAMPLEWEBHOOK0000000002"))
        assert not self.verified(signed(BODY, FIRST, webhook=""))
        silent = b'{"data":[],"meta":{}}'
        assert not self.verified(signed(silent, FIRST, webhook=""), silent)

    def test_bytes_that_moved_between_body_and_time_are_refused(self):
        good = signed(BODY, FIRST, STAMP)
        for n in (1, 2, 30):
            longer, shorter = BODY + STAMP[:n].encode(), BODY[:-n]
            assert not self.verified(good | {"Klaviyo-Timestamp": STAMP[n:]}, longer)
            assert not self.verified(good | {"Klaviyo-Timestamp": BODY[-n:].decode() + STAMP}, shorter)
        assert not self.verified(good | {"Klaviyo-Timestamp": ""}, BODY + STAMP.encode())
        blank = signed(BODY, FIRST, "")
        assert not self.verified(blank)

    @pytest.mark.parametrize("name", ["Klaviyo-Signature", "Klaviyo-Timestamp", "Klaviyo-Webhook-Id"])
    @pytest.mark.parametrize("value", ["", "x", "\xff\xfe", "0" * 64, "\udcff"])
    def test_a_header_that_is_missing_or_wrong_is_refused(self, name, value):
        assert not self.verified(signed(BODY, FIRST) | {name: value})

    def test_a_signature_in_capitals_is_none(self):
        good = signed(BODY, FIRST)
        assert not self.verified(good | {"Klaviyo-Signature": good["Klaviyo-Signature"].upper()})

    @pytest.mark.parametrize("body", [b"", b"\xff\xfe", b"{", b"null", b"[]", b'{"meta":7}', b"[" * 100_000])
    def test_a_signed_body_that_is_no_envelope_is_refused(self, body):
        assert not self.verified(signed(body, FIRST), body)

    def test_a_signed_body_whose_text_is_not_utf8_is_taken(self):
        body = BODY.replace(b"March news 2026", b"M\xe4rz")
        assert self.verified(signed(body, FIRST), body)

    @pytest.mark.parametrize("secret", [" ", "\udcff", "\xff", "k" * 10_000])
    def test_a_secret_that_is_none_spoils_no_other(self, secret):
        assert self.provider.verify(self.genuine(SECOND), self.source(secret, SECOND)) is None

    @pytest.mark.parametrize(("off", "accepted"), [(0, True), (540, True), (-540, True), (660, False), (-660, False)])
    def test_where_it_is_asked_for_a_call_may_only_be_so_old(self, off, accepted):
        then = (isoformat(now() - off * 1000) or "").encode()
        body = BODY.replace(META["timestamp"].encode(), then)
        assert self.verified(signed(body, FIRST), body, tolerance="10m") is accepted
        assert self.verified(signed(body, FIRST), body)

    @pytest.mark.parametrize("time", ['""', "null", "7", '"soon"', '"0001-01-01T00:00:00+14:00"'])
    def test_where_it_is_asked_for_a_call_without_a_time_is_refused(self, time):
        body = BODY.replace(f'"{META["timestamp"]}"'.encode(), time.encode())
        assert not self.verified(signed(body, FIRST), body, tolerance="10m")
        assert self.verified(signed(body, FIRST), body)

    def test_a_tolerance_that_is_none_is_a_mistake_in_the_configuration(self):
        source = Source(name="acme", provider="klaviyo", options={"tolerance": "soon"})
        with pytest.raises(ConfigurationError, match="tolerance"):
            self.provider.configured(source)

    @pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS"])
    def test_another_method_than_post_is_answered_with_the_one_that_works(self, method):
        with pytest.raises(Never) as never:
            self.provider.verify(request({}, method=method), self.source(FIRST))
        assert (never.value.status, never.value.allow) == (405, "POST")

    @pytest.mark.parametrize("method", ["GET", "HEAD"])
    def test_asking_whether_we_are_there_is_answered(self, method):
        assert self.provider.verify(request({}, b"", method), self.source(FIRST)) == Handshake()
