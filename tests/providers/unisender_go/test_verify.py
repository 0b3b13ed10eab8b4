"""Who may call Unisender Go's webhook address (provider file, "Verification")."""

from __future__ import annotations

import gzip
import hashlib
import struct

import msgspec
import pytest

from aftersend.providers.contract import Handshake, Never, Request
from aftersend.providers.unisender_go import UnisenderGo
from aftersend.settings import Source
from aftersend.vocabulary import ConfigurationError, Rejected
from tests.providers.security import FIRST, SECOND, WebhookSecurity
from tests.providers.unisender_go.fake import signed
from tests.providers.unisender_go.said import fixture

KEY = "ug-EXAMPLE-api-key-0001"
VECTOR = (
    b'{"auth":"8acec0855029d62b834867539943786f","events_by_user":[{"user_id":456,"events":[{"event_name":'
    b'"transactional_email_status","event_data":{"job_id":"1wAbCd-0001Ef-Gh","metadata":{"order_id":"4711"},'
    b'"email":"ana@example.com","status":"delivered","event_time":"2026-03-01 10:00:30"}}]}]}'
)
BLANK = fixture("webhook_batch.json")


def request(body: bytes, method: str = "POST", token: str = "", **headers: str) -> Request:
    return Request(method=method, token=token, query="", headers=headers, address="192.0.2.1", body=body)


