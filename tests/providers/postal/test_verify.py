"""Who may call Postal's webhook address (provider file, "Verification")."""

from __future__ import annotations

import base64

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from aftersend.providers.contract import Handshake, Never, Request
from aftersend.providers.postal import Postal
from aftersend.settings import Source
from aftersend.vocabulary import Rejected
from tests.providers.postal.said import fixture, public_key, signed
from tests.providers.security import FIRST, SECOND, WebhookSecurity

VECTOR_KEY = (
    "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAwHwbK61G8fqU0ugcDDWsGF/Bwz4vAdQ7zI9fTU4nRfYq1+GB8IVbG8ZH"
    "77hOIErqf7afXxjVd+vJ4JIgYYzTkto13F3QuDA83prE7lqZp9gn4peuAXy6zHtrigmGA9GilwUZWBgcMuSfV2I7dS9Xs3YF+2x8"
    "GDSo7YTkWgsjGj8VmUFdVBBN5eNR7OL33ZajX2WQjZh2yGmER23kgZ14/2eIfzA4Yhj37JLG0zIGGLPJpVLv5PpOVGeKnNX2Z52f"
    "oiQQmBaAdmgjWhbreGIqYJikhNS97t0VWz7cIaiuBLq9IvjREUVIGJVpenU+Gv+DvntXCnJCd1/LC/JkMsrT6QIDAQAB"
)
VECTOR_256 = (
    "ebNRNEIE6WhwKAEuzpGqD/w5pvHbEON0KBpAQI08DA3crQ4endjU6Imlm2ThznhI7sZyAWc29IeHVbHzwXdDdhntH314xp9SDU1W"
    "ryLvWNYqRXNSKVsiYBjE2Bm4NTsehAxyb1kfX3hEzggSiRuDnujmP6znXloMj1vufcmMkXy9ez/0B+h/v8kye4OLIBGSL2vGjwU6"
    "2QcTL6/Ll4frhlYniAeJ+OysUnZbLYHUHFF1aNgOTje9qW2/yA/BipliEqtE+afMXfnowYJqvdbHT77VLfxzFEWT97CodXXGFG9B"
    "KQO/PKiF8YmHl1Ocz7kttcxIdwecTqvFiGy4mx0P+A=="
)
VECTOR_1 = (
    "ce+8XD8yApTDowbOjscMLSrvOFbaIUrryxRhrEvL0Q/y2R1YWQjymAsLI5KRmNvpDR6VFcttrs/ZBtqESWtAOX4x1PdlxW3S2DPn"
    "P+/IGoryOlnZ5KUpgftCIAoPkH1wsblo1ftuQxDMlbjVlmj848cL9Fwmc2ADTjswK0mxuHQHVsZbh6OUlI7zJnOo3zfZD6qs7Ktb"
    "+mhaEl44TDF/j5BUnrneInssEM1PKhj7+00LbrMaj2N8FUtz5UuYt0upcT8KZbJYPGehDa+Nf7vMnIcUFuSwh9QN15wTd4roCUdx"
    "7zJEhI34qrGWI9+Wxa+xj7rKTa/6lJGGn8xoyE+T7A=="
)
VECTOR_KID = "2e749bc29aae2b64bdc9f0d88ce5e46ae478199440195343eaa86b749e1eb0dc"
VECTOR_BODY = (
    b'{"event":"MessageSent","timestamp":1772359230.512345,"payload":{"message":{"id":101,"token":"Ab3dEf6'
    b'hIj9k","direction":"outgoing","message_id":"b6c1f0aa-2f0d-4a3e-9a53-0f9d8c7b6a55@rp.postal.example.c'
    b'om","to":"ana@example.com","from":"shop@example.com","subject":"Your receipt","timestamp":1772359228'
    b'.25,"spam_status":"NotChecked","tag":"receipt"},"status":"Sent","details":"Message for ana@example.c'
    b'om accepted","output":"250 2.0.0 OK\\n","sent_with_ssl":true,"timestamp":1772359230.4,"time":0.71},"u'
    b'uid":"0d6f8c1e-3a57-4d0b-9c11-5e6f708192a3"}'
)
VECTOR_JWKS = (
    '{"keys":[{"kty":"RSA","n":"wHwbK61G8fqU0ugcDDWsGF_Bwz4vAdQ7zI9fTU4nRfYq1-GB8IVbG8ZH77hOIErqf7afXxjVd'
    "-vJ4JIgYYzTkto13F3QuDA83prE7lqZp9gn4peuAXy6zHtrigmGA9GilwUZWBgcMuSfV2I7dS9Xs3YF-2x8GDSo7YTkWgsjGj8Vm"
    "UFdVBBN5eNR7OL33ZajX2WQjZh2yGmER23kgZ14_2eIfzA4Yhj37JLG0zIGGLPJpVLv5PpOVGeKnNX2Z52foiQQmBaAdmgjWhbre"
    'GIqYJikhNS97t0VWz7cIaiuBLq9IvjREUVIGJVpenU-Gv-DvntXCnJCd1_LC_JkMsrT6Q","e":"AQAB","kid":"2e749bc29aa'
    'e2b64bdc9f0d88ce5e46ae478199440195343eaa86b749e1eb0dc","use":"sig","alg":"RS256"}]}'
)
BODY = fixture("link_clicked")
NEW, OLD, KID = "x-postal-signature-256", "x-postal-signature", "x-postal-signature-kid"


