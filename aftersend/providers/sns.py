"""Amazon SNS and what speaks as it does: platforms that publish events to a topic, whose subscription posts them here.

A post is an envelope, JSON with ``Type``, ``TopicArn`` and, as text, ``Message``; signed by RSA with the key of a
certificate that the envelope itself names (providers/amazon-ses.md, "Auth / verification"). A right signature proves
only that *some* topic sent it, for anybody may subscribe a topic to our address: so the source lists its topics, and
what names another is refused before anything is fetched. Certificates are fetched from addresses that the platform's
rules allow, and kept as long as the process lives.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import Any

import msgspec
import requests
import urllib3
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.x509.verification import Criticality, ExtensionPolicy, Policy, PolicyBuilder, Store, VerificationError

from aftersend.outgoing import no_credentials
from aftersend.providers import marks, proofs
from aftersend.providers.contract import Handshake, Malformed, Never, Request, check_address
from aftersend.providers.values import Stamp, decoded, first_time, known, text
from aftersend.settings import Source, duration
from aftersend.vocabulary import BadInput, Delivery, Event, Kind, Rejected, TemporaryError, now, slot_key

NOTIFICATION, CONFIRMATION, UNSUBSCRIBED = "Notification", "SubscriptionConfirmation", "UnsubscribeConfirmation"
_OF_SUBSCRIPTIONS = ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")
SIGNED = {
    NOTIFICATION: ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    CONFIRMATION: _OF_SUBSCRIPTIONS,
    UNSUBSCRIBED: _OF_SUBSCRIPTIONS,
}
"""Type → the fields that are signed, in their order."""
OPTIONAL = "Subject"
"""The one of them that may be absent."""
DIGESTS: dict[str, SHA1 | SHA256] = {"1": SHA1(), "2": SHA256()}  # noqa: S303 - what version 1 prescribes
"""``SignatureVersion`` → digest."""

TIMEOUT_S = 5.0
"""How long fetching a certificate may take: the platform waits meanwhile, SNS for 15 seconds."""
MOST_BYTES = 64_000
"""More than this is no certificate."""
MOST_KEPT = 64
"""Certificates that are kept. A platform has a few at a time."""

Told = dict[str, str]
"""An envelope: its fields that are text."""


class Options(marks.Options, frozen=True, kw_only=True):
    """Options of every source whose events come from a topic."""

    topics: list[str] = msgspec.field(default_factory=list)
    """The ARNs of the topics that are confirmed and accepted. Empty: none is."""
    certificates: list[str] = msgspec.field(default_factory=list)
    """Signing certificates, as PEM or names of files that hold them. Where any are given, only they are accepted and
    nothing is fetched."""
    trust_chain: list[str] = msgspec.field(default_factory=list)
    """Certificates of the authority that must have issued a signing certificate that is fetched, as above."""
    sha256_only: bool = False
    """Accept only ``SignatureVersion`` 2."""
    max_age: str = "2h"
    """How long ago a notification may have been published, and how far ahead."""

    def __post_init__(self) -> None:
        """Raises ConfigurationError naming the option."""
        duration(self.max_age, "max_age")


class Platform(msgspec.Struct, frozen=True, kw_only=True):
    """What speaks as SNS does."""

    title: str
    signs_at: Callable[[str, str], bool]
    """(address, topic) → whether the platform itself keeps certificates for the topic there."""
    confirms_at: Callable[[str, str], bool]
    """(address, topic) → whether opening it subscribes to the topic and does nothing else."""
    chained: bool = False
    """Whether the address of a certificate proves nothing, so that its authority must be known."""


def verify(request: Request, source: Source, options: Options, platform: Platform) -> Handshake | None:
    """Accept what a listed topic signed. A subscription to one is confirmed by opening its address. Raises Rejected,
    Never; TemporaryError where a certificate can't be had now."""
    if request.method not in ("POST", "GET", "HEAD"):
        raise Never(405, f"{platform.title} sends its notifications by POST.", allow="POST")
    check_address(request, source)
    if request.method != "POST":
        return Handshake()
    if request.headers.get("x-amz-sns-rawdelivery", "").lower() == "true":
        raise Rejected(f"Raw message delivery is not signed: switch it off in the subscription of '{source.name}'.")
    try:
        told = opened(request.body)
    except (BadInput, Malformed) as error:
        raise Rejected(str(error)) from None
    _check_topic(told, source, options)
    _check_headers(told, request)
    _check_age(told, source, options)
    _check_signature(told, source, options, platform)
    if told["Type"] != CONFIRMATION:
        return None
    address = told["SubscribeURL"]
    if not (_here(address, source) or platform.confirms_at(address, told["TopicArn"])):
        raise Rejected(f"The address that would confirm the subscription is none of {platform.title}'s.")
    return Handshake(visit=address)


