"""Who may call Mailchimp's webhook address (provider file, Verification and Handshake)."""

from __future__ import annotations

import hmac
import time

import msgspec
import pytest

from aftersend.providers import proofs
from aftersend.providers.contract import Handshake, Never, Request
from aftersend.settings import Source
from aftersend.vocabulary import ConfigurationError, Rejected
from tests.providers.mailchimp.said import MAILCHIMP, fixture
from tests.providers.security import FIRST, FOREIGN, SECOND, WebhookSecurity

SECRET = "mcsec_EXAMPLE_9f2d7c41"
SIGNED_AT = 1772359206
HEADER = f"t={SIGNED_AT},v1=f314c06d4a3966ba6bd1befa4f06c56ca1cbbd3acd778f9924e107a6c178bc93"
VECTOR = (
    b"type=unsubscribe&fired_at=2026-03-01+10%3A00%3A05&data%5Baction%5D=unsub&data%5Breason%5D=manual&data%5Bid%5D="
    b"8f14e45fce&data%5Blist_id%5D=a1b2c3d4e5&data%5Bemail%5D=ana%40example.com&data%5Bemail_type%5D=html&data%5Bip_opt"
    b"%5D=192.0.2.25&data%5Bcampaign_id%5D=c0ffee1234&data%5Bmerges%5D%5BEMAIL%5D=ana%40example.com&data%5Bmerges%5D%5B"
    b"EXTID%5D=crm-4711"
)
BODY = fixture("webhook_unsubscribe.form")


def signed(secret: str, body: bytes = BODY, at: float | None = None) -> str:
    seconds = str(int(time.time() if at is None else at))
    return f"t={seconds},v1={hmac.digest(secret.encode(), f'{seconds}.'.encode() + body, 'sha256').hex()}"


def request(header: str | None, body: bytes = BODY, *, token: str = "", method: str = "POST") -> Request:
    headers = {"content-type": "application/x-www-form-urlencoded"}
    if header is not None:
        headers["x-mailchimp-signature"] = header
    return Request(method=method, token=token, query="", headers=headers, address="192.0.2.1", body=body)


def source(*secrets: str, mode: str = "signed") -> Source:
    return Source(name="acme", provider="mailchimp", webhook_secrets=list(secrets), options={"webhook_mode": mode})


def accepted(request: Request, source: Source) -> bool:
    try:
        return MAILCHIMP.verify(request, source) is None
    except Rejected:
        return False


class TestSigned(WebhookSecurity):
    provider = MAILCHIMP

    def genuine(self, secret: str) -> Request:
        return request(signed(secret))

    def tampered(self, request: Request) -> Request:
        return msgspec.structs.replace(request, body=request.body.replace(b"ana%40", b"eva%40"))

    def unproven(self, request: Request) -> Request:
        return msgspec.structs.replace(request, headers={})

    def replayed(self, secret: str) -> Request:
        return request(signed(secret, at=time.time() - 302))


class TestUrlSecret(WebhookSecurity):
    provider = MAILCHIMP

    def source(self, *secrets: str, addresses: tuple[str, ...] = ()) -> Source:
        plain = super().source(*secrets, addresses=addresses)
        return msgspec.structs.replace(plain, options={"webhook_mode": "url-secret"})

    def genuine(self, secret: str) -> Request:
        return request(None, token=secret)

    def tampered(self, request: Request) -> Request:
        return msgspec.structs.replace(request, token=request.token[:-1])

    def unproven(self, request: Request) -> Request:
        return msgspec.structs.replace(request, token="")


@pytest.mark.parametrize(
    ("late", "fits"), [(0, True), (299, True), (300, True), (301, False), (-300, True), (-301, False)]
)
def test_the_documented_vector_is_accepted_up_to_300_seconds_from_its_time(late, fits, monkeypatch):
    monkeypatch.setattr(proofs, "now", lambda: (SIGNED_AT + late) * 1000)
    assert accepted(request(HEADER, VECTOR), source(SECRET)) is fits
    assert not accepted(request(HEADER, VECTOR + b"&x=1"), source(SECRET))
    assert not accepted(request(HEADER, VECTOR), source(FIRST))


