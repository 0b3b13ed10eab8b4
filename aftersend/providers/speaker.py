"""How a provider looks from the other side: what a sandbox needs in order to play it.

A provider's folder may hold a module ``sandbox`` with a :class:`Speaker` named ``speaker``. It turns a
:class:`Fact`, which is nobody's in particular, into that platform's webhook and feed rows. It shares no code
with the provider's reading, so that each is a check of the other.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from importlib import import_module
from importlib.util import find_spec
from typing import Any, ClassVar

import msgspec

from aftersend.providers import PROVIDERS
from aftersend.vocabulary import BounceClass, ConfigurationError, Instant, Kind


class Contact(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who gets emails. ``external_id`` is the customer's own id, where one was supplied."""

    id: str
    email: str
    name: str
    external_id: str | None


class Fact(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that truly happened, in no platform's words."""

    number: int
    """Increasing, never used twice; platforms derive their row ids from it."""
    kind: Kind
    at: Instant
    """A whole second."""
    campaign_id: str
    contact: Contact
    message_id: str | None = None
    """Of the message that was sent; on sends only."""
    url: str | None = None
    link_number: str | None = None
    ip_chain: str | None = None
    """One or more addresses, ``a,b``, the client's first."""
    user_agent: str | None = None
    machine: bool = False
    """Whether a machine did it (prefetch, link scanner)."""
    bounce_class: BounceClass | None = None
    reason: str | None = None


class Webhook(msgspec.Struct, frozen=True):
    """A webhook as it goes over the wire."""

    content_type: str
    body: bytes


class Speaker(ABC):
    """A platform's voice, and what its faults need to know of its wire."""

    base_path: ClassVar[str]
    """Below it lie all feeds; the path of the base URL a source is configured with."""
    read_once: ClassVar[frozenset[str]] = frozenset()
    """Last parts of the paths of feeds that hand a row out once."""
    page_param: ClassVar[str]
    """The parameter that asks for a page; absent or ``0`` for the first."""
    size_param: ClassVar[str]
    """The parameter that asks for a page size."""
    id_field: ClassVar[str]
    """The field of a read-once row that holds its id."""

    @abstractmethod
    def webhook(self, fact: Fact, zone_name: str) -> Webhook | None:
        """The fact as this platform's webhook, the same bytes each time; ``None`` where it sends none."""

    @abstractmethod
    def row(self, fact: Fact, zone_name: str) -> tuple[str, dict[str, Any]]:
        """The feed that shows the fact, and the fact's row in it."""


def _has_speaker(provider: str) -> bool:
    try:
        return find_spec(f"aftersend.providers.{provider}.sandbox") is not None
    except ModuleNotFoundError:  # no folder of its own: a test's
        return False


def speaker_of(provider: str) -> Speaker:
    """The speaker of a provider. Raises ConfigurationError listing the providers that have one."""
    playable = [name for name in PROVIDERS if _has_speaker(name)]
    if provider not in playable:
        raise ConfigurationError(f"The sandbox cannot play '{provider}'; it can play: {', '.join(playable)}.")
    speaker: Speaker = import_module(f"aftersend.providers.{provider}.sandbox").speaker
    return speaker
