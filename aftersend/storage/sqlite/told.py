"""What is told *about* campaigns and contacts: names, dates, statuses. Of each field, what was told last stands, the
greater text where two were told at once: a pure function of what was told."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import Any

import msgspec

from aftersend.vocabulary import CampaignInfo, Instant

_json = msgspec.json.Encoder(order="deterministic")


def of_campaign(c: sqlite3.Connection, campaign: int, info: CampaignInfo, at: Instant) -> bool:
    """Keep what is told about a campaign. Returns whether it was news."""
    facts = {name: value for name, value in msgspec.structs.asdict(info).items() if name != "campaign_id"}
    (before,) = c.execute("SELECT about FROM campaigns WHERE id = ?", (campaign,)).fetchone()
    about = joined(before, facts, at)
    if about != before:
        c.execute("UPDATE campaigns SET about = ? WHERE id = ?", (about, campaign))
    return known(about) != known(before)


def joined(about: str | None, facts: Mapping[str, Any], at: Instant) -> str:
    """What is known, as JSON {field: [when told, value]}, together with what is told now; none where only an id was."""
    told: dict[str, list[Any]] = msgspec.json.decode(about) if about else {}
    for name, value in facts.items():
        if value is not None and (name not in told or (at, str(value)) > (told[name][0], str(told[name][1]))):
            told[name] = [at, value]
    return _json.encode(told).decode()


def known(about: str | None) -> dict[str, Any]:
    """Field → what was told last."""
    return {name: value for name, (_, value) in msgspec.json.decode(about).items()} if about else {}
