"""What the schemes of verification have in common."""

from __future__ import annotations

import base64

import pytest

from aftersend.providers.contract import Request
from aftersend.providers.proofs import accept, check_age, check_shared, mac, once, same, unbase64
from aftersend.settings import Source
from aftersend.vocabulary import Rejected

SIGNED_AT = 1_767_268_800
PRESENT = SIGNED_AT * 1000


def source(*secrets: str) -> Source:
    return Source(name="acme", provider="postmark", webhook_secrets=list(secrets))


def request(token: str = "", **headers: str) -> Request:
    return Request(method="POST", token=token, query="", headers=headers, address="192.0.2.1", body=b"")


def basic(pair: str) -> str:
    return f"Basic {base64.b64encode(pair.encode()).decode()}"


def test_every_secret_is_tried_whichever_fits():
    tried = []

    def fits(secret: str) -> bool:
        tried.append(secret)
        return secret == "one"

    accept(source("one", " two ", ""), fits, "see there")
    assert tried == ["one", "two"]


def test_a_refusal_says_where_the_secret_is_shown_and_never_the_secret():
    with pytest.raises(Rejected, match=r"fits no secret in webhook_secrets of source 'acme': see there\.$"):
        accept(source("hidden"), lambda _: False, "see there")
    with pytest.raises(Rejected, match=r"has no webhook_secrets, so nothing can be verified: see there\.$"):
        accept(source("  "), lambda _: True, "see there")


def test_macs_are_those_of_rfc_4231_and_2202():
    key, message = "Jefe", b"what do ya want for nothing?"
    assert mac(key, message) == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    assert (
        mac(key, message, "sha1", "base64")
        == base64.b64encode(bytes.fromhex("effcdf6ae5eb2fa2d27416d5f184df9c259a7c79")).decode()
    )
    assert mac("\ud800", b"") == mac(b"\xed\xa0\x80", b"")


def test_texts_are_compared_whatever_they_hold():
    assert same("a\ud800", "a\ud800")
    assert not same("a", "b")
    assert not same("", "a")


@pytest.mark.parametrize(
    ("text", "bytes_"), [("YWI=", b"ab"), ("YWI", None), ("%%%", None), ("\u05d0", None), ("", b"")]
)
def test_base64_is_read_strictly(text, bytes_):
    assert unbase64(text) == bytes_


@pytest.mark.parametrize(("apart", "accepted"), [(0, True), (300, True), (-300, True), (301, False), (-301, False)])
def test_an_age_is_tolerated_in_both_directions(apart, accepted):
    if accepted:
        check_age(str(SIGNED_AT), 300, source(), PRESENT + apart * 1000)
        return
    with pytest.raises(Rejected, match="more than 5 minutes"):
        check_age(str(SIGNED_AT), 300, source(), PRESENT + apart * 1000)


@pytest.mark.parametrize("said", ["", "now", "-1", "1e9", "1767268800.5", "\u0661", "1" * 12, "+1767268800"])
def test_a_time_that_is_none_is_refused(said):
    with pytest.raises(Rejected, match="does not say when"):
        check_age(said, 300, source(), PRESENT)


@pytest.mark.parametrize(
    "given",
    [
        request("s3cret"),
        request(authorization=basic("anyone:s3cret")),
        request(authorization=basic("s3cret").replace("Basic", "bAsIc")),
        request(authorization="Bearer s3cret"),
    ],
)
def test_a_shared_secret_may_come_in_the_address_or_as_a_password_or_token(given):
    check_shared(given, source("old", "s3cret"))


def test_a_header_of_its_own_may_carry_the_secret():
    given = request(**{"x-secret": " s3cret "})
    check_shared(given, source("s3cret"), ["x-other", "x-secret"])
    for headers in ([], ["x-other"]):
        with pytest.raises(Rejected):
            check_shared(given, source("s3cret"), headers)
    with pytest.raises(Rejected):
        check_shared(request(), source("  "), ["x-secret"])


def test_a_pair_of_user_and_password_may_be_the_secret():
    check_shared(request(authorization=basic("ada:s3cret")), source("ada:s3cret"))
    with pytest.raises(Rejected):
        check_shared(request(authorization=basic("bob:s3cret")), source("ada:s3cret"))


@pytest.mark.parametrize(
    "given",
    [
        request(),
        request("s3cre"),
        request("s3cret "),
        request(authorization="s3cret"),
        request(authorization="Digest s3cret"),
        request(authorization="Basic s3cret"),
        request(authorization="Basic %%%"),
        request(authorization=basic("s3cret:")),
        request("\ud800", authorization="Bearer \ud800"),
    ],
)
def test_anything_else_is_refused(given):
    with pytest.raises(Rejected, match="aftersend check acme"):
        check_shared(given, source("s3cret"))
    with pytest.raises(Rejected):
        check_shared(given, source(""))


def test_a_token_is_remembered_for_its_source_and_fact():
    first = once(source(), "token", "fact", 5)
    assert first == once(source(), "token", b"fact", 5)
    assert first.token != once(source(), "other", "fact", 5).token
    assert first.fact != once(source(), "token", "other", 5).fact
    assert first.token != once(Source(name="other", provider="mailgun"), "token", "fact", 5).token
    assert (len(first.token), len(first.fact), first.until) == (16, 16, 5)
