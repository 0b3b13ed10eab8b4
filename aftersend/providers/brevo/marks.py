"""What senders attach to emails at Brevo: ``X-Mailin-custom`` and tags (provider file, "External ids")."""

from __future__ import annotations

from typing import Any, NamedTuple

from aftersend.providers.brevo.options import Options
from aftersend.providers.brevo.values import CUSTOM, custom, tags
from aftersend.providers.marks import told
from aftersend.providers.values import text

TAG = "tag"
"""The mark that stands for the first tag."""


class Marks(NamedTuple):
    """What an email's marks tell."""

    external_id: str | None
    campaign_id: str | None
    told: dict[str, str]
    """All of them, as metadata."""


def marked(item: dict[str, Any], options: Options) -> Marks:
    """The marks of a webhook's event or of a row, which has tags only."""
    attached, named = tags(item), custom(item.get(CUSTOM))
    whole = text(item.get(CUSTOM))
    marks = {TAG: attached[0] if attached else None} | named | {CUSTOM: whole}
    metadata = named if named or not whole else {CUSTOM: whole}
    if attached:
        metadata = metadata | {"tags": ", ".join(attached)}
    return Marks(told(marks, options.external_id), told(marks, options.campaign_id), metadata)
