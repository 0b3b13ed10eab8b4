"""Postmark's own options of a source."""

from __future__ import annotations

from aftersend.providers import marks


class Options(marks.Options, frozen=True, kw_only=True):
    """Both marks are looked for in a message's ``Metadata``, and are also found under ``Tag`` and ``MessageStream``."""

    transactional_streams: str = "outbound"
    """Streams known to be transactional, separated by commas: there a complaint has its own webhook, and the change of
    the subscription that follows it counts nowhere."""
    streams: str = "outbound, broadcast"
    """Streams whose suppressions are read, separated by commas."""
    test_messages: str = "00000000-0000-0000-0000-000000000000"
    """Message ids of the sample data that Postmark posts when a webhook is saved, separated by commas."""
    dates_zone: str = "America/New_York"
    """The zone in which the lists understand dates."""
    deepest: int = 10_000
    """How many rows deep a list can be read; a window that has more is halved."""
    retention: str = "45d"
    """For how long Postmark keeps messages: nothing older is asked for."""
    suppressions_every: str = "1h"
    """How often suppressions are read."""


def several(names: str) -> list[str]:
    """The names in a text that separates them by commas."""
    return [name.strip() for name in names.split(",") if name.strip()]
