"""Values as Mailchimp writes them: times with an offset or of the source's zone, merge fields, ids of addresses."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import blake2b, md5
from typing import Any

from aftersend.providers import marks
from aftersend.providers.mailchimp.options import Options
from aftersend.providers.values import FIRST, LAST, Stamp, text
from aftersend.vocabulary import BadInput, Clock, ContactInfo, Instant, Precision
from aftersend.zones import from_wall, instant


def stamp(value: Any, name: str, zone: str = "UTC") -> Stamp:
    """An ISO 8601 time, or ``YYYY-MM-DD HH:MM:SS`` of a zone, cut to the second. Raises BadInput naming the field."""
    try:
        found = datetime.fromisoformat(value.strip()).replace(microsecond=0)
        if not FIRST.year + 1 < found.year < LAST.year:
            raise ValueError
        at, clock = (instant(found), Clock.STATED) if found.tzinfo else from_wall(found, zone)
    except (AttributeError, ValueError, TypeError, OverflowError):
        raise BadInput(f"{name} is not a time.", name) from None
    return Stamp(at, Precision.SECOND, clock)


def written(at: Instant) -> str:
    """An instant as the API takes it: UTC, cut to seconds."""
    return datetime.fromtimestamp(at // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S+00:00")


def email_id(email: str) -> str:
    """Mailchimp's own id of an address: the MD5 of it in lower case. It has no part in any proof."""
    return md5(email.lower().encode("utf-8", "replace"), usedforsecurity=False).hexdigest()


def contact(email: str | None, own: str | None, merged: Mapping[str, Any], options: Options) -> list[ContactInfo]:
    """What merge fields tell about a contact; nothing where they tell nothing."""
    external, first, last = (
        marks.told(merged, options.external_id),
        text(merged.get("FNAME")),
        text(merged.get("LNAME")),
    )
    if not (external or first or last) or not (email or own):
        return []
    return [ContactInfo(contact_id=own, email=email, external_id=external, first_name=first, last_name=last)]


def merges(merged: Mapping[str, Any]) -> dict[str, str]:
    """Merge fields as metadata; the address is told anyway."""
    return marks.flat({name: value for name, value in merged.items() if name != "EMAIL"})


def digest(*parts: Any) -> str:
    """What tells something without an id from others: 32 hexadecimal digits."""
    return blake2b(repr(parts).encode("utf-8", "replace"), digest_size=16).hexdigest()
