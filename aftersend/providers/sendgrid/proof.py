"""Who may call: SendGrid signs with ECDSA over P-256 and SHA-256 (provider file, "Auth / verification").

What is signed is the time's header and the raw body, with nothing between. The source's secrets are public keys, as
SendGrid shows them ("verification key"): base64 of a DER SubjectPublicKeyInfo; PEM is understood as well.
"""

from __future__ import annotations

import re
from functools import lru_cache

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

from aftersend.providers.contract import Handshake, Request, check_address, check_method
from aftersend.providers.proofs import accept, check_age, unbase64
from aftersend.settings import Source

SIGNATURE = "x-twilio-email-event-webhook-signature"
TIMESTAMP = "x-twilio-email-event-webhook-timestamp"
_ARMOUR = re.compile(r"-----(BEGIN|END) PUBLIC KEY-----|\s")


def verify(request: Request, source: Source, tolerance_ms: int) -> Handshake | None:
    """The signature must be by the private half of one of the source's keys, and at most ``tolerance_ms`` old or ahead
    (0: of any age)."""
    check_method(request, "SendGrid")
    check_address(request, source)
    if request.method != "POST":
        return Handshake()
    signed_at = request.headers.get(TIMESTAMP, "")
    signature = unbase64(request.headers.get(SIGNATURE, "").strip()) or b""
    signed = signed_at.encode("utf-8", "surrogatepass") + request.body
    accept(
        source,
        lambda secret: _fits(secret, signature, signed),
        "SendGrid shows the verification key under Settings, Mail Settings, Event Webhooks, Signature Verification",
    )
    if tolerance_ms:
        check_age(signed_at.strip(), tolerance_ms // 1000, source)
    return None


def _fits(secret: str, signature: bytes, signed: bytes) -> bool:
    key = _key(secret)
    if key is None:
        return False
    try:
        key.verify(signature, signed, ec.ECDSA(SHA256()))
    except InvalidSignature:
        return False
    return True


@lru_cache(maxsize=256)
def _key(secret: str) -> ec.EllipticCurvePublicKey | None:
    """The key a secret stands for; ``None`` for what is no public key of the scheme's curve."""
    try:
        key = load_der_public_key(unbase64(_ARMOUR.sub("", secret)) or b"")
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return None
    return key if isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1) else None
