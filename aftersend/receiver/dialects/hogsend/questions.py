"""Query parameters as Hogsend understands them (providers/hogsend.md §2 "Common parameter rules", §4, §7).

A :class:`Query` hands out parameters one by one and gathers what is wrong with them, so that one answer names
every mistake. Parameters nobody asks for are not looked at.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timezone
from email.utils import parsedate_to_datetime
from typing import Any

from flask import request

from aftersend.vocabulary import BadInput, Instant
from aftersend.zones import instant

Issue = dict[str, Any]
LARGEST_SAFE = 2**53 - 1
"""Beyond it a JavaScript number is no longer exact."""

_STRICT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?Z", re.ASCII)
_LOOSE = re.compile(
    r"(?P<year>\d{4})(-(?P<month>\d\d)(-(?P<day>\d\d))?)?"
    r"(T(?P<hour>\d\d):(?P<minute>\d\d)(:(?P<second>\d\d)(\.(?P<fraction>\d+))?)?(?P<zone>Z|[+-]\d\d:\d\d)?)?",
    re.ASCII,
)
_DECIMAL = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)
_WITH_BASE = re.compile(r"0(x[0-9a-f]{1,300}|o[0-7]{1,300}|b[01]{1,300})", re.ASCII | re.IGNORECASE)
_INFINITE = {"Infinity": math.inf, "+Infinity": math.inf, "-Infinity": -math.inf}


class Invalid(BadInput):
    """Parameters that can't be understood."""

    def __init__(self, issues: Sequence[Issue]):
        fields = [str(issue["path"][0]) for issue in issues]
        super().__init__(f"These parameters are not valid: {', '.join(fields)}.", fields[0])
        self.issues = issues

    def body(self) -> dict[str, Any]:
        """As §4 prints it: the issues are a string that holds JSON."""
        message = json.dumps(self.issues, indent=2, ensure_ascii=False)
        return {"success": False, "error": {"name": "ZodError", "message": message}}


class Query:
    """The query of the present request."""

    def __init__(self) -> None:
        self._args = request.args
        self._issues: list[Issue] = []

    def check(self) -> None:
        """Raises Invalid if any of the parameters handed out couldn't be understood."""
        if self._issues:
            raise Invalid(self._issues)

    def text(self, name: str) -> str | None:
        """Any text; ``None`` where it isn't given."""
        given = self._args.getlist(name)
        if len(given) > 1:
            message = "Invalid input: expected string, received array"
            self._issues.append({"code": "invalid_type", "expected": "string", "path": [name], "message": message})
            return None
        return given[0] if given else None

    def option(self, name: str, options: Sequence[str]) -> str | None:
        """One of the options; ``None`` where it isn't given. The default is the caller's affair."""
        given = self._args.getlist(name)
        if not given or (len(given) == 1 and given[0] in options):
            return given[0] if given else None
        expected = "|".join(f'"{option}"' for option in options)
        message = f"Invalid option: expected one of {expected}"
        self._issues.append({"code": "invalid_value", "values": [*options], "path": [name], "message": message})
        return None

    def whole(self, name: str, default: int, least: int, most: int = LARGEST_SAFE) -> int:
        """A whole number, read as JavaScript's ``Number()`` does: an empty one is 0."""
        given = self._args.getlist(name)
        if not given:
            return default
        number = js_number(given[0]) if len(given) == 1 else math.nan
        if issue := _number_issue(name, number, least, most):
            self._issues.append(issue)
            return default
        return int(number)

    def page(self) -> tuple[int, int]:
        """``limit`` and ``offset``."""
        return self.whole("limit", 50, 1, 100), self.whole("offset", 0, 0)

    def window(self) -> tuple[Instant | None, Instant | None]:
        """``from`` and ``to`` in strict UTC as [since, until): both are inclusive, to the millisecond."""
        return self._window(_strict)

    def loose_window(self) -> tuple[Instant | None, Instant | None]:
        """The same in whatever JavaScript's ``Date`` accepts, as the export does."""
        return self._window(_loose)

    def _window(self, read: Any) -> tuple[Instant | None, Instant | None]:
        first, last = self._time("from", read), self._time("to", read)
        return first, None if last is None else last + 1

    def _time(self, name: str, read: Any) -> Instant | None:
        text = self.text(name)
        if text is None:
            return None
        try:
            return instant(read(text))
        except (ValueError, TypeError, OverflowError):
            self._issues.append(format_issue(name, "datetime", "Invalid ISO datetime"))
            return None


def format_issue(name: str, what: str, message: str) -> Issue:
    """A text that isn't of its format."""
    return {"origin": "string", "code": "invalid_format", "format": what, "path": [name], "message": message}


def js_number(text: str) -> float:
    """What JavaScript's ``Number()`` makes of a text; NaN for one that is no number."""
    text = text.strip(" \t\n\v\f\r\u00a0\ufeff\u2028\u2029")
    if not text:
        return 0.0
    if text in _INFINITE:
        return _INFINITE[text]
    if _WITH_BASE.fullmatch(text):
        return float(int(text, 0))
    return float(text) if _DECIMAL.fullmatch(text) else math.nan


def _number_issue(name: str, number: float, least: int, most: int) -> Issue | None:
    if not math.isfinite(number):
        received = "NaN" if math.isnan(number) else "Infinity" if number > 0 else "-Infinity"
        message = f"Invalid input: expected number, received {received}"
        return {"code": "invalid_type", "expected": "number", "path": [name], "message": message}
    if number < least:
        message = f"Too small: expected number to be >={least}"
        bound = {"minimum": least, "inclusive": True}
        return {"origin": "number", "code": "too_small", **bound, "path": [name], "message": message}
    if number > most:
        message = f"Too big: expected number to be <={most}"
        bound = {"maximum": most, "inclusive": True}
        return {"origin": "number", "code": "too_big", **bound, "path": [name], "message": message}
    if not number.is_integer():
        # The engine lets it pass and then fails (§2); we say what is wrong.
        message = "Invalid input: expected int, received number"
        return {"code": "invalid_type", "expected": "int", "path": [name], "message": message}
    return None


def _strict(text: str) -> datetime:
    if not _STRICT.fullmatch(text):
        raise ValueError
    return _loose(text)


def _loose(text: str) -> datetime:
    """What has no zone is UTC, as on a server that runs in UTC."""
    found = _LOOSE.fullmatch(text)
    if not found:
        when = parsedate_to_datetime(text)
        return when if when.tzinfo else when.replace(tzinfo=UTC)
    part = found.groupdict()
    return datetime(
        int(part["year"]),
        int(part["month"] or 1),
        int(part["day"] or 1),
        int(part["hour"] or 0),
        int(part["minute"] or 0),
        int(part["second"] or 0),
        int(f"{part['fraction'] or '':0<6}"[:6]),
        _zone(part["zone"]),
    )


def _zone(text: str | None) -> timezone:
    offset = datetime.strptime((text or "Z").replace("Z", "+00:00"), "%z").tzinfo
    assert isinstance(offset, timezone)
    return offset
