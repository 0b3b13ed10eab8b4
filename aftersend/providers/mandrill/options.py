"""Mandrill's own options of a source."""

from __future__ import annotations

from aftersend.providers import marks


class Options(marks.Options, frozen=True, kw_only=True):
    """Options of a source at Mandrill. The marks of its emails are the keys of their ``metadata``."""

    webhook_url: str = ""
    """The webhook's address exactly as it was typed at Mandrill, where that is another than the one
    ``aftersend check`` prints: it is part of what is signed."""
    tag_is_campaign: bool = False
    """Whether the first tag stands for the campaign, where the metadata names none."""
    look_back: str = "14d"
    """For how long opens, clicks and bounces of a message are awaited: messages sent within are read again."""
    late_every: str = "6h"
    """How often these are read again, as far back as that."""
    rejects_every: str = "1h"
    """How often the deny list is read."""
