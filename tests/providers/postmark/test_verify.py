"""Who may call Postmark's webhook address (provider file, Auth / verification)."""

from __future__ import annotations

import base64

import msgspec
import pytest

from aftersend.providers.contract import Handshake, Request
from aftersend.providers.postmark import Postmark
from aftersend.settings import Source
from aftersend.vocabulary import Rejected
from tests.providers.postmark.said import fixture
from tests.providers.security import SharedSecretDoor, WebhookSecurity

BODY = fixture("webhook_open")


def request(token: str = "", method: str = "POST", body: bytes = BODY, **headers: str) -> Request:
    return Request(method=method, token=token, query="", headers=headers, address="192.0.2.1", body=body)


def basic(pair: str) -> str:
    return f"Basic {base64.b64encode(pair.encode()).decode()}"


class _Postmark(WebhookSecurity):
    provider = Postmark()

    def tampered(self, request: Request) -> Request:
        """Nothing protects the body: what is protected is the secret."""
        if request.token:
            return msgspec.structs.replace(request, token=request.token[:-1] + "x")
        return msgspec.structs.replace(request, headers={"authorization": request.headers["authorization"].swapcase()})

    def unproven(self, request: Request) -> Request:
        return msgspec.structs.replace(request, token="", headers={"content-type": "application/json"})


class TestSecretInTheAddress(_Postmark):
    def genuine(self, secret: str) -> Request:
        return request(secret)


class TestSecretAsPassword(_Postmark):
    def genuine(self, secret: str) -> Request:
        return request(authorization=basic(f"esp-hook:{secret}"))


class TestSecretAsBearerToken(_Postmark):
    def genuine(self, secret: str) -> Request:
        return request(authorization=f"Bearer {secret}")


class TestSecretInAHeaderOfItsOwn(_Postmark):
    def genuine(self, secret: str) -> Request:
        return request(**{"x-webhook-secret": secret})

    def tampered(self, request: Request) -> Request:
        return msgspec.structs.replace(request, headers={"x-webhook-secret": request.headers["x-webhook-secret"] + "x"})


def source(*secrets: str) -> Source:
    return Source(name="acme", provider="postmark", webhook_secrets=list(secrets))


def verify(request: Request, *secrets: str) -> Handshake | None:
    return Postmark().verify(request, source(*secrets))


@pytest.mark.parametrize("secret", ["s3cret-Value", "esp-hook:s3cret-Value"])
def test_the_documented_vector_is_accepted_by_its_password_or_as_a_whole(secret):
    assert basic("esp-hook:s3cret-Value") == "Basic ZXNwLWhvb2s6czNjcmV0LVZhbHVl"
    assert verify(request(authorization="Basic ZXNwLWhvb2s6czNjcmV0LVZhbHVl"), secret) is None


@pytest.mark.parametrize("secret", ["esp-hook", "S3cret-Value", "other:s3cret-Value", "s3cret-Valu", "s3cret-Value2"])
def test_the_documented_vector_is_refused_for_another_secret(secret):
    with pytest.raises(Rejected):
        verify(request(authorization="Basic ZXNwLWhvb2s6czNjcmV0LVZhbHVl"), secret)


class TestDoor(SharedSecretDoor):
    provider = Postmark()


def test_trouble_of_ours_is_told_by_a_status_that_postmark_repeats_after():
    assert Postmark().retry_status == 503
