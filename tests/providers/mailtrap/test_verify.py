"""Who may call Mailtrap's webhook address (provider file, "Verification")."""

from __future__ import annotations

import hmac
from hashlib import sha256
from typing import Any

import msgspec
import pytest

from aftersend.providers.contract import Handshake, Never, Request
from aftersend.providers.mailtrap import Mailtrap
from aftersend.settings import Source
from aftersend.vocabulary import Rejected
from tests.providers.mailtrap.said import fixture
from tests.providers.security import FIRST, WebhookSecurity

SECRET = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"
SIGNATURE = "e576a5215d1ca3564bb0d178e6b733c66617c1d8a1418f5feaf57e90d4452741"
BODY = fixture("webhook_engagement.json")


def hexed(name: str) -> str:
    """A secret of the platform's form for one of the shared tests' names; none stays none."""
    return sha256(name.encode()).hexdigest()[:32] if name else ""


def signed(body: bytes, secret: str) -> str:
    return hmac.new(secret.encode(), body, "sha256").hexdigest()


def request(signature: str | None, body: bytes = BODY, method: str = "POST", **fields: Any) -> Request:
    headers = {"content-type": "application/json"} | ({} if signature is None else {"mailtrap-signature": signature})
    return Request(method=method, token="", query="", headers=headers, address="192.0.2.1", body=body, **fields)


class TestMailtrap(WebhookSecurity):
    provider = Mailtrap()

    def source(self, *secrets: str, addresses: tuple[str, ...] = ()) -> Source:
        return super().source(*map(hexed, secrets), addresses=addresses)

    def genuine(self, secret: str) -> Request:
        return request(signed(BODY, hexed(secret)))

    def tampered(self, request: Request) -> Request:
        return msgspec.structs.replace(request, body=request.body.replace(b"ana@", b"eve@"))

    def unproven(self, request: Request) -> Request:
        return msgspec.structs.replace(request, headers={"content-type": "application/json"})

    def verified(self, given: Request, *secrets: str) -> bool:
        source = Source(name="acme", provider="mailtrap", webhook_secrets=list(secrets or (hexed(FIRST),)))
        try:
            return self.provider.verify(given, source) is None
        except Rejected:
            return False

    def test_the_documented_vector_is_accepted(self):
        body = fixture("webhook_delivery.json")
        assert self.verified(request(SIGNATURE, body), SECRET)
        assert not self.verified(request(SIGNATURE, body + b"\n"), SECRET)
        assert not self.verified(request(SIGNATURE[:-1] + "0", body), SECRET)

    def test_the_secret_is_a_key_as_text_and_not_the_bytes_its_hex_stands_for(self):
        decoded = hmac.new(bytes.fromhex(SECRET), BODY, "sha256").hexdigest()
        assert not self.verified(request(decoded), SECRET)

    def test_of_lines_the_whole_body_is_signed(self):
        body = fixture("lines.jsonl")
        assert self.verified(request(signed(body, SECRET), body), SECRET)
        assert not self.verified(request(signed(body.splitlines()[0], SECRET), body), SECRET)

    def test_each_stream_has_a_webhook_with_a_secret_of_its_own(self):
        for secret in ("transactional", "bulk"):
            assert self.verified(request(signed(BODY, secret)), "transactional", "bulk")

    @pytest.mark.parametrize("given", ["", " ", "x", "nan", "ü", "\ud800", "0" * 64, "sha256=" + "0" * 64, "0" * 9999])
    def test_a_signature_that_is_none_is_refused(self, given):
        assert not self.verified(request(given))

    def test_a_signature_in_capitals_is_not_what_mailtrap_prints(self):
        assert not self.verified(request(signed(BODY, hexed(FIRST)).upper()))

    def test_a_secret_that_is_none_spoils_no_other(self):
        given = request(signed(BODY, SECRET))
        assert self.verified(given, " ", "\ud800", "ключ", "\x00", f" {SECRET} ")
        assert not self.verified(given, " ", "\ud800")

    @pytest.mark.parametrize("body", [b"", b"\xff\xfe", b"{", b"null"])
    def test_a_signed_body_is_not_parsed_and_an_unsigned_one_refused(self, body):
        assert self.verified(request(signed(body, SECRET), body), SECRET)
        assert not self.verified(request(signed(BODY, SECRET), body), SECRET)

    @pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS"])
    def test_another_method_than_post_is_answered_with_the_one_that_works(self, method):
        with pytest.raises(Never) as never:
            self.provider.verify(request(None, b"", method), self.source(FIRST))
        assert (never.value.status, never.value.allow) == (405, "POST")

    @pytest.mark.parametrize("method", ["GET", "HEAD"])
    def test_asking_whether_we_are_there_is_answered(self, method):
        assert self.provider.verify(request(None, b"", method), self.source(FIRST)) == Handshake(status=200, body="ok")
