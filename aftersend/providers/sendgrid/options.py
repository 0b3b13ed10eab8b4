"""SendGrid's own options of a source."""

from __future__ import annotations

from aftersend.providers import marks


class Options(marks.Options, frozen=True, kw_only=True):
    """Custom args hold the sender's marks."""

    tolerance: str = "25h"
    """How old the signature of a webhook may be. SendGrid tries again for 24 hours, and doesn't say whether it signs
    anew; ``0s``: of any age."""
    test_recipients: str = "example@test.com"
    """Recipients of the events that "Test Your Integration" invents, separated by commas: these count nowhere."""
    subuser: str = ""
    """Name of the subuser whose lists are read with the key of its parent account."""
    suppressions_every: str = "15m"
    """How often each suppression list is read."""
    activity_every: str = "15m"
    """How often the email activity is asked which messages have moved, and theirs is read."""
    activity_query: str = 'last_event_time BETWEEN TIMESTAMP "{since}" AND TIMESTAMP "{until}"'
    """How a range of time is asked for in the email activity, which isn't documented; ``{since}`` and ``{until}`` stand
    for times as 2026-01-01T00:00:00Z, both included."""