def request(headers: dict[str, str], body: bytes = BODY, method: str = "POST") -> Request:
    lower = {name.lower(): value for name, value in headers.items()}
    return Request(method=method, token="", query="", headers=lower, address="192.0.2.1", body=body)


def key(name: str) -> str:
    return public_key(name) if name else ""


def accepts(headers: dict[str, str], body: bytes, *secrets: str, **options: bool) -> bool:
    source = Source(name="acme", provider="postal", webhook_secrets=list(secrets), options=options)
    try:
        return Postal().verify(request(headers, body), source) is None
    except Rejected:
        return False


class TestPostal(WebhookSecurity):
    provider = Postal()

    def source(self, *secrets: str, addresses: tuple[str, ...] = ()) -> Source:
        return super().source(*map(key, secrets), addresses=addresses)

    def genuine(self, secret: str) -> Request:
        return request(signed(BODY, secret))

    def tampered(self, request: Request) -> Request:
        return msgspec.structs.replace(request, body=request.body.replace(b"4711", b"4712"))

    def unproven(self, request: Request) -> Request:
        return msgspec.structs.replace(request, headers={"content-type": "application/json"})

    @pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS"])
    def test_another_method_than_post_is_answered_with_the_one_that_works(self, method):
        with pytest.raises(Never) as never:
            self.provider.verify(request({}, method=method), self.source(FIRST))
        assert (never.value.status, never.value.allow) == (405, "POST")

    @pytest.mark.parametrize("method", ["GET", "HEAD"])
    def test_asking_whether_we_are_there_is_answered(self, method):
        assert self.provider.verify(request({}, b"", method), self.source(FIRST)) == Handshake(status=200, body="ok")


def pem(text: str) -> str:
    lines = [text[at : at + 64] for at in range(0, len(text), 64)]
    return "\n".join(["-----BEGIN PUBLIC KEY-----", *lines, "-----END PUBLIC KEY-----", ""])


FORMS = {
    "after p=": VECTOR_KEY,
    "after p= with a semicolon": f"p={VECTOR_KEY};",
    "the record": f"v=DKIM1; t=s; h=sha256; p={VECTOR_KEY};",
    "pem": pem(VECTOR_KEY),
    "key set": VECTOR_JWKS,
    "one key of it": msgspec.json.encode(msgspec.json.decode(VECTOR_JWKS)["keys"][0]).decode(),
}


@pytest.mark.parametrize("form", FORMS)
def test_the_documented_vector_is_accepted_with_the_key_in_any_form(form):
    headers = {NEW: VECTOR_256, OLD: VECTOR_1, KID: VECTOR_KID}
    assert accepts(headers, VECTOR_BODY, FORMS[form])
    assert not accepts(headers, VECTOR_BODY + b"\n", FORMS[form])
    assert not accepts(headers, VECTOR_BODY.replace(b"receipt", b"deceipt"), FORMS[form])
    assert not accepts(headers, VECTOR_BODY, key(FIRST))


def test_the_old_signature_of_the_vector_counts_only_where_the_source_says_so():
    assert accepts({OLD: VECTOR_1}, VECTOR_BODY, VECTOR_KEY, sha1=True)
    assert not accepts({OLD: VECTOR_1}, VECTOR_BODY, VECTOR_KEY)
    assert not accepts({OLD: VECTOR_1}, VECTOR_BODY + b" ", VECTOR_KEY, sha1=True)


