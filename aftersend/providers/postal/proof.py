"""Who may call: Postal signs the raw body with its installation's RSA key (provider file, "Verification").

The source's secrets are public keys in any form in which Postal shows them: the text after ``p=`` of its DKIM record,
the whole record, PEM, or what stands at ``/.well-known/jwks.json``. There is no time in the signature.
"""

from __future__ import annotations

import base64
import re
from functools import lru_cache
from typing import Any

import msgspec
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey, RSAPublicNumbers
from cryptography.hazmat.primitives.hashes import SHA1, SHA256, HashAlgorithm
from cryptography.hazmat.primitives.serialization import load_der_public_key

from aftersend.providers.contract import Handshake, Request, check_address, check_method
from aftersend.providers.proofs import accept, unbase64
from aftersend.settings import Source
from aftersend.vocabulary import Rejected

SHA256_HEADER, SHA1_HEADER = "x-postal-signature-256", "x-postal-signature"
_ARMOUR = re.compile(r"-----(BEGIN|END) PUBLIC KEY-----|\s")
_RECORD = re.compile(r"(?:^|;)\s*p\s*=\s*([A-Za-z0-9+/=\s]+)")


def verify(request: Request, source: Source, *, sha1: bool) -> Handshake | None:
    """The signature must be by the private half of one of the source's keys. ``sha1``: the installation is too old to
    sign with SHA-256; where it did, only that counts, whatever else there is."""
    check_method(request, "Postal")
    check_address(request, source)
    if request.method != "POST":
        return Handshake()
    header, algorithm = _scheme(request, source, sha1)
    signature = unbase64(request.headers.get(header, "").strip()) or b""
    accept(
        source,
        lambda secret: _fits(secret, signature, request.body, algorithm),
        "`postal default-dkim-record` prints the key, after p=",
    )
    return None


def _scheme(request: Request, source: Source, sha1: bool) -> tuple[str, HashAlgorithm]:
    if SHA256_HEADER in request.headers:
        return SHA256_HEADER, SHA256()
    if SHA1_HEADER in request.headers and not sha1:
        raise Rejected(
            "The webhook is signed with SHA-1 alone, as Postal before version 3 does: if yours is, set sha1 = true "
            f"for source '{source.name}'."
        )
    # Whichever hash, a signature that isn't there fits no key.
    return SHA1_HEADER, SHA1()  # noqa: S303 - what old installations have


def _fits(secret: str, signature: bytes, body: bytes, algorithm: HashAlgorithm) -> bool:
    return any(_by(key, signature, body, algorithm) for key in _keys(secret))


def _by(key: RSAPublicKey, signature: bytes, body: bytes, algorithm: HashAlgorithm) -> bool:
    try:
        key.verify(signature, body, PKCS1v15(), algorithm)
    except (InvalidSignature, UnsupportedAlgorithm, ValueError):
        return False
    return True


@lru_cache(maxsize=256)
def _keys(secret: str) -> tuple[RSAPublicKey, ...]:
    """The keys a secret stands for; none for what is no RSA key."""
    if secret.startswith("{"):
        return tuple(_of_json(secret))
    record = _RECORD.search(secret)
    try:
        key = load_der_public_key(unbase64(_ARMOUR.sub("", record[1] if record else secret)) or b"")
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return ()
    return (key,) if isinstance(key, RSAPublicKey) else ()


def _of_json(secret: str) -> list[RSAPublicKey]:
    """The keys of a JSON Web Key or a set of them (RFC 7517)."""
    try:
        said = msgspec.json.decode(secret.encode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return []
    listed = said.get("keys", [said])
    found = (_of_numbers(one) for one in (listed if isinstance(listed, list) else []))
    return [key for key in found if key]


def _of_numbers(said: Any) -> RSAPublicKey | None:
    if not isinstance(said, dict) or said.get("kty") != "RSA":
        return None
    try:
        return RSAPublicNumbers(_number(said.get("e")), _number(said.get("n"))).public_key()
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return None


def _number(said: Any) -> int:
    """A number as base64url of its bytes. Raises ValueError or TypeError for what is none."""
    return int.from_bytes(base64.urlsafe_b64decode(said + "=" * (-len(said) % 4)))
