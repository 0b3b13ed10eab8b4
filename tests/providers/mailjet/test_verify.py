"""Who may call Mailjet's webhook address (provider file, Verification)."""

from __future__ import annotations

import base64

import msgspec
import pytest

from aftersend.providers.contract import Handshake, Never, Request
from aftersend.providers.mailjet import Mailjet
from aftersend.settings import Source
from aftersend.vocabulary import Rejected
from tests.providers.mailjet.said import fixture
from tests.providers.security import FIRST, SECOND, WebhookSecurity

BODY = fixture("webhook_open")


def request(token: str = "", method: str = "POST", body: bytes = BODY, **headers: str) -> Request:
    return Request(method=method, token=token, query="", headers=headers, address="192.0.2.1", body=body)


def basic(pair: str) -> str:
    return f"Basic {base64.b64encode(pair.encode()).decode()}"


class _Mailjet(WebhookSecurity):
    provider = Mailjet()

    def tampered(self, request: Request) -> Request:
        """Nothing protects the body: what is protected is the secret."""
        if request.token:
            return msgspec.structs.replace(request, token=request.token[:-1] + "x")
        return msgspec.structs.replace(request, headers={"authorization": request.headers["authorization"].swapcase()})

    def unproven(self, request: Request) -> Request:
        return msgspec.structs.replace(request, token="", headers={"content-type": "application/json"})


class TestSecretInTheAddress(_Mailjet):
    def genuine(self, secret: str) -> Request:
        return request(secret)


class TestSecretAsPassword(_Mailjet):
    def genuine(self, secret: str) -> Request:
        return request(authorization=basic(f"mjhook:{secret}"))


class TestSecretAsBearerToken(_Mailjet):
    def genuine(self, secret: str) -> Request:
        return request(authorization=f"Bearer {secret}")


def source(*secrets: str) -> Source:
    return Source(name="acme", provider="mailjet", webhook_secrets=list(secrets))


def verify(request: Request, *secrets: str) -> Handshake | None:
    return Mailjet().verify(request, source(*secrets))


@pytest.mark.parametrize("secret", ["s3cret-EXAMPLE", "mjhook:s3cret-EXAMPLE"])
def test_the_documented_vector_is_accepted_by_its_password_or_as_a_whole(secret):
    assert basic("mjhook:s3cret-EXAMPLE") == "Basic bWpob29rOnMzY3JldC1FWEFNUExF"
    assert verify(request(authorization="Basic bWpob29rOnMzY3JldC1FWEFNUExF"), secret) is None


@pytest.mark.parametrize(
    "secret", ["mjhook", "S3cret-EXAMPLE", "other:s3cret-EXAMPLE", "s3cret-EXAMPL", "s3cret-EXAMPLE2"]
)
def test_the_documented_vector_is_refused_for_another_secret(secret):
    with pytest.raises(Rejected):
        verify(request(authorization="Basic bWpob29rOnMzY3JldC1FWEFNUExF"), secret)


@pytest.mark.parametrize(
    "header", ["", "Basic", "Basic %%%", "Basic ====", "Basic ÿþ", "Bearer", "Digest x", "basic", "\x00", "Basic /w=="]
)
def test_a_header_that_is_malformed_is_refused(header):
    with pytest.raises(Rejected):
        verify(request(authorization=header), FIRST)


@pytest.mark.parametrize("wrong", ["", " ", "\ud800", "ÿ", "%%%", "a:b:c"])
def test_a_secret_that_is_none_spoils_no_other(wrong):
    assert verify(request(SECOND), wrong, SECOND) is None


@pytest.mark.parametrize("body", [b"\xff\xfe", b"{", b"null", b"[]"])
def test_a_body_is_not_looked_at(body):
    assert verify(request(FIRST, body=body), FIRST) is None


def test_an_empty_body_can_never_be_a_delivery():
    with pytest.raises(Never) as never:
        verify(request(FIRST, body=b""), FIRST)
    assert never.value.status == 400


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS"])
def test_another_method_than_post_is_answered_with_the_one_that_works(method):
    with pytest.raises(Never) as never:
        verify(request(FIRST, method), FIRST)
    assert (never.value.status, never.value.allow) == (405, "POST")


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_asking_whether_we_are_there_is_answered_to_those_who_have_the_secret(method):
    assert verify(request(FIRST, method, b""), FIRST) == Handshake(status=200, body="ok")
    with pytest.raises(Rejected):
        verify(request("", method, b""), FIRST)


def test_trouble_of_ours_is_told_by_a_status_that_mailjet_repeats_after():
    assert Mailjet().retry_status == 503
