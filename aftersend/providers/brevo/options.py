"""Brevo's own options of a source."""

from __future__ import annotations

from aftersend.providers import marks


class Options(marks.Options, frozen=True, kw_only=True):
    """The marks are those in ``X-Mailin-custom``; ``X-Mailin-custom`` itself and ``tag``, the first tag, are marks
    too."""

    secret_header: str = ""
    """A header of the webhook's own that carries one of the secrets, where neither address nor authorization does."""
    look_back: str = "1d"
    """How far back the list is read again with every run, besides a day of margin."""
    events_every: str = "15m"
    """How often the list is read: Brevo allows 300 requests an hour, and a run takes at least two."""
    page_size: int = 2500
    """Rows asked for at a time, at most 5000."""
