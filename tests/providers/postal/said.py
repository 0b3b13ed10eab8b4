"""How these tests make Postal's deliveries, and sign them."""

from __future__ import annotations

import base64
from functools import cache
from importlib.resources import files
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from aftersend.providers.postal import Postal
from aftersend.settings import Source
from aftersend.vocabulary import Delivery, Door, Instant, Reading

POSTAL = Postal()
SOURCE = Source(name="acme", provider="postal")
RECEIVED: Instant = 1_772_400_000_000


def fixture(name: str) -> bytes:
    return files("aftersend.providers.postal").joinpath("fixtures", f"webhook_{name}.json").read_bytes()


def said(name: str) -> Any:
    """A fixture to be changed."""
    return msgspec.json.decode(fixture(name))


def hook(body: Any, received_at: Instant = RECEIVED, **options: Any) -> Reading:
    """What a webhook says; anything but bytes is sent as JSON."""
    raw = body if isinstance(body, bytes) else msgspec.json.encode(body)
    source = msgspec.structs.replace(SOURCE, options=options)
    return POSTAL.read(Delivery(source="acme", door=Door.WEBHOOK, received_at=received_at, body=raw), source)


@cache
def private_key(name: str) -> RSAPrivateKey:
    """One key for each name; short, as old installations have them, so that making one takes no time."""
    return generate_private_key(public_exponent=65537, key_size=1024)


def public_key(name: str) -> str:
    """The text after ``p=`` of a DKIM record."""
    der = private_key(name).public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(der).decode()


def signed(body: bytes, name: str, *, old: bool = False) -> dict[str, str]:
    """The headers of a call; version 3 signs twice, an ``old`` installation with SHA-1 alone."""
    key = private_key(name)
    headers = {"Content-Type": "application/json", "User-Agent": "Postal/3.3.4"}
    headers["X-Postal-Signature"] = base64.b64encode(key.sign(body, PKCS1v15(), SHA1())).decode()
    if not old:
        headers["X-Postal-Signature-256"] = base64.b64encode(key.sign(body, PKCS1v15(), SHA256())).decode()
        headers["X-Postal-Signature-KID"] = "0" * 64
    return headers
