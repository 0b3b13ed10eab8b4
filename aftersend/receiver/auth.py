"""API keys: who asks, what they may see, and of which sources.

A secret is ``as_`` and 32 random characters. The store keeps only its SHA-256 digest: a slow hash protects
passwords that people choose, and adds nothing to 190 random bits. Every request reads its key from the store
(one indexed read), so a revoked key is refused at once, in every process.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from hashlib import sha256

import msgspec
from werkzeug.datastructures import Headers

from aftersend.settings import Settings
from aftersend.storage.contract import KeyRow, Store
from aftersend.vocabulary import AftersendError, BadInput, Instant, now

REPORTS = "reports:read"
"""Opens aggregates."""
CONTACTS = "contacts:read"
"""Together with ``reports:read``: opens rows with addresses."""
ADMIN = "admin"
"""Opens everything."""
SCOPES = (REPORTS, CONTACTS, ADMIN)
ADMIN_KEY_ID = "admin"


class Caller(msgspec.Struct, frozen=True):
    """The holder of a valid key."""

    key: KeyRow

    @property
    def sources(self) -> tuple[str, ...] | None:
        """The only sources that exist for this caller; ``None``: all of them."""
        return self.key.sources

    def lacks(self, *scopes: str) -> str | None:
        """The first of these scopes that the key doesn't have, ``None`` if it has them all."""
        if ADMIN in self.key.scopes:
            return None
        return next((scope for scope in scopes if scope not in self.key.scopes), None)


def digest(secret: str) -> bytes:
    """What the store knows of a secret: its SHA-256, 32 bytes."""
    return sha256(secret.encode("utf-8", "replace")).digest()


def mint(
    store: Store,
    name: str,
    scopes: Sequence[str],
    sources: Sequence[str] | None = None,
    expires_at: Instant | None = None,
) -> tuple[KeyRow, str]:
    """Make a key and keep it; returns it with its secret, which nobody can be shown again.

    ``sources`` limits the key to these. Raises BadInput for an unknown scope, or none.
    """
    if not scopes:
        raise BadInput(f"A key needs a scope: {', '.join(SCOPES)}.", "scopes")
    for scope in scopes:
        if scope not in SCOPES:
            raise BadInput(f"There is no scope '{scope}'; scopes are {', '.join(SCOPES)}.", "scopes")
    secret = "as_" + secrets.token_urlsafe(24)
    row = KeyRow(
        id=secrets.token_hex(4),
        name=name,
        scopes=tuple(scopes),
        sources=None if sources is None else tuple(sources),
        created_at=now(),
        expires_at=expires_at,
        revoked_at=None,
    )
    store.add_key(row, digest(secret))
    return row, secret


def authenticate(store: Store, secret: str) -> Caller | None:
    """The caller with this secret; ``None`` if the key is unknown, expired or revoked."""
    row = store.key(digest(secret))
    if row is None or row.revoked_at is not None:
        return None
    if row.expires_at is not None and row.expires_at <= now():
        return None
    return Caller(row)


def secret_of(headers: Headers) -> str:
    """The secret in a request to our own API (``X-API-Key``, else ``Authorization: Bearer``), or ``""``."""
    if given := headers.get("X-API-Key", "").strip():
        return given
    scheme, _, token = headers.get("Authorization", "").strip().partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def register_admin(settings: Settings, store: Store) -> None:
    """Keep ``AFTERSEND_ADMIN_KEY`` as the key with id ``admin``, in place of any earlier one.

    A store that can't be reached yet doesn't stop the receiver from starting: ``/readyz`` tells, and the next
    start registers the key.
    """
    if not settings.admin_key:
        return
    try:
        store.ready()
        known = store.key(digest(settings.admin_key))
        # Every process of the receiver comes here; only a change is worth a write.
        if known is not None and known.id == ADMIN_KEY_ID and known.revoked_at is None:
            return
        row = KeyRow(
            id=ADMIN_KEY_ID,
            name="AFTERSEND_ADMIN_KEY",
            scopes=(ADMIN,),
            sources=None,
            created_at=now(),
            expires_at=None,
            revoked_at=None,
        )
        store.add_key(row, digest(settings.admin_key))
    except AftersendError:
        return
