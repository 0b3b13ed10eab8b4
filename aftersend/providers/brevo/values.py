"""Values as Brevo writes them: times, tags, marks, reasons (provider file, "Time format" and "External ids")."""

from __future__ import annotations

import re
from typing import Any

from aftersend.providers.contract import Malformed
from aftersend.providers.marks import flat
from aftersend.providers.values import FIRST, LAST, Stamp, decoded, text
from aftersend.vocabulary import Instant, Precision
from aftersend.zones import instant

CUSTOM = "X-Mailin-custom"
"""The header in which senders put marks, and the mark that is all of it."""
SECOND = 1000
QUARTER, SLACK, FARTHEST = 900, 5, 14 * 3600
"""In seconds: zones lie multiples of a quarter of an hour apart, at most 14 hours from UTC."""
_MILLISECONDS = 100_000_000_000
"""From here on a number is one of milliseconds: as seconds it would be the year 5138."""
_LATEST = instant(LAST)
_SMTP = re.compile(r"(?<![\d.])[45]\d\d(?!\d|\.\d)")


def happened(item: dict[str, Any]) -> Stamp | None:
    """When an event of a webhook happened, to the second: ``ts_event``, unless ``ts_epoch`` shows that it is a local
    time in disguise. ``ts`` and the texts are local times always. ``None`` where nothing tells."""
    event = _instant(item.get("ts_event"))
    epoch = _instant(item.get("ts_epoch")) or _instant(item.get("s_epoch"))
    at = epoch if event is None or (epoch is not None and _disguised(event, epoch)) else event
    return None if at is None else Stamp(at - at % SECOND, Precision.SECOND)


def _disguised(event: Instant, epoch: Instant) -> bool:
    apart = abs(event - epoch) / SECOND
    quarters = round(apart / QUARTER)
    return quarters > 0 and abs(apart - quarters * QUARTER) <= SLACK and apart <= FARTHEST + SLACK


def _instant(value: Any) -> Instant | None:
    """Unix seconds, or milliseconds, as a number or its digits."""
    said = text(value) or ""
    if not (said.isascii() and said.isdecimal() and len(said) < 16):
        return None
    number = int(said)
    at = number if number >= _MILLISECONDS else number * SECOND
    return at if instant(FIRST) < at <= _LATEST else None


def message_id(value: Any) -> str | None:
    """A message's id without its brackets, which not every door writes."""
    said = text(value)
    return (said.removeprefix("<").removesuffix(">").strip() or None) if said else None


def tags(item: dict[str, Any]) -> list[str]:
    """``tags``, else ``tag``: a list, JSON in a text, or one plain tag."""
    for value in (item.get("tags"), item.get("tag")):
        if found := _listed(value):
            return found
    return []


def _listed(value: Any) -> list[str]:
    if isinstance(value, list):
        return [said for tag in value if (said := text(tag))]
    said = text(value)
    if said is None:
        return []
    if said.startswith("["):
        found = _json(said)
        if isinstance(found, list):
            return _listed(found)
    return [said]


def custom(value: Any) -> dict[str, str]:
    """The marks in ``X-Mailin-custom``: JSON, or ``key:value|key:value``. Pieces without a name are its own mark."""
    if isinstance(value, dict):
        return flat(value)
    said = text(value)
    if said is None:
        return {}
    if said.startswith("{") and isinstance(found := _json(said), dict):
        return flat(found)
    pieces = [piece.strip() for piece in said.split("|")]
    pairs = (piece.partition(":") for piece in pieces)
    named = {name.strip(): told.strip() for name, _, told in pairs if name.strip() and told.strip()}
    bare = "|".join(piece for piece in pieces if piece and ":" not in piece)
    return named | ({CUSTOM: bare} if bare else {})


def _json(said: str) -> Any:
    try:
        return decoded(said.encode())
    except Malformed:
        return None


def smtp_code(reason: str | None) -> str | None:
    """The code in a reason, which may begin with words of Brevo's own."""
    found = _SMTP.search(reason or "")
    return found[0] if found else None
