"""JSON arrays as they arrive: whole, cut off, or with a bad item in the middle (law 6).

The common case never comes here: a good page is decoded by msgspec in one go. This is the careful way, which takes
an array apart item by item, so that what can't be read is known by its place and its neighbours are kept.
"""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple

from aftersend.providers.contract import Malformed
from aftersend.providers.values import UNSTORABLE

MOST_BAD = 1000
"""Unreadable items after which the rest of an answer is taken as one."""

_DECODER = json.JSONDecoder(strict=False)
_SPACE = re.compile(r"[ \t\r\n]*")
_NEXT_ROW = re.compile(r",[ \t\r\n]*(?=\{)")


class Piece(NamedTuple):
    """One item of an array: its text and value, or why it has none."""

    text: str
    value: Any = None
    reason: str = ""


class Pieces(NamedTuple):
    items: list[Piece]
    closed: bool
    """The array's end was there."""


def pieces(body: bytes) -> Pieces:
    """The items of a JSON array of flat objects, readable or not. Raises :class:`Malformed` where it is no array.

    After an unreadable item it goes on behind the next ``, {``: rows are flat, and inside a string the quotes
    that would have to follow are escaped.
    """
    text = body.decode("utf-8-sig", "replace").strip()
    if not text.startswith("["):
        raise Malformed("The answer is not a JSON array.")
    items: list[Piece] = []
    at, bad = _after_space(text, 1), 0
    if text[at:] == "]":
        return Pieces(items, True)
    while at < len(text):
        try:
            value, end = _DECODER.raw_decode(text, at)
            behind = _after_space(text, end)
            # An object is whole even where the answer ends right behind it; a number may go on.
            if text[behind : behind + 1] not in (",", "]") and not (behind == len(text) and isinstance(value, dict)):
                raise ValueError
        except (ValueError, RecursionError):
            bad += 1
            following = _NEXT_ROW.search(text, at) if bad < MOST_BAD else None
            if following is None:
                items.append(Piece(text[at:], reason="This is not JSON."))
                return Pieces(items, text.endswith("]"))
            items.append(Piece(text[at : following.start()], reason="This is not JSON."))
            at = following.end()
            continue
        items.append(Piece(text[at:end], clean(value)))
        at = _after_space(text, behind + 1)
        if text[behind : behind + 1] == "]":
            if at < len(text):
                items.append(Piece(text[at:], reason="Something follows the end of the array."))
            return Pieces(items, True)
    items.append(Piece("", reason="The answer ends before its array does."))
    return Pieces(items, False)


def clean(value: Any) -> Any:
    """A decoded value with what no store and no UTF-8 can hold (NUL, lone surrogates) replaced by U+FFFD, in its own
    text and, for an object, in its keys and plain values."""
    if isinstance(value, str):
        return value if value.isprintable() else UNSTORABLE.sub("�", value)
    if isinstance(value, dict):
        return {clean(k): clean(v) if isinstance(v, str) else v for k, v in value.items()}
    return value


def _after_space(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at
