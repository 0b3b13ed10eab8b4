"""Who may call Mandrill's webhook address (provider file, Verification and Handshake)."""

from __future__ import annotations

import base64
import hmac
from urllib.parse import parse_qsl

import msgspec
import pytest

from aftersend.providers.contract import Handshake, Never, Request
from aftersend.settings import Source
from aftersend.vocabulary import Rejected
from tests.providers.mandrill.said import FORM, MANDRILL, fixture, form
from tests.providers.security import FIRST, WebhookSecurity

URL = "https://events.example.com/hooks/mandrill?tenant=7"
KEY = "wh-key-EXAMPLE-0001"
VECTOR = (
    b"mandrill_events=%5B%7B%22event%22%3A%22send%22%2C%22_id%22%3A%223f1c2a9b7d5e4c8fa0b1c2d3e4f50617%22%2C%22ts%22"
    b"%3A1772359230%2C%22msg%22%3A%7B%22_id%22%3A%223f1c2a9b7d5e4c8fa0b1c2d3e4f50617%22%2C%22ts%22%3A1772359228%2C"
    b"%22email%22%3A%22ana%40example.com%22%2C%22state%22%3A%22sent%22%7D%7D%5D"
)
SIGNATURE = "LTeKHAJNMolteolZb6fxrm83zwo="
EMPTY_SIGNATURE = "JQGNpGYAdeZC2JfLmiDh3LLZGaM="
ADDRESS = "https://aftersend.example.com/webhooks/acme"
BODY = fixture("webhook_batch.form")


def signed(key: str, url: str, text: str) -> str:
    """The signature over an address and the joined names and values of a form."""
    return base64.b64encode(hmac.digest(key.encode(), (url + text).encode(), "sha1")).decode()


def decoded(body: bytes) -> str:
    return "".join(name + value for name, value in sorted(parse_qsl(body.decode(), keep_blank_values=True)))


def request(body: bytes = BODY, signature: str | None = None, *, url: str = ADDRESS, method: str = "POST") -> Request:
    headers = {"content-type": FORM} | ({} if signature is None else {"x-mandrill-signature": signature})
    return Request(method=method, url=url, token="", query="", headers=headers, address="192.0.2.1", body=body)


def source(*keys: str, **options: str) -> Source:
    return Source(name="acme", provider="mandrill", webhook_secrets=list(keys), options=options)


class TestMandrill(WebhookSecurity):
    provider = MANDRILL

    def genuine(self, secret: str) -> Request:
        return request(BODY, signed(secret, ADDRESS, decoded(BODY)))

    def tampered(self, request: Request) -> Request:
        return msgspec.structs.replace(request, body=request.body.replace(b"ana%40", b"eva%40"))

    def unproven(self, request: Request) -> Request:
        return msgspec.structs.replace(request, headers={"content-type": FORM})


def accepted(request: Request, source: Source) -> bool:
    try:
        return MANDRILL.verify(request, source) is None
    except Rejected:
        return False


def test_the_documented_vector_is_accepted():
    assert accepted(request(VECTOR, SIGNATURE, url=URL), source(KEY))
    assert signed(KEY, URL, decoded(VECTOR)) == SIGNATURE


def test_the_documented_test_post_is_answered_with_and_without_its_signature():
    assert signed("test-webhook", URL, "mandrill_events[]") == EMPTY_SIGNATURE
    for signature in (EMPTY_SIGNATURE, "wrong", None):
        for body in (b"mandrill_events=%5B%5D", b"mandrill_events=[]", b"mandrill_events=+%5B%5D%0A"):
            assert MANDRILL.verify(request(body, signature, url=URL), source(KEY)) == Handshake()
            assert MANDRILL.verify(request(body, signature, url=URL), source()) == Handshake()


def test_the_generic_key_of_the_test_post_opens_nothing_else():
    assert not accepted(request(VECTOR, signed("test-webhook", URL, decoded(VECTOR)), url=URL), source(KEY))


