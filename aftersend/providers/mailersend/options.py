"""MailerSend's own options of a source."""

from __future__ import annotations

from aftersend.providers import marks


class Options(marks.Options, frozen=True, kw_only=True):
    """MailerSend has tags only, so a mark is a tag ``name:value``; ``tag`` stands for the first tag, whatever it is."""

    domains: str = ""
    """Ids of the sending domains whose activities are read, separated by commas; empty: all that the account has."""
    retention: str = "30d"
    """How far back the plan shows activities. Where it is shorter, that is found out by trying."""
    activity_every: str = "15m"
    """How often activities are read: a run takes one request a domain, of a daily quota."""