@pytest.mark.parametrize("wrong", ["", " ", "AAAA", "%%%", VECTOR_1, VECTOR_256[:-4]])
@pytest.mark.parametrize("sha1", [True, False])
def test_where_there_is_a_new_signature_the_old_one_opens_nothing(wrong, sha1):
    assert not accepts({NEW: wrong, OLD: VECTOR_1}, VECTOR_BODY, VECTOR_KEY, sha1=sha1)


def test_an_old_installation_that_was_upgraded_is_accepted_with_its_new_signature():
    assert accepts(signed(BODY, FIRST), BODY, key(FIRST), sha1=True)
    assert accepts(signed(BODY, FIRST, old=True), BODY, key(FIRST), sha1=True)
    assert not accepts(signed(BODY, FIRST, old=True), BODY, key(FIRST))


def test_the_id_of_the_key_says_nothing():
    for kid in ("", "f" * 64, "\udcff"):
        assert accepts(signed(BODY, FIRST) | {"X-Postal-Signature-KID": kid}, BODY, key(FIRST))


@pytest.mark.parametrize(
    "wrong",
    [
        *(
            "%%%",
            "MIIB",
            "p=",
            "x" * 5000,
            " ",
            "ключ",
            "{",
            "{}",
            "[]",
            '{"keys":7}',
            '{"keys":[7,null,{"kty":"RSA"}]}',
        ),
        *('{"kty":"RSA","n":"AQAB","e":"AQAB"}', '{"kty":"RSA","n":7,"e":"é"}', '{"kty":"EC"}', '{"a":' * 5000),
        VECTOR_KEY[:-8],
    ],
)
def test_a_secret_that_is_no_key_spoils_no_other(wrong):
    assert accepts(signed(BODY, FIRST), BODY, wrong, key(FIRST))
    assert not accepts(signed(BODY, FIRST), BODY, wrong)


def test_a_set_may_hold_the_old_and_the_new_key():
    other = {"kty": "RSA", "n": base64.urlsafe_b64encode(b"\xc1" + b"\x01" * 255).decode(), "e": "AQAB"}
    both = msgspec.json.decode(VECTOR_JWKS)["keys"] + [other, {"kty": "EC"}, 7]
    assert accepts({NEW: VECTOR_256}, VECTOR_BODY, msgspec.json.encode({"keys": both}).decode())


def test_a_key_that_is_not_of_rsa_is_none():
    public = ec.derive_private_key(12345, ec.SECP256R1()).public_key()
    der = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    assert not accepts(signed(BODY, FIRST), BODY, base64.b64encode(der).decode())


def test_the_public_key_itself_opens_nothing():
    password = base64.b64encode(f"user:{key(FIRST)}".encode()).decode()
    for headers in ({"authorization": f"Basic {password}"}, {"authorization": f"Bearer {key(FIRST)}"}):
        assert not accepts(headers, BODY, key(FIRST), sha1=True)


def test_a_webhook_is_accepted_however_long_it_was_under_way():
    # There is no time in the signature, and that of the body is the first attempt's, up to 36 minutes before.
    body = BODY.replace(b"1772360060.1", b"1072360060.1")
    assert accepts(signed(body, FIRST), body, key(FIRST))


@pytest.mark.parametrize("value", ["", "x", "AAAA", "\udcff", "é", "9" * 4000])
def test_a_header_that_is_wrong_is_refused(value):
    assert not accepts(signed(BODY, FIRST) | {"X-Postal-Signature-256": value}, BODY, key(FIRST))


@pytest.mark.parametrize("body", [b"", b"\xff\xfe", b"{", b"null"])
def test_a_signed_body_is_not_parsed(body):
    assert accepts(signed(body, FIRST), body, key(FIRST))
    assert not accepts(signed(BODY, FIRST), body, key(FIRST))


@pytest.mark.parametrize("live", [FIRST, SECOND])
def test_a_refusal_of_an_old_signature_says_what_to_set(live):
    source = Source(name="acme", provider="postal", webhook_secrets=[key(FIRST)])
    with pytest.raises(Rejected, match="sha1 = true"):
        Postal().verify(request(signed(BODY, live, old=True)), source)
