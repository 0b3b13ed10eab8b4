"""The envelope of Resend's webhooks, opened."""

from __future__ import annotations

from typing import Any, NamedTuple

from aftersend.providers.resend.identity import digest
from aftersend.providers.standard import call_id
from aftersend.providers.values import Stamp, decoded, first_time, text
from aftersend.vocabulary import BadInput, Delivery


class Call(NamedTuple):
    """One event as it was called in."""

    source: str
    own_id: str | None
    """``svix-id``."""
    id: str
    """The same, or a digest of the body where there is none."""
    word: str
    data: dict[str, Any]
    at: Stamp | None
    """When it happened, where that is told."""
    received: Stamp

    def text(self, name: str) -> str | None:
        """A field of the data."""
        return text(self.data.get(name))

    def part(self, name: str) -> dict[str, Any]:
        """An object within the data; empty where there is none."""
        found = self.data.get(name)
        return found if isinstance(found, dict) else {}


def opened(delivery: Delivery) -> Call:
    """Raises Malformed or BadInput for what is no call."""
    said = decoded(delivery.body, what="The webhook")
    if not isinstance(said, dict):
        raise BadInput("A webhook's JSON must be an object.")
    word, data = text(said.get("type")), said.get("data")
    if not word:
        raise BadInput("type is missing.", "type")
    if not isinstance(data, dict):
        raise BadInput("data must be an object.", "data")
    own = call_id(delivery.context)
    # The time within the data is that of the email's making, which may lie after the event (Time format).
    received = Stamp(delivery.received_at).about()
    at = first_time(said.get("created_at"))
    return Call(delivery.source, own, own or digest(delivery.body), word, data, at, received)
