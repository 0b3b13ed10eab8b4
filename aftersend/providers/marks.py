"""What senders attach to their emails, so that events can be told apart: tags, variables, metadata.

Most platforms know neither campaigns nor the sender's own ids. Their users put both into what can be attached, under
names of their own choosing, which the source's options name.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from aftersend.providers.values import text

_DEEPEST = 8


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """Options of every source whose emails carry marks. A provider's own struct may inherit it."""

    external_id: str = "external_id"
    """The mark that holds the sender's own id of the recipient; several names, separated by commas, in the order in
    which they are looked for."""
    campaign_id: str = "campaign_id"
    """The mark that holds the campaign, where the platform itself names none. Several as above."""


def told(marks: Mapping[str, Any], names: str) -> str | None:
    """The value of the first of these names that has one. A name is compared exactly, then without regard to case."""
    wanted = [name.strip() for name in names.split(",") if name.strip()]
    for name in wanted:
        if found := text(marks.get(name)):
            return found
    lower = {str(name).lower(): value for name, value in marks.items()}
    return next((found for name in wanted if (found := text(lower.get(name.lower())))), None)


def flat(value: Any, prefix: str = "") -> dict[str, str]:
    """What is attached, as metadata: one level, nested names joined by dots, lists of plain values by commas. What
    says nothing, and what lies deeper than anybody nests, is left out."""
    found: dict[str, str] = {}
    if isinstance(value, dict):
        _flatten(value, prefix, 1, found)
    elif prefix and (plain := _plain(value)):
        found[prefix] = plain
    return found


def _flatten(value: dict[Any, Any], prefix: str, depth: int, found: dict[str, str]) -> None:
    for name, inner in value.items():
        said = text(name)
        if not said:
            continue
        path = f"{prefix}.{said}" if prefix else said
        if isinstance(inner, dict):
            if depth < _DEEPEST:
                _flatten(inner, path, depth + 1, found)
        elif plain := _plain(inner):
            found[path] = plain


def _plain(value: Any) -> str | None:
    if isinstance(value, list):
        return ", ".join(filter(None, map(text, value)))
    return str(value).lower() if isinstance(value, bool) else text(value)
