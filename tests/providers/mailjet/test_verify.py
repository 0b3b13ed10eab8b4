"""Who may call Mailjet's webhook address (provider file, Verification)."""

from __future__ import annotations

import base64

import msgspec
import pytest

from aftersend.providers.contract import Handshake, Request
from aftersend.providers.mailjet import Mailjet
from aftersend.settings import Source
from aftersend.vocabulary import Rejected
from tests.providers.mailjet.said import fixture
from tests.providers.security import SharedSecretDoor, WebhookSecurity

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


class TestDoor(SharedSecretDoor):
    provider = Mailjet()


def test_trouble_of_ours_is_told_by_a_status_that_mailjet_repeats_after():
    assert Mailjet().retry_status == 503