def test_our_own_signing_is_the_documented_one():
    assert signed(SECRET, VECTOR, SIGNED_AT) == HEADER


def test_neither_mode_stands_in_for_the_other():
    right = request(signed(FIRST), token=SECOND)
    assert accepted(right, source(FIRST))
    assert not accepted(right, source(SECOND))
    assert accepted(right, source(SECOND, mode="url-secret"))
    assert not accepted(right, source(FIRST, mode="url-secret"))


def test_a_mode_that_does_not_exist_is_a_fault_of_the_configuration():
    with pytest.raises(ConfigurationError, match="webhook_mode"):
        MAILCHIMP.configured(source(FIRST, mode="either"))


@pytest.mark.parametrize("mode", ["signed", "url-secret"])
@pytest.mark.parametrize(("method", "body"), [("GET", b""), ("HEAD", b""), ("POST", b"")])
def test_how_an_address_is_validated_is_answered_without_any_proof(mode, method, body):
    assert MAILCHIMP.verify(request(None, body, method=method), source(mode=mode)) == Handshake(status=200)


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS"])
def test_another_method_is_answered_with_the_one_that_works(method):
    with pytest.raises(Never) as never:
        MAILCHIMP.verify(request(None, method=method), source(FIRST))
    assert (never.value.status, never.value.allow) == (405, "POST")


def test_the_raw_bytes_are_signed_and_not_the_form_encoded_anew():
    anew = BODY.replace(b"%5B", b"[").replace(b"%5D", b"]")
    assert accepted(request(signed(FIRST, anew), anew), source(FIRST))
    assert not accepted(request(signed(FIRST), anew), source(FIRST))
    for body in (b"\xff\xfe", b"{", b"%", b" "):
        assert accepted(request(signed(FIRST, body), body), source(FIRST))


def test_spaces_other_versions_and_a_second_signature_do_no_harm():
    header = signed(FIRST)
    t, v1 = header.split(",")
    for other in (f"{t}, {v1}", f"{v1},{t}", f"{t},v0=abc,{v1}", f"{t},v1={'0' * 64},{v1}", f" {t} , {v1} ,,"):
        assert accepted(request(other), source(FIRST))


@pytest.mark.parametrize(
    "header",
    [
        *("", "t=", "v1=", ",", "t=1,v1=", "x", "t=nan,v1=00", "t=-1,v1=00", "t=1e9,v1=00", "t=٣,v1=00", "ü", "\udcff"),
        *("t=99999999999999999999,v1=00", "t=1,t=2,v1=00"),
    ],
)
def test_a_header_that_is_none_is_refused(header):
    assert not accepted(request(header), source(FIRST))
    assert not accepted(request(signed(FIRST).replace("t=", f"t=1,{header},t=")), source(FIRST))


def test_the_hexadecimal_is_in_lower_case():
    header = signed(FIRST)
    t, v1 = header.split(",")
    assert not accepted(request(f"{t},{v1.upper().replace('V1', 'v1')}"), source(FIRST))


def test_a_secret_that_is_none_spoils_no_other():
    for wrong in (" ", "\udc80", "ü", "\x00", "x" * 10_000):
        assert accepted(request(signed(FIRST)), source(wrong, FIRST))
        assert accepted(request(signed(FIRST)), source(f" {FIRST}\n", wrong))


def test_a_refusal_tells_what_to_do():
    with pytest.raises(Rejected, match="webhook_mode = 'url-secret'"):
        MAILCHIMP.verify(request(None), source(FIRST))
    with pytest.raises(Rejected, match="delete the webhook and make it again"):
        MAILCHIMP.verify(request(signed(FOREIGN)), source(FIRST))
