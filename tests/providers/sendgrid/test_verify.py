"""Who may call SendGrid's webhook address (provider file, "Auth / verification")."""

from __future__ import annotations

import base64
import time

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from aftersend.providers import proofs
from aftersend.providers.contract import Handshake, Never, Request
from aftersend.providers.sendgrid import SendGrid
from aftersend.settings import Source
from aftersend.vocabulary import Rejected
from tests.providers.security import FIRST, SECOND, WebhookSecurity
from tests.providers.sendgrid.fake import private_key, public_key, signed
from tests.providers.sendgrid.said import fixture

SIGNATURE, TIMESTAMP = "x-twilio-email-event-webhook-signature", "x-twilio-email-event-webhook-timestamp"
VECTOR_KEY = (
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEVHlIQo6YtPu2qUZx81PJKHlrIGk4+okM3T24gNzEyxCuf2x9OtLYrjrZiFKnVlN5"
    "NzrUJtnN2OwHh2M3krf7hw=="
)
VECTOR_BODY = (
    b'[{"email":"ada@example.com","timestamp":1767268799,"event":"delivered","sg_event_id":"ZGVsaXZlcmVkLTAtMTIzNDU2",'
    b'"sg_message_id":"abc123.filter01-1.0","response":"250 OK"}]\r\n'
)
VECTOR_HEADERS = {
    TIMESTAMP: "1767268800",
    SIGNATURE: ("MEUCIA+NADx9xVgCWYru7VhGIPKaq0yNsMuQj35gb3Dd7jGfAiEAw+Cza6m7kzv1rytyYIIui9+gEFdR/QA+ZEnvI+aK608="),
}
BODY = fixture("webhook_click.json")


def request(headers: dict[str, str], body: bytes = BODY, method: str = "POST") -> Request:
    lower = {name.lower(): value for name, value in headers.items()}
    return Request(method=method, token="", query="", headers=lower, address="192.0.2.1", body=body)


def key(name: str) -> str:
    return public_key(name) if name else ""


