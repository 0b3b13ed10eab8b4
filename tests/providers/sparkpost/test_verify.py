"""Who may call SparkPost's webhook address (Auth / verification)."""

from __future__ import annotations

import base64

import msgspec
import pytest

from aftersend.providers.contract import Handshake, Never, Request
from aftersend.settings import Source
from aftersend.vocabulary import Rejected
from tests.providers.security import FIRST, SECOND, WebhookSecurity
from tests.providers.sparkpost.said import SPARKPOST, fixture

BODY = fixture("webhook_click.json")


def request(token: str = "", body: bytes = BODY, method: str = "POST", **headers: str) -> Request:
    named = {"content-type": "application/json"} | {name.replace("_", "-"): value for name, value in headers.items()}
    return Request(method=method, token=token, query="", headers=named, address="192.0.2.1", body=body)


def basic(pair: str) -> str:
    return f"Basic {base64.b64encode(pair.encode()).decode()}"


class TestInTheAddress(WebhookSecurity):
    provider = SPARKPOST

    def genuine(self, secret: str) -> Request:
        return request(secret)

    def tampered(self, request: Request) -> Request:
        return msgspec.structs.replace(request, token=request.token[:-1])

    def unproven(self, request: Request) -> Request:
        return msgspec.structs.replace(request, token="", headers={"content-type": "application/json"})


class TestByBasicAuth(TestInTheAddress):
    def genuine(self, secret: str) -> Request:
        return request(authorization=basic(f"esp-hook:{secret}"))

    def tampered(self, request: Request) -> Request:
        return msgspec.structs.replace(request, headers={"authorization": basic("esp-hook:")})


class TestByBearerToken(TestInTheAddress):
    def genuine(self, secret: str) -> Request:
        return request(authorization=f"Bearer {secret}")

    def tampered(self, request: Request) -> Request:
        return msgspec.structs.replace(request, headers={"authorization": request.headers["authorization"] + "x"})


class TestByHeader(TestInTheAddress):
    def genuine(self, secret: str) -> Request:
        return request(x_api_key=secret)

    def tampered(self, request: Request) -> Request:
        return msgspec.structs.replace(request, headers={"x-api-keys": request.headers["x-api-key"]})


class TestByTheHeaderOfOld(TestInTheAddress):
    def genuine(self, secret: str) -> Request:
        return request(x_messagesystems_webhook_token=secret)

    def tampered(self, request: Request) -> Request:
        return msgspec.structs.replace(request, headers={"x-messagesystems-webhook-token": "x"})


def source(*secrets: str, **options) -> Source:
    return Source(name="acme", provider="sparkpost", webhook_secrets=list(secrets), options=options)


@pytest.mark.parametrize("secret", ["s3cret-Value", "esp-hook:s3cret-Value"])
def test_the_vector_of_basic_auth_is_accepted(secret):
    given = "Basic ZXNwLWhvb2s6czNjcmV0LVZhbHVl"
    assert basic("esp-hook:s3cret-Value") == given
    assert SPARKPOST.verify(request(authorization=given), source(secret)) is None
    with pytest.raises(Rejected):
        SPARKPOST.verify(request(authorization=given[:-1]), source(secret))


def test_the_header_that_carries_the_secret_is_the_one_of_the_option():
    named = source(FIRST, secret_header="X-Our-Key")
    assert SPARKPOST.verify(request(x_our_key=FIRST), named) is None
    with pytest.raises(Rejected):
        SPARKPOST.verify(request(x_api_key=FIRST), named)


def test_what_is_wrong_in_one_place_hides_nothing_that_is_right_in_another():
    basic_auth, right = basic(f"esp-hook:{FIRST}"), source(FIRST)
    assert SPARKPOST.verify(request("wrong", x_api_key=FIRST), right) is None
    assert SPARKPOST.verify(request(x_api_key="wrong", x_messagesystems_webhook_token=FIRST), right) is None
    assert SPARKPOST.verify(request("wrong", authorization=basic_auth, x_api_key="wrong"), right) is None


@pytest.mark.parametrize(
    "authorization",
    ["", "Basic", "Basic %%%", "Basic /////w==", "Bearer", "Bearer ", "Digest x", "Basic " + "A" * 10_000, "\udcff"],
)
def test_a_malformed_authorization_is_refused(authorization):
    with pytest.raises(Rejected):
        SPARKPOST.verify(request(authorization=authorization), source(FIRST, "", "\udcff"))


@pytest.mark.parametrize("body", [b'[{"msys":{}}]', b' [ { "msys" : {\n} } ]\n'])
def test_the_ping_is_answered_and_not_stored(body):
    assert SPARKPOST.verify(request(FIRST, body), source(FIRST)) == Handshake(status=200, body="ok")


@pytest.mark.parametrize("body", [b'[{"msys":{}}]', BODY])
def test_a_ping_needs_the_secret_too(body):
    with pytest.raises(Rejected):
        SPARKPOST.verify(request(SECOND, body), source(FIRST))


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_asking_whether_we_are_there_is_answered_to_who_knows_the_secret(method):
    assert SPARKPOST.verify(request(FIRST, b"", method), source(FIRST)) == Handshake()
    with pytest.raises(Rejected):
        SPARKPOST.verify(request("", b"", method), source(FIRST))


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
def test_another_method_than_post_is_answered_with_the_one_that_works(method):
    with pytest.raises(Never) as never:
        SPARKPOST.verify(request(FIRST, method=method), source(FIRST))
    assert (never.value.status, never.value.allow) == (405, "POST")


def test_an_empty_body_can_never_be_a_batch():
    with pytest.raises(Never) as never:
        SPARKPOST.verify(request(FIRST, b""), source(FIRST))
    assert never.value.status == 400


@pytest.mark.parametrize("body", [b"\xff", b"{", b"[]", b"null"])
def test_a_body_is_not_parsed_by_who_verifies(body):
    assert SPARKPOST.verify(request(FIRST, body), source(FIRST)) is None
