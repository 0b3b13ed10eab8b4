"""Mailjet's own options of a source."""

from __future__ import annotations

from aftersend.providers import marks


class Options(marks.Options, frozen=True, kw_only=True):
    """Marks are looked for in the fields of ``Payload``, where that is a JSON object, and under ``CustomID``."""

    external_id: str = "CustomID"
    """The mark that holds the sender's own id of the recipient; several names, separated by commas."""
    look_back: str = "5d"
    """For how long outcomes of a message are awaited: messages that arrived within are read again."""
    messages_every: str = "15m"
    """How often these are read."""
    histories_at_once: int = 200
    """How many histories of messages are read in one run, one request each."""
