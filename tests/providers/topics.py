"""Topics as Amazon SNS and its like have them, with keys of our own: their posts, and where their certificates lie."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from functools import cache
from typing import Any, NamedTuple

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from aftersend.providers.contract import Request
from aftersend.vocabulary import now
from tests.fakes import Asked, FakePlatform, Said

SIGNED = {
    "Notification": ["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"],
    "": ["Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"],
}


class Signer(NamedTuple):
    """Whoever signs: a key and its certificate."""

    key: Any
    certificate: x509.Certificate

    @property
    def pem(self) -> str:
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode()


@cache
def key(name: str) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def certified(
    name: str,
    by: Signer | None = None,
    *,
    authority: bool = False,
    since: int = 2020,
    until: int = 2099,
    with_key: Any = None,
) -> Signer:
    """A certificate of that name, issued by another or by itself."""
    own = with_key or key(name)
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(by.certificate.subject if by else subject)
        .public_key(own.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime(since, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(until, 1, 1, tzinfo=UTC))
    )
    if authority:
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    return Signer(own, builder.sign(by.key if by else own, hashes.SHA256()))


@cache
def signer(name: str) -> Signer:
    """One who certifies itself."""
    return certified(name)


def unversioned(signer: Signer) -> str:
    """A certificate of a version that there is none of, as PEM."""
    whole = signer.certificate.public_bytes(serialization.Encoding.DER)
    version_3 = b"\xa0\x03\x02\x01\x02"
    assert whole.count(version_3, 0, 20) == 1
    changed = base64.encodebytes(whole.replace(version_3, version_3[:-1] + b"\x42", 1)).decode()
    return f"-----BEGIN CERTIFICATE-----\n{changed}-----END CERTIFICATE-----\n"


def elliptic(name: str) -> Signer:
    """One whose key is none of RSA."""
    return certified(name, signer("another"), with_key=ec.generate_private_key(ec.SECP256R1()))


def written(at: int | None = None) -> str:
    """A time as a topic writes it, in UTC; default: the present."""
    at = now() if at is None else at
    return datetime.fromtimestamp(at / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{at % 1000:03d}Z"


def signed(envelope: dict[str, Any], by: Signer) -> dict[str, Any]:
    """The envelope with the signature that fits it."""
    names = SIGNED.get(envelope["Type"], SIGNED[""])
    lines = [f"{name}\n{envelope[name]}\n" for name in names if name in envelope]
    digest = hashes.SHA256() if envelope["SignatureVersion"] == "2" else hashes.SHA1()
    made = by.key.sign("".join(lines).encode(), padding.PKCS1v15(), digest)
    return envelope | {"Signature": base64.b64encode(made).decode()}


def envelope(message: Any, topic: str, certificate: str, **fields: Any) -> dict[str, Any]:
    """An unsigned notification; a message that isn't text is sent as JSON. A field that is ``None`` is left out."""
    told = {
        "Type": "Notification",
        "MessageId": "11111111-2222-5333-8444-555555555555",
        "TopicArn": topic,
        "Message": message if isinstance(message, str) else msgspec.json.encode(message).decode(),
        "Timestamp": written(),
        "SignatureVersion": "1",
        "SigningCertURL": certificate,
    } | fields
    return {name: value for name, value in told.items() if value is not None}


def confirmation(topic: str, certificate: str, address: str, **fields: Any) -> dict[str, Any]:
    """An unsigned question whether the subscription is wanted."""
    asked = {"Type": "SubscriptionConfirmation", "Token": "2336412f37fbtest", "SubscribeURL": address}
    return envelope("You have chosen to subscribe.\nVisit the SubscribeURL.", topic, certificate, **(asked | fields))


def post(envelope: dict[str, Any] | bytes, method: str = "POST", **headers: str) -> Request:
    """As a topic sends it, with ``x-amz-sns-…`` in the headers (names with underscores)."""
    told = {} if isinstance(envelope, bytes) else envelope
    own = {"x-amz-sns-message-type": told.get("Type"), "x-amz-sns-message-id": told.get("MessageId")}
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    return Request(
        method=method,
        token="",
        query="",
        headers={"content-type": "text/plain; charset=UTF-8"} | {n: v for n, v in own.items() if v} | given,
        address="192.0.2.1",
        body=envelope if isinstance(envelope, bytes) else msgspec.json.encode(envelope),
    )


class Keeper(FakePlatform):
    """Serves certificates, and takes confirmations, on this very machine."""

    base = "/sns"

    def __init__(self, seed: int = 1):
        super().__init__(seed)
        self.files: dict[str, Said] = {}

    def holds(self, name: str, *signers: Signer) -> str:
        """The address under which these certificates lie now."""
        self.files[f"{self.base}/{name}"] = Said(body="".join(one.pem for one in signers).encode())
        return f"{self.url}/{name}"

    def answer(self, asked: Asked) -> Said:
        if asked.query.get("Action") == "ConfirmSubscription":
            return Said(body=b"<ConfirmSubscriptionResponse/>")
        return self.files.get(asked.path) or Said(status=404)