def opened(body: bytes) -> Told:
    """An envelope with all that its type needs. Raises Malformed and BadInput."""
    found = decoded(body, what="The envelope")
    if not isinstance(found, dict):
        raise BadInput("An envelope must be an object.")
    told: Told = {name: value for name, value in found.items() if isinstance(name, str) and isinstance(value, str)}
    needed = SIGNED.get(told.get("Type", ""))
    if not needed:
        raise BadInput("Type is none that a topic sends.", "Type")
    for name in (*needed, "Signature", "SignatureVersion", "SigningCertURL"):
        if name not in told and name != OPTIONAL:
            raise BadInput(f"{name} is missing.", name)
    return told


def canonical(told: Mapping[str, str]) -> bytes:
    """What is signed: of each field its name and its value, each on a line of its own."""
    lines = (f"{name}\n{told[name]}\n" for name in SIGNED[told["Type"]] if name in told)
    return "".join(lines).encode("utf-8", "surrogatepass")


def published(told: Told) -> Stamp | None:
    """When the topic published the notification; ``None`` where that can't be read."""
    return first_time(told.get("Timestamp"))


def said(told: Told) -> Any:
    """The JSON value of a notification's message. Raises Malformed."""
    return decoded(told["Message"].encode("utf-8", "surrogatepass"), what="The message")


def unsubscribed(told: Told, delivery: Delivery) -> Event:
    """That the topic delivers no more. Opening its address would subscribe again: that is the operator's to do."""
    at = published(told) or Stamp(delivery.received_at).about()
    return Event(
        slot=slot_key(None, delivery.source, Kind.OTHER, told["Type"], text(told["MessageId"])),
        kind=Kind.OTHER,
        word=told["Type"],
        occurred_at=at.at,
        precision=at.precision,
        clock=at.clock,
        metadata=known(topic=text(told["TopicArn"])),
    )


def trusted(options: Options, platform: Platform) -> str:
    """What a source accepts now, for its setup text: a line for the topics, others for the certificates."""
    topics = _filled(options.topics)
    lines = [f"- topics: {', '.join(topics)}" if topics else "- topics: **none, so nothing is confirmed or accepted**"]
    for name, texts in (("certificates", options.certificates), ("trust_chain", options.trust_chain)):
        found, broken = _loaded(texts)
        if texts:
            lines.append(f"- {name}: {len(found)} can be used" + (f", **{broken} can't be read**" if broken else ""))
    if platform.chained and not (options.certificates or options.trust_chain):
        lines.append("- trust_chain: **none, so nothing can be verified**")
    return "\n".join(lines)


def _check_topic(told: Told, source: Source, options: Options) -> None:
    topics = _filled(options.topics)
    if not topics:
        raise Rejected(
            f"Source '{source.name}' lists no topics, so nothing is confirmed or accepted: put the topic's ARN into "
            "topics."
        )
    if told["TopicArn"] not in topics:
        raise Rejected(f"The notification comes from a topic that is not among the topics of source '{source.name}'.")


def _check_headers(told: Told, request: Request) -> None:
    """They repeat what is signed, and are not signed themselves."""
    for header, name in (("x-amz-sns-message-type", "Type"), ("x-amz-sns-message-id", "MessageId")):
        if request.headers.get(header, told[name]) != told[name]:
            raise Rejected(f"The header {header} doesn't say what the envelope says.")