class TestSendGrid(WebhookSecurity):
    provider = SendGrid()

    def source(self, *secrets: str, addresses: tuple[str, ...] = ()) -> Source:
        return super().source(*map(key, secrets), addresses=addresses)

    def genuine(self, secret: str) -> Request:
        return request(signed(BODY, secret))

    def tampered(self, request: Request) -> Request:
        return msgspec.structs.replace(request, body=request.body.replace(b"x=1", b"x=2"))

    def unproven(self, request: Request) -> Request:
        return msgspec.structs.replace(request, headers={"content-type": "application/json"})

    def replayed(self, secret: str) -> Request:
        return request(signed(BODY, secret, time.time() - 25 * 3600 - 60))

    def accepts(self, headers: dict[str, str], body: bytes, *secrets: str, **options: str) -> bool:
        source = Source(name="acme", provider="sendgrid", webhook_secrets=list(secrets), options=options)
        try:
            return self.provider.verify(request(headers, body), source) is None
        except Rejected:
            return False

    def test_the_documented_vector_is_accepted_in_its_time(self, monkeypatch):
        monkeypatch.setattr(proofs, "now", lambda: 1_767_268_860_000)
        assert len(VECTOR_BODY) == 173
        assert key("sendgrid-test-key-1") == VECTOR_KEY
        assert self.accepts(VECTOR_HEADERS, VECTOR_BODY, VECTOR_KEY)
        assert not self.accepts(VECTOR_HEADERS, VECTOR_BODY.removesuffix(b"\r\n"), VECTOR_KEY)
        assert not self.accepts(VECTOR_HEADERS, VECTOR_BODY.replace(b"250", b"251"), VECTOR_KEY)
        assert not self.accepts(VECTOR_HEADERS | {TIMESTAMP: "1767268801"}, VECTOR_BODY, VECTOR_KEY)

    @pytest.mark.parametrize(
        ("hours", "tolerance", "accepted"),
        [
            (0, "25h", True),
            (24, "25h", True),
            (26, "25h", False),
            (-24, "25h", True),
            (-26, "25h", False),
            (1, "10m", False),
            (5000, "0s", True),
        ],
    )
    def test_a_signature_may_be_as_old_as_the_source_says(self, hours, tolerance, accepted):
        headers = signed(BODY, FIRST, time.time() - hours * 3600)
        assert self.accepts(headers, BODY, key(FIRST), tolerance=tolerance) is accepted

    def test_a_retry_of_the_last_hour_of_a_day_is_taken_without_any_option(self):
        assert self.accepts(signed(BODY, FIRST, time.time() - 24 * 3600), BODY, key(FIRST))

    def test_a_key_in_its_armour_is_as_good(self):
        pem = f"-----BEGIN PUBLIC KEY-----\n{key(FIRST)[:64]}\n{key(FIRST)[64:]}\n-----END PUBLIC KEY-----\n"
        assert self.accepts(signed(BODY, FIRST), BODY, pem)

    @pytest.mark.parametrize("wrong", ["%%%", "MFkw", "x" * 5000, " ", "ключ", "AAAA", public_key(SECOND)[:-8]])
    def test_a_secret_that_is_no_key_spoils_no_other(self, wrong):
        assert self.accepts(signed(BODY, FIRST), BODY, wrong, key(FIRST))
        assert not self.accepts(signed(BODY, FIRST), BODY, wrong)

    def test_a_key_of_another_curve_is_none_of_this_scheme(self):
        other = ec.derive_private_key(12345, ec.SECP384R1())
        der = other.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        stamp = str(int(time.time()))
        signature = base64.b64encode(other.sign(stamp.encode() + BODY, ec.ECDSA(SHA256()))).decode()
        headers = {SIGNATURE: signature, TIMESTAMP: stamp}
        assert not self.accepts(headers, BODY, base64.b64encode(der).decode())

    def test_the_public_key_itself_opens_nothing(self):
        password = base64.b64encode(f"user:{key(FIRST)}".encode()).decode()
        for headers in ({"authorization": f"Basic {password}"}, {"authorization": f"Bearer {key(FIRST)}"}):
            assert not self.accepts(headers, BODY, key(FIRST))

    @pytest.mark.parametrize("name", [SIGNATURE, TIMESTAMP])
    @pytest.mark.parametrize("value", ["", "x", "-1", "1e9", "MEUC", "\udcff", "é", "9" * 400, "1767268800 "])
    def test_a_header_that_is_missing_or_wrong_is_refused(self, name, value):
        headers = {header.lower(): text for header, text in signed(BODY, FIRST).items()}
        assert not self.accepts(headers | {name: value}, BODY, key(FIRST))

    @pytest.mark.parametrize("stamp", ["", "soon", "-5", "1" * 30, "１７６７２６８８００"])
    def test_a_signed_time_that_is_none_is_refused(self, stamp):
        signature = private_key(FIRST).sign(stamp.encode() + BODY, ec.ECDSA(SHA256()))
        headers = {SIGNATURE: base64.b64encode(signature).decode(), TIMESTAMP: stamp}
        assert not self.accepts(headers, BODY, key(FIRST))

    @pytest.mark.parametrize("body", [b"", b"\xff\xfe", b"{", b"null"])
    def test_a_signed_body_is_not_parsed(self, body):
        assert self.accepts(signed(body, FIRST), body, key(FIRST))
        assert not self.accepts(signed(BODY, FIRST), body, key(FIRST))

    @pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS"])
    def test_another_method_than_post_is_answered_with_the_one_that_works(self, method):
        with pytest.raises(Never) as never:
            self.provider.verify(request({}, method=method), self.source(FIRST))
        assert (never.value.status, never.value.allow) == (405, "POST")

    @pytest.mark.parametrize("method", ["GET", "HEAD"])
    def test_asking_whether_we_are_there_is_answered(self, method):
        assert self.provider.verify(request({}, b"", method), self.source(FIRST)) == Handshake(status=200, body="ok")
