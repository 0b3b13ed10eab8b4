"""Postal's own options of a source."""

from __future__ import annotations

from aftersend.providers import marks


class Options(marks.Options, frozen=True, kw_only=True):
    """A sender can mark a message with one ``tag``, and by setting its ``message_id``; it has no other fields."""

    external_id: str = ""
    """Which of both holds the sender's own id of the recipient; empty: none."""
    campaign_id: str = "tag"
    """Which of both holds the campaign."""
    sha1: bool = False
    """Whether webhooks signed with SHA-1 alone are taken, as Postal before version 3 sends them."""
