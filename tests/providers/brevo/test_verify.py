"""Who may call Brevo's webhook address (provider file, "Auth / verification")."""

from __future__ import annotations

import base64

import msgspec
import pytest

from aftersend.providers.brevo import Brevo
from aftersend.providers.contract import Handshake, Never, Request
from aftersend.settings import Source
from aftersend.vocabulary import Rejected
from tests.providers.brevo.said import fixture
from tests.providers.security import FIRST, SECOND, WebhookSecurity

BODY = fixture("webhook_click.json")


def request(token: str = "", method: str = "POST", body: bytes = BODY, **headers: str) -> Request:
    lower = {name.replace("_", "-").lower(): value for name, value in headers.items()}
    return Request(method=method, token=token, query="", headers=lower, address="192.0.2.1", body=body)


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


class BrevoSecurity(WebhookSecurity):
    provider = Brevo()

    def tampered(self, request: Request) -> Request:
        """Nothing protects the body; what the secret protects is itself."""
        authorization = request.headers.get("authorization", "")
        changed = {"authorization": authorization + "x"} if authorization else {}
        headers = {name: value + "x" for name, value in request.headers.items()} | changed
        return msgspec.structs.replace(request, token=request.token and request.token + "x", headers=headers)

    def unproven(self, request: Request) -> Request:
        return msgspec.structs.replace(request, token="", headers={"content-type": "application/json"})


class TestTokenInTheAddress(BrevoSecurity):
    def genuine(self, secret: str) -> Request:
        return request(secret)


class TestBearerToken(BrevoSecurity):
    def genuine(self, secret: str) -> Request:
        return request(authorization=f"Bearer {secret}")


class TestBasicAuth(BrevoSecurity):
    def genuine(self, secret: str) -> Request:
        return request(authorization=basic("esp-hook", secret))

    def tampered(self, _request: Request) -> Request:
        return request(authorization=basic("esp-hook", FIRST + "x"))


class TestHeaderOfItsOwn(BrevoSecurity):
    def source(self, *secrets: str, addresses: tuple[str, ...] = ()) -> Source:
        plain = super().source(*secrets, addresses=addresses)
        return msgspec.structs.replace(plain, options={"secret_header": "X-Hook-Secret"})

    def genuine(self, secret: str) -> Request:
        return request(x_hook_secret=secret)

    def test_the_other_ways_stay_open(self):
        assert self.provider.verify(request(FIRST), self.source(FIRST)) is None
        assert self.provider.verify(request(authorization=f"Bearer {FIRST}"), self.source(FIRST)) is None


BREVO = Brevo()


def source(*secrets: str) -> Source:
    return Source(name="acme", provider="brevo", webhook_secrets=list(secrets))


@pytest.mark.parametrize(
    ("secret", "authorization"),
    [
        ("long-random-token", "Bearer long-random-token"),
        ("s3cret-Value", "Basic ZXNwLWhvb2s6czNjcmV0LVZhbHVl"),
        ("esp-hook:s3cret-Value", "Basic ZXNwLWhvb2s6czNjcmV0LVZhbHVl"),
    ],
)
def test_the_documented_headers_are_accepted(secret, authorization):
    assert BREVO.verify(request(authorization=authorization), source(secret)) is None
    with pytest.raises(Rejected):
        BREVO.verify(request(authorization=authorization), source(secret + "x"))


@pytest.mark.parametrize(
    "authorization",
    ["", "Bearer", "Bearer ", "Basic", "Basic %%%", "Basic Zg", "Basic /////w==", "Digest x", "\udcff", "Basic é"],
)
def test_a_header_that_is_none_is_refused(authorization):
    with pytest.raises(Rejected):
        BREVO.verify(request(authorization=authorization), source(FIRST))


def test_a_header_of_its_own_counts_only_where_the_source_names_it():
    with pytest.raises(Rejected):
        BREVO.verify(request(x_hook_secret=FIRST), source(FIRST))


def test_a_token_may_be_any_text():
    assert BREVO.verify(request("schlüssel-\U0001f511"), source("schlüssel-\U0001f511", SECOND)) is None


def test_the_body_is_not_looked_at():
    for body in (b"{", b"\xff", b"[]"):
        assert BREVO.verify(request(FIRST, body=body), source(FIRST)) is None


def test_an_empty_body_is_none_of_brevos():
    with pytest.raises(Never) as never:
        BREVO.verify(request(FIRST, body=b""), source(FIRST))
    assert never.value.status == 400


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS"])
def test_another_method_than_post_is_answered_with_the_one_that_works(method):
    with pytest.raises(Never) as never:
        BREVO.verify(request(FIRST, method=method), source(FIRST))
    assert (never.value.status, never.value.allow) == (405, "POST")


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_asking_whether_we_are_there_is_answered_to_who_knows_the_secret(method):
    assert BREVO.verify(request(FIRST, method=method, body=b""), source(FIRST)) == Handshake()
    with pytest.raises(Rejected):
        BREVO.verify(request("x", method=method, body=b""), source(FIRST))


def test_what_cannot_be_stored_now_is_answered_so_that_brevo_sends_it_again():
    assert Brevo.retry_status == 429