class TestUnisenderGo(WebhookSecurity):
    provider = UnisenderGo()

    def genuine(self, secret: str) -> Request:
        return request(signed(BLANK, secret))

    def tampered(self, request: Request) -> Request:
        return msgspec.structs.replace(request, body=request.body.replace(b"ana@example.com", b"eva@example.com"))

    def unproven(self, request: Request) -> Request:
        body = msgspec.json.decode(request.body)
        del body["auth"]
        return msgspec.structs.replace(request, body=msgspec.json.encode(body))

    def verified(self, body: bytes, *secrets: str) -> bool:
        try:
            return self.provider.verify(request(body), self.source(*(secrets or (FIRST,)))) is None
        except Rejected:
            return False

    def test_the_documented_vector_is_accepted_and_anything_beside_it_refused(self):
        assert self.verified(VECTOR, KEY)
        assert not self.verified(VECTOR, KEY + "x")
        for wrong in (
            VECTOR + b"\n",
            VECTOR[:-1] + b" }",
            VECTOR.replace(b"ana@", b"eva@"),
            VECTOR.replace(b"8a", b"8b"),
        ):
            assert not self.verified(wrong, KEY)

    def test_the_fake_signs_as_documented(self):
        assert signed(VECTOR.replace(b"8acec0855029d62b834867539943786f", b"0" * 32), KEY) == VECTOR

    def test_escaped_slashes_and_letters_are_hashed_as_they_stand(self):
        body = signed(
            b'{"auth":"' + b"0" * 32 + b'", "url":"https:\\/\\/shop.example.com\\/\\u00e4", "n" : 1.50}', FIRST
        )
        assert self.verified(body)
        assert not self.verified(msgspec.json.encode(msgspec.json.decode(body)))

    @pytest.mark.parametrize(
        "auth",
        [
            '""',
            '":"',
            "0",
            "null",
            "true",
            "[]",
            "{}",
            f'"{"0" * 31}"',
            f'"{"0" * 33}"',
            f'"{"g" * 32}"',
            f'"{"٠" * 32}"',
        ],
    )
    def test_an_auth_that_is_no_md5_is_refused_before_anything_is_replaced(self, auth):
        assert not self.verified(b'{"auth":' + auth.encode() + b',"events_by_user":[]}')

    def test_an_auth_that_is_written_otherwise_than_it_reads_is_refused(self):
        # Nothing would be replaced in the raw bytes, and no key would enter the hash.
        body = b'{"auth":"\\u0030' + b"0" * 31 + b'","events_by_user":[]}'
        assert not self.verified(body)

    @pytest.mark.parametrize("value", [b'"\\ud83d"', b'"a\tb"', b"NaN", b'"M\xe4rz"', b"1" + b"0" * 400])
    def test_json_that_only_lenient_readers_take_is_verified_like_any_other(self, value):
        body = b'{"auth":"' + b"0" * 32 + b'","events_by_user":[],"comment":' + value + b"}"
        assert self.verified(signed(body, FIRST))
        assert not self.verified(signed(body, SECOND))
        assert not self.verified(signed(body, FIRST) + b" ")

    def test_an_auth_in_capitals_is_refused(self):
        body = signed(BLANK, FIRST)
        auth = msgspec.json.decode(body)["auth"].encode()
        assert not self.verified(body.replace(auth, auth.upper()))

    def test_what_was_signed_once_cannot_be_continued(self):
        """Who knows an MD5 and the length of what it is of can go on from it without the key."""
        body = signed(BLANK, FIRST)
        auth = msgspec.json.decode(body)["auth"].encode()
        hashed = body.replace(auth, FIRST.encode())
        padding = b"\x80" + b"\0" * ((55 - len(hashed)) % 64) + struct.pack("<Q", len(hashed) * 8)
        forged = hashlib.md5(hashed + padding + b'{"more":1}').hexdigest().encode()
        assert not self.verified(body.replace(auth, forged) + padding + b'{"more":1}')
        assert not self.verified(body.replace(auth, forged) + padding)

    def test_a_project_signs_with_its_own_key(self):
        assert self.verified(signed(BLANK, SECOND), FIRST, SECOND)
        assert not self.verified(signed(BLANK, SECOND), FIRST)

    def test_a_compressed_body_is_signed_inside_whatever_its_headers_say(self):
        assert self.verified(gzip.compress(signed(BLANK, FIRST)))
        assert not self.verified(gzip.compress(signed(BLANK, SECOND)))

    @pytest.mark.parametrize("wrong", [slice(None, -1), slice(None, 20), slice(None, 2)])
    def test_a_compressed_body_that_is_cut_short_is_refused(self, wrong):
        assert not self.verified(gzip.compress(signed(BLANK, FIRST))[wrong])

    def test_a_compressed_body_that_grows_without_end_or_has_something_behind_it_is_refused(self):
        assert not self.verified(gzip.compress(signed(BLANK, FIRST)) + b"x")
        assert not self.verified(gzip.compress(b" " * 50_000_001, 1))

    @pytest.mark.parametrize("body", [b"", b"\xff\xfe", b"{", b"null", b"[]", b"7", b"[" * 100_000, b'{"auth"'])
    def test_a_body_that_is_no_object_is_refused(self, body):
        assert not self.verified(body)

    @pytest.mark.parametrize("secret", [" ", "\udcff", "\xff", "k" * 10_000, "0" * 32])
    def test_a_secret_that_is_none_spoils_no_other(self, secret):
        assert self.verified(signed(BLANK, SECOND), secret, SECOND)

    @pytest.mark.parametrize("name", ["auth_header", "id", "content-encoding"])
    def test_headers_prove_nothing(self, name):
        with pytest.raises(Rejected):
            self.provider.verify(request(BLANK, **{name: FIRST}), self.source(FIRST))

    @pytest.mark.parametrize(("token", "accepted"), [("behind-the-slash", True), ("", False), ("behind", False)])
    def test_where_it_is_set_the_address_must_end_with_the_path_token(self, token, accepted):
        options = {"path_token": "behind-the-slash"}
        source = Source(name="acme", provider="unisender_go", webhook_secrets=[FIRST], options=options)
        call = request(signed(BLANK, FIRST), token=token)
        if accepted:
            assert self.provider.verify(call, source) is None
        else:
            with pytest.raises(Rejected) as refused:
                self.provider.verify(call, source)
            assert "behind-the-slash" not in str(refused.value)
        with pytest.raises(Rejected):
            self.provider.verify(request(signed(BLANK, SECOND), token="behind-the-slash"), source)

    @pytest.mark.parametrize("method", ["GET", "HEAD"])
    def test_the_address_is_asked_for_without_proof_when_it_is_saved(self, method):
        assert self.provider.verify(request(b"", method), self.source(FIRST)) == Handshake()
        assert self.provider.verify(request(b"", method), self.source()) == Handshake()

    @pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS"])
    def test_another_method_than_post_is_answered_with_the_one_that_works(self, method):
        with pytest.raises(Never) as never:
            self.provider.verify(request(b"", method), self.source(FIRST))
        assert (never.value.status, never.value.allow) == (405, "POST")

    def test_an_interval_that_is_none_is_a_mistake_in_the_configuration(self):
        with pytest.raises(ConfigurationError, match="dump_every"):
            self.provider.configured(Source(name="acme", provider="unisender_go", options={"dump_every": "often"}))