@pytest.mark.parametrize(
    "body", [b"mandrill_events=%5B%5D&x=1", b"mandrill_events=%5B%5D&mandrill_events=%5B1%5D", b""]
)
def test_only_an_empty_batch_alone_is_the_test_post(body):
    with pytest.raises(Rejected):
        MANDRILL.verify(request(body), source(KEY))


@pytest.mark.parametrize("method", ["HEAD", "GET"])
def test_asking_whether_we_are_there_is_answered_without_any_check(method):
    assert MANDRILL.verify(request(b"", method=method), source()) == Handshake(status=200)


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS"])
def test_another_method_is_answered_with_the_one_that_works(method):
    with pytest.raises(Never) as never:
        MANDRILL.verify(request(method=method), source(KEY))
    assert (never.value.status, never.value.allow) == (405, "POST")


@pytest.mark.parametrize(
    "typed",
    [
        "http://events.example.com/hooks/mandrill?tenant=7",
        "https://events.example.com:443/hooks/mandrill?tenant=7",
        "https://events.example.com/hooks/mandrill/?tenant=7",
        "https://events.example.com/hooks/mandrill",
        "https://user:password@events.example.com/hooks/mandrill?tenant=7",
        "https://events.example.com/hooks/grüße",
    ],
)
def test_the_address_counts_exactly_as_it_was_typed(typed):
    wanted = signed(KEY, typed, decoded(VECTOR))
    assert not accepted(request(VECTOR, wanted, url=URL), source(KEY))
    assert accepted(request(VECTOR, wanted, url=URL), source(KEY, webhook_url=typed))
    assert not accepted(request(VECTOR, SIGNATURE, url=URL), source(KEY, webhook_url=typed))


def test_a_field_that_is_added_one_day_is_signed_in_its_place():
    body = b"z=last+one&" + VECTOR + b"&a=%C3%BC&empty="
    text = f"aüempty{decoded(VECTOR)}zlast one"
    assert decoded(body) == text
    assert accepted(request(body, signed(KEY, URL, text), url=URL), source(KEY))


@pytest.mark.parametrize("body", [b"mandrill_events=caf%C3%A9+%2B+%25", b"mandrill_events=%E2%82%AC%F0%9F%98%80"])
def test_values_are_signed_after_they_were_decoded(body):
    assert accepted(request(body, signed(KEY, URL, decoded(body)), url=URL), source(KEY))


def test_the_digest_is_binary_not_hexadecimal():
    made = hmac.digest(KEY.encode(), (URL + decoded(VECTOR)).encode(), "sha1")
    for wrong in (made.hex(), base64.b64encode(made.hex().encode()).decode(), SIGNATURE.rstrip("="), SIGNATURE.lower()):
        assert not accepted(request(VECTOR, wrong, url=URL), source(KEY))


@pytest.mark.parametrize("signature", ["", " ", "=", "ü", "\udcff", "LTeKHAJNMolteolZb6fxrm83zwo= x", "a" * 100_000])
def test_a_header_that_is_none_is_refused(signature):
    assert not accepted(request(VECTOR, signature, url=URL), source(KEY))


@pytest.mark.parametrize("body", [b"%", b"%zz=%", b"\xff\xfe&&=&=", b"mandrill_events", form("{"), b"{}"])
def test_any_body_is_judged_by_its_signature_alone(body):
    assert not accepted(request(body, SIGNATURE), source(KEY))


def test_a_key_that_is_none_spoils_no_other():
    for wrong in (" ", "\udc80", "ü", "\x00", "x" * 10_000):
        assert accepted(request(VECTOR, SIGNATURE, url=URL), source(wrong, KEY))
        assert accepted(request(VECTOR, SIGNATURE, url=URL), source(f" {KEY}\n", wrong))


def test_a_refusal_tells_no_address():
    with pytest.raises(Rejected) as refused:
        MANDRILL.verify(request(VECTOR, "wrong"), source(FIRST, webhook_url="https://user:password@example.com/"))
    assert "password" not in str(refused.value)
    assert "webhook_url" in str(refused.value)