def _check_age(told: Told, source: Source, options: Options) -> None:
    at = published(told)
    proofs.check_age(str(at.at // 1000) if at else "", duration(options.max_age, "max_age") // 1000, source)


def _check_signature(told: Told, source: Source, options: Options, platform: Platform) -> None:
    digest = DIGESTS.get(told["SignatureVersion"])
    signature = proofs.unbase64(told["Signature"])
    if digest is None or (options.sha256_only and told["SignatureVersion"] != "2"):
        raise Rejected(f"Source '{source.name}' doesn't accept this SignatureVersion.")
    if not (_here(told["SigningCertURL"], source) or platform.signs_at(told["SigningCertURL"], told["TopicArn"])):
        raise Rejected(f"The address of the signing certificate is none of {platform.title}'s.")
    certificates, broken = _signers(told["SigningCertURL"], source, options, platform)
    if signature and any(_signed(one, signature, canonical(told), digest) for one in certificates):
        return
    if broken:
        raise TemporaryError(f"A certificate in the options of source '{source.name}' can't be read.")
    raise Rejected(
        f"The signature fits no certificate that source '{source.name}' trusts: `aftersend check {source.name}` says "
        "which these are."
    )


def _here(address: str, source: Source) -> bool:
    """Whether an address lies below that of a platform which is played on this very machine."""
    return source.is_local and address.startswith(source.base_url.rstrip("/") + "/") and ".." not in address


def _signers(
    address: str, source: Source, options: Options, platform: Platform
) -> tuple[Sequence[x509.Certificate], int]:
    """The certificates that may have signed, and how many of the options' can't be read."""
    if options.certificates:
        return _loaded(options.certificates)
    if not (options.trust_chain or platform.chained):
        return FETCHED.at(address)[:1], 0
    anchors, broken = _loaded(options.trust_chain)
    if not anchors and not broken:
        raise Rejected(
            f"Source '{source.name}' knows no authority of {platform.title}'s, so nothing can be verified: put its "
            "certificates into trust_chain."
        )
    certificate, *others = FETCHED.at(address)
    return ([certificate] if _issued(certificate, others, anchors) else []), broken


def _signed(certificate: x509.Certificate, signature: bytes, message: bytes, digest: SHA1 | SHA256) -> bool:
    if not certificate.not_valid_before_utc <= _present() <= certificate.not_valid_after_utc:
        return False
    try:
        key = certificate.public_key()
        if not isinstance(key, rsa.RSAPublicKey):
            return False
        key.verify(signature, message, padding.PKCS1v15(), digest)
    except (InvalidSignature, UnsupportedAlgorithm, ValueError):
        return False
    return True


def _authority(_policy: Policy, _certificate: x509.Certificate, said: x509.BasicConstraints) -> None:
    if not said.ca:
        raise ValueError("It may not issue certificates.")


_ISSUER = ExtensionPolicy.permit_all().require_present(x509.BasicConstraints, Criticality.AGNOSTIC, _authority)
"""Signing certificates are none of web servers, whose rules for names and purposes would be the default."""


def _issued(
    certificate: x509.Certificate, others: Sequence[x509.Certificate], anchors: Sequence[x509.Certificate]
) -> bool:
    """Whether a certificate was issued by one of the anchors, perhaps by way of the others; all of them being valid."""
    if not anchors:
        return False
    builder = PolicyBuilder().store(Store(list(anchors))).time(_present())
    builder = builder.extension_policies(ca_policy=_ISSUER, ee_policy=ExtensionPolicy.permit_all())
    try:
        builder.build_client_verifier().verify(certificate, list(others))
    except (VerificationError, UnsupportedAlgorithm, ValueError):
        return False
    return True


def _present() -> datetime:
    return datetime.fromtimestamp(now() / 1000, UTC)


# -- where certificates come from ----------------------------------------------------------------------------


def _filled(texts: Sequence[str]) -> list[str]:
    return [found for one in texts if (found := one.strip())]


def _loaded(texts: Sequence[str]) -> tuple[list[x509.Certificate], int]:
    """The certificates of options, and how many of the texts can't be read: these spoil no other."""
    found: list[x509.Certificate] = []
    broken = 0
    for one in _filled(texts):
        try:
            found += _certificates_of(one)
        except (OSError, ValueError, RuntimeError):  # RuntimeError: nobody has that home directory
            broken += 1
    return found, broken


@lru_cache(maxsize=256)
def _certificates_of(pem_or_file: str) -> list[x509.Certificate]:
    held = pem_or_file.encode() if "-----BEGIN" in pem_or_file else Path(pem_or_file).expanduser().read_bytes()
    return _parsed(held)


def _parsed(pem: bytes) -> list[x509.Certificate]:
    """The certificates in a text, at least one. Raises ValueError."""
    try:
        return x509.load_pem_x509_certificates(pem)
    except x509.InvalidVersion as error:
        raise ValueError(str(error)) from None


class _Fetched:
    """Certificates by their addresses. What lies at one never changes: a new certificate has a new address."""

    def __init__(self) -> None:
        self._kept: dict[str, list[x509.Certificate]] = {}
        self._one_at_a_time = Lock()

    def at(self, address: str) -> list[x509.Certificate]:
        """The certificates at an address that was found to be the platform's, at least one. Raises TemporaryError."""
        if found := self._kept.get(address):
            return found
        # Whoever makes up addresses costs one connection at a time, and doesn't hold up what is known.
        if not self._one_at_a_time.acquire(timeout=TIMEOUT_S):
            raise TemporaryError("Too many signing certificates are being fetched.")
        try:
            return self._kept.get(address) or self._keep(address, _fetch(address))
        finally:
            self._one_at_a_time.release()

    def _keep(self, address: str, body: bytes) -> list[x509.Certificate]:
        try:
            found = _parsed(body)
        except ValueError:
            raise TemporaryError("What came as the signing certificate is none.") from None
        while len(self._kept) >= MOST_KEPT:
            del self._kept[next(iter(self._kept))]
        self._kept[address] = found
        return found


FETCHED = _Fetched()


def _fetch(address: str) -> bytes:
    """What lies at an address, at most :data:`MOST_BYTES`. Redirects are not followed, since they lead elsewhere."""
    deadline = time.monotonic() + TIMEOUT_S
    body = b""
    try:
        with requests.get(
            address,
            timeout=TIMEOUT_S,
            allow_redirects=False,
            stream=True,
            auth=no_credentials,
            headers={"User-Agent": "Aftersend"},
        ) as answer:
            if answer.status_code != 200:
                raise TemporaryError(f"The signing certificate could not be fetched: status {answer.status_code}.")
            while chunk := answer.raw.read1(MOST_BYTES, decode_content=True):
                body += chunk
                if len(body) > MOST_BYTES or time.monotonic() > deadline:
                    raise TemporaryError("The signing certificate could not be fetched: too much, or too slowly.")
    except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
        raise TemporaryError(f"The signing certificate could not be fetched: {type(error).__name__}.") from None
    return body
