"""The webhook door for schemes that need more than a look: used tokens, confirmations, the address as typed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import msgspec
import pytest
from receivers import migrated, stored

from aftersend.providers import PROVIDERS
from aftersend.providers.contract import Feed, Handshake, Provider, Request
from aftersend.providers.marks import Options
from aftersend.providers.proofs import once
from aftersend.receiver import create_app
from aftersend.settings import Settings, Source, load
from aftersend.vocabulary import Delivery, Once, Reading, now
from tests.fakes import Asked, FakePlatform, Said


class Asking(Provider):
    """A platform whose requests say in headers what they want."""

    name: ClassVar[str] = "asking"
    title: ClassVar[str] = "Asking"
    base_url: ClassVar[str] = "http://127.0.0.1"
    signed: ClassVar[bool] = True
    options: ClassVar[type[msgspec.Struct]] = Options
    kept_headers: ClassVar[tuple[str, ...]] = ("x-kept",)

    def __init__(self) -> None:
        self.seen: list[Request] = []

    def verify(self, request: Request, source: Source) -> Handshake | None:
        self.seen.append(request)
        visit = request.headers.get("x-visit")
        return Handshake(visit=visit) if visit else None

    def once(self, request: Request, source: Source) -> Once | None:
        token = request.headers.get("x-token")
        return once(source, token, request.body, now() + 3_600_000) if token else None

    def read(self, delivery: Delivery, source: Source) -> Reading:
        return Reading()

    def feeds(self, source: Source) -> list[Feed]:
        return []

    def setup(self, source: Source, webhook_url: str) -> str:
        return webhook_url


class Confirming(FakePlatform):
    """The address that wants to be opened."""

    status = 200

    def answer(self, asked: Asked) -> Said:
        return Said(status=self.status, body=b"", headers={"Location": "/elsewhere"} if self.status == 302 else {})


@pytest.fixture
def asking() -> Iterator[Asking]:
    PROVIDERS["asking"] = Asking()
    yield PROVIDERS["asking"]
    del PROVIDERS["asking"]


@pytest.fixture
def settings(tmp_path: Path, asking: Asking) -> Settings:
    file = tmp_path / "aftersend.toml"
    file.write_text(
        f"""
[server]
database = "sqlite:///{tmp_path}/data/aftersend.db"
public_url = "https://events.example.com"
[[sources]]
name = "acme"
provider = "asking"
[[sources]]
name = "other"
provider = "asking"
"""
    )
    return load(file, env={})


def test_a_token_that_proved_one_webhook_proves_no_other(settings):
    store = migrated(settings)
    client = create_app(settings, store).test_client()

    def post(body: bytes, token: str, source: str = "acme") -> int:
        return client.post(f"/webhooks/{source}", data=body, headers={"X-Token": token}).status_code

    assert post(b"one", "a") == 200
    assert post(b"forged", "a") == 401
    # The platform didn't hear our answer and sends it again.
    assert post(b"one", "a") == 200
    assert post(b"two", "b") == 200
    assert post(b"of another account", "a", "other") == 200
    # What was used is known to other processes and after a start.
    again = create_app(settings, migrated(settings)).test_client()
    answer = again.post("/webhooks/acme", data=b"forged", headers={"X-Token": "b"})
    assert (answer.status_code, answer.get_json()["error"]["message"]) == (
        401,
        "The signature of this webhook has been used for another event: it is a replay.",
    )
    assert [delivery.body for delivery in stored(store)] == [b"one", b"one", b"two", b"of another account"]


def test_a_subscription_is_confirmed_before_it_is_answered(settings):
    store = migrated(settings)
    client = create_app(settings, store).test_client()
    with Confirming() as platform:
        answer = client.post("/webhooks/acme", data=b"{}", headers={"X-Visit": f"{platform.url}/confirm?a=1&b=2"})
        assert (answer.status_code, answer.data) == (200, b"ok")
        assert [(asked.method, asked.path, asked.query) for asked in platform.asked] == [
            ("GET", "/confirm", {"a": "1", "b": "2"})
        ]
    assert stored(store) == []


@pytest.mark.parametrize("status", [302, 403, 500])
def test_a_confirmation_that_fails_is_asked_for_again(settings, status):
    client = create_app(settings, migrated(settings)).test_client()
    with Confirming() as platform:
        platform.status = status
        answer = client.post("/webhooks/acme", data=b"{}", headers={"X-Visit": f"{platform.url}/confirm"})
        assert answer.status_code == 503
        assert len(platform.asked) == 1


def test_a_confirmation_that_reaches_nobody_is_asked_for_again(settings):
    client = create_app(settings, migrated(settings)).test_client()
    with Confirming() as platform:
        url = platform.url
    assert client.post("/webhooks/acme", data=b"{}", headers={"X-Visit": url}).status_code == 503


def test_a_provider_sees_the_address_as_it_was_given_out(settings, asking):
    store = migrated(settings)
    client = create_app(settings, store).test_client()
    assert client.post("/webhooks/acme?tenant=7&x=%20y", data=b"1", headers={"X-Kept": "k"}).status_code == 200
    assert client.post("/webhooks/acme/token", data=b"2").status_code == 200
    assert [request.url for request in asking.seen] == [
        "https://events.example.com/webhooks/acme?tenant=7&x=%20y",
        "https://events.example.com/webhooks/acme/token",
    ]
    assert [delivery.context.get("header.x-kept") for delivery in stored(store)] == ["k", None]
