"""What a dialect says of each of its endpoints: ``/openapi.json`` is made from it."""

from __future__ import annotations

from typing import Any

import msgspec


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """One endpoint of a dialect, all of them GET."""

    path: str
    """As OpenAPI writes it: ``/v3/reports/stats/email_campaigns/{campaign_ids}``."""
    summary: str
    parameters: dict[str, dict[str, Any]] = {}
    """Parameter → JSON schema (``description`` allowed). Names that stand in the path are path parameters."""
    required: tuple[str, ...] = ()
    """Query parameters that must be given."""
    answer: Any
    """The type of a 200's body: a TypedDict, struct or list of them; for other media ``str``."""
    media: str = "application/json"
    errors: dict[int, Any]
    """Status → type of its body: every status but 200 that a GET of this path can be answered with."""
    headers: dict[str, str] = {}
    """Header of a 200 → what it says."""
